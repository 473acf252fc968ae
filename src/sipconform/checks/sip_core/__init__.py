"""SIP-001 … SIP-046: the core protocol (RFC 3261) and its offers and answers (RFC 3264), as the wire shows them.

Not here, because the wire does not show them: SIP-018 (what a client discards) and SIP-034 (what it forgets).
"""

from sipconform.checks.sip_core import answers, cancelling, dialogs, invite, offers, repeating, requests, targets

__all__ = ["answers", "cancelling", "dialogs", "invite", "offers", "repeating", "requests", "targets"]
