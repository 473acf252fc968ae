"""`sipconform redact CAPTURE`: the capture with stand-ins for secrets, names, numbers and public addresses."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path

from sipconform.commands import Parser, complain
from sipconform.redacting import Redactor
from sipconform.trace.capture import read_capture
from sipconform.trace.capture_writer import CaptureWriter
from sipconform.trace.errors import CaptureError
from sipconform.trace.packet import Note

NOT_REDACTED = 2


def main(arguments: Sequence[str]) -> int:
    parser = Parser("redact", "Write a capture again, with stand-ins for what is not to be shared.")
    parser.add_argument("capture", type=Path)
    parser.add_argument("--out", type=Path, help="file to write (default CAPTURE-redacted.pcapng beside it)")
    parser.add_argument("--key", default="", help="a secret word: the same one, the same stand-ins")
    parser.add_argument("--keylog", type=Path, help="TLS key log file; what it opens is written in the clear")
    given = parser.parse_args(arguments)
    target = given.out or given.capture.with_name(f"{given.capture.name.partition('.')[0]}-redacted.pcapng")
    if target.exists() and target.samefile(given.capture):
        return complain(f"{target} is the capture itself: name another file")
    redactor = Redactor(given.key.encode() or secrets.token_bytes(32))
    notes: list[Note] = []
    written = 0
    try:
        evidence = list(read_capture(given.capture, keylog=given.keylog))
        notes = [item for item in evidence if isinstance(item, Note)]
        with CaptureWriter(target, comment="redacted by sipconform") as writer:
            for item in redactor.redact(evidence):
                writer.write(item)
                written += 1
    except CaptureError as error:
        return complain(str(error), NOT_REDACTED)
    except OSError as error:
        return complain(f"{target} cannot be written: {error.strerror}", NOT_REDACTED)
    print(f"{target}: {written} messages and observations; look it over before you share it")
    for note in notes:
        print(f"  left out: {note.text}")
    return 0
