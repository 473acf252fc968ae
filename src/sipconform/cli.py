"""The front door for people and pipelines: `sipconform COMMAND …`. Commands are imported when they are called."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from sipconform import __version__

OK, VIOLATION, NOT_JUDGED, WRONG_USE = 0, 1, 2, 3

COMMANDS = {
    "run": "run scenarios: both sides ours, or against a real server or phone",
    "judge": "judge captures: what crossed the wire, whose fault, by which clause",
    "compare": "compare a run with a reference capture, and list every difference with its rule",
    "record": "make reference captures with manifests",
    "redact": "write a capture again with stand-ins for secrets, names, numbers and addresses",
    "slice": "cut one call or one part out of a capture",
    "replay": "play one side of a capture against a live peer",
    "scenario": "write an editable pytest scenario from a capture",
    "watch": "only listen on an interface, and judge as it goes",
    "checks": "list the checks, or explain one",
    "faults": "list the seeded faults and the checks they kill",
    "profiles": "list the vendor profiles, or show one",
    "serve": "run our server as a program of its own",
    "phone": "run our phone as a program of its own, with a driver interface",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 all well, 1 a device violates a MUST, 2 could not judge, 3 wrong use."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help", "help"):
        print(usage())
        return OK if words else WRONG_USE
    if words[0] in ("-V", "--version"):
        print(f"sipconform {__version__}")
        return OK
    if words[0] not in COMMANDS:
        print(f"sipconform: there is no command {words[0]!r}; `sipconform --help` lists them", file=sys.stderr)
        return WRONG_USE
    command = importlib.import_module(f"sipconform.commands.{words[0]}")
    try:
        return int(command.main(words[1:]))
    except KeyboardInterrupt:
        print("sipconform: interrupted", file=sys.stderr)
        return NOT_JUDGED
    except BrokenPipeError:  # `sipconform checks | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def usage() -> str:
    width = max(map(len, COMMANDS))
    rows = [f"  {name:<{width}}  {text}" for name, text in COMMANDS.items()]
    return "\n".join(
        [
            "usage: sipconform COMMAND [options]      (sipconform COMMAND --help tells more)",
            "",
            "A conformance suite for SIP features: plays phones and servers, watches, judges, reports.",
            "",
            *rows,
            "",
            "exit codes: 0 all well, 1 a device violates a MUST, 2 could not judge, 3 wrong use",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
