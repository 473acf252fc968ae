"""Real programs, started, talked to over real sockets, and ended."""

import hashlib
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest

from sipconform.lab.real_peers import (
    Kamailio,
    Output,
    Peer,
    PeerFailed,
    PeerMissing,
    answers_options,
    free_port,
)
from sipconform.trace.packet import Address
from tests.support import require_program

HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


class Line:
    """One client socket: sends requests of one user, answers a challenge, by nobody's code but its own."""

    def __init__(self, server: Address, transport: str, user: str, domain: str) -> None:
        self.server, self.transport, self.user, self.domain = server, transport, user, domain
        family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
        kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
        self.socket = socket.socket(family, kind)
        self.socket.settimeout(3)
        self.socket.connect(server)
        self.here = Address(*self.socket.getsockname()[:2])
        self.numbers = count(1)

    def ask(self, method: str, *headers: str) -> str:
        number = next(self.numbers)
        target = f"sip:{self.domain}:{self.server.port}"
        name = f"<sip:{self.user}@{self.domain}>"
        lines = [
            f"{method} {target} SIP/2.0",
            f"Via: SIP/2.0/{self.transport.upper()} {self.here};branch=z9hG4bK{id(self)}-{number}",
            *("Max-Forwards: 70", f"From: {name};tag={id(self)}", f"To: {name}", f"Call-ID: {id(self)}@here"),
            f"CSeq: {number} {method}",
            f"Contact: <sip:{self.user}@{self.here};transport={self.transport}>",
            *headers,
            "Content-Length: 0",
        ]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return self.socket.recv(65_535).decode()

    def ask_with_password(self, password: str, method: str, *headers: str) -> str:
        challenge = self.ask(method, *headers)
        assert re.match(r"SIP/2\.0 40[17] ", challenge), challenge
        return self.ask(method, *headers, self.credentials(challenge, password, method))

    def credentials(self, challenge: str, password: str, method: str) -> str:
        kind, given = re.findall(r"^(WWW|Proxy)-Authenticate: Digest (.*?)\r$", challenge, re.M)[0]
        realm, nonce = (re.findall(rf'{name}="([^"]*)"', given)[0] for name in ("realm", "nonce"))
        algorithm = "SHA-256" if "SHA-256" in given else "MD5"
        uri = f"sip:{self.domain}:{self.server.port}"

        def digest(*parts: str) -> str:
            return HASHES[algorithm](":".join(parts).encode()).hexdigest()

        response = digest(digest(self.user, realm, password), nonce, "00000001", "c0ffee", "auth", digest(method, uri))
        header = {"WWW": "Authorization", "Proxy": "Proxy-Authorization"}[kind]
        return (
            f'{header}: Digest username="{self.user}", '
            f'realm="{realm}", nonce="{nonce}", uri="{uri}", response="{response}", algorithm={algorithm}, '
            'qop=auth, nc=00000001, cnonce="c0ffee"'
        )


@contextmanager
def line(kamailio: Kamailio, user: str, transport: str = "udp") -> Iterator[Line]:
    end = Line(kamailio.address, transport, user, kamailio.realm)
    with end.socket:
        yield end


@pytest.fixture(scope="module")
def kamailio() -> Iterator[Kamailio]:
    require_program("kamailio")
    with Kamailio() as running:
        yield running


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_kamailio_registers_a_user_who_knows_the_password(kamailio: Kamailio, transport: str) -> None:
    with line(kamailio, "2001", transport) as phone:
        reply = phone.ask_with_password(kamailio.password("2001"), "REGISTER", "Expires: 60")
        assert reply.startswith("SIP/2.0 200 ")
        assert str(phone.here) in str(kamailio.rpc("ul.lookup", "location", "2001"))


@pytest.mark.parametrize(("user", "password"), [("2001", "wrong"), ("9999", "pw9999")])
def test_kamailio_challenges_again_whom_it_does_not_believe(kamailio: Kamailio, user: str, password: str) -> None:
    with line(kamailio, user) as phone:
        assert phone.ask_with_password(password, "REGISTER").startswith("SIP/2.0 401 ")


