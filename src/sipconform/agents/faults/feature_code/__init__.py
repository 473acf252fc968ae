"""Faults of phones that dial feature codes and of servers that take them (feature sync sheet §6)."""

from sipconform.agents.faults.feature_code import calls, keys, serving

__all__ = ["calls", "keys", "serving"]
