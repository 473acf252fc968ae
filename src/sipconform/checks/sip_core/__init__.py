"""SIP-001 … SIP-034: the core protocol (RFC 3261), as far as it can be judged by watching.

Not here, because the wire does not show them: SIP-018 (what a client discards) and SIP-034 (what it forgets).
"""

from sipconform.checks.sip_core import answers, cancelling, dialogs, invite, repeating, requests, targets

__all__ = ["answers", "cancelling", "dialogs", "invite", "repeating", "requests", "targets"]
