"""The line server: shared lines of a domain, who may seize a slot, and what every phone of a line is told.

Events change a line at once, one after the other; what they lead to on the wire is told from one snapshot
(`publication`). Calls are the business of `line_calls`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sipconform.agents.notifier import Content, Notifier, NotifierSubscription
from sipconform.agents.requests import ServerRequest
from sipconform.agents.server.authentication import Authentication
from sipconform.agents.server.call_server import CallServer
from sipconform.agents.server.line_calls import LineCalls
from sipconform.agents.server.lines import Device, Line, Location, Rules, Seizure, Slot
from sipconform.agents.server.publication import Publication
from sipconform.agents.server.registrar import user_part
from sipconform.agents.user_agent import UserAgent
from sipconform.features import call_park
from sipconform.features.appearance import CALL_INFO, LINE_SEIZE, Appearance, appearance_of, seize_value
from sipconform.features.call_park import Parked
from sipconform.sip.dialog import contact_uri
from sipconform.sip.fault import Fault
from sipconform.sip.uri import SipUri

BUSY = [("Retry-After", "1")]  # what a refused seizure is told
PACKAGES = (("Allow-Events", f"{CALL_INFO}, {LINE_SEIZE}"),)


@dataclass(eq=False, repr=False)
class LineServer:
    """`lines` by user; `add` makes one."""

    agent: UserAgent
    authentication: Authentication
    calls: CallServer
    lines: dict[str, Line] = field(default_factory=dict)
    call_info: Notifier = field(init=False)
    line_seize: Notifier = field(init=False)
    line_calls: LineCalls = field(init=False)
    _publications: dict[str, Publication] = field(default_factory=dict)
    _forgetful: set[str] = field(default_factory=set)  # places that knew nothing of their subscription when told
    _told_of_parks: set[tuple[str, str]] = field(default_factory=set)  # Call-ID and tag of those who accept it

    def __post_init__(self) -> None:
        self.call_info = Notifier(self.agent, CALL_INFO, self._admit, self._full_state, latest=True, headers=PACKAGES)
        self.line_seize = Notifier(
            self.agent, LINE_SEIZE, self._seize, self._seized_slot, headers=PACKAGES, min_expires=1, default_expires=15
        )
        self.line_seize.on_ended = self._seizure_ended
        self.call_info.on_ended = self._follower_lost
        self.line_calls = LineCalls(self)
        self.calls.intercept(self.line_calls.take)

    def add(self, user: str, locations: Iterable[Location], rules: Rules | None = None) -> Line:
        """A shared line of the user, with its locations."""
        line = Line(user, {location.user: location for location in locations}, rules or Rules())
        self.lines[user] = line
        self._publications[user] = Publication(line, lambda: self._tell(line))
        self.line_seize.max_expires = line.rules.seize_expires
        return line

    def close(self) -> None:
        self.line_calls.close()
        for publication in self._publications.values():
            publication.close()

    def line_of(self, location: str) -> Line | None:
        """The line a location's user belongs to."""
        return next((line for line in self.lines.values() if location in line.locations), None)

    def publication(self, line: Line) -> Publication:
        return self._publications[line.user]

    @property
    def uri(self) -> str:
        """What stands in the brackets of every `Call-Info` of ours: the server, not a user."""
        return f"sip:{self.authentication.directory.domain}"

    # -- who asks -------------------------------------------------------------------------------------------

    def device_of(self, request: ServerRequest) -> Device | None:
        """The phone a request proves to come from; otherwise it has been answered."""
        proven = self.authentication.authenticated(request)
        if proven is None:
            return None
        claimed = self.authentication.directory.identity(proven, user_part(request.message.from_))
        if claimed is None:
            request.respond(403)
            return None
        return Device.at(claimed.name, contact_uri(request.message))

    def _line_for(self, request: ServerRequest, device: Device) -> Line | None:
        """The line a SUBSCRIBE is about, which must be the asking phone's own."""
        uri = request.message.uri
        asked = uri.username if isinstance(uri, SipUri) else ""
        line = self.line_of(device.location if request.message.to_tag else asked)
        if line is None:
            request.respond(404)
        elif device.location not in line.locations or not line.locations[device.location].active:
            request.respond(403)
            return None
        return line

    # -- call-info ------------------------------------------------------------------------------------------

    def _admit(self, request: ServerRequest) -> str | None:
        device = self.device_of(request)
        line = self._line_for(request, device) if device is not None else None
        if device is None or line is None:
            return None
        if not request.message.to_tag and self.call_info.granted(request.message):
            self._restarted(line, device)
        if call_park.CONTENT_TYPE in ", ".join(request.message.texts("Accept")):
            self._told_of_parks.add((request.message.call_id, request.message.from_tag))
        return line.user

    def _follower_lost(self, subscription: NotifierSubscription) -> None:
        self._told_of_parks.discard((subscription.dialog.call_id, subscription.dialog.remote_tag))
        if subscription.forgotten:
            self._forgetful.add(_place(subscription))

    def _restarted(self, line: Line, device: Device) -> None:
        """A second subscription of one phone, or one after it knew nothing of the first: it has begun anew and knows
        nothing of what it had (shared-line rules 2.10). A question that lasts for no time begins nothing."""
        known = [s for s in self.call_info.of(line.user) if _place(s) == device.place]
        for subscription in known:
            subscription.drop()
        if known or device.place in self._forgetful:
            self._forgetful.discard(device.place)
            self._release_seizures(line, device)
            self.line_calls.abandon(line, device)

    def _full_state(self, subscription: NotifierSubscription) -> list[Content]:
        line = self.lines[subscription.user]
        headers = (("Call-Info", ", ".join(line.snapshot().values(self.uri))),)
        if not self._hears_of_parks(subscription):
            return [Content(headers=headers)]
        return [Content(call_park.compose(line.parked), call_park.CONTENT_TYPE, headers)]

    def park(self, line: Line, parked: Parked) -> None:
        """Somebody is parked against the line, or taken back: those who asked for it are told."""
        line.parked = parked
        for subscription in self.call_info.of(line.user):
            if self._hears_of_parks(subscription):
                self.call_info.tell(subscription)

    def _hears_of_parks(self, subscription: NotifierSubscription) -> bool:
        return (subscription.dialog.call_id, subscription.dialog.remote_tag) in self._told_of_parks

    def _tell(self, line: Line) -> None:
        for subscription in self.call_info.of(line.user):
            self.call_info.tell(subscription)

    # -- line-seize -----------------------------------------------------------------------------------------

    def _seize(self, request: ServerRequest) -> str | None:
        """Admits a SUBSCRIBE that seizes a slot, or refreshes or gives up a seizure."""
        device = self.device_of(request)
        line = self._line_for(request, device) if device is not None else None
        if device is None or line is None:
            return None
        if request.message.to_tag:
            return line.user
        asked = appearance_of(request.message.texts("Call-Info"))
        if not isinstance(asked, Appearance) or asked.index is None:
            request.respond(400, asked.rule if isinstance(asked, Fault) else "Call-Info missing")
            return None
        slot = line.slot(asked.index)
        status = self._refusal(line, device, slot)
        if status or slot is None:
            request.respond(status, headers=BUSY if status == 480 else ())
            return None
        if self.line_seize.granted(request.message):
            self._release_seizures(line, device)
            slot.seizure = Seizure(device, (request.message.call_id, request.message.from_tag))
        return line.user

    def _refusal(self, line: Line, device: Device, slot: Slot | None) -> int:
        if not line.locations[device.location].originates:
            return 403
        if not line.rules.seizes_unsubscribed and not self._follows(line, device):
            return 480
        alone = line.rules.multiple_call_arrangement or not line.taken_by_others(device)
        return 0 if slot is not None and slot.free and alone else 480

    def _follows(self, line: Line, device: Device) -> bool:
        return any(_place(s) == device.place for s in self.call_info.of(line.user))

    def _release_seizures(self, line: Line, device: Device) -> None:
        for slot in list(line.slots.values()):
            if slot.seizure is not None and slot.seizure.device == device:
                self.end_seizure(slot)

    def end_seizure(self, slot: Slot) -> None:
        """The slot needs no seizure any more: the subscription ends, and the phone need not begin it again."""
        seizure, slot.seizure = slot.seizure, None
        if seizure is not None and seizure.subscription is not None:
            content = Content(headers=(("Call-Info", seize_value(self.uri, slot.index)),))
            seizure.subscription.end("noresource", content)

    def _seized_slot(self, subscription: NotifierSubscription) -> list[Content]:
        """The seizing phone is told which slot it has; then, after it, the whole line."""
        found = self._seizure_of(subscription)
        if found is None:
            return [Content()]
        line, slot, seizure = found
        seizure.subscription = subscription
        self.publication(line).hold_back()
        self.publication(line).release()
        return [Content(headers=(("Call-Info", seize_value(self.uri, slot.index)),))]

    def _seizure_ended(self, subscription: NotifierSubscription) -> None:
        """Given up, or run out."""
        found = self._seizure_of(subscription)
        if found is not None:
            line, slot, _ = found
            slot.seizure = None
            self.publication(line).publish()

    def _seizure_of(self, subscription: NotifierSubscription) -> tuple[Line, Slot, Seizure] | None:
        key = (subscription.dialog.call_id, subscription.dialog.remote_tag)
        line = self.lines[subscription.user]
        for slot in line.slots.values():
            if slot.seizure is not None and slot.seizure.key == key:
                return line, slot, slot.seizure
        return None


def _place(subscription: NotifierSubscription) -> str:
    return Device.at(subscription.user, subscription.dialog.target).place
