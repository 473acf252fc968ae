"""`sipconform scenario CAPTURE`: writes an editable pytest scenario that plays the capture's phones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from sipconform.commands import Parser, complain
from sipconform.commands.reading import READERS, add_reading, bare_name
from sipconform.comparing import load_trace
from sipconform.lab.profile import ProfileError, load_profile
from sipconform.replay.lines import write_scenario
from sipconform.replay.script import NotPlayable
from sipconform.trace.errors import CaptureError

NOT_WRITTEN = 2


def main(arguments: Sequence[str]) -> int:
    parser = Parser("scenario", "Write a pytest scenario that plays the phones of a capture.")
    parser.add_argument("capture", nargs="+", type=Path, help="a capture, or several of one session")
    parser.add_argument("--out", type=Path, help="file to write (default test_<capture>.py here); never overwritten")
    parser.add_argument(
        "--profile", default="", help="the dialect it speaks (default: as the capture says, if it does)"
    )
    add_reading(parser)
    given = parser.parse_args(arguments)
    stem = re.sub(r"\W+", "_", bare_name(given.capture[0]), flags=re.ASCII).strip("_").lower() or "capture"
    target = given.out or Path(f"test_{stem.removeprefix('test_')}.py")
    name = re.sub(r"\W+", "_", target.stem, flags=re.ASCII)
    try:
        if given.profile:
            load_profile(given.profile)
        trace = load_trace(*given.capture, keylog=given.keylog, read=READERS[given.dissector])
        text = write_scenario(trace, f"test_{name.removeprefix('test_')}", given.capture[0], given.profile)
        with target.open("x", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except ProfileError as error:
        return complain(str(error))
    except (CaptureError, NotPlayable) as error:
        return complain(str(error), NOT_WRITTEN)
    except FileExistsError:
        return complain(f"{target} is there already: name another file with --out")
    except OSError as error:
        return complain(f"{target} cannot be written: {error.strerror}", NOT_WRITTEN)
    print(f"{target}: run it with  sipconform run {target}")
    return 0
