"""SUB-001 … SUB-026: event subscriptions of any package (RFC 6665), as far as they can be judged by watching.

Not here, because the wire does not show them: SUB-014 (when a subscriber calls a silent subscription failed) and
SUB-021 (both answers to a fork's NOTIFY are allowed).
"""

from sipconform.checks.subscription import ending, granting, notifying, subscribing

__all__ = ["ending", "granting", "notifying", "subscribing"]
