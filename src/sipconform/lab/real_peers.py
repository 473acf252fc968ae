"""Real SIP programs as processes on loopback, each in a folder of its own for the length of a `with`."""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, ClassVar, Self

from sipconform.shipped import shipped
from sipconform.trace.packet import Address

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PORTS = range(20_000, 32_000)  # below the range from which Linux gives ports to clients
LOG_TAIL = 2_000  # characters of a program's output that an error quotes


class PeerMissing(RuntimeError):
    """The program is not installed; `package` is the Debian package that brings it."""

    def __init__(self, program: str, package: str) -> None:
        super().__init__(f"{program} is not installed; on Debian: apt-get install {package}")
        self.program = program
        self.package = package


class PeerFailed(RuntimeError):
    """The program is installed, but did not do in time what was asked of it."""


def find_program(program: str, package: str) -> str:
    """The program's path, sought in /usr/sbin too. Raises PeerMissing."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin")
    if path is None:
        raise PeerMissing(program, package)
    return path


def _bindable(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(family, kind) as probe:
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True


def _shuffled_ports() -> Iterator[int]:
    """Every tenth port in random order: no two peers of this process get the same, nor a neighbour's."""
    ports = list(PORTS[::10])
    random.SystemRandom().shuffle(ports)
    yield from ports


_ports = _shuffled_ports()


def free_port(host: str = "127.0.0.1", width: int = 1) -> int:
    """A port free for UDP and TCP, as are the `width - 1` (at most 9) after it.

    Raises PeerFailed when there is none left.
    """
    for port in _ports:
        if all(_bindable(host, port + offset) for offset in range(width)):
            return port
    raise PeerFailed(f"no free port on {host} in {PORTS.start}–{PORTS.stop - 1}")


def answers_options(address: Address, timeout: float = 0.2) -> bool:
    """Whether anything at the address answers a SIP OPTIONS over UDP within `timeout` seconds."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.settimeout(timeout)
        probe.connect(address)
        here = Address(*probe.getsockname()[:2])
        mark = f"{random.getrandbits(64):016x}"
        request = (
            f"OPTIONS sip:{address} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{mark}\r\n"
            f"From: <sip:ping@{here}>;tag={mark}\r\nTo: <sip:{address}>\r\nCall-ID: {mark}\r\n"
            "CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
        try:
            probe.send(request.encode())
            return probe.recv(65_535).startswith(b"SIP/2.0 ")
        except (TimeoutError, ConnectionRefusedError):  # refused: its port is not open yet
            return False


class Output:
    """What a program has said so far, gathered by a thread until it and all its children are gone."""

    def __init__(self, descriptor: int) -> None:
        self._said = ""
        self._more = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._gather, args=(descriptor,), daemon=True)
        self._thread.start()

    def _gather(self, descriptor: int) -> None:
        while chunk := os.read(descriptor, 65_536):
            with self._more:
                self._said += chunk.decode(errors="replace")
                self._more.notify_all()
        with self._more:
            self._ended = True
            self._more.notify_all()

    @property
    def text(self) -> str:
        with self._more:
            return self._said

    def expect(self, pattern: str, timeout: float, since: int = 0) -> re.Match[str] | None:
        """The first match of `pattern` after `since` characters; None when the time or the program ends."""
        with self._more:
            self._more.wait_for(lambda: self._ended or re.search(pattern, self._said[since:]), timeout)
            return re.search(pattern, self._said[since:])

    def ended(self, timeout: float) -> bool:
        """Whether the last process holding the other end is gone within `timeout` seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()


