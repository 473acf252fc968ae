"""`sipconform slice CAPTURE`: one call, one subscription or one part of a capture as a capture of its own."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from sipconform.commands import Parser, complain
from sipconform.commands.reading import READERS, add_reading
from sipconform.report.legible import legible
from sipconform.slicing import call_ids_of_parts, cut_out
from sipconform.trace.capture_writer import CaptureWriter
from sipconform.trace.errors import CaptureError
from sipconform.trace.packet import Note, Observation, Packet

NOT_CUT = 2


def main(arguments: Sequence[str]) -> int:
    parser = Parser("slice", "Cut one Call-ID or one part out of a capture; without either, list what there is.")
    parser.add_argument("capture", type=Path)
    parser.add_argument("--call-id", action="append", default=[], help="this Call-ID (repeatable)")
    parser.add_argument("--part", type=int, help="the part of this number: what hangs together by Call-ID or user")
    parser.add_argument(
        "--out", type=Path, default=Path("slice.pcapng"), help="file to write (default slice.pcapng); never overwritten"
    )
    add_reading(parser)
    given = parser.parse_args(arguments)
    try:
        read = list(READERS[given.dissector](given.capture, keylog=given.keylog))
        evidence = [item for item in read if isinstance(item, Packet | Observation)]
        notes = [item.text for item in read if isinstance(item, Note)]
        parts = call_ids_of_parts(evidence)
        if not parts:
            raise LookupError(" ".join([f"{given.capture} holds no SIP message.", *notes]))
        if given.part is None and not given.call_id:
            _list(parts)
        else:
            _cut(evidence, _wanted(given, parts), given)
    except (CaptureError, LookupError) as error:
        return complain(str(error), NOT_CUT)
    except FileExistsError:
        return complain(f"{given.out} is there already: name another file with --out")
    except OSError as error:
        return complain(f"{given.out} cannot be written: {error.strerror}", NOT_CUT)
    for text in notes:
        print(f"note: {text}")
    return 0


def _wanted(given: argparse.Namespace, parts: list[list[str]]) -> set[str]:
    wanted = set(given.call_id)
    if given.part is not None:
        if not 1 <= given.part <= len(parts):
            most = f"its parts are 1 to {len(parts)}" if len(parts) > 1 else "all of it hangs together as part 1"
            raise LookupError(f"there is no part {given.part} in {given.capture}; {most}")
        wanted |= set(parts[given.part - 1])
    return wanted


def _cut(evidence: Sequence[Packet | Observation], wanted: set[str], given: argparse.Namespace) -> None:
    cut = list(cut_out(evidence, wanted))
    messages = sum(isinstance(item, Packet) for item in cut)
    if not messages:
        raise LookupError(f"no message has this Call-ID; `sipconform slice {given.capture}` lists all")
    if given.out.exists():
        raise FileExistsError
    with CaptureWriter(given.out, comment=f"cut out of {given.capture.name} by sipconform") as writer:
        for item in cut:
            writer.write(item)
    print(f"{given.out}: {messages} messages")


def _list(parts: list[list[str]]) -> None:
    for number, part in enumerate(parts, 1):
        print(f"part {number}")
        for call_id in part:
            print(f"  {legible(call_id) or '(no Call-ID)'}")
