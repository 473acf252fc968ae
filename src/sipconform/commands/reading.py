"""How a command is told to read captures: by whom, and with which secrets."""

from __future__ import annotations

import argparse
from pathlib import Path

from sipconform.judging import Read
from sipconform.trace.capture import read_capture
from sipconform.trace.second_opinion import read_with_tshark

READERS: dict[str, Read] = {"own": read_capture, "tshark": read_with_tshark}


def add_reading(parser: argparse.ArgumentParser) -> None:
    """The options of every command that reads a capture."""
    parser.add_argument("--keylog", type=Path, help="TLS key log file (SSLKEYLOGFILE) for what is encrypted")
    parser.add_argument("--dissector", choices=list(READERS), default="own", help="who reads the capture (default own)")
