"""SCA-001 … SCA-112 and INV-001 … INV-006: shared call appearances."""

from sipconform.checks.shared_line import (
    admitting,
    answering,
    bridging,
    calling,
    dialling,
    holding,
    invariants,
    lasting,
    retrieving,
    ringing,
    seizing,
    showing,
    subscribing,
    telling,
    wording,
)

__all__ = [
    "admitting",
    "answering",
    "bridging",
    "calling",
    "dialling",
    "holding",
    "invariants",
    "lasting",
    "retrieving",
    "ringing",
    "seizing",
    "showing",
    "subscribing",
    "telling",
    "wording",
]
