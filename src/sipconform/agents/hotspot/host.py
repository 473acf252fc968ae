"""The host of a hotspot: a phone with an account, and an exchange for the phones around it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from sipconform.agents.endpoint import Endpoint
from sipconform.agents.hotspot.devices import Devices
from sipconform.agents.hotspot.discovery import Meeting, Place
from sipconform.agents.hotspot.exchange import Exchange, sender
from sipconform.agents.hotspot.telephone import Telephone
from sipconform.agents.phone.registration import Registration
from sipconform.agents.requests import ServerRequest
from sipconform.agents.server.authentication import Authentication
from sipconform.agents.server.directory import Directory
from sipconform.agents.server.registrar import Registrar
from sipconform.agents.user_agent import Account, UserAgent
from sipconform.features.hotspot import CONFIG_DEFAULTS, CONFIG_KEYS, Discovery, Kind, RingMode
from sipconform.trace.packet import Address

OFFERED_EVERY = 5.0  # seconds
ORDERED_EVERY = 1.0  # seconds, until the client shows that it has heard
MOST_ORDERS = 10


@dataclass(eq=False, repr=False)
class Host:
    """`registers` false is the no-registration mode: account and server are set, and nobody is asked (guide §2.1.2).

    `name` is what clients see in their list of hotspots.
    """

    side: ClassVar[str] = "host"
    endpoint: Endpoint
    account: Account
    proxy: Address
    meeting: Meeting
    name: str = "SIP Hotspot"
    place: Place = field(default_factory=Place)
    registers: bool = True
    on_change: Callable[[], None] | None = None
    line: UserAgent = field(init=False)
    inner: UserAgent = field(init=False)
    registration: Registration = field(init=False)
    telephone: Telephone = field(init=False)
    devices: Devices = field(init=False)
    exchange: Exchange = field(init=False)
    _offering: asyncio.TimerHandle | None = None
    _orders: dict[tuple[str, Kind], asyncio.TimerHandle] = field(default_factory=dict)  # by MAC and kind

    def __post_init__(self) -> None:
        self.line = UserAgent(self.endpoint, self.account, self.proxy)
        self._to_line = self.endpoint.on_request
        self.inner = UserAgent(self.endpoint)
        self._to_inner = self.endpoint.on_request
        self.endpoint.on_request = self._dispatch
        self.registration = Registration(self.line, on_change=self._changed)
        self.telephone = Telephone(self.line)
        self.telephone.on_change = self._changed
        host = self.endpoint.transports[0].local.host
        self.devices = Devices(Directory(f"[{host}]" if ":" in host else host))
        registrar = Registrar(self.inner, Authentication(self.devices.directory, ()))
        registrar.max_expires = 120  # seconds: a client that is gone is soon known to be
        self.exchange = Exchange(
            self.line, self.inner, self.telephone, self.devices, lambda: self.registration.registered
        )
        self.meeting.heard = self._heard

    # -- switching ----------------------------------------------------------------------------------------------

    async def start(self) -> int:
        """Signs in at the PBX, 200 where that is not wanted, and opens the hotspot."""
        status = await self.registration.register() if self.registers else 200
        if status < 300:
            await self.switch(on=True)
        return status

    async def switch(self, *, on: bool) -> None:
        """Opens or closes the hotspot; the host's own line stays as it is. Raises OSError."""
        self.exchange.on = on
        self._stop_offering()
        if on:
            await self.meeting.open(self.place)
            self._offer()
        else:
            self.meeting.close()
            for user in self.devices.directory.users.values():
                user.bindings.clear()
        self._changed()

    async def stop(self) -> None:
        """Closes the hotspot and signs off."""
        await self.switch(on=False)
        if self.registration.registered:
            await self.registration.unregister()

    def close(self) -> None:
        """Falls silent at once."""
        self._stop_offering()
        for order in self._orders.values():
            order.cancel()
        self.registration.close()
        self.meeting.close()
        self.endpoint.close()

    def _stop_offering(self) -> None:
        if self._offering:
            self._offering.cancel()
            self._offering = None

    # -- with the clients: the stand-in discovery -----------------------------------------------------------------

    @property
    def address(self) -> str:
        return str(self.endpoint.transports[0].local)

    def _offer(self) -> None:
        self._say("offer")
        self._offering = asyncio.get_running_loop().call_later(OFFERED_EVERY, self._offer)

    def _heard(self, told: Discovery, _: Address) -> None:
        if told.kind == "join" and not told.name:
            self._say("offer")
        elif told.kind in ("join", "leave") and told.name == self.name:
            self._carried_out(told)
            if told.kind == "join":
                self._joined(told)
            self._changed()

    def _carried_out(self, told: Discovery) -> None:
        """A reboot shows in the client's leaving, an upgrade in the firmware it comes with."""
        device = self.devices.known.get(told.mac)
        if told.kind == "leave":
            self._end_order(told.mac, "reboot")
        elif device is not None and told.firmware != device.firmware:
            self._end_order(told.mac, "upgrade")

    def _joined(self, told: Discovery) -> None:
        device = self.devices.join(told)
        if device is None:
            self._say("refuse", told.mac)
            return
        extension = self.devices.extension(device)
        self._say("welcome", told.mac, extension=extension, alias=device.name or extension)

    def order(self, kind: Kind, mac: str, url: str = "") -> bool:
        """Tells a managed device to reboot or upgrade, again and again until it stirs. False for any other."""
        device = self.devices.known.get(mac)
        if device is None or not device.managed:
            return False
        self._end_order(mac, kind)
        self._order(kind, mac, url, MOST_ORDERS)
        return True

    def _order(self, kind: Kind, mac: str, url: str, left: int) -> None:
        self._say(kind, mac, url=url)
        if left > 1:
            loop = asyncio.get_running_loop()
            self._orders[mac, kind] = loop.call_later(ORDERED_EVERY, self._order, kind, mac, url, left - 1)

    def _end_order(self, mac: str, kind: Kind) -> None:
        if order := self._orders.pop((mac, kind), None):
            order.cancel()

    def _say(self, kind: Kind, mac: str = "", **more: str) -> None:
        self.meeting.say(Discovery(kind, name=self.name, mac=mac, sip=self.address, **more))

    # -- the rest ---------------------------------------------------------------------------------------------------

    def exported(self) -> dict[str, str]:
        """The settings under the names the vendor's configuration files have for them, the defaults included."""
        place, mode = self.place, self.exchange.ring_mode
        given = {
            "enabled": str(int(self.exchange.on)),
            "listen": str(int(place.listen == "multicast")),
            "address": place.address,
            "port": str(place.port),
            "name": self.name,
            "ring_mode": str(list(RingMode).index(mode)),
            "managed": str(int(self.devices.only_managed)),
        }
        return {**CONFIG_DEFAULTS, **{CONFIG_KEYS[key]: value for key, value in given.items()}}

    def _dispatch(self, request: ServerRequest) -> None:
        from_client = self._is_from_client(request)
        handle = self._to_inner if from_client else self._to_line
        if from_client and not self.exchange.on and not request.message.to_tag:
            request.respond(403, "The hotspot is off")
        elif handle:
            handle(request)

    def _is_from_client(self, request: ServerRequest) -> bool:
        """By its dialog; else clients are those who register here, those who have, and those who have come to the
        table."""
        message = request.message
        dialog = (message.call_id, message.to_tag)
        if message.to_tag and (dialog in self.inner.usages or dialog in self.line.usages):
            return dialog in self.inner.usages
        host, port = sender(message)
        at = Address(host, port)
        known = any(device.sip == str(at) for device in self.devices.known.values())
        bound = at != self.proxy and self.devices.is_bound(at, asyncio.get_running_loop().time())
        return message.method == "REGISTER" or known or bound

    def _changed(self) -> None:
        if self.on_change:
            self.on_change()
