"""Puts TCP streams together and cuts the SIP messages out of them.

Segments may be cut anywhere, out of order, repeated or overlapping, and the capture may begin in the middle.
A message that the *capture* made incomplete is named in a note and not delivered, lest the capture's fault be
laid at a device's door; one that its *sender* made unframable is delivered, with a note.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sipconform.trace.framing import CUT_SHORT, JUNK, NO_LENGTH, Framed
from sipconform.trace.ip import IpPacket
from sipconform.trace.notes import Notes
from sipconform.trace.packet import Address, Packet
from sipconform.trace.tcp import ACK, PSH, RST, SYN, Frames, Segment, Way

CONNECTIONS_KEPT = 20_000
OCTETS_KEPT = 1 << 27
TLS_CONNECTIONS_KEPT = 20_000
TLS_PORT = 5061
GAP = "Part of a TCP stream is missing from the capture, the message it cut was not read"
UNFINISHED = "The capture ends, or its connection was given up, inside a message that was not read"


class _Connection:
    """Both directions, by who sends. `sealed`: what it carries cannot be read here."""

    def __init__(self, first: Address, second: Address) -> None:
        self.key = frozenset((first, second))
        self.ways = {first: Way(first, second), second: Way(second, first)}
        self.sealed = False
        self.spoke_sip = False
        self.first_frames: Frames = ()
        self.held = 0  # octets kept, as of the last `growth`

    def growth(self) -> int:
        """How many octets more are kept than when this was asked before."""
        before = self.held
        self.held = sum([way.held() for way in self.ways.values()])
        return self.held - before

    def is_reused_by(self, segment: Segment, source: Address) -> bool:
        if self.sealed:
            return segment.flags & (SYN | ACK) == SYN
        return self.ways[source].is_reused_by(segment)


class Streams:
    """All TCP connections of a capture. Memory is bounded: the longest silent connection is given up first.

    `tls` has the first frame of every connection found to be TLS, by its pair of addresses.
    """

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._connections: dict[frozenset[Address], _Connection] = {}
        self._held = 0
        self.tls: dict[frozenset[Address], Frames] = {}

    def segment(self, packet: IpPacket, time_ns: int, *, whole_messages: bool = False) -> Iterator[Packet]:
        """Takes one TCP segment and gives the messages that became whole with it.

        `whole_messages` is for our own captures, where PSH ends every message.
        """
        if len(packet.payload) < 20 or (header := (packet.payload[12] >> 4) * 4) < 20:
            self._notes.add("damaged", "A TCP segment is shorter than its header", packet.frames)
            return
        source_port, destination_port, sequence, acked = struct.unpack_from("!HHII", packet.payload)
        source = Address(packet.source, source_port)
        destination = Address(packet.destination, destination_port)
        flags, data = packet.payload[13], packet.payload[header:]
        segment = Segment(sequence, acked, flags, data, packet.frames, time_ns)
        key = frozenset((source, destination))
        connection = self._connections.pop(key, None)
        if connection is not None and connection.is_reused_by(segment, source):
            self._held -= connection.held
            yield from self._finish(connection)
            connection = None
        connection = self._connections[key] = connection or _Connection(source, destination)
        yield from self._take(connection, connection.ways[source], segment, whole_messages)
        self._held += connection.growth()
        if len(self._connections) > CONNECTIONS_KEPT or self._held > OCTETS_KEPT:
            yield from self._stay_small()

    def close(self) -> Iterator[Packet]:
        """The capture is over: gives what can still be given and names what cannot."""
        for connection in self._connections.values():
            yield from self._finish(connection)
        self._connections.clear()

    def _stay_small(self) -> Iterator[Packet]:
        while len(self._connections) > CONNECTIONS_KEPT or self._held > OCTETS_KEPT:
            key = next(iter(self._connections))
            connection = self._connections.pop(key)
            self._held -= connection.held
            yield from self._finish(connection)

    # -- one segment ----------------------------------------------------------------------------------------

    def _take(self, connection: _Connection, way: Way, segment: Segment, whole: bool) -> Iterator[Packet]:
        if segment.data and not connection.first_frames:
            connection.first_frames = segment.frames
            if not whole:
                self._look_sealed(connection, segment)
        if connection.sealed:
            return
        peer = connection.ways[way.destination]
        peer.heed_ack(segment)
        if peer.hole_is_lost(segment.time_ns):
            yield from self._skip_hole(connection, peer)
        if segment.data and peer.framer.open_ended and not whole:
            yield from self._rest(peer, NO_LENGTH)  # whoever is answered had said all it wanted to say
        yield from self._frame(connection, way, way.arrive(segment), whole)
        if way.hole_is_lost(segment.time_ns):
            yield from self._skip_hole(connection, way)
        if way.is_over or segment.flags & RST:
            yield from self._rest(way, NO_LENGTH if way.framer.open_ended else CUT_SHORT)
        if segment.flags & RST:
            yield from self._finish(connection)

    def _look_sealed(self, connection: _Connection, segment: Segment) -> None:
        """Whether a connection begins with a TLS record or a WebSocket's opening, as far as it was seen."""
        data = segment.data
        if data[:1] in (b"\x14", b"\x15", b"\x16", b"\x17") and data[1:2] == b"\x03" and data[2:3] <= b"\x04":
            connection.sealed = True
            self._is_tls(connection, segment.frames)
        elif data.startswith(b"GET ") and b"\nsec-websocket-protocol:" in data.lower():
            connection.sealed = True
            self._notes.add("websocket", "SIP over WebSocket is not opened", segment.frames)

    def _frame(
        self, connection: _Connection, way: Way, segments: list[Segment], whole: bool = False
    ) -> Iterator[Packet]:
        """Hands what is now in order to the framer."""
        for segment in segments:
            if whole:
                way.framer.append(segment.data)
                if segment.flags & PSH:
                    yield self._packet(way, way.framer.take_all())
                continue
            for framed in way.framer.feed(segment.data):
                connection.spoke_sip = True
                yield self._packet(way, framed)
            if way.framer.junk:
                frames, _ = way.contribution(*way.framer.junk)
                self._notes.add("not-sip", JUNK, frames)
                way.framer.junk = None
            way.forget(way.framer.start)

    def _skip_hole(self, connection: _Connection, way: Way) -> Iterator[Packet]:
        """Goes on behind octets that the capture does not have."""
        if way.framer.in_step:
            frames, _ = way.contribution(way.framer.start, way.framer.end)
            self._notes.add("tcp-gap", GAP, frames)
        way.framer.lose_step()
        yield from self._frame(connection, way, way.skip_hole())

    def _rest(self, way: Way, trouble: str) -> Iterator[Packet]:
        framed = way.framer.take(trouble)
        if framed is not None:
            yield self._packet(way, framed)

    def _packet(self, way: Way, framed: Framed) -> Packet:
        frames, time_ns = way.contribution(framed.start, framed.end)
        if framed.trouble:
            self._notes.add("framing", framed.trouble, frames)
        return Packet(time_ns, way.source, way.destination, "tcp", framed.payload, frames)

    def _finish(self, connection: _Connection) -> Iterator[Packet]:
        """Gives what can still be given of a connection that is no longer followed, and names the rest."""
        for way in connection.ways.values():
            while way.has_hole:
                yield from self._skip_hole(connection, way)
            if way.framer.open_ended:
                yield from self._rest(way, NO_LENGTH)
            elif len(way.framer) and way.framer.in_step:
                frames, _ = way.contribution(way.framer.start, way.framer.end)
                self._notes.add("truncated", UNFINISHED, frames)
                way.framer.lose_step()
        silent = connection.first_frames and not (connection.spoke_sip or connection.sealed)
        if silent and any(address.port == TLS_PORT for address in connection.key):
            self._is_tls(connection, connection.first_frames)

    def _is_tls(self, connection: _Connection, frames: Frames) -> None:
        if len(self.tls) < TLS_CONNECTIONS_KEPT:
            self.tls.setdefault(connection.key, frames)
        else:
            self._notes.add("tls", "More TLS connections than are remembered were not opened", frames)
