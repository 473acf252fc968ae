"""A call from one shared line to another: a slot on each and one mixer, so that either line holds, retrieves and joins
by itself (sheet 4.2: each line counts its slots alone).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sipconform.agents.call import Leg
from sipconform.agents.server.call_server import Target
from sipconform.agents.server.lines import Line, Slot, Talker
from sipconform.agents.server.ring import Ring, answerer

if TYPE_CHECKING:
    from sipconform.agents.server.line_calls import LineCalls


def link(here: Line, slot: Slot, there: Line, other: Slot) -> None:
    """From now on the end of either slot's call is that of both."""
    slot.peer, other.peer = (there, other), (here, slot)
    other.alerting = True


async def ring_other_line(calls: LineCalls, line: Line, slot: Slot, targets: Sequence[Target]) -> None:
    """Rings the phones of the line at the other end for a phone of this one; `link` comes first."""
    caller, device, peer = slot.caller, slot.caller_device, slot.peer
    if caller is None or device is None or peer is None:
        return None
    there, other = peer
    near = await calls._open(slot)
    other.conference = slot.conference
    far = await calls._open(other)
    if caller.state == "ended":
        return calls._clear(line, slot)
    server = calls.server

    def won(leg: Leg) -> None:
        server.publication(there).hold_back()
        other.alerting = False
        calls._talk(there, other, Talker(answerer(targets, leg), leg, far))
        far.follow(leg)
        slot.caller = slot.caller_device = None
        calls._talk(line, slot, Talker(device, caller, near))
        caller.accept(near.answer(caller.remote_sdp), calls.told_slot(slot))
        near.follow(caller)
        server.publication(line).publish()
        server.publication(there).release([branch for branch in ring.branches if branch is not leg])

    def ringing(status: int) -> None:
        caller.ring(status, calls.told_slot(slot))

    ring = calls.rings[slot] = Ring(server.agent, other.party, won, caller.reject, ringing)
    return ring.start(targets, far.offer(), server.calls.ring_seconds)
