"""A recording as lines of Python that may be edited, and a scenario that plays them in a laboratory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sipconform.agents.server.server import Server
from sipconform.checks.told import places, profile_of
from sipconform.lab.drivers.own import OwnServer
from sipconform.lab.profile import Profile
from sipconform.lab.shared_line import add_shared_line
from sipconform.lab.stage import Stage
from sipconform.replay.player import Player
from sipconform.replay.script import (
    Cue,
    NotPlayable,
    Step,
    called_unregistered,
    from_user,
    other_side,
    parties_of,
    read_cues,
    read_script,
    user_name,
)
from sipconform.replay.settings import Diverged, Settings
from sipconform.sip.message import Message
from sipconform.trace.correlate import correlate
from sipconform.trace.packet import Address, Observation, Packet, address_of
from sipconform.trace.trace import Trace

SECOND = 1_000_000_000
MADE_ANEW = "made anew"
_CREDENTIALS = frozenset({"Authorization", "Proxy-Authorization"})


@dataclass(frozen=True, slots=True)
class Line:
    """One message: seconds since the first, from whom to whom ("IP:PORT" as recorded), and its text, lines ended by
    a line feed. Content-Length, Via, tags, Call-ID, CSeq and credentials are made anew when it is played."""

    at: float
    source: str
    destination: str
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """What the server's driver is told to do at this place, where it can be driven."""

    at: float
    verb: str
    arguments: dict[str, object] = field(default_factory=dict)


async def play_lines(
    stage: Stage, lines: Sequence[Line | Told], passwords: dict[str, str] | None = None, server: str = ""
) -> None:
    """Plays the phones of these lines against the laboratory's server, which takes the part of the one at `server`
    ("IP:PORT" as recorded; by default who acts as one); raises AssertionError where it diverges.

    Our own server gets the users and the shared lines it does not know; those of a real one need their `passwords`.
    """
    lab = stage.lab
    trace = to_trace(lines)
    try:
        steps = read_script(trace, "phone", _address(server) if server else None)
    except NotPlayable as error:
        raise AssertionError(str(error)) from error
    driver = lab.server().driver
    accounts = {user: (user, (passwords or {}).get(user, f"pw{user}")) for user in _users(trace, steps)}
    if isinstance(driver, OwnServer):
        _teach(driver.server, trace, lab.profile, accounts)
    local = Address("10.0.8.1" if lab.simulated else lab.server_address.host, 0)
    seed = lab.settings.seed if lab.simulated else None
    settings = Settings(lab.server_address, lab.settings.transport, local, "recorded", accounts, lab.domain, seed=seed)
    player = Player(steps, lab.network, settings)
    player.cues = read_cues(trace, "phone", steps)

    async def drive(cue: Cue) -> None:
        await lab.server().do(cue.verb, **cue.arguments)

    def announce(call_id: str, branch: str | None) -> None:  # who wrote the lines answers for them, not a device
        lab.observe("replay", "stimulus", {"call_id": call_id, "branch": branch})

    player.drive, player.parties.announce = drive, announce
    try:
        await player.open()
        phones = [str(player.parties.rewriting.addresses[party]) for party in parties_of(steps)]
        lab.observe("lab", "lab", {"phones": phones, "ours": phones})
        await player.parties.register()
        await player.play()
    except Diverged as divergence:
        raise AssertionError(str(divergence)) from divergence
    finally:
        player.answer_the_rest()
        await player.hang_up()
        player.close()


def _teach(server: Server, trace: Trace, profile: Profile, accounts: dict[str, tuple[str, str]]) -> None:
    """Makes the users known to our own server, and the lines that are asked for."""
    for user, (_, password) in accounts.items():
        if user not in server.directory.users:
            server.directory.add(user, password)
    for subscription in (*trace.subscriptions_to("call-info"), *trace.subscriptions_to("line-seize")):
        user = subscription.resource.partition(":")[2].partition("@")[0]
        if user in accounts and server.lines.line_of(user) is None:
            add_shared_line(server, profile, user, [user])


def to_trace(lines: Iterable[Line | Told]) -> Trace:
    """The lines as the evidence they were made from."""
    return correlate(_item(number, line) for number, line in enumerate(lines, 1))


def _item(number: int, line: Line | Told) -> Packet | Observation:
    time_ns = SECOND + round(line.at * SECOND)
    if isinstance(line, Told):
        return Observation(time_ns, "server", "intent", {"do": line.verb, **line.arguments}, (number,))
    octets = line.text.replace("\n", "\r\n").encode("utf-8", "surrogateescape")
    return Packet(time_ns, _address(line.source), _address(line.destination), "udp", octets, (number,))


