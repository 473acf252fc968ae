"""What `serve` and `phone` share: one agent on real sockets, its driver interface, and a clean end."""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import secrets
import signal
from contextlib import suppress
from functools import cached_property
from typing import Any

from sipconform.agents.endpoint import Endpoint
from sipconform.agents.faults import Fault, fault_named
from sipconform.agents.phone.phone import Phone
from sipconform.agents.server.directory import Directory, User
from sipconform.agents.server.server import Server
from sipconform.agents.server.state_file import StateFile
from sipconform.agents.user_agent import Account
from sipconform.commands import complain
from sipconform.expectations import load_expecting
from sipconform.lab.accounts import ACCOUNTS
from sipconform.lab.actor import CouldNotRunError
from sipconform.lab.addresses import parse_address
from sipconform.lab.dialect import teach_phone, teach_server
from sipconform.lab.drivers.control import serve_control
from sipconform.lab.drivers.own import OwnPhone, OwnServer
from sipconform.lab.drivers.renewed import Build, RenewedDriver
from sipconform.lab.profile import Profile
from sipconform.lab.shared_line import LINE, add_line, teach_line
from sipconform.net.sockets import SocketNetwork
from sipconform.net.tap import CaptureTap
from sipconform.trace.capture_writer import CaptureWriter
from sipconform.trace.packet import Address

COULD_NOT_RUN = 2
USERS = sorted({*ACCOUNTS.values()})  # where none are named: everybody a story may speak of


class Standalone:
    """One agent of ours in a process of its own. Runs until SIGINT or SIGTERM; exit code 0 then."""

    profile: Profile
    faults: list[Fault]

    def __init__(self, given: argparse.Namespace) -> None:
        self.given = given
        self.network = SocketNetwork()
        self.over = asyncio.Event()
        self.failure = ""  # why it ended by itself
        self._told = self._recalled = False
        self._where = given.listen  # where it was to listen when that failed

    async def serve(self) -> int:
        async def build() -> OwnServer:
            given = self.given
            endpoint = await self._endpoint("server")
            directory = Directory(given.domain or _host(given.listen))
            for text in given.user or [f"{user}:pw{user}" for user in USERS]:
                name, _, password = text.partition(":")
                directory.add(name, password)
            server = Server(endpoint, directory)
            profile = self.profile
            teach_server(server, profile)
            if line := directory.find(LINE):
                add_line(server, profile, line.password)
            if given.state:
                self._remember(server, StateFile(given.state, server.storage))
            self._seed(server)
            return OwnServer(server)

        return await self._live(build)

    async def phone(self) -> int:
        async def build() -> OwnPhone:
            given = self.given
            endpoint = await self._endpoint("phone")
            user, _, password = given.user.partition(":")
            account = Account(user, given.domain or _host(given.server), password, given.auth_user)
            phone = Phone(endpoint, account, given.server)
            teach_phone(phone, self.profile)
            teach_line(phone, self.profile)
            self._seed(phone)
            return OwnPhone(phone)

        return await self._live(build)

    async def _endpoint(self, name: str) -> Endpoint:
        endpoint = Endpoint(self.network, name, random.Random(secrets.token_bytes(16)))
        self._where = self.given.listen
        transport = await endpoint.listen(self.given.transport, self.given.listen, **self._contexts)
        if not self._told:
            print(f"{name} listens on {transport.protocol} {transport.local}", flush=True)
        self._told, self.given.listen = True, transport.local  # made anew, it is found where it was
        return endpoint

    @cached_property
    def _contexts(self) -> dict[str, Any]:
        if self.given.transport != "tls":
            return {}
        from sipconform.net.certificates import Authority, lenient_client_context  # noqa: PLC0415 - only TLS needs it

        try:
            authority = Authority()
        except RuntimeError as error:
            raise CouldNotRunError(str(error)) from error
        return {"server_context": authority.server_context(), "client_context": lenient_client_context()}

    def _remember(self, server: Server, file: StateFile) -> None:
        """What the file kept is true again, and every change is in it before a phone is told. A story that begins
        with a server made anew begins as ever."""

        def keep(_changed: User | None = None) -> None:
            try:
                file.keep()
            except OSError as error:
                self.failure = f"{file.path} cannot be written: {error.strerror}"
                self.over.set()

        try:
            if not self._recalled:
                file.load()
        except OSError as error:
            raise CouldNotRunError(f"{file.path} cannot be read: {error.strerror}") from error
        self._recalled = True
        keep()
        server.features.followers.append(keep)

    def _seed(self, agent: Phone | Server) -> None:
        for fault in self.faults:
            fault.apply(agent)

    async def _live(self, build: Build) -> int:
        try:
            self.profile = load_expecting(self.given.profile)
            self.faults = [fault_named(name) for name in self.given.fault]
        except ValueError as error:  # the profile's errors are of this kind
            return complain(str(error))
        try:
            writer = CaptureWriter(self.given.capture) if self.given.capture else None
        except OSError as error:
            return complain(f"{self.given.capture} cannot be written: {error.strerror}", COULD_NOT_RUN)
        self.network = SocketNetwork(CaptureTap(writer) if writer else None)
        try:
            return await self._serve_driver(build)
        finally:
            await self.network.close()
            if writer:
                writer.close()

    async def _serve_driver(self, build: Build) -> int:
        try:
            driver = await RenewedDriver.made(build)
            self._where = self.given.control
            control = await serve_control(driver, self.given.control) if self.given.control else None
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else error  # asyncio says the address once more
            return complain(f"{self._where} cannot be bound: {why}", COULD_NOT_RUN)
        except ValueError as error:
            return complain(str(error))
        except CouldNotRunError as error:
            return complain(str(error), COULD_NOT_RUN)
        if control is not None:
            name = control.sockets[0].getsockname()
            print(f"driver interface on {Address(name[0], name[1])}", flush=True)
        await self._until_told()
        if control is not None:
            control.close()
        return complain(self.failure, COULD_NOT_RUN) if self.failure else 0

    async def _until_told(self) -> None:
        """Returns when the process is asked to end, or cannot do what it is there for."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
            with suppress(NotImplementedError):  # Windows knows no signal handlers on the loop; Ctrl-C still raises
                loop.add_signal_handler(number, self.over.set)
        await self.over.wait()


def address_argument(text: str) -> Address:
    """For argparse: "IP:PORT"."""
    try:
        return parse_address(text, 5060)
    except CouldNotRunError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _host(address: Address) -> str:
    return f"[{address.host}]" if ":" in address.host else address.host
