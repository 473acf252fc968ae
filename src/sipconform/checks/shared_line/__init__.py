"""SCA-001 … SCA-111 and INV-001 … INV-006: shared call appearances."""

from sipconform.checks.shared_line import bridging, calling, holding, invariants, seizing, showing, subscribing

__all__ = ["bridging", "calling", "holding", "invariants", "seizing", "showing", "subscribing"]
