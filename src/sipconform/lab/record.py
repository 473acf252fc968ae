"""What the capture is told beside the packets: who is who, what a display shows, what was odd on purpose.

Bytes cannot tell it, and judging the capture again has to see it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sipconform.lab import shared_line
from sipconform.lab.accounts import Accounts
from sipconform.lab.liveness import timing_facts
from sipconform.lab.profile import Profile
from sipconform.lab.settings import LabSettings
from sipconform.lab.sightings import Sightings
from sipconform.net.tap import CaptureTap, TeeTap
from sipconform.net.transport import Tap
from sipconform.trace.capture_writer import CaptureWriter
from sipconform.trace.packet import Address, Observation, Packet
from sipconform.trace.trace import Trace

MOST_MESSAGES = 20_000
"""Messages one scenario may take, several times what the longest does: beyond it two answer each other without end."""


class _RecordTap(CaptureTap):
    """Remembers what the network could not do for us, by whom it was to reach; and counts the messages."""

    def __init__(self, writer: CaptureWriter, other_ports: Collection[int]) -> None:
        super().__init__(writer, other_ports)
        self.complaints: dict[str, str] = {}
        self.messages = 0
        self.on_flood: Callable[[], object] = lambda: None

    def packet(self, packet: Packet) -> None:
        self.messages += packet.payload[:1].isalpha()  # audio never begins with a letter, which says its version
        if self.messages <= MOST_MESSAGES:
            super().packet(packet)
        else:
            self.on_flood()

    def observe(self, observation: Observation) -> None:
        if observation.kind == "network" and observation.what.get("event") == "not connected":
            self.complaints[str(observation.what.get("remote"))] = str(observation.what.get("reason"))
        super().observe(observation)


@dataclass(eq=False, repr=False)
class Record:
    """The record of one laboratory. `names` are the phones of the story in the order in which they were first named,
    `real` those of them that are not ours; where a device is may be learned late."""

    settings: LabSettings
    profile: Profile
    accounts: Accounts
    capture: Path
    now_ns: Callable[[], int] = time.time_ns  # the network's clock, once there is a network
    server: str = ""  # "ip:port" of a remote one
    ours: dict[str, str] = field(default_factory=dict)  # "ip:port" -> "phone" or "server"
    places: dict[str, str] = field(default_factory=dict)  # name -> "ip:port"
    names: list[str] = field(default_factory=list)
    real: set[str] = field(default_factory=set)
    users: dict[str, str] = field(default_factory=dict)  # name -> user
    auth_users: dict[str, str] = field(default_factory=dict)  # user -> the name it answers challenges with, if another
    further: Callable[[], dict[str, Any]] = dict  # what a feature has to add

    def __post_init__(self) -> None:
        self._writer = CaptureWriter(self.capture, comment="sipconform", mtu=self.settings.mtu)
        hotspots = self.profile.capabilities.hotspot == "yes"
        self._tap = _RecordTap(self._writer, {self.profile.hotspot.port} if hotspots else ())
        self.sightings = Sightings(self.ours)
        self.sightings.on_register = self._registers

    @property
    def tap(self) -> Tap:
        """What the network shows everything to. Real phones are watched too."""
        watched = any(phone.kind == "remote" for phone in self.settings.phones.values())
        return TeeTap(self._tap, self.sightings) if watched else self._tap

    @property
    def is_flooded(self) -> bool:
        """Whether more messages crossed the wire than any scenario has; those are not kept."""
        return self._tap.messages > MOST_MESSAGES

    def on_flood(self, told: Callable[[], object]) -> None:
        """Has somebody told of each message that is too many."""
        self._tap.on_flood = told

    def stop(self) -> None:
        """What follows belongs to no story."""
        self._tap.stop()

    def close(self) -> None:
        self._writer.close()

    # -- what is said ---------------------------------------------------------------------------------------

    def observe(self, who: str, kind: str, what: dict[str, Any]) -> None:
        """Adds an observation, at the network's time."""
        self._tap.observe(Observation(self.now_ns(), who, kind, what))

    def witness(self, who: str) -> Callable[[dict[str, Any]], None]:
        """Keeps what somebody shows."""

        def saw(beliefs: dict[str, Any]) -> None:
            self.observe(who, "belief", beliefs)

        return saw

    def announce(self, who: str) -> Callable[[str, str | None], None]:
        """Keeps that what comes next from somebody is odd on purpose."""

        def announced(call_id: str, branch: str | None) -> None:
            self.observe(who, "stimulus", {"call_id": call_id, "branch": branch})

        return announced

    def silence_of(self, place: str) -> str:
        """Why nobody answers there, as far as that is known."""
        why = self._tap.complaints.get(place, "")
        return f"no connection to {place}: {why}" if why else "nobody answered"

    def keep_datagram(self, packet: Packet) -> None:
        """One that no network of ours has carried."""
        self._writer.write_media(packet)

    # -- who is who -----------------------------------------------------------------------------------------

    def is_at(self, name: str, place: str) -> None:
        """Where the phone of that name is, which is not ours."""
        self.real.add(name)
        self.places[name] = place
        self.introduce()

    def _registers(self, user: str, place: Address) -> None:
        """A device that could not say where it is has shown it. Of two of one user the first that was named has
        registered first."""
        known = {self.places.get(name) for name in self.real}
        unknown = (name for name in self.names if name in self.real and name not in self.places)
        name = next((name for name in unknown if self.users.get(name) == user), "")
        if name and str(place) not in known:
            self.is_at(name, str(place))

    @property
    def tested(self) -> list[str]:
        """The addresses whose violations are those of a device under test. Where a real device is tested, an agent of
        ours on its side is only there to help."""
        servers = [self.server] if self.server else self._ours("server")
        phones = self._real() if self.settings.phones_under_test else self._ours("phone")
        everybody = [*self._ours(), *([self.server] if self.server else []), *self._real()]
        return {"both": everybody, "server": servers, "phone": phones, "none": list[str]()}[self.settings.under_test]

    def takes_part(self, traces: Iterable[Trace]) -> bool:
        """Whether a device under test has sent anything; True where only ours are tested. Somebody who is neither ours
        nor known is taken for the device."""
        tested = set(self.tested)
        if not (self.settings.phones_under_test or self.server in tested):
            return True
        others = {*self.ours, *({self.server, *self._real()} - tested)}
        return any(str(trace.party(m.source)) not in others for trace in traces for m in trace.messages)

    def is_unanswered(self, traces: Iterable[Trace]) -> bool:
        """Whether a server that is not ours was asked something, and nobody but us has said a word."""
        ours = {*self.ours}
        told = [m for trace in traces for m in trace.messages]
        asked = self.settings.server.kind == "remote" and any(str(m.destination) == self.server for m in told)
        return asked and all(str(m.source) in ours for m in told)

    def introduce(self) -> None:
        """Tells who is who, so that judging it again accuses the same parties."""
        remote = [self.server] if self.server else []
        facts: dict[str, Any] = {
            "ours": self._ours(),
            "under_test": self.tested,
            "servers": [*self._ours("server"), *remote],
            "phones": self._phones(),
            "profile": self.profile.name,
            "line": shared_line.facts(self.profile),
            "actors": dict(self.places),
            "timing": timing_facts(self.profile.timing),
            "users": {name: user for name, user in self.users.items() if user},
            "offers_sync": self._ours("server") if self.profile.sync.mode == "subscribe" else [],
            "diversion": self.profile.diversion,
            "sync": {"mode": self.profile.sync.mode, "obeys_switch": self.profile.sync.obeys_switch},
            **self._codes(),
        }
        if self.auth_users:
            facts["auth_users"] = dict(self.auth_users)
        if group := self.accounts.group:
            members, desk_only = list(group.members), sorted(group.desk_only)
            facts["groups"] = [{"number": group.number, "members": members, "desk_only": desk_only}]
        self.observe("lab", "lab", facts | self.further())

    def _ours(self, role: str = "") -> list[str]:
        real = self._real()
        return [place for place, played in self.ours.items() if role in ("", played) and place not in real]

    def _real(self) -> list[str]:
        return [self.places[name] for name in self.names if name in self.real and name in self.places]

    def _phones(self) -> list[str]:
        """In the order of the story, whoever they are; then those of ours that have no name in it."""
        named = [self.places[name] for name in self.names if name in self.places]
        return list(dict.fromkeys([*named, *self._ours("phone")]))

    def _codes(self) -> dict[str, Any]:
        """The codes everybody here goes by, and how a phone sends its wishes."""
        codes = self.profile.codes
        table = {"codes": codes.rows(), "other_codes": list(codes.others), "code_forms": list(codes.forms)}
        return {"mode": self.profile.sync.mode, **table}
