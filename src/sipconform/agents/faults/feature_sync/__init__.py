"""Faults of feature synchronisation: M01 to M46 and M53 were seen in real products, FX ones are made up."""

from sipconform.agents.faults.feature_sync import asking, calling, deciding, showing, telling, wording

__all__ = ["asking", "calling", "deciding", "showing", "telling", "wording"]
