"""One scenario's laboratory: a network under a tap, and actors on it, built from settings and torn down in order."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from sipconform.agents.faults import Fault
from sipconform.agents.phone.phone import Phone as OwnPhoneAgent
from sipconform.agents.user_agent import DEFAULT_PORT, Account
from sipconform.lab import hotspot, second_line, shared_line
from sipconform.lab.accounts import Accounts
from sipconform.lab.actor import Driver
from sipconform.lab.actors import Phone, Server
from sipconform.lab.addresses import bracketed, parse_address
from sipconform.lab.drivers.control import ControlledDriver
from sipconform.lab.drivers.nobody import Nobody
from sipconform.lab.drivers.operator import Operator
from sipconform.lab.drivers.own import OwnPhone
from sipconform.lab.drivers.soft_phone import SoftPhone
from sipconform.lab.leaving import leave
from sipconform.lab.line_phone import LinePhone
from sipconform.lab.liveness import loss_arithmetic
from sipconform.lab.making import Maker, make_network
from sipconform.lab.profile import Profile, load_profile
from sipconform.lab.record import Record
from sipconform.lab.settings import LabSettings
from sipconform.net.transport import Network
from sipconform.net.virtual_clock import VirtualLoop
from sipconform.trace.packet import Address

PERSONS_TIME = 60.0  # seconds


@dataclass(eq=False, repr=False)
class Lab:
    """Use: `open()`, then `phone(name)` and `server()`, then `close()`; all on one event loop.

    `faults` are applied to our own agents after they are made.
    """

    settings: LabSettings
    capture: Path
    faults: list[Fault] = field(default_factory=list)
    profile: Profile = field(init=False)
    accounts: Accounts = field(init=False)
    record: Record = field(init=False)
    network: Network = field(init=False)
    maker: Maker = field(init=False)
    domain: str = ""
    _actors: dict[str, Phone | Server] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.profile = load_profile(self.settings.profile)
        self.accounts = Accounts(self.settings.phones, self.profile)
        self.record = Record(self.settings, self.profile, self.accounts, self.capture)

    @property
    def simulated(self) -> bool:
        return self.settings.network == "simulated"

    @property
    def lag(self) -> float:
        """By how many seconds a display may come later than usual: by a network that loses, or a person who has to go
        from one phone to the other."""
        if self.settings.by_hand:
            return PERSONS_TIME
        return self.settings.weather.lag if self.simulated else 0.0

    @property
    def server_address(self) -> Address:
        return self.maker.server

    @property
    def steps(self) -> list[str]:
        """What a person was asked, and answered."""
        return self.maker.terminal.steps if "terminal" in vars(self.maker) else []

    async def open(self) -> None:
        """Builds the network and the server; phones come when they are first named."""
        self.network = make_network(self.settings, self.record.tap)
        self.record.now_ns = self.network.now_ns
        self.maker = Maker(self.network, self.record, self.faults)
        await self._open_server()
        if arithmetic := loss_arithmetic(self.profile.timing):
            self.observe("lab", "arithmetic", arithmetic)

    async def close(self) -> None:
        """Lets what is under way arrive, then silences our agents and closes the capture."""
        self.observe("lab", "end", {})  # the silence up to here is evidence too
        agents = self.maker.agents
        if self.settings.server.kind == "remote" and "server" in self._actors:
            self.record.stop()
            phones = [actor for actor in self._actors.values() if isinstance(actor, Phone)]
            await leave(self.server(), phones, [agent for agent in agents if isinstance(agent, OwnPhoneAgent)])
        for actor in self._actors.values():
            if isinstance(actor.driver, ControlledDriver | SoftPhone):
                await actor.driver.close()
        for agent in agents:
            agent.close()
        if "around" in vars(self.maker):
            self.maker.around.close()
        await self.network.close()
        self.record.close()

    # -- actors ---------------------------------------------------------------------------------------------

    def server(self) -> Server:
        server = self._actors["server"]
        assert isinstance(server, Server)
        return server

    async def phone(self, name: str) -> Phone:
        """The phone of that name; made when first asked for."""
        if name not in self._actors:
            if name not in self.record.names:
                self.record.names.append(name)
            phone = self._actors[name] = await self._open_phone(name)
            phone.lag = 0.0 if isinstance(phone.driver, Operator) else self.lag
            phone.silence = partial(self.record.silence_of, str(self.server_address))
            self.record.users[name] = phone.user
            if phone.account.auth_user:
                self.record.auth_users[phone.user] = phone.account.auth_user
            self.record.introduce()
        phone_ = self._actors[name]
        assert isinstance(phone_, Phone)
        return phone_

    async def other_server(self) -> Server:
        """Another server of ours, at home on which is the phone's second line; made when first asked for."""
        if second_line.SERVER not in self._actors:
            driver = await self.maker.other_server()
            self._actors[second_line.SERVER] = Server(second_line.SERVER, driver, self.observe, lag=self.lag)
            self.record.introduce()
        server = self._actors[second_line.SERVER]
        assert isinstance(server, Server)
        return server

    async def _open_server(self) -> None:
        settings = self.settings.server
        if settings.kind == "remote":
            self.maker.server = parse_address(settings.address, DEFAULT_PORT[self.settings.transport])
            self.record.server = str(self.maker.server)
            self.domain = self.settings.domain or self.maker.server.host
            driver = await self.maker.remote_server()
        else:
            local = self.maker.place_of_server()
            endpoint = await self.maker.endpoint("server", local, "server")
            self.maker.server = endpoint.transports[0].local
            self.domain = self.settings.domain or bracketed(local.host)
            driver = self.maker.own_server(endpoint, self.domain)
        group = self.accounts.group.number if self.accounts.group else ""
        self._actors["server"] = Server("server", driver, self.observe, group=group, lag=self.lag)
        self.record.introduce()

    async def _open_phone(self, name: str) -> Phone:
        if name == second_line.LINE:
            return await self._open_second_line()
        settings = self.accounts.of(name)
        password = settings.password or self.accounts.password(settings.auth_user or settings.user)
        account = Account(settings.user, self.domain, password, settings.auth_user)
        self.record.users[name] = account.user
        if settings.kind == "remote":
            driver = await self.maker.remote_phone(name, settings)
        elif settings.kind != "own":
            driver = self.maker.soft_phone(name, settings.kind, account)
        else:
            driver = await self.maker.own_phone(name, account, 10 + len(self._actors))
        return self._actor(name, driver, account)

    def _actor(self, name: str, driver: Driver, account: Account) -> Phone:
        """The kind of phone that the name is in the story."""
        if name in hotspot.HOSTS:
            return hotspot.HotspotHost(name, driver, self.observe, account=account)
        if name in hotspot.CLIENTS:
            nobody, mac = Account("", self.domain), hotspot.CLIENTS[name]
            foreign = hotspot.foreign_host(self.accounts.phones)
            return hotspot.HotspotClient(name, driver, self.observe, account=nobody, mac=mac, foreign_host=foreign)
        if name in shared_line.TONES or name in shared_line.DESKS:
            tone, lamps = shared_line.TONES.get(name, 1300), self.profile.shared_line.lamps
            return LinePhone(name, driver, self.observe, account=account, lamps=lamps, tone=tone)
        return Phone(name, driver, self.observe, account=account)

    async def _open_second_line(self) -> Phone:
        """On the stack of our own phone; a device of somebody else's has the lines it has."""
        await self.other_server()
        first = (await self.phone("phone")).driver
        driver: Driver = Nobody()
        if isinstance(first, OwnPhone):
            places = self.record.places
            driver = self.maker.second_line(first.phone, second_line.ACCOUNT, places[second_line.SERVER])
            places[second_line.LINE] = places["phone"]
        return Phone(second_line.LINE, driver, self.observe, account=second_line.ACCOUNT)

    # -- the record -----------------------------------------------------------------------------------------

    def observe(self, who: str, kind: str, what: dict[str, Any]) -> None:
        """Adds an observation to the record, at the network's time."""
        self.record.observe(who, kind, what)


def new_loop(settings: LabSettings) -> asyncio.AbstractEventLoop:
    """The event loop a lab of these settings lives on: virtual time on the simulated network. On sockets one that can
    watch any of them, which Windows' usual one cannot."""
    return VirtualLoop() if settings.network == "simulated" else asyncio.SelectorEventLoop()
