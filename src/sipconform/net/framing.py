"""Cuts a live byte stream into SIP messages (RFC 3261 §18.3) and keep-alives (RFC 5626 §4.4.1).

Sans-IO. `fault` says why a stream cannot be cut any further; what could not be cut stays in `rest`, for a
judge will want to see it.
"""

from __future__ import annotations

from sipconform.sip.message import Message

PING = b"\r\n\r\n"
PONG = b"\r\n"
MAX_HEAD = 65_536  # octets
MAX_BODY = 1_048_576  # octets
_HEAD_ENDS = (b"\r\n\r\n", b"\n\n")


class Framer:
    """One direction of one connection.

    Who opened the connection sends pings and hears pongs: `keep_alive` is the one to be cut out here. Other
    line ends before a start line are skipped (RFC 3261 §7.5). A head may end its lines with LF alone: the
    message is delivered as it is. A message without Content-Length has no body.
    """

    def __init__(self, keep_alive: bytes) -> None:
        self.fault = ""
        self._keep_alive = keep_alive
        self._buffer = bytearray()
        self._scanned = 0  # the head's end is not before this offset
        self._length = 0  # of the whole message at the front, once its head was read

    @property
    def rest(self) -> bytes:
        """What has arrived and belongs to no message yet, or never will."""
        return bytes(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """What is complete now: SIP messages, `PING`s or `PONG`s. Nothing more comes once `fault` is set."""
        if self.fault:
            return []
        self._buffer += data
        cut: list[bytes] = []
        while (piece := self._next()) is not None:
            if piece != b"":
                cut.append(piece)
        return cut

    def _next(self) -> bytes | None:
        """The next piece of the stream; empty for a skipped line end, None when more octets are needed."""
        if self.fault or not self._buffer:
            return None
        if not self._length:
            if self._buffer[0] in b"\r\n":
                return self._line_end()
            self._read_head()
        if not self._length or len(self._buffer) < self._length:
            return None
        return self._take(self._length)

    def _take(self, length: int) -> bytes:
        piece = bytes(self._buffer[:length])
        del self._buffer[:length]
        self._scanned = self._length = 0
        return piece

    def _line_end(self) -> bytes | None:
        if self._buffer.startswith(self._keep_alive):
            return self._take(len(self._keep_alive))
        if self._keep_alive.startswith(self._buffer):
            return None
        self._take(2 if self._buffer.startswith(PONG) else 1)
        return b""

    def _read_head(self) -> None:
        ends = [(at, len(end)) for end in _HEAD_ENDS if (at := self._buffer.find(end, self._scanned)) >= 0]
        if not ends:
            self._scanned = max(0, len(self._buffer) - 3)
            self._judge_unfinished_head()
            return
        at, width = min(ends)
        if self._is_junk():
            self._give_up("a SIP start line begins each message")
        elif at > MAX_HEAD:
            self._give_up(f"a header has at most {MAX_HEAD} octets")
        else:
            self._read_length(Message(bytes(self._buffer[: at + width])))

    def _judge_unfinished_head(self) -> None:
        if self._is_junk():
            self._give_up("a SIP start line begins each message")
        elif len(self._buffer) > MAX_HEAD + 3:  # 3 of the end's 4 octets may be there already
            self._give_up(f"a header has at most {MAX_HEAD} octets")

    def _is_junk(self) -> bool:
        """Malformed start lines pass, they are for the judge; TLS, HTTP and noise do not."""
        if not 0x20 <= self._buffer[0] < 0x7F:
            return True
        end = self._buffer.find(b"\n")
        return end >= 0 and b"SIP/" not in self._buffer[:end].upper()

    def _read_length(self, head: Message) -> None:
        values = set(head.values("Content-Length")) or {"0"}
        value = values.pop()
        if values:
            self._give_up("Content-Length is said once")
        elif not (value.isascii() and value.isdigit()):
            self._give_up("Content-Length is a number")
        elif len(value) > 20 or int(value) > MAX_BODY:
            self._give_up(f"a body has at most {MAX_BODY} octets")
        else:
            self._length = len(head.raw) + int(value)

    def _give_up(self, rule: str) -> None:
        self.fault = rule
