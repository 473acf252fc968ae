"""Faults of the sip core family."""
