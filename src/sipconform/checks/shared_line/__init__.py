"""SCA-001 … SCA-111 and INV-001 … INV-006: shared call appearances."""

from sipconform.checks.shared_line import (
    bridging,
    calling,
    dialling,
    holding,
    invariants,
    ringing,
    seizing,
    showing,
    subscribing,
)

__all__ = [
    "bridging",
    "calling",
    "dialling",
    "holding",
    "invariants",
    "ringing",
    "seizing",
    "showing",
    "subscribing",
]
