"""Makes the agents and the drivers of a laboratory, each on a place of its own."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
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
from sipconform.lab.actor import CouldNotRunError, Driver, NotSupportedError
from sipconform.lab.addresses import leaving_for, parse_address
from sipconform.lab.dialect import teach_phone, teach_server
from sipconform.lab.drivers.control import ControlledDriver
from sipconform.lab.drivers.hotspot import OwnClient, OwnHost
from sipconform.lab.drivers.nobody import Nobody
from sipconform.lab.drivers.operator import Operator, Wire
from sipconform.lab.drivers.own import OwnPhone, OwnServer
from sipconform.lab.drivers.soft_phone import KINDS, SoftPhone
from sipconform.lab.drivers.terminal import Terminal
from sipconform.lab.record import Record
from sipconform.lab.settings import BY_HAND, LabSettings, PhoneSettings
from sipconform.net.certificates import Authority, lenient_client_context
from sipconform.net.simulated import SimulatedNetwork
from sipconform.net.sockets import SocketNetwork
from sipconform.net.transport import Network, Tap
from sipconform.trace.packet import Address, Packet

SIMULATED_SERVER = {4: "10.0.0.1", 6: "fd00::1"}
SIMULATED_PHONE = {4: "10.0.1.{}", 6: "fd00::1:{}"}
LOOPBACK = {4: "127.0.0.1", 6: "::1"}
OwnAgent = OwnPhoneAgent | OwnServerAgent | Host | Client


def make_network(settings: LabSettings, tap: Tap) -> Network:
    """The network of a laboratory."""
    if settings.network != "simulated":
        return SocketNetwork(tap)
    weather = settings.weather
    return SimulatedNetwork(
        settings.seed,
        loss=weather.loss,
        duplicate=weather.duplicate,
        reorder=weather.reorder,
        delay=weather.delay,
        tap=tap,
    )


@dataclass(eq=False, repr=False)
class Maker:
    """`server` is where the phones' server is; `faults` are applied to our own agents after they are made."""

    network: Network
    record: Record
    faults: list[Fault]
    server: Address = field(init=False)
    agents: list[OwnAgent] = field(default_factory=list)

    @property
    def settings(self) -> LabSettings:
        return self.record.settings

    @property
    def simulated(self) -> bool:
        return self.settings.network == "simulated"

    # -- places ---------------------------------------------------------------------------------------------

    async def endpoint(self, name: str, local: Address, role: str) -> Endpoint:
        """Raises CouldNotRunError where the place is not to be had."""
        endpoint = Endpoint(self.network, name, self._dice(name))
        try:
            transport = await endpoint.listen(self.settings.transport, local, **self._contexts)
        except OSError as error:
            raise CouldNotRunError(f"{local} cannot be bound for {name}: {error.strerror}") from error
        self.record.ours[str(transport.local)] = role
        self.record.places[name] = str(transport.local)
        return endpoint

    def place_of_server(self) -> Address:
        """Where a server of ours listens: where a real phone was told to find it, else where there is room."""
        usual = DEFAULT_PORT[self.settings.transport]
        if self.settings.server.address:
            return parse_address(self.settings.server.address, usual)
        host = SIMULATED_SERVER[self.settings.ip] if self.simulated else self.local_host
        return Address(host, usual if self.simulated else 0)

    def _place_of_phone(self, number: int) -> Address:
        if not self.simulated:
            return Address(self.local_host, 0)
        port, hosts = DEFAULT_PORT[self.settings.transport], SIMULATED_PHONE[self.settings.ip]
        if self.settings.one_host:
            return Address(hosts.format(10), port + 2 * number)
        return Address(hosts.format(number), port)

    @property
    def local_host(self) -> str:
        """Our own address: as set, else the one the route to a remote server leaves by, else loopback."""
        if self.settings.local:
            return self.settings.local
        return leaving_for(self.server) if self.settings.server.kind == "remote" else LOOPBACK[self.settings.ip]

    def _dice(self, name: str) -> random.Random:
        """What tags and Call-IDs are drawn from. A real server remembers those of its last visitor."""
        return random.Random(f"{self.settings.seed} {name}" if self.simulated else None)

    @cached_property
    def _contexts(self) -> dict[str, Any]:
        if self.settings.transport != "tls" or self.simulated:
            return {}
        try:
            authority = Authority()
        except RuntimeError as error:
            raise CouldNotRunError(str(error)) from error
        return {
            "server_context": authority.server_context(),
            "client_context": authority.client_context() if self._all_ours() else lenient_client_context(),
        }

    def _all_ours(self) -> bool:
        """Whether our authority signs for everybody here; devices on a bench show certificates of their own."""
        phones = self.settings.phones.values()
        return self.settings.server.kind == "own" and all(phone.kind == "own" for phone in phones)

    # -- our own agents -------------------------------------------------------------------------------------

    def adopt(self, agent: OwnAgent) -> None:
        """An agent of ours: faults are seeded into it, and it ends with the laboratory."""
        self.agents.append(agent)
        for fault in self.faults:
            fault.apply(agent)

    def own_server(self, endpoint: Endpoint, domain: str) -> Driver:
        """The server, with everybody it has to know."""
        accounts, profile = self.record.accounts, self.record.profile
        directory = Directory(domain)
        for user in accounts.users:
            directory.add(user, accounts.password(user))
        agent = OwnServerAgent(endpoint, directory, self.settings.server.algorithms)
        teach_server(agent, profile)
        shared_line.add_line(agent, profile, accounts.password(shared_line.LINE))
        if accounts.group is not None:
            agent.hunting.add(accounts.group)
        return self.drive_server(agent, "server")

    async def other_server(self) -> Driver:
        """Another server of ours, that knows nothing of the first."""
        host = second_line.SIMULATED[self.settings.ip] if self.simulated else self.local_host
        local = Address(host, DEFAULT_PORT[self.settings.transport] if self.simulated else 0)
        endpoint = await self.endpoint(second_line.SERVER, local, "server")
        agent = second_line.make_server(endpoint, self.settings.server.algorithms)
        teach_server(agent, self.record.profile)
        return self.drive_server(agent, second_line.SERVER)

    def drive_server(self, agent: OwnServerAgent, name: str) -> Driver:
        self.adopt(agent)
        return OwnServer(agent, self.record.witness(name), self.record.announce(name))

    async def own_phone(self, name: str, account: Account, number: int) -> Driver:
        """A phone of ours: what its name is in the story."""
        endpoint = await self.endpoint(name, self._place_of_phone(number), "phone")
        witness, announce = self.record.witness(name), self.record.announce(name)
        here = SIMULATED_PHONE[4].format(number) if self.simulated else ""  # where discovery is heard: IPv4 only
        if name in hotspot.HOSTS:
            host = hotspot.make_host(endpoint, account, self.server, self.around, here)
            self.adopt(host)
            return OwnHost(host, witness, announce)
        if name in hotspot.CLIENTS:
            client = hotspot.make_client(name, endpoint, self.around, here)
            self.adopt(client)
            return OwnClient(client, witness, announce)
        phone = OwnPhoneAgent(endpoint, account, self.server)
        teach_phone(phone, self.record.profile)
        shared_line.teach_line(phone, self.record.profile)
        return self.drive_phone(phone, name)

    def second_line(self, phone: OwnPhoneAgent, account: Account, home: str) -> Driver:
        """Another line on the stack of a phone of ours, at home elsewhere."""
        line = Lines(phone).add(account, parse_address(home))
        teach_phone(line, self.record.profile)
        return self.drive_phone(line, second_line.LINE)

    def drive_phone(self, phone: OwnPhoneAgent, name: str) -> Driver:
        self.adopt(phone)
        return OwnPhone(phone, self.record.witness(name), self.record.announce(name))

    @cached_property
    def around(self) -> hotspot.Surroundings:
        """The network around a hotspot, from when the first host or client is named."""
        profile, local = self.record.profile, SIMULATED_SERVER[4] if self.simulated else self.local_host
        around = hotspot.Surroundings.of(self.network, profile, local, self._keep_datagram)
        self.record.further = lambda: hotspot.facts(around, self.record.places)
        return around

    def _keep_datagram(self, packet: Packet, ttl: int | None) -> None:
        self.record.observe("network", "discovery", hotspot.heard(packet, ttl))
        if not self.simulated:  # there the network itself has shown it to the tap
            self.record.keep_datagram(packet)

    # -- devices of others ----------------------------------------------------------------------------------

    async def remote_server(self) -> Driver:
        """The driver of a server that is not ours: its portal."""
        control = self.settings.server.control
        if control == BY_HAND:
            return Operator("the server", self.terminal, server=True)
        return await self._remote("server", control)

    async def remote_phone(self, name: str, settings: PhoneSettings) -> Driver:
        """The driver of a phone that is not ours. Where it is says the lab file, else the device itself, else its
        REGISTER."""
        self.record.real.add(name)
        by_hand = settings.control == BY_HAND
        driver = self._operator(name, settings.user) if by_hand else await self._remote(name, settings.control)
        place = await _told(driver)
        if settings.address:
            place = str(parse_address(settings.address, DEFAULT_PORT[self.settings.transport]))
        if place:
            self.record.is_at(name, place)
        if name in hotspot.HOSTS or name in hotspot.CLIENTS:
            await self.around.listen()
        return driver

    async def _remote(self, name: str, control: str) -> Driver:
        if not control:
            return Nobody()
        witness, announce = self.record.witness(name), self.record.announce(name)
        driver = await ControlledDriver.connect(parse_address(control), witness, announce)
        with suppress(NotSupportedError):  # many a device cannot: it is put back as far as may be, see `leave`
            await driver.do("reset")
        return driver

    def _operator(self, name: str, user: str) -> Operator:
        """A person; the wire is seen where its other end is ours."""
        record = self.record
        wire = Wire(
            record.sightings,
            user,
            lambda: record.places.get(name, ""),
            lambda: {place for other, place in record.places.items() if other != name},
            f"see that its server is {self.server} and its user {user}, and restart it",
        )
        known = self.settings.server.kind == "own"
        return Operator(f"{name.replace('_', ' ')} {user}", self.terminal, wire if known else None)

    @cached_property
    def terminal(self) -> Terminal:
        """Where the person sits who drives by hand."""
        return Terminal()

    def soft_phone(self, name: str, kind: str, account: Account) -> Driver:
        """A program on this host; where it listens is known once it has started."""
        if self.simulated or self.settings.transport != "udp" or self.settings.ip != 4:
            raise CouldNotRunError(f"{kind} needs real sockets, UDP and IPv4")
        phone = KINDS[kind](account.user, account.password, self.server)
        return SoftPhone(phone, self.record.profile.code_table, lambda place: self.record.is_at(name, str(place)))


async def _told(driver: Driver) -> str:
    """Where a device says that its phone is, "" if it does not."""
    try:
        return str(await driver.do("where"))
    except (NotSupportedError, CouldNotRunError):
        return ""
