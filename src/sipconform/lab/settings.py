"""The lab file: addresses, accounts, who is under test and how each device is driven. TOML, every key checked.

A lab file knows nothing of dialects (that is the profile's business) and may be replaced, for the common cases,
by a few options on the command line.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from sipconform.lab.addresses import split_address
from sipconform.lab.allowed import with_choices
from sipconform.sip.timers import Timers

Kind = Literal["own", "remote"]
PhoneKind = Literal["own", "remote", "baresip", "linphone", "twinkle"]
BY_HAND = "operator"  # the value of `control` that means: ask the person at the terminal
Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]


class LabError(ValueError):
    """A lab file that cannot be used: which file, which key, and why."""

    def __init__(self, file: str, key: str, why: str) -> None:
        super().__init__(f"{file}: {key}: {why}" if key else f"{file}: {why}")


class _Table(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    pass


class ServerSettings(_Table):
    """The server: a remote one at `address`, or ours, listening there (any free port of our own without one).

    `control`: where the driver of a remote one listens, "operator" for a person at the terminal, "" for nobody.
    """

    kind: Kind = "own"
    address: str = ""  # "192.0.2.10:5060"
    control: str = ""
    algorithms: tuple[str, ...] = ("SHA-256", "MD5")  # what our own server offers


class PhoneSettings(_Table):
    """One phone: ours, a remote one driven over `control` ("operator": by a person at the terminal), or a program
    of this host, started by its name for each scenario. Without a `user` it signs in as its name in the story does."""

    kind: PhoneKind = "own"
    user: str = ""
    password: str = ""
    auth_user: str = ""
    address: str = ""
    control: str = ""


class Weather(_Table):
    """What the simulated network does to datagrams; see `net.simulated`."""

    loss: Probability = 0.0
    duplicate: Probability = 0.0
    reorder: Probability = 0.0
    delay: tuple[float, float] = (0.001, 0.001)

    @property
    def lag(self) -> float:
        """Seconds by which loss may delay what a display shows: two transactions one after the other, each repeated
        until it would be given up (64*T1, RFC 3261 §17.1.2.2)."""
        return 2 * Timers().give_up if self.loss else 0.0


class LabSettings(_Table):
    """Everything a lab is built from. `phones` by the name a scenario uses."""

    profile: str = ""  # "": what the scenario was written for
    under_test: Literal["both", "server", "phone", "none"] = "both"
    network: Literal["sockets", "simulated"] = "sockets"
    transport: Literal["udp", "tcp", "tls"] = "udp"
    ip: Literal[4, 6] = 4
    local: str = ""  # our own address; default: the loopback address, or what the route to the server says
    domain: str = ""  # default: the server's host
    seed: int = 1
    one_host: bool = False  # simulated phones share an address and differ by port, as behind one NAT
    mtu: int = 0  # octets a link carries in one piece; 0: loopback's, which never cuts
    weather: Weather = msgspec.field(default_factory=Weather)
    server: ServerSettings = msgspec.field(default_factory=ServerSettings)
    phones: dict[str, PhoneSettings] = {}

    @property
    def by_hand(self) -> bool:
        """Whether a person has to do something."""
        return BY_HAND in (self.server.control, *(phone.control for phone in self.phones.values()))

    @property
    def phones_under_test(self) -> list[str]:
        """The names of the real phones that are under test; none where only our own are."""
        real = [name for name, phone in self.phones.items() if phone.kind != "own"]
        return real if self.under_test in ("both", "phone") else []


def unusable(settings: LabSettings) -> Iterator[str]:
    """What types cannot say: an address that is none, a device without one, a key that nothing would come of."""
    server = settings.server
    if server.kind == "remote" and not server.address:
        yield "server.address: a remote server needs one"
    if server.kind == "own" and server.control:
        yield "server.control: our own server needs no driver; a remote one is told by kind = 'remote'"
    yield from _no_address("server.address", server.address, 5060)
    yield from _no_address("server.control", server.control)
    for name, phone in settings.phones.items():
        if phone.kind != "remote" and (phone.control or phone.address):
            key = "control" if phone.control else "address"
            yield f"phones.{name}.{key}: only a phone of kind = 'remote' has one"
        yield from _no_address(f"phones.{name}.address", phone.address)
        yield from _no_address(f"phones.{name}.control", phone.control)
    if settings.network == "simulated":
        drivers = [server.control, *(phone.control for phone in settings.phones.values())]
        for driver in filter(None, drivers):  # its clock waits for nobody
            yield f"the simulated network has no place for what {driver} drives"
    elif settings.weather != Weather():
        yield "weather: only the simulated network has any"


def _no_address(key: str, text: str, default_port: int = 0) -> Iterator[str]:
    if text and text != BY_HAND:
        try:
            split_address(text, default_port)
        except ValueError as error:
            yield f"{key}: {error}"


def load_lab(path: Path) -> LabSettings:
    """Reads a lab file; raises LabError naming the file and the key, and the line for broken syntax."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise LabError(str(path), "", f"cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LabError(str(path), "", f"is not TOML: {error}") from error
    try:
        return msgspec.convert(data, LabSettings)
    except msgspec.ValidationError as error:
        why, _, where = str(error).partition(" - at `$")
        key = _whole(where.strip("`."), data)
        raise LabError(str(path), key, with_choices(why, LabSettings, key)) from error


def _whole(where: str, data: dict[str, Any]) -> str:
    """The key, the phone's name in it too, which msgspec keeps to itself."""
    if not where.startswith("phones[...]"):
        return where
    return where.replace("[...]", f".{next(filter(None, map(_unusable, data['phones'].items())), '')}")


def _unusable(phone: tuple[str, Any]) -> str:
    """The phone's name if its table cannot be used."""
    try:
        msgspec.convert(phone[1], PhoneSettings)
    except msgspec.ValidationError:
        return phone[0]
    return ""
