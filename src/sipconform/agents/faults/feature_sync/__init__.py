"""Faults of feature synchronisation: M01 to M46, M53 and M55 were seen in real products, FX ones are made up."""

from sipconform.agents.faults.feature_sync import asking, calling, deciding, keeping, showing, telling, wording

__all__ = ["asking", "calling", "deciding", "keeping", "showing", "telling", "wording"]
