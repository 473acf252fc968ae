"""Faults of the subscription family."""
