"""Listens on a network interface and only listens: every frame goes to a capture file, every SIP message out.

Linux only, and only with the right to open a packet socket (root, or CAP_NET_RAW).
"""

from __future__ import annotations

import logging
import select
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from sipconform.trace.dissect import Dissector
from sipconform.trace.frame import Frame, Interface
from sipconform.trace.link import ETHERNET
from sipconform.trace.notes import Notes
from sipconform.trace.packet import Note, Observation, Packet

SNAPSHOT = 262_144
LOOKED_AFTER_S = 0.25
"""Seconds after which an idle sniffer looks whether it is to stop."""
_NANOSECOND_PCAP = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, SNAPSHOT, ETHERNET)


class MayNotListen(Exception):
    """The interface cannot be listened on: why, and what to do about it."""


class Sniffer:
    """An interface that is listened on until `stop` is called or `seconds` are over.

    `keep` is a filter in the words of pcap-filter(7); "" keeps everything. Raises MayNotListen.
    """

    def __init__(self, interface: str, keep: str = "", seconds: float | None = None) -> None:
        known = [name for _, name in socket.if_nameindex()]
        if interface not in known:
            raise MayNotListen(f"there is no interface {interface!r}; there are {', '.join(known)}")
        self.interface, self.seconds = interface, seconds
        self.frames = self.messages = 0
        self._stopped = False
        self._socket = _listen(interface, keep)

    def stop(self) -> None:
        """Ends the listening soon; may be called from a signal handler or another thread."""
        self._stopped = True

    def read(self, path: Path, *, keylog: Path | None = None) -> Iterator[Packet | Observation | Note]:
        """What is heard from now on, as `trace.capture.read_capture` would read it from the file at `path`, where
        it is written at the same time. Keys are of no use here: encrypted traffic is noted, and stays in the file."""
        notes = Notes()
        with path.open("wb") as file:
            file.write(_NANOSECOND_PCAP)
            file.flush()
            try:
                for item in Dissector(notes).read(self._heard(file)):
                    self.messages += isinstance(item, Packet)
                    yield item
            finally:
                self._socket.close()
        yield from notes.drain()

    def _heard(self, file: BinaryIO) -> Iterator[Frame]:
        interface = Interface(ETHERNET, self.interface)
        ends = time.monotonic() + self.seconds if self.seconds is not None else float("inf")
        packets = self._socket.ins
        while not self._stopped and time.monotonic() < ends:
            if not select.select([packets], [], [], LOOKED_AFTER_S)[0]:
                yield 0, time.time_ns(), interface, b"", 0  # nothing came: what was open may be over by now
                continue
            data, origin = packets.recvfrom(SNAPSHOT)
            # A loopback interface shows each frame twice: as it goes out, and as it comes in.
            if self.interface == "lo" and origin[2] == socket.PACKET_OUTGOING:
                continue
            now = time.time_ns()
            self.frames += 1
            file.write(struct.pack("<IIII", *divmod(now, 1_000_000_000), len(data), len(data)) + data)
            file.flush()
            yield self.frames, now, interface, data, len(data)


def _listen(interface: str, keep: str) -> Any:
    """scapy's listening socket, for it knows how to hand a filter to the kernel."""
    from scapy.arch import linux  # noqa: PLC0415 - scapy takes a second to load
    from scapy.error import Scapy_Exception  # noqa: PLC0415

    logging.getLogger("scapy.runtime").setLevel(logging.ERROR)  # it wonders aloud about loopback; we read ourselves
    try:
        return linux.L2ListenSocket(iface=interface, filter=keep or None)
    except PermissionError as error:
        remedy = "use sudo, or record with dumpcap and give the file to sipconform judge"
        raise MayNotListen(f"listening on {interface} needs root (or CAP_NET_RAW): {remedy}") from error
    except (OSError, Scapy_Exception) as error:
        raise MayNotListen(f"{interface} cannot be listened on: {error}") from error