def _address(text: str) -> Address:
    address = address_of(text)
    assert address is not None, f"{text!r} is no address: IP:PORT is wanted"
    return address


def _users(trace: Trace, steps: list[Step]) -> set[str]:
    """Users that ask something, or are called as themselves."""
    asked = [m for m in trace.messages if m.is_request and m.method != "NOTIFY"]
    asking = {user for message in asked for user in (from_user(message), user_name(message)) if user}
    return asking | {user for _, user in called_unregistered(steps)}


# -- writing ------------------------------------------------------------------------------------------------


def write_scenario(trace: Trace, name: str, origin: Path, profile: str = "") -> str:
    """The Python source of a scenario that plays the phones of a recording. `profile`: the dialect it speaks, by
    default the one it says it was made with. Raises NotPlayable."""
    server = _server(trace)
    read_script(trace, "phone", server)
    lines = "\n".join(_written(trace, server))
    spoken = profile or profile_of(trace)
    mark = f'@pytest.mark.profile("{_plain(spoken)}")\n' if spoken else ""
    import_ = "\nimport pytest\n\n" if mark else "\n"
    return f'''"""Made from {_plain(origin.name)} by `sipconform scenario`: edit it as you like.

Each line is one message. Those that phones send are sent, those that the server sends are waited for: a request of
the same method, an answer of the same class. Run it with `sipconform run {name}.py`.
"""
{import_}from sipconform.lab.actors import Server
from sipconform.lab.stage import Stage
from sipconform.replay.lines import Line, Told, play_lines

SERVER = "{server}"  # whose part the laboratory's server takes
PASSWORDS: dict[str, str] = {{}}  # of the users on a real server; on our own it is "pw" and the user

LINES = [
{lines}
]


{mark}async def {name}(lab: Stage, server: Server) -> None:
    """The phones do what they did in the recording, and the server answers as it did there."""
    await play_lines(lab, LINES, PASSWORDS, SERVER)
'''


def _server(trace: Trace) -> Address:
    """The recorded server: who the lab says it was, else who acts as one. Raises NotPlayable."""
    server = address_of(places(trace).get("server", ""))
    if server is None:
        return other_side(trace, "phone")
    if not any(server == trace.party(message.source) for message in trace.messages):
        raise NotPlayable("the server says nothing in the recording, so there is nothing to play against it")
    return server


def _written(trace: Trace, server: Address) -> Iterator[str]:
    start = trace.messages[0].packet.time_ns if trace.messages else 0
    items: list[tuple[tuple[int, ...], int, str]] = []
    for message in trace.messages:
        parties = trace.party(message.source), trace.party(message.destination)
        if message.repeats is None and (message.is_request or message.is_response) and server in parties:
            ends = f'"{parties[0]}", "{parties[1]}"'
            at = (message.packet.time_ns - start) / SECOND
            items.append((message.packet.frames, 1, f"    Line({at:.3f}, {ends}, {_text(message)}),"))
    for seen in trace.observations:
        if seen.kind == "intent" and seen.who == "server":
            arguments = {key: value for key, value in seen.what.items() if key != "do"}
            at = max(0, seen.time_ns - start) / SECOND
            items.append((seen.frames, 0, f"    Told({at:.3f}, {str(seen.what.get('do'))!r}, {arguments!r}),"))
    yield from (text for _, _, text in sorted(items))


def _text(message: Message) -> str:
    """The message as a Python string, a block of text where that is possible; without what is secret."""
    rows = [message.start_line.decode("utf-8", "surrogateescape")]
    for row in message.fields:
        value = _made_anew(message) if row.name in _CREDENTIALS else row.value
        rows.append(f"{row.raw_name.decode('latin-1').strip()}: {value}")
    body = message.body.decode("utf-8", "surrogateescape").replace("\r\n", "\n")
    text = "\n".join([*rows, "", body])
    block = text.isprintable() or all(c.isprintable() or c == "\n" for c in text)
    if not block or '"""' in text or "\\" in text or text.endswith('"') or "\udc00" <= max(text) <= "\udfff":
        return repr(text)
    return f'"""{text}"""' if not text.startswith('"') else repr(text)


def _made_anew(message: Message) -> str:
    """Whose credentials they are is no secret, and who shares a line has another name there than in From."""
    name = user_name(message)
    return f'Digest username="{name}", {MADE_ANEW}' if name else MADE_ANEW


def _plain(text: str) -> str:
    return "".join(c for c in text if c.isalnum() or c in "-_.+")
