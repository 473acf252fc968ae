"""Transports, the tap that records them, and the simulated network with its virtual clock."""
