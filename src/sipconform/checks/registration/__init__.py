"""REG-001 … REG-027: registration (RFC 3261 §10), its liveness, flows (RFC 5626) and the reg package (RFC 3680)."""

from sipconform.checks.registration import (
    belonging,
    credentials,
    flow,
    lapse,
    liveness,
    phone,
    refreshing,
    registrar,
    watching,
)

__all__ = [
    "belonging",
    "credentials",
    "flow",
    "lapse",
    "liveness",
    "phone",
    "refreshing",
    "registrar",
    "watching",
]
