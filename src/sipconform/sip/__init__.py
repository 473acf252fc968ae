"""The protocol without I/O and without a clock: reading, composing, timing, state tables."""