class Peer(ABC):
    """A program in the foreground, its configuration and its output; `with` starts and ends it.

    Entering raises PeerMissing, or PeerFailed with the end of its output when it is not ready in
    `START_WITHIN` seconds.
    """

    program: ClassVar[str]
    package: ClassVar[str]

    START_WITHIN: ClassVar[float] = 10.0
    STOP_WITHIN: ClassVar[float] = 3.0

    folder: Path
    _resources: ExitStack  # closed at the end, the last first
    _process: subprocess.Popen[bytes]
    _output: Output

    @abstractmethod
    def command(self, program: str) -> list[str]:
        """Writes what the program needs into `folder` and says how to start it."""

    @abstractmethod
    def ready(self) -> bool:
        """Whether it does its work by now; asked again and again while it starts, and may wait a little."""

    @property
    def output(self) -> str:
        """All that it has written to its standard output and error, also after its end."""
        return self._output.text

    def __enter__(self) -> Self:
        program = find_program(self.program, self.package)
        with ExitStack() as stack:
            self._resources = stack
            self.folder = Path(
                stack.enter_context(TemporaryDirectory(prefix=f"{self.program}-", ignore_cleanup_errors=True))
            )
            self._process = self._start(self.command(program))
            stack.callback(self._stop)
            self._await_ready()
            self._resources = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env={**os.environ, "HOME": str(self.folder), "LC_ALL": "C.UTF-8"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # our Ctrl-C is not theirs, and its children end with it
        )
        assert process.stdout is not None
        self._output = Output(process.stdout.fileno())
        return process

    def _await_ready(self) -> None:
        deadline = time.monotonic() + self.START_WITHIN
        while not self.ready():
            if self._process.poll() is not None:
                self._output.ended(self.STOP_WITHIN)  # its last words are still on their way
                raise self._failure(f"ended with status {self._process.returncode} instead of starting")
            if time.monotonic() > deadline:
                raise self._failure(f"was not ready within {self.START_WITHIN:g} s")
            self._output.ended(0.02)

    def _stop(self) -> None:
        # Not reaped before the end of its output, its process group cannot have become somebody else's.
        self._signal(signal.SIGTERM)
        if not self._output.ended(self.STOP_WITHIN):
            self._signal(signal.SIGKILL)
            self._output.ended(self.STOP_WITHIN)
        self._process.wait(self.STOP_WITHIN)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _signal(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            os.killpg(self._process.pid, number)

    def _failure(self, what: str) -> PeerFailed:
        return PeerFailed(f"{self.program} {what}; it said last:\n{self.output[-LOG_TAIL:]}")


class Kamailio(Peer):
    """Kamailio as registrar and proxy with digest over UDP and TCP; the password of user N is "pwN".

    It answers 489 to SUBSCRIBE. With `shared_lines` it is a line server too: `call-info` and `line-seize` by its `sca`
    module. With `pings` it sends OPTIONS to every phone each second. A call to the number of its `group` rings all
    members at once. `algorithm` is "MD5" or "SHA-256"; a `port` of 0
    means any that is free. With more than one of its `workers`, what it sends is no more in the order of what it
    received.
    """

    program = "kamailio"
    package = "kamailio"

    def __init__(
        self,
        host: str = "127.0.0.1",
        users: Iterable[str] = ("2001", "2002", "2003"),
        *,
        algorithm: str = "MD5",
        shared_lines: bool = False,
        port: int = 0,
        workers: int = 1,
        pings: bool = False,
        group: tuple[str, Iterable[str]] | None = None,
    ) -> None:
        self.pings = pings
        self.group = group
        self.host = host
        self.workers = workers
        self.port = port
        self.users = tuple(users)
        self.algorithm = algorithm
        self.shared_lines = shared_lines

    @property
    def realm(self) -> str:
        """The host part of its users' addresses and the realm of its challenges."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @staticmethod
    def password(user: str) -> str:
        return f"pw{user}"

    def command(self, program: str) -> list[str]:
        self.address = Address(self.host, self.port or free_port(self.host))
        tables = self.folder / "tables"
        shutil.copytree(shipped("fixtures") / "peers" / "kamailio-tables", tables)
        defines = {
            "REALM": self.realm,
            "USERS": f"^({'|'.join(map(re.escape, self.users))})$",
            "ALGORITHM": self.algorithm,
        }
        if self.pings:
            defines["WITH_PINGS"] = "1"
        if self.group:
            number, members = self.group
            defines |= {"WITH_GROUP": "1", "GROUP": number, "MEMBERS": ",".join(members)}
        if self.shared_lines:
            defines |= {"WITH_SCA": "1", "TABLES": f"text://{tables}", "CONTACT": f"sip:{self.address}"}
        config = shipped("fixtures") / "peers" / "kamailio.cfg"
        folder = str(self.folder)
        return [
            *(program, "-DD", "-E", "-f", str(config), "-Y", folder, "-w", folder, "-m", "64", "-M", "8"),
            *("-n", str(self.workers)),
            *("-l", f"udp:{self.address}", "-l", f"tcp:{self.address}"),
            *(part for name, value in defines.items() for part in ("-A", f'{name}="{value}"')),
        ]

    def ready(self) -> bool:
        return answers_options(self.address)

    def rpc(self, method: str, *parameters: object) -> object:
        """The result of one of Kamailio's own commands ("ul.lookup", "sca.release_appearance", …).

        Raises PeerFailed when Kamailio answers with an error.
        """
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        with closing(http.client.HTTPConnection(*self.address, timeout=5)) as connection:
            connection.request("POST", "/rpc", json.dumps(request), {"Content-Type": "application/json"})
            reply = json.loads(connection.getresponse().read())
        if "error" in reply:
            raise PeerFailed(f"kamailio refused {method}: {reply['error']['message']}")
        result: object = reply["result"]
        return result
