"""FS-001 … FS-307: feature synchronisation by `as-feature-event`.

What the wire shows is judged by watching. What a phone showed, and what its user wanted, is known from the record of a
live run; without it those checks are not applicable, or inconclusive. FS-128 and FS-131, which two ways of keeping
features equal share, stand with the feature codes.
"""

from sipconform.checks.feature_sync import (
    backing_off,
    beginning,
    bodies,
    changes,
    display,
    documents,
    effects,
    forwards,
    lifecycle,
    lines,
    phone,
    portal,
    recovery,
    server,
    switch,
    truth,
)

__all__ = [
    "backing_off",
    "beginning",
    "bodies",
    "changes",
    "display",
    "documents",
    "effects",
    "forwards",
    "lifecycle",
    "lines",
    "phone",
    "portal",
    "recovery",
    "server",
    "switch",
    "truth",
]
