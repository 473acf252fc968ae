"""Alignment of two traces, what may differ between them, and why."""