def test_kamailio_does_not_know_the_feature_event_package(kamailio: Kamailio) -> None:
    with line(kamailio, "2002") as phone:
        reply = phone.ask_with_password(
            kamailio.password("2002"), "SUBSCRIBE", "Event: as-feature-event", "Expires: 60"
        )
        assert reply.startswith("SIP/2.0 489 ")


def test_kamailio_speaks_sha_256_and_ipv6() -> None:
    require_program("kamailio")
    with Kamailio("::1", ["2001"], algorithm="SHA-256") as kamailio, line(kamailio, "2001") as phone:
        challenge = phone.ask("REGISTER")
        assert "algorithm=SHA-256" in challenge
        assert phone.ask_with_password("pw2001", "REGISTER").startswith("SIP/2.0 200 ")


def test_kamailio_serves_shared_lines() -> None:
    require_program("kamailio")
    with Kamailio(users=["200"], shared_lines=True) as kamailio, line(kamailio, "200") as phone:
        reply = phone.ask_with_password("pw200", "SUBSCRIBE", "Event: call-info", "Expires: 60")
        assert reply.startswith("SIP/2.0 202 ")
        notify = phone.socket.recv(65_535).decode()
        assert notify.startswith("NOTIFY ")
        assert "appearance-index=*;appearance-state=idle" in notify


def test_a_command_kamailio_refuses_is_an_error(kamailio: Kamailio) -> None:
    with pytest.raises(PeerFailed, match=r"refused no\.such\.command"):
        kamailio.rpc("no.such.command")


def test_a_peer_is_gone_after_its_block() -> None:
    require_program("kamailio")
    with Kamailio() as kamailio:
        folder = kamailio.folder
        assert answers_options(kamailio.address)
    assert not folder.exists()
    assert not answers_options(kamailio.address)
    assert "signal 15 received" in kamailio.output


class Stranger(Peer):
    """A peer made of one shell command."""

    program = "sh"
    package = "dash"
    script = "cat"

    def command(self, program: str) -> list[str]:
        return [program, "-c", self.script]

    def ready(self) -> bool:
        return "ready" in self.output


def test_a_missing_program_names_its_package() -> None:
    class Absent(Stranger):
        program = "no-such-program"
        package = "no-such-package"

    with pytest.raises(PeerMissing, match="apt-get install no-such-package"), Absent():
        pytest.fail("it started")


def test_a_program_that_ends_at_once_is_quoted() -> None:
    class Broken(Stranger):
        script = "echo bad configuration; exit 7"

    with pytest.raises(PeerFailed, match=r"(?s)status 7.*bad configuration"), Broken():
        pytest.fail("it started")


def test_a_program_that_never_becomes_ready_is_ended() -> None:
    class Slow(Stranger):
        START_WITHIN = 0.1

    slow = Slow()
    with pytest.raises(PeerFailed, match=r"not ready within 0\.1 s"), slow:
        pytest.fail("it started")
    assert not slow.folder.exists()


def test_a_program_that_ignores_the_polite_signal_is_killed() -> None:
    class Stubborn(Stranger):
        STOP_WITHIN = 0.2
        script = "trap '' TERM; echo ready; while :; do read line || read line </dev/zero; done"

    with Stubborn() as stubborn:
        process = stubborn._process
    assert process.returncode == -9


def test_a_free_port_can_be_bound_and_is_given_once() -> None:
    first, second = free_port(width=3), free_port()
    assert abs(first - second) >= 3
    for port in range(first, first + 3):
        with socket.create_server(("127.0.0.1", port)):
            pass


class EchoPeer(Stranger):
    script = "echo ready; exec cat"

    def say(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode() + b"\n")
        self._process.stdin.flush()


def test_output_can_be_awaited() -> None:
    with EchoPeer() as echo:
        assert isinstance(echo._output, Output)
        echo.say("one two")
        found = echo._output.expect(r"t\w+", timeout=3)
        assert found is not None
        assert found[0] == "two"
        assert echo._output.expect("never", timeout=0.05) is None
