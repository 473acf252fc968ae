"""Reads captures: the one door through which recorded packets come in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sipconform.trace.decrypt import Decryption
from sipconform.trace.dissect import Dissector, Evidence
from sipconform.trace.errors import CaptureError
from sipconform.trace.frame import Frame, Secrets
from sipconform.trace.notes import Notes
from sipconform.trace.packet import Note, Observation, Packet
from sipconform.trace.pcap import MAGICS, read_pcap
from sipconform.trace.pcapng import MAGIC, PcapngReader
from sipconform.trace.source import open_source

__all__ = ["CaptureError", "read_capture", "read_datagrams"]

SEALED = "A TLS connection could not be opened: there are no secrets for it"


def read_capture(path: Path, *, keylog: Path | None = None) -> Iterator[Packet | Observation | Note]:
    """Every SIP message and observation of a pcap or pcapng file, packed with gzip or not, in one pass.

    `keylog` is a TLS key-log file (SSLKEYLOGFILE); a pcapng may carry its own secrets. Notes come last and say
    what could not be opened. Memory is bounded whatever the file's size. Raises CaptureError before the first
    item when a file cannot be read or is not a capture at all.
    """
    if keylog is not None and not keylog.is_file():
        raise CaptureError(keylog, "this TLS key-log file cannot be read", "check the name")
    file = _CaptureFile(path)
    notes = Notes()
    dissector = Dissector(notes)
    decryption = Decryption(path, keylog, notes)
    evidence = dissector.read(file.frames(notes))
    if keylog is None and not file.may_have_secrets:
        yield from evidence
    else:
        yield from _with_plaintext(evidence, file, dissector, decryption, keylog is not None)
    for connection, frames in dissector.tls.items():
        if connection not in decryption.opened:
            notes.add("tls", SEALED, frames)
    yield from notes.drain()


def read_datagrams(path: Path) -> Iterator[Packet]:
    """Every UDP datagram that is neither SIP nor a keep-alive: audio and its control. Raises as above."""
    notes = Notes()
    dissector = Dissector(notes, media=True)
    for packet in dissector.read(_CaptureFile(path).frames(notes)):
        if isinstance(packet, Packet):
            yield packet


class _CaptureFile:
    """An opened capture. `has_secrets` turns true when the reading comes upon TLS secrets in it."""

    def __init__(self, path: Path) -> None:
        self._source, self._first = open_source(path)
        self._is_pcap = self._first[:4] in MAGICS
        self.may_have_secrets = self._first[:4] == MAGIC
        self.has_secrets = False
        if not self._is_pcap and not self.may_have_secrets:
            self._source.close()
            raise CaptureError(path, "this is not a pcap or pcapng file", "give a file that Wireshark would open")

    def frames(self, notes: Notes) -> Iterator[Frame]:
        """Every frame, once; the file is closed afterwards."""
        try:
            if self._is_pcap:
                yield from read_pcap(self._source, self._first, notes)
            else:
                yield from self._frames_of_pcapng(notes)
            if self._source.damaged:
                notes.add("truncated", self._source.damaged.capitalize())
        finally:
            self._source.close()

    def _frames_of_pcapng(self, notes: Notes) -> Iterator[Frame]:
        for frame in PcapngReader(self._source, self._first, notes):
            if isinstance(frame, Secrets):
                self.has_secrets = True
            else:
                yield frame


def _with_plaintext(
    evidence: Iterator[Evidence],
    file: _CaptureFile,
    dissector: Dissector,
    decryption: Decryption,
    has_keylog: bool,
) -> Iterator[Evidence]:
    """Merges what TLS carried into the rest by time; tshark runs when TLS is first met, and only then."""
    plain: Iterator[Packet] | None = None
    waiting: Packet | None = None
    for item in evidence:
        if plain is None and dissector.tls and (has_keylog or file.has_secrets):
            plain = decryption.packets()
            waiting = next(plain, None)
        while plain is not None and waiting is not None and waiting.time_ns <= item.time_ns:
            yield waiting
            waiting = next(plain, None)
        yield item
    if plain is None and dissector.tls and (has_keylog or file.has_secrets):
        plain = decryption.packets()
        waiting = next(plain, None)
    if plain is not None and waiting is not None:
        yield waiting
        yield from plain
