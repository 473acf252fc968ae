"""What pyshark sees in captures, as JSON lines: python pyshark_reader.py CAPTURE…

A program of its own, for pyshark takes the event loop and the child watcher of the process it runs in.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

import pyshark

WANTED = "sip && !icmp && !gtp"  # an ICMP error quotes SIP and a tunnel hides it: neither is a message to us


def rows(path: str) -> Iterator[list[object]]:
    """Frame, source, destination, start line, Call-ID and for a datagram its payload in hexadecimal digits."""
    with pyshark.FileCapture(path, display_filter=WANTED, keep_packets=False) as capture:
        for frame in capture:
            yield from _messages(frame)


def _messages(frame: Any) -> Iterator[list[object]]:
    transport = frame.udp if "UDP" in frame else frame.tcp
    network = frame.ip if "IP" in frame else frame.ipv6
    for sip in frame.get_multiple_layers("sip"):
        yield [
            int(frame.number),
            f"{network.src}:{transport.srcport}",
            f"{network.dst}:{transport.dstport}",
            str(sip.get("request_line") or sip.get("status_line")),
            str(sip.get("call_id") or ""),
            str(transport.payload).replace(":", "") if "UDP" in frame else None,
        ]


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(json.dumps(list(rows(name))))
