"""Faults of the registration family."""
