"""Real soft phones as processes: Baresip, Linphone and Twinkle, told what to do and asked what they saw.

They register, dial, answer, hold and resume over UDP. None of them knows shared lines or feature synchronisation.
"""

from __future__ import annotations

import json
import math
import socket
import struct
import time
import wave
from abc import abstractmethod
from itertools import count
from string import Template
from typing import TYPE_CHECKING, ClassVar

from sipconform.lab.real_peers import Peer, PeerFailed, free_port
from sipconform.shipped import shipped

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from sipconform.trace.packet import Address

LOOPBACK = "127.0.0.1"
HEARD_WITHIN = 2.0  # seconds a program may take to speak of what it was told to do


class RealPhone(Peer):
    """A soft phone with one account at a registrar on 127.0.0.1; `with` returns once it is registered."""

    templates: ClassVar[str]
    """The folder below `fixtures/peers` that holds its configuration."""

    SIGNS: ClassVar[Mapping[str, str]]
    """What the program says (a pattern) when a call is "incoming", "established", "held", "resumed", "ended"."""

    REFUSES_WITH: ClassVar[int] = 486
    """The status by which its user refuses a call that rings."""

    def __init__(self, user: str, password: str, registrar: Address, *, answer: str = "manual") -> None:
        self.user = user
        self.password = password
        self.registrar = registrar
        self.answer_mode = answer
        self._heard = 0

    @abstractmethod
    def tell(self, command: str, argument: str = "") -> None:
        """Hands the program one command in its own words."""

    @abstractmethod
    def dial(self, user: str) -> None:
        """Calls a user of the registrar. Does not wait for an answer: see `await_sign`."""

    def ignored(self, since: int) -> bool:
        """Whether its output after `since` characters tells that an order given then was dropped."""
        return False

    @abstractmethod
    def answer(self) -> None: ...

    @abstractmethod
    def hold(self) -> None: ...

    @abstractmethod
    def resume(self) -> None: ...

    @abstractmethod
    def hang_up(self) -> None: ...

    def reject(self) -> None:
        """Refuses the call that rings."""
        self.hang_up()

    def await_sign(self, sign: str, timeout: float = 5.0) -> re.Match[str]:
        """Waits until the program has said so, after the sign awaited before. Raises PeerFailed if it does not."""
        found = self._output.expect(self.SIGNS[sign], timeout, self._heard)
        if found is None:
            raise self._failure(f"did not say within {timeout:g} s that its call is {sign}")
        self._heard += found.end()
        return found

    def obey(self, order: Callable[[], None], *signs: str, timeout: float = 5.0) -> re.Match[str]:
        """Gives an order and waits until the program says one of the signs; again where it dropped the order without a
        word. Raises PeerFailed if none is said in time."""
        since, until = len(self.output), time.monotonic() + timeout
        order()
        while (found := self.says("|".join(signs), HEARD_WITHIN, since)) is None:
            if time.monotonic() > until:
                raise self._failure(f"did not say within {timeout:g} s that its call is {' or '.join(signs)}")
            if self.ignored(since):
                order()
        self._heard = since + found.end()
        return found

    def says(self, signs: str, timeout: float, since: int) -> re.Match[str] | None:
        """The first time it says one of the signs ("held|ended") after `since` characters of its output; None when it
        does not in time."""
        pattern = "|".join(f"(?:{self.SIGNS[sign]})" for sign in signs.split("|"))
        return self._output.expect(pattern, timeout, since)

    def settings(self) -> dict[str, object]:
        """What its templates ask for."""
        self.sip_port = free_port(LOOPBACK, width=9)
        self.control_port = self.sip_port + 8
        return {
            "host": LOOPBACK,
            "sip_port": self.sip_port,
            "rtp_port": self.sip_port + 2,
            "last_rtp_port": self.sip_port + 7,
            "control_port": self.control_port,
            "user": self.user,
            "password": self.password,
            "registrar": self.registrar,
            "folder": self.folder,
            "answer": self.answer_mode,
            "transport": "udp",
        }

    def fill_in(self, folder: Path) -> None:
        """Writes its configuration into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        settings = self.settings()
        for template in (shipped("fixtures") / "peers" / self.templates).iterdir():
            (folder / template.name).write_text(Template(template.read_text()).substitute(settings))


class ConsolePhone(RealPhone):
    """A phone that takes its commands, one a line, from its standard input."""

    def tell(self, command: str, argument: str = "") -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command} {argument}".strip().encode() + b"\n")
        self._process.stdin.flush()


class Linphone(ConsolePhone):
    """linphonec."""

    program = "linphonec"
    package = "linphone-cli"
    templates = "linphone"
    REFUSES_WITH = 603
    SIGNS: ClassVar = {
        "incoming": r"Receiving new incoming call from (\S+)",
        "established": r"Call \d+ with \S+ connected",
        "held": r"Call \d+ with \S+ is now paused",
        "resumed": r"(?s:Resuming call \d+.*Media streams established)",
        "ended": r"Call \d+ with \S+ (ended|error)",
    }

    def command(self, program: str) -> list[str]:
        for place in (".local/share/linphone", ".config/linphone"):
            (self.folder / place).mkdir(parents=True)
        self.fill_in(self.folder)
        automatic = ["-a"] if self.answer_mode == "auto" else []
        return [program, "-c", str(self.folder / "linphonerc"), *automatic]

    def ready(self) -> bool:
        if "linphonec>" not in self.output:
            return False
        asked = len(self.output)
        self.tell("status register")  # it does not speak of a registration of its own accord
        return self._output.expect(r"registered, identity=", 0.1, asked) is not None

    def dial(self, user: str) -> None:
        self.tell("soundcard use files")
        self.tell("call", f"sip:{user}@{LOOPBACK}")

    def answer(self) -> None:
        self.tell("answer")

    def hold(self) -> None:
        self.tell("pause")

    def resume(self) -> None:
        self.tell("resume")

    def hang_up(self) -> None:
        self.tell("terminate")


class Twinkle(ConsolePhone):
    """twinkle-console."""

    program = "twinkle-console"
    package = "twinkle-console"
    templates = "twinkle"
    STOP_WITHIN = 0.5  # it does not mind the polite signal
    SIGNS: ClassVar = {
        "incoming": r"incoming call",
        "established": r"far end answered call|call established",
        "held": r"re-INVITE successful",
        "resumed": r"re-INVITE successful",
        "ended": r"call (ended|failed|rejected)|far end (ended|cancelled) call|answer timeout",
    }

    def command(self, program: str) -> list[str]:
        self.fill_in(self.folder / ".twinkle")
        return [program, "phone.cfg"]

    def ready(self) -> bool:
        return self._output.expect("registration succeeded", 0.1) is not None

    def dial(self, user: str) -> None:
        self.tell("call", user)

    def ignored(self, since: int) -> bool:
        """It drops an order without a word where its line is not ready for it, as for an instant after each change.
        Given once more in vain it does no harm."""
        return "Line 1:" not in self.output[since:]

    def answer(self) -> None:
        self.tell("answer")

    def hold(self) -> None:
        self.tell("hold")

    def resume(self) -> None:
        self.tell("retrieve")

    def hang_up(self) -> None:
        self.tell("bye")

    def reject(self) -> None:
        self.tell("reject")


class Baresip(RealPhone):
    """Baresip, told what to do over its control socket (JSON in netstrings); it sends a tone and records."""

    program = "baresip"
    package = "baresip-core"
    templates = "baresip"
    SIGNS: ClassVar = {
        "incoming": r"Incoming call from",
        "established": r"Call established",
        "held": r"(?s:call: hold .*stream: update)",
        "resumed": r"(?s:call: resume .*stream: update)",
        "ended": r"session closed|terminate call|rejecting incoming call",  # one of them, once a call
    }

    def settings(self) -> dict[str, object]:
        """Its file of accounts has a quoted string for the password, and no way to write a quotation mark in one."""
        if set(self.password) & set('"\r\n'):
            raise PeerFailed(f"{self.program} cannot be told a password with a quotation mark or a line break in it")
        return super().settings()

    def command(self, program: str) -> list[str]:
        self._tokens = count(1)
        self.fill_in(self.folder)
        write_tone(self.folder / "tone.wav")
        return [program, "-f", str(self.folder)]

    def ready(self) -> bool:
        if self._output.expect(r"200 OK .*\[\d+ binding", 0.1) is None:
            return False
        control = socket.create_connection((LOOPBACK, self.control_port), timeout=3)
        self._control = self._resources.enter_context(control)
        return True

    def tell(self, command: str, argument: str = "") -> None:
        token = f"{command}-{next(self._tokens)}"
        message = json.dumps({"command": command, "params": argument, "token": token}).encode()
        self._control.sendall(b"%d:%s," % (len(message), message))
        heard = b""
        while token.encode() not in heard:  # events of its calls may come before the reply
            chunk = self._control.recv(65_535)
            if not chunk:
                raise self._failure(f"closed its control socket at {command}")
            heard += chunk

    def dial(self, user: str) -> None:
        self.tell("dial", user)

    def answer(self) -> None:
        self.tell("accept")

    def hold(self) -> None:
        self.tell("hold")

    def resume(self) -> None:
        self.tell("resume")

    def hang_up(self) -> None:
        self.tell("hangup")


def write_tone(path: Path, hertz: int = 440, seconds: int = 30) -> None:
    """Writes a sine as 8 kHz mono 16-bit WAV. Baresip hangs up when it has played it to the end."""
    rate = 8_000
    one_second = (round(8_000 * math.sin(math.tau * hertz * n / rate)) for n in range(rate))
    with wave.open(str(path), "wb") as tone:
        tone.setnchannels(1)
        tone.setsampwidth(2)
        tone.setframerate(rate)
        tone.writeframes(struct.pack(f"<{rate}h", *one_second) * seconds)
