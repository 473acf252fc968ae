"""Seeded faults: tamperings applied to an honest agent from outside, one for every check."""
