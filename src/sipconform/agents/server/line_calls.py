"""Calls on shared lines: out, in, retrieved by another phone, joined, held and ended in every order.

The server's mixer is an end of every session description, so nobody's media changes with who takes part.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sipconform.agents.call import Leg
from sipconform.agents.requests import ServerRequest
from sipconform.agents.server.between_lines import link, ring_other_line
from sipconform.agents.server.call_server import Incoming, Target
from sipconform.agents.server.conference import Conference, Party
from sipconform.agents.server.lines import Device, Line, Slot, Talker
from sipconform.agents.server.registrar import user_part
from sipconform.agents.server.ring import Ring, answerer
from sipconform.features.appearance import Appearance, State, appearance_of, seize_value
from sipconform.features.feature_state import ForwardType
from sipconform.sip.dialog import contact_uri

if TYPE_CHECKING:
    from sipconform.agents.server.line_server import LineServer

ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'
JOINABLE = (State.ACTIVE, State.BRIDGE_ACTIVE, State.BRIDGE_HELD)


@dataclass(eq=False, repr=False)
class LineCalls:
    """Takes the calls from and to the lines of its server."""

    server: LineServer
    rings: dict[Slot, Ring] = field(default_factory=dict)
    _order: dict[str, asyncio.Lock] = field(default_factory=dict)  # what a press does waits for the press before
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def take(self, incoming: Incoming) -> bool:
        """Whether a new call is a shared line's business; if so it is under way now."""
        server = self.server
        claimed = user_part(incoming.request.message.from_)
        own = server.line_of(claimed)
        if own is None:
            called = server.line_of(incoming.dialled)
            return called is not None and self._terminate(called, incoming)
        if server.authentication.directory.identity(incoming.caller, claimed) is None:
            incoming.request.respond(403)
            return True
        device = Device.at(claimed, contact_uri(incoming.request.message))
        if not own.locations[claimed].active:
            incoming.request.respond(403)
        elif self._is_press(own, incoming):
            self._spawn(self._press(own, device, incoming))
        else:
            self._originate(own, device, incoming)
        return True

    def abandon(self, line: Line, device: Device) -> None:
        """The phone has begun anew: what it was doing is over."""
        for slot in list(line.slots.values()):
            legs = [talker.leg for talker in slot.talkers if talker.device == device]
            legs += [slot.caller] if slot.caller and slot.caller_device == device else []
            for leg in legs:
                leg.hang_up()

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for line in self.server.lines.values():
            for slot in line.slots.values():
                if slot.conference:
                    slot.conference.close()

    def told_slot(self, slot: Slot) -> list[tuple[str, str]]:
        """The `Call-Info` of our messages to a phone of the line about one of its slots."""
        return [("Call-Info", seize_value(self.server.uri, slot.index))]

    # -- out ------------------------------------------------------------------------------------------------

    def _originate(self, line: Line, device: Device, incoming: Incoming) -> None:
        slot = self._slot_to_call_on(line, device, incoming.request)
        if slot is None or not line.locations[device.location].originates:
            incoming.request.respond(480 if slot is None else 403)
            return
        called = self.server.line_of(incoming.dialled)
        if called is not None:
            self._call_line(line, slot, device, called, incoming)
            return
        status, targets, give_up = self.server.calls.route(incoming, incoming.dialled)
        if status:
            self._refuse(line, slot, incoming, status)
        else:
            self._begin(line, slot, device, incoming)
            self._spawn(self._call_out(line, slot, targets, give_up))

    def _call_line(self, line: Line, slot: Slot, device: Device, called: Line, incoming: Incoming) -> None:
        """A line is busy to its own phones; on another a slot is taken too."""
        status, other, targets = (486, None, []) if called is line or self._diverts(called) else self._ready(called)
        if other is None or status:
            self._refuse(line, slot, incoming, status)
            return
        other.party = f"<sip:{line.user}@{self.server.authentication.directory.domain}>"
        link(line, slot, called, other)
        self._begin(line, slot, device, incoming)
        self.server.publication(called).publish()
        self._spawn(ring_other_line(self, line, slot, targets))

    def _refuse(self, line: Line, slot: Slot, incoming: Incoming, status: int) -> None:
        incoming.request.respond(status)
        if slot.seizure:
            self.server.end_seizure(slot)
        self.server.publication(line).publish()

    def _begin(self, line: Line, slot: Slot, device: Device, incoming: Incoming) -> None:
        """The phone's call takes the slot."""
        slot.caller = Leg.offered(self.server.agent, incoming.request)
        slot.caller_device = device
        slot.party = f"<sip:{incoming.dialled}@{self.server.authentication.directory.domain}>"
        slot.caller.on_state = lambda _: self._caller_changed(line, slot)
        self.server.end_seizure(slot)
        self.server.publication(line).publish()

    def _slot_to_call_on(self, line: Line, device: Device, request: ServerRequest) -> Slot | None:
        """The slot the phone has seized, named or not; else a free one, the lowest when it names none."""
        asked = appearance_of(request.message.texts("Call-Info"))
        if not line.rules.multiple_call_arrangement and line.taken_by_others(device):
            return None
        if not isinstance(asked, Appearance) or asked.index is None:
            return (line.seized_by(device) or line.lowest_free()) if asked is None else None
        slot = line.slot(asked.index)
        if slot is None or slot.free:
            return slot
        return slot if slot.seizure is not None and slot.seizure.device == device else None

    async def _call_out(self, line: Line, slot: Slot, targets: Sequence[Target], give_up: float) -> None:
        caller, device = slot.caller, slot.caller_device
        near, slot.far_party = await self._open(slot), await self._open(slot)
        if caller is None or device is None or caller.state == "ended":
            return self._clear(line, slot)

        def won(leg: Leg) -> None:
            slot.far = leg
            self._watch_far(line, slot)
            slot.caller = slot.caller_device = None
            self._talk(line, slot, Talker(device, caller, near))
            caller.accept(near.answer(caller.remote_sdp), self.told_slot(slot))
            near.follow(caller)
            self.server.publication(line).publish()

        def lost(status: int) -> None:
            caller.reject(status)

        def ringing(status: int) -> None:
            caller.ring(status, self.told_slot(slot))

        identity = f"<sip:{line.user}@{self.server.authentication.directory.domain}>"
        ring = self.rings[slot] = Ring(self.server.agent, identity, won, lost, ringing)
        return ring.start(targets, slot.far_party.offer(), give_up)

    def _caller_changed(self, line: Line, slot: Slot) -> None:
        """The calling phone gave up, or was refused."""
        if slot.caller is not None and slot.caller.state == "ended":
            self._clear(line, slot)

    # -- in -------------------------------------------------------------------------------------------------

    def _terminate(self, line: Line, incoming: Incoming) -> bool:
        """An incoming call to the line; False when its user's features say that it is not for the line."""
        if self._diverts(line):
            return False
        status, slot, targets = self._ready(line)
        if slot is None or status:
            incoming.request.respond(status)
            return True
        slot.far = Leg.offered(self.server.agent, incoming.request)
        slot.alerting = True
        slot.party = _party(incoming)
        self._watch_far(line, slot)
        self.server.publication(line).publish()
        self._spawn(self._ring_phones(line, slot, targets, incoming.identity))
        return True

    def _diverts(self, line: Line) -> bool:
        primary = self.server.authentication.directory.users[line.user]
        forward = primary.features.forward(ForwardType.IMMEDIATE)
        return bool(primary.features.dnd) or (forward is not None and forward.active)

    def _ready(self, line: Line) -> tuple[int, Slot | None, list[Target]]:
        """The slot for another call to a line, and its phones; or how the call is refused."""
        slot = line.lowest_free()
        busy = not line.rules.multiple_call_arrangement and any(s.users() for s in line.slots.values())
        targets = self._phones(line, slot) if slot is not None and not busy else []
        return 0 if targets else 486 if slot is None or busy else 480, slot, targets

    def _phones(self, line: Line, slot: Slot | None) -> list[Target]:
        directory, now = self.server.authentication.directory, asyncio.get_running_loop().time()
        places = [place for place in line.locations.values() if place.active and place.terminates and slot]
        return [
            Target(contact, f"<sip:{place.user}@{directory.domain}>", tuple(self.told_slot(slot)) if slot else ())
            for place in places
            for contact in directory.users[place.user].contacts(now)
        ]

    async def _ring_phones(self, line: Line, slot: Slot, targets: list[Target], identity: str) -> None:
        near, slot.far_party = await self._open(slot), await self._open(slot)
        far = slot.far
        if far is None or far.state == "ended":
            return self._clear(line, slot)
        publication = self.server.publication(line)

        def won(leg: Leg) -> None:
            publication.hold_back()
            slot.alerting = False
            self._talk(line, slot, Talker(answerer(targets, leg), leg, near))
            near.follow(leg)
            if slot.far_party is not None:
                far.accept(slot.far_party.answer(far.remote_sdp))
                slot.far_party.follow(far)
            publication.release([branch for branch in ring.branches if branch is not leg])

        def lost(status: int) -> None:
            far.reject(status)

        ring = self.rings[slot] = Ring(self.server.agent, identity, won, lost, far.ring)
        return ring.start(targets, near.offer(), self.server.calls.ring_seconds)

    # -- retrieve and join ----------------------------------------------------------------------------------

    def _is_press(self, line: Line, incoming: Incoming) -> bool:
        """A line key pressed on a slot in use: an INVITE to the own line, or to nobody, with an index (sheet 5.8)."""
        message = incoming.request.message
        own = incoming.dialled in ("", line.user) or incoming.dialled in line.locations
        return own and message.has("Call-Info") and user_part(message.from_) == user_part(message.to)

    async def _press(self, line: Line, device: Device, incoming: Incoming) -> None:
        """Held: the call changes hands. In a call: the phone joins, where that is allowed."""
        async with self._order.setdefault(line.user, asyncio.Lock()):
            asked = appearance_of(incoming.request.message.texts("Call-Info"))
            index = asked.index if isinstance(asked, Appearance) else None
            slot = line.slots.get(index) if index else None
            status = self._press_refused(line, slot)
            if status or slot is None:
                incoming.request.respond(status or 480)
                return
            leg = Leg.offered(self.server.agent, incoming.request)
            party = await self._open(slot)
            if self._press_refused(line, slot):  # the call ended while a port was opened
                leg.reject(480)
            if leg.state == "ended":
                party.leave()
                return
            self._let_in(line, slot, Talker(device, leg, party))

    def _press_refused(self, line: Line, slot: Slot | None) -> int:
        state = slot.state if slot is not None else State.IDLE
        if state is State.HELD:
            return 0
        if state is State.HELD_PRIVATE:
            return 403 if line.rules.private_press == "reject" else 0
        if state in JOINABLE:
            return 0 if line.rules.bridging else 403
        return 480

    def _let_in(self, line: Line, slot: Slot, talker: Talker) -> None:
        publication = self.server.publication(line)
        publication.hold_back()
        leaving = list(slot.talkers) if slot.state is State.HELD else []
        self._talk(line, slot, talker)
        headers = [*self.told_slot(slot), ("P-Asserted-Identity", slot.party)]
        talker.leg.accept(talker.party.answer(talker.leg.remote_sdp), headers)
        talker.party.follow(talker.leg)
        for old in leaving:
            old.leg.hang_up()
        if not leaving and slot.conference and line.rules.warning_tone != "none":
            slot.conference.warn(again=line.rules.warning_tone == "barge-in-and-repeat")
        publication.release([old.leg for old in leaving])

    # -- in the call ----------------------------------------------------------------------------------------

    def _talk(self, line: Line, slot: Slot, talker: Talker) -> None:
        slot.talkers.append(talker)
        talker.leg.on_state = lambda _: self._talker_changed(line, slot, talker)
        talker.leg.on_offer = lambda leg, request: self._talker_offers(slot, talker, request)

    def _talker_offers(self, slot: Slot, talker: Talker, request: ServerRequest) -> None:
        said = appearance_of(request.message.texts("Call-Info"))
        if isinstance(said, Appearance) and said.state:
            talker.private = said.state == State.HELD_PRIVATE
        elif not talker.holds:  # a hold that goes on, as when the session is refreshed, stays what it was
            talker.private = False
        talker.leg.agree(request, talker.party.answer(request.message.content), self.told_slot(slot))

    def _talker_changed(self, line: Line, slot: Slot, talker: Talker) -> None:
        if talker.leg.state == "ended":
            self._left(line, slot, talker)
        else:
            talker.holds = talker.held
            talker.party.present = not talker.held
            talker.party.follow(talker.leg)
        self.server.publication(line).publish()

    def _left(self, line: Line, slot: Slot, talker: Talker) -> None:
        """One phone less; with the last of them the far party has nobody to talk to."""
        if talker not in slot.talkers:
            return
        slot.talkers.remove(talker)
        talker.party.leave()
        if len(slot.talkers) == 1 and slot.conference:
            slot.conference.stop_warning()
        if not slot.talkers:
            self._clear(line, slot)

    def _watch_far(self, line: Line, slot: Slot) -> None:
        far = slot.far
        if far is None:
            return
        far.on_state = lambda _: self._far_changed(line, slot, far)
        far.on_offer = lambda leg, request: self._far_offers(slot, leg, request)
        if slot.far_party is not None:
            slot.far_party.follow(far)

    def _far_offers(self, slot: Slot, leg: Leg, request: ServerRequest) -> None:
        """What the far party does with its media is its own affair: the slot's state stays (sheet 5.4)."""
        if slot.far_party is None:
            request.respond(488)
        else:
            leg.agree(request, slot.far_party.answer(request.message.content))

    def _far_changed(self, line: Line, slot: Slot, far: Leg) -> None:
        if far.state == "ended":
            self._clear(line, slot)
        elif slot.far_party is not None:
            slot.far_party.follow(far)

    def _clear(self, line: Line, slot: Slot) -> None:
        """The call is over for everybody; the index is free again."""
        if line.slots.get(slot.index) is not slot:
            return
        line.slots[slot.index] = Slot(slot.index, line.rules)
        if slot.peer is not None:
            self._clear(*slot.peer)
        ring = self.rings.pop(slot, None)
        if ring is not None:
            ring.stop()
        publication = self.server.publication(line)
        publication.hold_back()
        talkers, slot.talkers = slot.talkers, []
        for leg in [*(talker.leg for talker in talkers), slot.caller, slot.far]:
            if leg is not None:
                leg.hang_up()
        if slot.conference is not None:
            slot.conference.close()
        publication.release()

    # -- small change ---------------------------------------------------------------------------------------

    async def _open(self, slot: Slot) -> Party:
        endpoint = self.server.agent.endpoint
        if slot.conference is None:
            slot.conference = Conference(endpoint.network, endpoint.transports[0].local.host)
        return await slot.conference.join()

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _party(incoming: Incoming) -> str:
    """How the far party is told to the phones: not at all for one that wishes to stay unknown (RFC 3323 §4.2)."""
    message = incoming.request.message
    wishes = {wish.strip().lower() for value in message.values("Privacy") for wish in value.split(";")}
    return ANONYMOUS if wishes & {"id", "user", "header"} else incoming.identity
