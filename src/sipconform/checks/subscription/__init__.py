"""SUB-001 … SUB-026: event subscriptions of any package (RFC 6665), as far as they can be judged by watching."""

from sipconform.checks.subscription import carrying, ending, granting, notifying, subscribing

__all__ = ["carrying", "ending", "granting", "notifying", "subscribing"]
