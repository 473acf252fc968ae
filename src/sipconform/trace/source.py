"""Opens a capture file, packed or not, as one stream of bytes read once and in pieces."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import BinaryIO, Protocol

from sipconform.trace.errors import CaptureError

CHUNK = 1 << 20
DENSEST = 500
"""Octets that one packed octet of a capture may stand for: time stamps alone keep them from being alike."""
BELIEVED = 1 << 24  # octets unpacked before that is asked
_GZIP_MAGIC = b"\x1f\x8b"


class Source(Protocol):
    """Where the bytes of a capture come from."""

    damaged: str  # why the stream ended too early, or ""

    def read(self) -> bytes:
        """The next piece; b"" at the end."""

    def close(self) -> None:
        """Gives the file back."""


class PlainSource:
    """An unpacked file. Read rather than mapped: a mapped file that shrinks under us kills the process."""

    def __init__(self, file: BinaryIO, head: bytes) -> None:
        self._file = file
        self._head = head
        self.damaged = ""

    def read(self) -> bytes:
        if self._head:
            head, self._head = self._head, b""
            return head + self._file.read(CHUNK - len(head))
        try:
            return self._file.read(CHUNK)
        except OSError as error:
            self.damaged = f"reading stopped: {error.strerror or error}"
            return b""

    def close(self) -> None:
        self._file.close()


class GzipSource:
    """A gzip file (RFC 1952), several members allowed; what was unpacked before any damage is kept."""

    def __init__(self, packed: PlainSource) -> None:
        self._packed = packed
        self._inflate = zlib.decompressobj(wbits=31)
        self._waiting = b""
        self._inside = False  # a member has begun and not ended
        self._taken_in = self._given = 0  # octets, packed and unpacked
        self.damaged = ""

    def read(self) -> bytes:
        while not self.damaged:
            packed = self._waiting or self._taken(self._packed.read())
            # Behind the last member there may be padding, as gzip itself tolerates.
            if not packed or not (self._inside or _GZIP_MAGIC.startswith(packed[:2])):
                if self._inside:
                    self.damaged = "the gzip data ends too early"
                break
            if data := self._unpack(packed):
                return data
        return b""

    def _taken(self, packed: bytes) -> bytes:
        self._taken_in += len(packed)
        return packed

    def _unpack(self, packed: bytes) -> bytes:
        try:
            data = self._inflate.decompress(packed, CHUNK)
        except zlib.error as error:
            self.damaged = f"the gzip data is damaged ({error})"
            return b""
        self._given += len(data)
        if self._given > max(BELIEVED, DENSEST * (self._taken_in - len(self._inflate.unconsumed_tail))):
            self.damaged = f"the gzip data unpacks to more than {DENSEST} times its size, as no capture does"
            return b""
        self._inside = not self._inflate.eof
        self._waiting = self._inflate.unconsumed_tail
        if self._inflate.eof:
            self._waiting = self._inflate.unused_data
            self._inflate = zlib.decompressobj(wbits=31)
        return data

    def close(self) -> None:
        self._packed.close()


def open_source(path: Path) -> tuple[Source, bytes]:
    """The stream and its first piece. Raises CaptureError for a file that cannot be read or is empty."""
    try:
        file = path.open("rb")
        head = file.read(4)
    except OSError as error:
        raise CaptureError(path, f"cannot be read ({error.strerror})", "check the name and the permission") from error
    if not head:
        file.close()
        raise CaptureError(path, "the file is empty", "record again; a capture has at least a header")
    plain = PlainSource(file, head)
    source: Source = GzipSource(plain) if head.startswith(_GZIP_MAGIC) else plain
    first = source.read()
    while len(first) < 28 and (more := source.read()):
        first += more
    return source, first
