"""How a command is told to read captures: by whom, and with which secrets."""

from __future__ import annotations

import argparse
from pathlib import Path

from sipconform.judging import Read
from sipconform.trace.capture import read_capture
from sipconform.trace.second_opinion import read_with_tshark

READERS: dict[str, Read] = {"own": read_capture, "tshark": read_with_tshark}


_ENDINGS = (".gz", ".pcap", ".pcapng", ".cap")


def bare_name(capture: Path) -> str:
    """The name of a capture without what says that it is one: "a.1" of a.1.pcapng.gz."""
    name = capture.name
    while (ending := Path(name).suffix.lower()) in _ENDINGS:
        name = name[: -len(ending)]
    return name


def add_reading(parser: argparse.ArgumentParser) -> None:
    """The options of every command that reads a capture."""
    parser.add_argument("--keylog", type=Path, help="TLS key log file (SSLKEYLOGFILE) for what is encrypted")
    parser.add_argument("--dissector", choices=list(READERS), default="own", help="who reads the capture (default own)")
