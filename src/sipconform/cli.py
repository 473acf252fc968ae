"""The front door for people and pipelines: `sipconform COMMAND …`. Commands are imported when they are called."""

from __future__ import annotations

import importlib
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sipconform import __version__
from sipconform.printing import patiently

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
    with patiently() as printed:
        code = _answer(words)
    if printed.trouble:
        print(f"sipconform: not everything could be printed: {printed.trouble}", file=sys.stderr)
        return code or NOT_JUDGED
    return code


def _answer(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(usage())
        return OK if words else WRONG_USE
    if words[0] in ("-V", "--version"):
        print(f"sipconform {__version__}")
        return OK
    if words[0] not in COMMANDS:
        return _say(f"there is no command {words[0]!r}; `sipconform --help` lists them", WRONG_USE)
    with _ends_in_good_order():
        return _done(words)


def _done(words: list[str]) -> int:
    """The command's own exit code. Whatever breaks in it accuses no device."""
    try:
        command = importlib.import_module(f"sipconform.commands.{words[0]}")
        return int(command.main(words[1:]))
    except KeyboardInterrupt:
        return _say("interrupted", NOT_JUDGED)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _say(f"{where}{error.strerror or error}", NOT_JUDGED)
    except Exception as error:
        return _say(f"{type(error).__name__}: {error} ({_place(error)}); this is a defect of sipconform", NOT_JUDGED)


def _say(sentence: str, code: int) -> int:
    print(f"sipconform: {sentence}", file=sys.stderr)
    return code


def _place(error: Exception) -> str:
    """Where in the source it broke."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno}" if trace else "nowhere"


@contextmanager
def _ends_in_good_order() -> Iterator[None]:
    """Who asks the process to end gets what Ctrl-C gives: a report of what was done. A signal that was to be ignored
    (nohup) stays so."""
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        names = []
    before = {getattr(signal, name): signal.getsignal(getattr(signal, name)) for name in names}
    for number, handler in before.items():
        if handler is signal.SIG_DFL:
            signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
