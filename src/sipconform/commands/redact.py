"""`sipconform redact CAPTURE`: the capture with stand-ins for secrets, names, numbers and public addresses."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Sequence
from heapq import merge
from pathlib import Path

from sipconform.commands import Parser, complain
from sipconform.commands.reading import READERS, add_reading, bare_name
from sipconform.redacting import Redactor
from sipconform.sip.message import Message
from sipconform.trace.capture import read_datagrams
from sipconform.trace.capture_writer import CaptureWriter
from sipconform.trace.errors import CaptureError
from sipconform.trace.packet import Note, Observation, Packet
from sipconform.voices import Streams, Voices, announced_in

NOT_REDACTED = 2
Evidence = Packet | Observation | Note


def main(arguments: Sequence[str]) -> int:
    parser = Parser("redact", "Write a capture again, with stand-ins for what is not to be shared.")
    parser.add_argument("capture", type=Path)
    parser.add_argument(
        "--out", type=Path, help="file to write (default CAPTURE-redacted.pcapng beside it); never overwritten"
    )
    parser.add_argument("--key", default="", help="a secret word: the same one, the same stand-ins")
    add_reading(parser)  # what the secrets open is written in the clear
    given = parser.parse_args(arguments)
    target = given.out or given.capture.with_name(f"{bare_name(given.capture)}-redacted.pcapng")
    if target.exists():
        return complain(f"{target} is there already: name another file with --out")
    try:
        evidence = list(READERS[given.dissector](given.capture, keylog=given.keylog))
        if not any(isinstance(item, Packet) for item in evidence):
            return complain(f"{given.capture} holds no SIP message{_why(evidence)}; nothing was written", NOT_REDACTED)
        counts = _write(given.capture, target, evidence, given.key.encode() or secrets.token_bytes(32))
    except CaptureError as error:
        return complain(str(error), NOT_REDACTED)
    except OSError as error:
        return complain(f"{target} cannot be written: {error.strerror}", NOT_REDACTED)
    told = f"{counts['sip']} messages and observations, {counts['audio']} packets of audio"
    print(f"{target}: {told}; look it over before you share it")
    if counts["left out"]:
        print(f"  left out: {counts['left out']} datagrams that are neither SIP nor audio")
    for note in _notes(evidence):
        print(f"  left out: {note.text}")
    return 0


def _write(capture: Path, target: Path, evidence: Sequence[Evidence], key: bytes) -> Counter[str]:
    """Writes what is to be shared, in the order of time, and counts it."""
    redactor, voices, counts = Redactor(key), Voices(key), Counter[str]()
    announced = announced_in(Message(item.payload) for item in evidence if isinstance(item, Packet))
    streams = Streams(announced, read_datagrams(capture))
    said = ((item.time_ns, False, item) for item in redactor.redact(evidence))
    heard = ((packet.time_ns, True, packet) for packet in read_datagrams(capture))
    with CaptureWriter(target, comment="redacted by sipconform") as writer:
        for _, is_media, item in merge(said, heard, key=lambda each: each[0]):
            if not is_media:
                writer.write(item)
                counts["sip"] += 1
            elif isinstance(item, Packet) and streams.hold(item) and (audio := voices.stand_in(item.payload)):
                ends = redactor.address(item.source), redactor.address(item.destination)
                writer.write_media(item._replace(source=ends[0], destination=ends[1], payload=audio))
                counts["audio"] += 1
            else:
                counts["left out"] += 1
    return counts


def _notes(evidence: Iterable[Evidence]) -> list[Note]:
    return [item for item in evidence if isinstance(item, Note)]


def _why(evidence: Iterable[Evidence]) -> str:
    notes = _notes(evidence)
    return f" ({notes[0].text.rstrip('.')})" if notes else ""
