"""Faults of the feature sync family."""
