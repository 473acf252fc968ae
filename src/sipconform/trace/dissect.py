"""From frames to SIP messages: link layer, IP, UDP and TCP taken off, everything else named in a note."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator
from typing import Any

from sipconform.sip.message import looks_like_sip
from sipconform.trace.exported import ForeignExport, read_exported
from sipconform.trace.fragments import CONFLICT
from sipconform.trace.frame import Frame, Interface
from sipconform.trace.ip import TCP, UDP, Caught, IpPacket, IpReader
from sipconform.trace.link import ETHERNET, EXPORTED_PDU, IPV4, IPV6, LINKS, RAW_IP, USER0
from sipconform.trace.notes import Notes
from sipconform.trace.packet import SILENCE, Address, Observation, Packet, is_keep_alive
from sipconform.trace.streams import Streams

ADDRESSES_KEPT = 65_536
_FAMILIAR = (
    b"SIP/2.0 ",
    b"INVITE sip:",
    b"ACK sip:",
    b"BYE sip:",
    b"NOTIFY sip:",
    b"SUBSCRIBE sip:",
    b"REGISTER sip:",
)
_SIP_INSIDE = b"SIP/2.0"
_UNOPENED = {  # protocols that may carry SIP and that are not opened: code and sentence
    1: ("icmp-quote", "SIP quoted inside an ICMP error is not traffic"),
    58: ("icmp-quote", "SIP quoted inside an ICMP error is not traffic"),
    4: ("tunnel", "SIP inside an IP-in-IP tunnel is not opened"),
    41: ("tunnel", "SIP inside an IP-in-IP tunnel is not opened"),
    47: ("tunnel", "SIP inside a GRE tunnel is not opened"),
    132: ("sctp", "SIP over SCTP is not opened"),
}
_WRAPPED = {  # … and those that carry it in datagrams, by their port
    2152: ("gtp", "SIP inside a GTP-U tunnel is not opened"),
    4789: ("vxlan", "SIP inside VXLAN is not opened"),
    9060: ("hep", "SIP in a copy for Homer (HEP) is not opened"),
}
_ESP = 50

Evidence = Packet | Observation


def is_sip(payload: bytes) -> bool:
    """Whether a payload begins as SIP; the everyday beginnings are known by heart."""
    return payload.startswith(_FAMILIAR) or looks_like_sip(payload)


def is_other_datagram(payload: bytes) -> bool:
    """Whether a datagram is neither SIP nor a keep-alive: what carries audio."""
    return not is_sip(payload) and not is_keep_alive(payload)


class Dissector:
    """Reads frames one after another. What it could not open is in `notes` when the frames have ended.

    With `media` it gives the other UDP datagrams instead, those that are neither SIP nor a keep-alive.
    """

    def __init__(self, notes: Notes, *, media: bool = False) -> None:
        self._notes = notes
        self._media = media
        self._wanted = is_other_datagram if media else is_sip
        self._ip = IpReader(notes)
        self._streams = None if media else Streams(notes)
        self._foreign = ForeignExport()
        self._addresses: dict[bytes, tuple[Address, Address]] = {}

    @property
    def tls(self) -> dict[frozenset[Address], tuple[int, ...]]:
        """The first frames of every TLS connection met so far, by its addresses."""
        return self._streams.tls if self._streams else {}

    def read(self, frames: Iterable[Frame]) -> Iterator[Evidence]:
        """SIP messages and observations in the order in which they became whole."""
        wanted, known, unpack = self._wanted, self._addresses, struct.Struct("!BxHxxHxB").unpack_from
        for frame in frames:
            number, time_ns, interface, data, _ = frame
            # The everyday case, unrolled: IPv4 without options, no fragment, UDP, nothing cut.
            at = 14 if interface.link == ETHERNET and data[12:14] == b"\x08\x00" else 0
            if (at or (interface.link == RAW_IP and not interface.ours)) and len(data) >= at + 28:
                version, total, fragment, protocol = unpack(data, at)
                end = at + total
            else:
                version = end = 0
            if (
                version == 0x45
                and protocol == UDP
                and not fragment & 0x3FFF
                and end <= len(data)
                and (data[at + 24] << 8) + data[at + 25] == total - 20
            ):
                payload = data[at + 28 : end]
                if wanted(payload):
                    key = data[at + 12 : at + 24]
                    pair = known.get(key) or self._address_pair(key)
                    yield Packet(time_ns, pair[0], pair[1], "udp", payload, (number,))
                else:
                    self._unwanted(payload, data[at + 20 : at + 24], (number,))
            elif number:
                yield from self._read_frame(frame)
            else:  # no frame: whoever listens says that nothing came
                yield Observation(time_ns, "listener", SILENCE, {})
        self._ip.close()
        if self._streams:
            yield from self._streams.close()

    def _address_pair(self, key: bytes) -> tuple[Address, Address]:
        """Source and destination of an IPv4 datagram by the twelve octets they take in it."""
        if len(self._addresses) >= ADDRESSES_KEPT:
            self._addresses.clear()
        a, b, c, d, e, f, g, h, source_port, destination_port = struct.unpack("!8B2H", key)
        pair = Address(f"{a}.{b}.{c}.{d}", source_port), Address(f"{e}.{f}.{g}.{h}", destination_port)
        self._addresses[key] = pair
        return pair

    def _unwanted(self, payload: bytes, ports: bytes, frames: tuple[int, ...]) -> None:
        source, destination = struct.unpack("!HH", ports)
        wrapped = (_WRAPPED.get(destination) or _WRAPPED.get(source)) if _SIP_INSIDE in payload else None
        if wrapped:
            self._notes.add(*wrapped, frames)
        elif 5060 in (source, destination):
            if is_other_datagram(payload):
                self._notes.add("not-sip", "A datagram on port 5060 is neither SIP nor a keep-alive", frames)
        elif _SIP_INSIDE in payload:
            self._notes.add("wrapped", "A datagram that begins otherwise holds SIP, which is not opened", frames)

    # -- the general way ------------------------------------------------------------------------------------

    def _read_frame(self, frame: Frame) -> Iterator[Evidence]:
        number, time_ns, interface, data, _ = frame
        if interface.link == EXPORTED_PDU:
            yield from self._read_exported(frame)
        elif interface.link == USER0:
            yield from self._read_observation(frame)
        elif interface.link not in LINKS:
            self._notes.add("link-type", f"Link type {interface.link} is not known here", (number,))
        else:
            kind, offset = LINKS[interface.link](data)
            if kind in (IPV4, IPV6):
                packet = self._ip.read(kind, Caught(data, offset, number, time_ns))
                if packet is not None:
                    yield from self._read_ip(packet, time_ns, interface)
            elif _SIP_INSIDE in data:
                self._notes.add("ether-type", f"SIP behind EtherType 0x{kind:04x} is not opened", (number,))

    def _read_ip(self, packet: IpPacket, time_ns: int, interface: Interface) -> Iterator[Evidence]:
        if packet.protocol == UDP:
            yield from self._read_udp(packet, time_ns, interface)
        elif packet.protocol == TCP:
            if self._streams:
                yield from self._streams.segment(packet, time_ns, whole_messages=_is_ours(interface, "tcp"))
        elif packet.protocol == _ESP:
            self._notes.add("esp", "IPsec (ESP) is not opened", packet.frames)
        elif packet.protocol in _UNOPENED and _SIP_INSIDE in packet.payload:
            self._notes.add(*_UNOPENED[packet.protocol], packet.frames)

    def _read_udp(self, packet: IpPacket, time_ns: int, interface: Interface) -> Iterator[Packet]:
        if len(packet.payload) < 8:
            self._notes.add("damaged", "A datagram is shorter than its header", packet.frames)
            return
        source_port, destination_port, length = struct.unpack_from("!HHH", packet.payload)
        if len(packet.frames) > 1 and length != len(packet.payload):
            self._notes.add("fragment-conflict", CONFLICT, packet.frames)  # the end of another than the beginning
            return
        payload = packet.payload[8:length] if 8 <= length <= len(packet.payload) else packet.payload[8:]
        if length > len(packet.payload):
            self._notes.add("damaged", "A datagram is shorter than it says", packet.frames)
        if self._is_wanted(payload, interface):
            source = Address(packet.source, source_port)
            destination = Address(packet.destination, destination_port)
            yield Packet(time_ns, source, destination, "udp", payload, packet.frames)
        elif not interface.ours:
            self._unwanted(payload, packet.payload[:4], packet.frames)

    def _is_wanted(self, payload: bytes, interface: Interface) -> bool:
        """What our own writer put on a "udp" interface is a message, however mangled."""
        if interface.ours:
            return (interface.name == "media") == self._media
        return self._wanted(payload)

    def _read_exported(self, frame: Frame) -> Iterator[Packet]:
        number, time_ns, interface, data, _ = frame
        pdu = read_exported(data)
        if pdu is None:
            self._notes.add("damaged", "An exported PDU is cut short", (number,))
        elif self._media:
            return
        elif interface.ours:
            yield Packet(time_ns, pdu.source, pdu.destination, "tls", pdu.payload, (number,))
        elif pdu.dissector == "sip":
            for payload in self._foreign.messages(pdu):
                yield Packet(time_ns, pdu.source, pdu.destination, pdu.port_type or "udp", payload, (number,))
        else:
            self._notes.add("exported-pdu", f"An exported PDU holds {pdu.dissector[:20] or 'nothing known'}", (number,))

    def _read_observation(self, frame: Frame) -> Iterator[Observation]:
        number, time_ns, _, data, _ = frame
        observation = read_observation(data, time_ns, number)
        if observation is None:
            self._notes.add("link-type", "A frame of link type 147 (USER0) is not one of our observations", (number,))
        elif not self._media:
            yield observation


def _is_ours(interface: Interface, name: str) -> bool:
    return interface.ours and interface.name == name


def read_observation(data: bytes, time_ns: int, frame: int) -> Observation | None:
    """An observation as the writer put it down, or None for somebody else's bytes."""
    try:
        told: Any = json.loads(data)
    except (ValueError, RecursionError):
        return None
    match told:
        case {"who": str(who), "kind": str(kind), "what": dict(what)}:
            return Observation(time_ns, who, kind, what, (frame,))
    return None
