"""An INVITE that takes the place of a call which is up (RFC 3891): how a proxy hands a held call to another phone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sipconform.agents.call import Leg

BAD_REQUEST, NO_SUCH_CALL = 400, 481


def to_be_replaced(replaces: Sequence[str], legs: Iterable[Leg]) -> Leg | int:
    """The call that the rows of Replaces name, or the status to refuse the INVITE with (RFC 3891 §3)."""
    if len(replaces) != 1 or "," in replaces[0]:
        return BAD_REQUEST
    call_id, *parameters = (part.strip() for part in replaces[0].split(";"))
    said = {name.strip().lower(): value.strip() for name, _, value in (p.partition("=") for p in parameters)}
    wanted = (call_id, said.get("to-tag"), said.get("from-tag"))
    for leg in legs:
        dialog = leg.dialog
        if (dialog.call_id, dialog.local_tag, dialog.remote_tag) == wanted and leg.state == "active":
            return leg
    return NO_SUCH_CALL
