"""A client of a hotspot: a phone without an account of its own, which makes basic calls with what the host lends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sipconform.agents.endpoint import Endpoint
from sipconform.agents.hotspot.discovery import Meeting, Place
from sipconform.agents.phone.calls import Calls
from sipconform.agents.phone.registration import Registration
from sipconform.agents.user_agent import DEFAULT_PORT, Account, UserAgent
from sipconform.features.hotspot import Discovery, Kind
from sipconform.sip.uri import SipUri, parse_uri
from sipconform.trace.packet import Address

EXPIRES = 120  # seconds asked for: with half of it and 64*T1 gone the line is still known to be down in time
REBOOTS_FOR = 2.0  # seconds
ORDER_REPEATED = 15.0  # seconds within which the same order is the same one, said again


@dataclass(eq=False, repr=False)
class Client:
    """`wanted` is the hotspot it joins, "" for the first it hears of. `hotspots`: name → SIP address of those heard.

    `reboots` and `fetched` are what orders have made it do; our client notes the address of an upgrade and fetches
    nothing.
    """

    side: ClassVar[str] = "client"
    endpoint: Endpoint
    meeting: Meeting
    mac: str
    model: str = "X3SG"
    firmware: str = "2.0"
    place: Place = field(default_factory=Place)
    wanted: str = ""
    connects: bool = True
    on_change: Callable[[], None] | None = None
    extension: str = ""
    host: str = ""  # SIP address of the host it is connected with
    hotspots: dict[str, str] = field(default_factory=dict)
    reboots: int = 0
    fetched: list[str] = field(default_factory=list)
    refused: bool = False
    agent: UserAgent = field(init=False)
    registration: Registration = field(init=False)
    calls: Calls = field(init=False)
    _host_speaks_from: Address | None = None
    _signing_in: bool = False
    _obeyed: dict[tuple[str, str], float] = field(default_factory=dict)
    _tasks: set[asyncio.Task[object]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.agent = UserAgent(self.endpoint)
        self.registration = Registration(self.agent, EXPIRES, on_change=self._changed)
        self.calls = Calls(self.agent)
        self.calls.on_change = self._changed
        self.meeting.heard = self._heard

    # -- what the user does -----------------------------------------------------------------------------------

    async def start(self) -> int:
        """Switches the client on: it asks around, and connects when it hears of a hotspot. Raises OSError."""
        await self.meeting.open(self.place)
        self._say("join")
        return 200

    async def connect(self, name: str = "") -> None:
        """Presses Connect beside a hotspot of the list."""
        self.wanted, self.connects = name, True
        if self.hotspots and (not name or name in self.hotspots):
            self._join(name or next(iter(self.hotspots)))

    async def disconnect(self) -> None:
        """Presses Disconnect: the line goes, and does not come back by itself."""
        self.connects = False
        await self._leave()

    async def stop(self) -> None:
        """Switches the client off: the line's registration data is cleared (guide §2.2.4)."""
        await self._leave()
        self.meeting.close()
        self.wanted = ""
        self.hotspots.clear()
        self._changed()

    def close(self) -> None:
        """Falls silent at once."""
        for task in self._tasks:
            task.cancel()
        self.registration.close()
        self.meeting.close()
        self.endpoint.close()

    @property
    def line(self) -> str:
        """What the line key shows: "" without a line, else "up" or "down"."""
        if not self.extension:
            return ""
        return "up" if self.registration.registered else "down"

    # -- the stand-in discovery -------------------------------------------------------------------------------

    def _heard(self, told: Discovery, source: Address) -> None:
        if told.kind == "offer" and told.name and told.sip:
            self.hotspots[told.name] = told.sip
            if self.connects and self._needs_a_line and self.wanted in ("", told.name):
                self._join(told.name)
            self._changed()
        elif told.mac == self.mac:
            self._told_us(told, source)

    def _told_us(self, told: Discovery, source: Address) -> None:
        if told.kind == "welcome" and told.extension and self._needs_a_line and self.connects:
            self._host_speaks_from, self.refused, self._signing_in = source, False, True
            self._spawn(self.enter_line(told.extension, told.sip, told.alias))
        elif told.kind == "refuse":
            self.refused = True
            self._changed()
        elif told.kind in ("reboot", "upgrade") and self.obeys(source):
            self._obey(told.kind, told.url)

    @property
    def _needs_a_line(self) -> bool:
        return not self._signing_in and not self.registration.registered

    def obeys(self, source: Address) -> bool:
        """Only the host that has welcomed us gives orders, from the address it did so from."""
        return bool(self.extension) and source == self._host_speaks_from

    def _obey(self, kind: Kind, url: str) -> None:
        now = asyncio.get_running_loop().time()
        repeated = now - self._obeyed.get((kind, url), -ORDER_REPEATED) < ORDER_REPEATED
        self._obeyed[kind, url] = now
        if repeated:
            self._say("leave" if kind == "reboot" else "join")
        elif kind == "reboot":
            self._spawn(self._reboot())
        else:
            self.upgrade(url)

    def upgrade(self, url: str) -> None:
        """Takes the firmware an order names."""
        self.fetched.append(url)
        self.firmware = url.rpartition("/")[2]
        self._say("join")
        self._changed()

    async def _reboot(self) -> None:
        self.reboots += 1
        await self._leave()
        self.meeting.close()
        await asyncio.sleep(REBOOTS_FOR)
        await self.meeting.open(self.place)

    def _join(self, name: str) -> None:
        self.wanted = name
        self._say("join")

    def _say(self, kind: Kind) -> None:
        here = str(self.endpoint.transports[0].local)
        told = Discovery(kind, self.wanted, self.mac, self.model, self.firmware, here, self.extension)
        self.meeting.say(told)

    # -- the line -----------------------------------------------------------------------------------------------

    async def enter_line(self, extension: str, host: str, alias: str = "") -> int:
        """Signs in at a host; gives the status of the answer, 0 for an address nobody can have. By hand where the
        vendor's own discovery would have to do it."""
        uri = parse_uri(f"sip:{host}")
        if not isinstance(uri, SipUri):
            self._signing_in = False
            return 0
        self.extension, self.host = extension, host
        self.agent.account = Account(extension, uri.host, display=alias)
        protocol = self.endpoint.transports[0].protocol
        self.agent.proxy = Address(uri.host.strip("[]"), uri.port or DEFAULT_PORT[protocol])
        status = await self.registration.register()
        self._signing_in = False
        self._changed()
        return status

    async def _leave(self) -> None:
        """Ends what there is with the host and clears the line."""
        self._say("leave")
        for leg in list(self.calls.legs):
            leg.hang_up()
        if self.registration.registered:
            await self.registration.unregister()
        self.registration.restart()
        self.extension = self.host = ""
        self.agent.account = self.agent.proxy = self._host_speaks_from = None
        self._changed()

    def _spawn(self, coroutine: Coroutine[Any, Any, object]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _changed(self) -> None:
        if self.on_change:
            self.on_change()
