"""One scenario's laboratory: a network under a tap, and actors on it, built from settings and torn down in order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from sipconform.agents.endpoint import Endpoint
from sipconform.agents.faults import Fault
from sipconform.agents.hotspot.client import Client
from sipconform.agents.hotspot.host import Host
from sipconform.agents.phone.lines import Lines
from sipconform.agents.phone.phone import Phone as OwnPhoneAgent
from sipconform.agents.server.directory import Directory
from sipconform.agents.server.server import Server as OwnServerAgent
from sipconform.agents.user_agent import DEFAULT_PORT, Account
from sipconform.lab import hotspot, second_line, shared_line
from sipconform.lab.accounts import Accounts
from sipconform.lab.actor import CouldNotRunError, Driver, NotSupportedError
from sipconform.lab.actors import Phone, Server
from sipconform.lab.addresses import bracketed, leaving_for, parse_address
from sipconform.lab.dialect import teach_phone, teach_server
from sipconform.lab.drivers.control import ControlledDriver
from sipconform.lab.drivers.hotspot import OwnClient, OwnHost
from sipconform.lab.drivers.nobody import Nobody
from sipconform.lab.drivers.operator import Operator
from sipconform.lab.drivers.own import OwnPhone, OwnServer
from sipconform.lab.drivers.soft_phone import KINDS, SoftPhone
from sipconform.lab.leaving import leave
from sipconform.lab.line_phone import LinePhone
from sipconform.lab.liveness import loss_arithmetic, timing_facts
from sipconform.lab.profile import Profile, load_profile
from sipconform.lab.settings import LabSettings
from sipconform.net.certificates import Authority, lenient_client_context
from sipconform.net.simulated import SimulatedNetwork
from sipconform.net.sockets import SocketNetwork
from sipconform.net.tap import CaptureTap
from sipconform.net.transport import Network
from sipconform.net.virtual_clock import VirtualLoop
from sipconform.trace.capture_writer import CaptureWriter
from sipconform.trace.packet import Address, Observation, Packet

SIMULATED_SERVER = {4: "10.0.0.1", 6: "fd00::1"}
SIMULATED_PHONE = {4: "10.0.1.{}", 6: "fd00::1:{}"}
BY_HAND = "operator"  # the value of `control` that means: ask the person at the terminal
LOOPBACK = {4: "127.0.0.1", 6: "::1"}


OwnAgent = OwnPhoneAgent | OwnServerAgent | Host | Client


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
    network: Network = field(init=False)
    domain: str = ""
    server_address: Address = field(init=False)
    _actors: dict[str, Phone | Server] = field(default_factory=dict)
    _agents: list[OwnAgent] = field(default_factory=list)
    _ours: dict[str, str] = field(default_factory=dict)  # "ip:port" -> "phone" or "server"
    _programs: set[str] = field(default_factory=set)  # "ip:port" of the soft phones started here
    _places: dict[str, str] = field(default_factory=dict)  # name -> "ip:port"
    _contexts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.profile = load_profile(self.settings.profile)
        self.accounts = Accounts(self.settings.phones, self.profile)
        self._writer = CaptureWriter(self.capture, comment="sipconform", mtu=self.settings.mtu)
        hotspots = self.profile.capabilities.hotspot == "yes"
        self._tap = CaptureTap(self._writer, {self.profile.hotspot.port} if hotspots else ())

    @property
    def simulated(self) -> bool:
        return self.settings.network == "simulated"

    @property
    def lag(self) -> float:
        """By how many seconds the network may delay what a display shows."""
        return self.settings.weather.lag if self.simulated else 0.0

    async def open(self) -> None:
        """Builds the network and the server; phones come when they are first named."""
        settings = self.settings
        if self.simulated:
            weather = settings.weather
            self.network = SimulatedNetwork(
                settings.seed,
                loss=weather.loss,
                duplicate=weather.duplicate,
                reorder=weather.reorder,
                delay=weather.delay,
                tap=self._tap,
            )
        else:
            self.network = SocketNetwork(self._tap)
        if settings.transport == "tls" and not self.simulated:
            authority = Authority()
            self._contexts = {
                "server_context": authority.server_context(),
                "client_context": authority.client_context() if self._all_ours() else lenient_client_context(),
            }
        await self._open_server()
        if arithmetic := loss_arithmetic(self.profile.timing):
            self.observe("lab", "arithmetic", arithmetic)

    def _all_ours(self) -> bool:
        """Whether our authority signs for everybody here; devices on a bench show certificates of their own."""
        phones = self.settings.phones.values()
        return self.settings.server.kind == "own" and all(phone.kind == "own" for phone in phones)

    async def close(self) -> None:
        """Lets what is under way arrive, then silences our agents and closes the capture."""
        self.observe("lab", "end", {})  # the silence up to here is evidence too
        if self.settings.server.kind == "remote" and "server" in self._actors:
            self._tap.stop()
            phones = [actor for actor in self._actors.values() if isinstance(actor, Phone)]
            await leave(self.server(), phones, [a for a in self._agents if isinstance(a, OwnPhoneAgent)])
        for actor in self._actors.values():
            if isinstance(actor.driver, ControlledDriver | SoftPhone):
                await actor.driver.close()
        for agent in self._agents:
            agent.close()
        if "around" in vars(self):
            self.around.close()
        await self.network.close()
        self._writer.close()

    # -- actors ---------------------------------------------------------------------------------------------

    def server(self) -> Server:
        server = self._actors["server"]
        assert isinstance(server, Server)
        return server

    async def phone(self, name: str) -> Phone:
        """The phone of that name; made when first asked for."""
        if name not in self._actors:
            self._actors[name] = await self._open_phone(name)
            self._actors[name].lag = self.lag
            self._introduce()
        phone = self._actors[name]
        assert isinstance(phone, Phone)
        return phone

    async def other_server(self) -> Server:
        """Another server of ours, at home on which is the phone's second line; made when first asked for."""
        if second_line.SERVER not in self._actors:
            port = DEFAULT_PORT[self.settings.transport] if self.simulated else 0
            host = second_line.SIMULATED[self.settings.ip] if self.simulated else self._local_host()
            endpoint = await self._endpoint(second_line.SERVER, Address(host, port), "server")
            agent = second_line.make_server(endpoint, self.settings.server.algorithms)
            teach_server(agent, self.profile)
            self._adopt(agent)
            driver = OwnServer(agent, self._witness(second_line.SERVER), self._announce(second_line.SERVER))
            self._actors[second_line.SERVER] = Server(second_line.SERVER, driver, self.observe, lag=self.lag)
            self._introduce()
        server = self._actors[second_line.SERVER]
        assert isinstance(server, Server)
        return server

    async def _open_second_line(self) -> Phone:
        """On the stack of our own phone; a device of somebody else's has the lines it has."""
        await self.other_server()
        first = (await self.phone("phone")).driver
        driver: Driver = Nobody()
        if isinstance(first, OwnPhone):
            home = parse_address(self._places[second_line.SERVER])
            line = Lines(first.phone).add(second_line.ACCOUNT, home)
            teach_phone(line, self.profile)
            self._adopt(line)
            self._places[second_line.LINE] = self._places["phone"]
            driver = OwnPhone(line, self._witness(second_line.LINE), self._announce(second_line.LINE))
        return Phone(second_line.LINE, driver, self.observe, account=second_line.ACCOUNT)

    async def _open_server(self) -> None:
        settings = self.settings.server
        if settings.kind == "remote":
            self.server_address = parse_address(settings.address, DEFAULT_PORT[self.settings.transport])
            self.domain = self.settings.domain or self.server_address.host
            driver: Driver = await self._remote_driver(settings.control, "the server", "server")
        else:
            host = SIMULATED_SERVER[self.settings.ip] if self.simulated else self._local_host()
            local = Address(host, DEFAULT_PORT[self.settings.transport] if self.simulated else 0)
            if settings.address:  # where a real phone was told to find us
                local = parse_address(settings.address, DEFAULT_PORT[self.settings.transport])
            endpoint = await self._endpoint("server", local, "server")
            self.server_address = endpoint.transports[0].local
            self.domain = self.settings.domain or bracketed(local.host)
            directory = Directory(self.domain)
            for user in self.accounts.users:
                directory.add(user, self.accounts.password(user))
            agent = OwnServerAgent(endpoint, directory, settings.algorithms)
            teach_server(agent, self.profile)
            shared_line.add_line(agent, self.profile, self.accounts.password(shared_line.LINE))
            if self.accounts.group is not None:
                agent.hunting.add(self.accounts.group)
            self._adopt(agent)
            driver = OwnServer(agent, self._witness("server"), self._announce("server"))
        group = self.accounts.group.number if self.accounts.group else ""
        self._actors["server"] = Server("server", driver, self.observe, group=group, lag=self.lag)
        self._introduce()

    async def _open_phone(self, name: str) -> Phone:
        if name == second_line.LINE:
            return await self._open_second_line()
        settings = self.accounts.of(name)
        password = settings.password or self.accounts.password(settings.auth_user or settings.user)
        account = Account(settings.user, self.domain, password, settings.auth_user)
        if settings.kind == "remote":
            driver: Driver = await self._remote_driver(settings.control, f"phone {settings.user}", name)
            if address := settings.address or await _address_of(driver):
                self._places[name] = address
                self._ours.pop(address, None)
            if name in hotspot.HOSTS or name in hotspot.CLIENTS:
                await self.around.listen()
        elif settings.kind != "own":
            driver = self._soft_phone(name, settings.kind, account)
        else:
            place = 10 + len(self._actors)
            endpoint = await self._endpoint(name, self._place_of(place), "phone")
            driver = self._own_phone(name, endpoint, account, place)
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

    def _place_of(self, number: int) -> Address:
        """Where a phone of ours listens."""
        if not self.simulated:
            return Address(self._local_host(), 0)
        port, hosts = DEFAULT_PORT[self.settings.transport], SIMULATED_PHONE[self.settings.ip]
        if self.settings.one_host:
            return Address(hosts.format(10), port + 2 * number)
        return Address(hosts.format(number), port)

    def _soft_phone(self, name: str, kind: str, account: Account) -> Driver:
        """A program on this host; where it listens is known once it has started."""
        if self.simulated or self.settings.transport != "udp" or self.settings.ip != 4:
            raise CouldNotRunError(f"{kind} needs real sockets, UDP and IPv4")
        phone = KINDS[kind](account.user, account.password, self.server_address)

        def moved(place: Address) -> None:
            self._programs.add(str(place))
            self._places[name] = str(place)
            self._introduce()

        return SoftPhone(phone, self.profile.code_table, moved)

    def _own_phone(self, name: str, endpoint: Endpoint, account: Account, place: int) -> Driver:
        witness, announce = self._witness(name), self._announce(name)
        here = SIMULATED_PHONE[4].format(place) if self.simulated else ""  # where discovery is heard: IPv4 only
        if name in hotspot.HOSTS:
            host = hotspot.make_host(endpoint, account, self.server_address, self.around, here)
            self._adopt(host)
            return OwnHost(host, witness, announce)
        if name in hotspot.CLIENTS:
            client = hotspot.make_client(name, endpoint, self.around, here)
            self._adopt(client)
            return OwnClient(client, witness, announce)
        phone = OwnPhoneAgent(endpoint, account, self.server_address)
        teach_phone(phone, self.profile)
        shared_line.teach_line(phone, self.profile)
        self._adopt(phone)
        return OwnPhone(phone, witness, announce)

    async def _remote_driver(self, control: str, who: str, name: str) -> Driver:
        if not control:
            return Nobody()
        if control == BY_HAND:
            return Operator(who)
        driver = await ControlledDriver.connect(parse_address(control), self._witness(name), self._announce(name))
        with suppress(NotSupportedError):  # many a device cannot: it is put back as far as may be, see `leave`
            await driver.do("reset")
        return driver

    async def _endpoint(self, name: str, local: Address, role: str) -> Endpoint:
        endpoint = Endpoint(self.network, name, self._dice(name))
        try:
            transport = await endpoint.listen(self.settings.transport, local, **self._contexts)
        except OSError as error:
            raise CouldNotRunError(f"{local} cannot be bound for {name}: {error.strerror}") from error
        self._ours[str(transport.local)] = role
        self._places[name] = str(transport.local)
        return endpoint

    def _dice(self, name: str) -> random.Random:
        """What tags and Call-IDs are drawn from. A real server remembers those of its last visitor."""
        return random.Random(f"{self.settings.seed} {name}" if self.simulated else None)

    def _adopt(self, agent: OwnAgent) -> None:
        self._agents.append(agent)
        for fault in self.faults:
            fault.apply(agent)

    # -- what the record is told ----------------------------------------------------------------------------

    def _witness(self, who: str) -> Callable[[dict[str, Any]], None]:
        def saw(beliefs: dict[str, Any]) -> None:
            self.observe(who, "belief", beliefs)

        return saw

    def _announce(self, who: str) -> Callable[[str, str | None], None]:
        def announce(call_id: str, branch: str | None) -> None:
            self.observe(who, "stimulus", {"call_id": call_id, "branch": branch})

        return announce

    def observe(self, who: str, kind: str, what: dict[str, Any]) -> None:
        """Adds an observation to the record, at the network's time."""
        self._tap.observe(Observation(self.network.now_ns(), who, kind, what))

    def _introduce(self) -> None:
        """Tells the record who is who, so that judging it again accuses the same parties."""
        settings = self.settings
        ours = dict(self._ours)
        remote = [settings.server.address] if settings.server.kind == "remote" else []
        tested = [a for a, role in ours.items() if settings.under_test in ("both", role)] + remote
        if settings.under_test in ("both", "phone"):
            tested += sorted(self._programs)
        facts: dict[str, Any] = {
            "ours": list(ours),
            "under_test": tested,
            "servers": [a for a, role in ours.items() if role == "server"] + remote,
            "phones": [a for a, role in ours.items() if role == "phone"] + sorted(self._programs),
            "profile": self.profile.name,
            "line": shared_line.facts(self.profile),
            "actors": dict(self._places),
            "timing": timing_facts(self.profile.timing),
            "users": {n: actor.user for n, actor in self._actors.items() if isinstance(actor, Phone) and actor.user},
            "offers_sync": [a for a, r in ours.items() if r == "server" and self.profile.sync.mode == "subscribe"],
            "diversion": self.profile.diversion,
            "sync": {"mode": self.profile.sync.mode, "obeys_switch": self.profile.sync.obeys_switch},
            **self._codes(),
        }
        accounts = [actor.account for actor in self._actors.values() if isinstance(actor, Phone)]
        if names := {account.user: account.auth_user for account in accounts if account.auth_user}:
            facts["auth_users"] = names
        if group := self.accounts.group:
            members, desk_only = list(group.members), sorted(group.desk_only)
            facts["groups"] = [{"number": group.number, "members": members, "desk_only": desk_only}]
        if "around" in vars(self):
            facts |= hotspot.facts(self.around, self._places)
        self.observe("lab", "lab", facts)

    def _codes(self) -> dict[str, Any]:
        """The codes everybody here goes by, and how a phone sends its wishes."""
        codes = self.profile.codes
        table = {"codes": codes.rows(), "other_codes": list(codes.others), "code_forms": list(codes.forms)}
        return {"mode": self.profile.sync.mode, **table}

    @cached_property
    def around(self) -> hotspot.Surroundings:
        """The network around a hotspot, from when the first host or client is named."""
        local = SIMULATED_SERVER[4] if self.simulated else self._local_host()
        return hotspot.Surroundings.of(self.network, self.profile, local, self._keep_datagram)

    def _keep_datagram(self, packet: Packet, ttl: int | None) -> None:
        self.observe("network", "discovery", hotspot.heard(packet, ttl))
        if not self.simulated:  # there the network itself has shown it to the tap
            self._writer.write_media(packet)

    def _local_host(self) -> str:
        """Our own address: as set, else the one the route to a remote server leaves by, else loopback."""
        if self.settings.local:
            return self.settings.local
        return leaving_for(self.server_address) if self.settings.server.kind == "remote" else LOOPBACK[self.settings.ip]


async def _address_of(driver: Driver) -> str:
    """Where a device says that its phone is, "" if it does not."""
    try:
        return str(await driver.do("where"))
    except (NotSupportedError, CouldNotRunError):
        return ""


def new_loop(settings: LabSettings) -> asyncio.AbstractEventLoop:
    """The event loop a lab of these settings lives on: virtual time on the simulated network. On sockets one that can
    watch any of them, which Windows' usual one cannot."""
    return VirtualLoop() if settings.network == "simulated" else asyncio.SelectorEventLoop()
