"""`sipconform replay CAPTURE --as phone --to ADDRESS`: plays one side of a capture against a live peer."""

from __future__ import annotations

import argparse
import asyncio
import ssl
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sipconform.checks.catalogue import Level
from sipconform.commands import Parser, complain
from sipconform.commands.reading import READERS, add_reading
from sipconform.commands.standalone import address_argument
from sipconform.comparing import load_trace
from sipconform.lab.actor import CouldNotRunError, NotSupportedError
from sipconform.lab.drivers.control import ControlledDriver
from sipconform.net.certificates import Authority, lenient_client_context
from sipconform.net.sockets import SocketNetwork
from sipconform.replay.run import Outcome, replay
from sipconform.replay.script import Cue, NotPlayable
from sipconform.replay.settings import PATIENCE_S, Settings
from sipconform.report.compared import Chapter, write_comparison
from sipconform.report.legible import legible
from sipconform.trace.errors import CaptureError
from sipconform.trace.trace import Trace

CLEAN, DIFFERENT, NOT_PLAYED = 0, 1, 2
ROOT = "root.pem"


def main(arguments: Sequence[str]) -> int:
    parser = Parser("replay", "Play one side of a capture against a live peer, and compare.")
    parser.add_argument("capture", nargs="+", type=Path, help="a capture, or several of one session")
    parser.add_argument("--as", dest="side", choices=["phone", "server"], required=True, help="the side we play")
    parser.add_argument("--to", type=address_argument, required=True, metavar="IP:PORT", help="the live peer")
    parser.add_argument("--account", action="append", default=[], metavar="USER[=NEWUSER]:PASSWORD", type=_account)
    parser.add_argument("--domain", default="", help="of the live peer (default: its address)")
    parser.add_argument("--listen", type=address_argument, default=address_argument("127.0.0.1:0"), metavar="IP:PORT")
    parser.add_argument("--live", type=address_argument, metavar="IP:PORT", help="the recorded party it stands for")
    parser.add_argument("--control", type=address_argument, metavar="IP:PORT", help="where the peer's driver listens")
    parser.add_argument("--transport", choices=["udp", "tcp", "tls"], default="udp")
    parser.add_argument(
        "--trust", type=Path, metavar="PEM", help="TLS: the root of the peer's certificate (default: any)"
    )
    parser.add_argument("--pace", type=_pace, default="fast", help="recorded, fast (default), or seconds")
    parser.add_argument("--patience", type=_patience, default=PATIENCE_S, help="seconds to wait for what must come")
    add_reading(parser)
    parser.add_argument("--out", type=Path, help="folder (default reports/<date and time>-replay)")
    given = parser.parse_args(arguments)
    folder = given.out or Path("reports") / f"{datetime.now().astimezone():%Y-%m-%d-%H%M%S}-replay"
    try:
        recording = load_trace(*given.capture, keylog=given.keylog, read=READERS[given.dissector])
        folder.mkdir(parents=True, exist_ok=True)
        settings = Settings(
            given.to, given.transport, given.listen, given.pace, dict(given.account), given.domain, given.patience,
            contexts=_contexts(given, folder) if given.transport == "tls" else {},
        )  # fmt: skip
        target = folder / "replay.pcapng"
        outcome = asyncio.run(_replay(given, recording, settings, target))
        names = ", ".join(map(str, given.capture))
        chapter = Chapter(given.capture[0].stem, str(target), names, outcome.comparison)
        page = write_comparison(folder, [chapter])
    except (CaptureError, CouldNotRunError, NotPlayable, RuntimeError) as error:
        return complain(str(error), NOT_PLAYED)
    except OSError as error:
        return complain(f"could not be played: {error.strerror or error}", NOT_PLAYED)
    for name in outcome.left_out:
        print(f"left out: what begins with {legible(name)}, for its beginning is not in the recording")
    print(f"{outcome.taken} of {outcome.steps} steps taken; {len(outcome.comparison.differences)} differences")
    print(f"capture: {target}\nreport: {page}")
    if outcome.why:
        return complain(f"stopped: {outcome.why}", DIFFERENT)
    return DIFFERENT if outcome.comparison.at(Level.MUST, Level.SHOULD) else CLEAN


def _contexts(given: argparse.Namespace, folder: Path) -> dict[str, ssl.SSLContext]:
    """For TLS both ways; a phone that calls us may trust the root that is written into the folder."""
    authority = Authority()
    (folder / ROOT).write_bytes(authority.root_pem)
    return {
        "server_context": authority.server_context(given.listen.host),
        "client_context": lenient_client_context(given.trust),
    }


async def _replay(given: argparse.Namespace, recording: Trace, settings: Settings, target: Path) -> Outcome:
    driver = await ControlledDriver.connect(given.control) if given.control else None

    async def drive(cue: Cue) -> None:
        assert driver is not None
        try:
            await driver.do(cue.verb, **cue.arguments)
        except (NotSupportedError, CouldNotRunError) as error:
            complain(f"the peer's driver: {cue.verb}: {error}")

    try:
        return await replay(
            recording, given.side, settings, SocketNetwork, target, live=given.live, drive=drive if driver else None
        )
    finally:
        if driver is not None:
            await driver.close()


def _account(text: str) -> tuple[str, tuple[str, str]]:
    names, colon, password = text.partition(":")
    recorded, _, new = names.partition("=")
    if not colon or not recorded:
        raise argparse.ArgumentTypeError("an account is USER:PASSWORD, or RECORDED=USER:PASSWORD")
    return recorded, (new or recorded, password)


def _pace(text: str) -> str | float:
    return text if text in ("recorded", "fast") else _seconds(text, "a pace is recorded, fast, or seconds")


def _patience(text: str) -> float:
    return _seconds(text, "patience is seconds, at most an hour")


def _seconds(text: str, wanted: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:  # and what is no number neither
        raise argparse.ArgumentTypeError(wanted)
    return seconds
