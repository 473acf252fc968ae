"""Reads captures: the one door through which recorded packets come in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from sipconform.trace.dissect import Dissector, is_other_datagram, is_sip
from sipconform.trace.errors import CaptureError
from sipconform.trace.frame import Frame, Secrets
from sipconform.trace.notes import Notes
from sipconform.trace.packet import Note, Observation, Packet
from sipconform.trace.pcap import MAGICS, read_pcap
from sipconform.trace.pcapng import MAGIC, PcapngReader
from sipconform.trace.source import Source, open_source

__all__ = ["CaptureError", "read_capture", "read_datagrams"]


def read_capture(path: Path, *, keylog: Path | None = None) -> Iterator[Packet | Observation | Note]:
    """Every SIP message and observation of a pcap or pcapng file, packed with gzip or not, in one pass.

    Notes come last and say what could not be opened. Memory is bounded whatever the file's size. Raises
    CaptureError before the first item when the file is not a capture at all.
    """
    source, first = _open(path)
    notes = Notes()
    try:
        yield from Dissector(notes).read(_frames(source, first, notes, lambda secrets: None))
    finally:
        source.close()
    yield from notes.drain()


def read_datagrams(path: Path) -> Iterator[Packet]:
    """Every UDP datagram that is neither SIP nor a keep-alive: audio and its control, for those who listen."""
    source, first = _open(path)
    notes = Notes()
    try:
        dissector = Dissector(notes, datagrams=is_other_datagram, streams=False)
        for packet in dissector.read(_frames(source, first, notes, lambda secrets: None)):
            if isinstance(packet, Packet):
                yield packet
    finally:
        source.close()


def _open(path: Path) -> tuple[Source, bytes]:
    source, first = open_source(path)
    if first[:4] in MAGICS or first[:4] == MAGIC:
        return source, first
    source.close()
    raise CaptureError(
        path, "this is not a pcap or pcapng file", "give a capture written by tcpdump, Wireshark or us"
    )


def _frames(source: Source, first: bytes, notes: Notes, learn: Callable[[Secrets], None]) -> Iterator[Frame]:
    if first[:4] in MAGICS:
        yield from read_pcap(source, first, notes)
    else:
        for frame in PcapngReader(source, first, notes):
            if isinstance(frame, Secrets):
                learn(frame)
            else:
                yield frame
    if source.damaged:
        notes.add("truncated", source.damaged.capitalize())
