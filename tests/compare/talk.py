"""Small conversations written by hand, as traces: what is said twice, and what is said a little otherwise."""

from collections.abc import Callable

from sipconform.trace.correlate import correlate
from sipconform.trace.packet import Address, Packet
from sipconform.trace.trace import Trace

SECOND = 1_000_000_000
PHONE, SERVER = Address("192.0.2.10", 5060), Address("192.0.2.1", 5060)

SDP = (
    "v=0\r\no=- {session} 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n"
)

Said = tuple[float, str, str]
"""Seconds, who speaks ("phone" or "server"), and the message with line feeds for line ends."""


def message(text: str) -> bytes:
    """CRLF for LF, a Content-Length that is right, and the body behind an empty line."""
    head, _, body = text.strip("\n").partition("\n\n")
    octets = body.replace("\r\n", "\n").replace("\n", "\r\n").encode()
    rows = [*head.split("\n"), f"Content-Length: {len(octets)}", "", ""]
    return "\r\n".join(rows).encode() + octets


def trace(*said: Said, change: Callable[[str], str] = str) -> Trace:
    packets: list[Packet] = []
    for at, who, text in said:
        ends = (PHONE, SERVER) if who == "phone" else (SERVER, PHONE)
        frames = (len(packets) + 1,)
        packets.append(Packet(SECOND + round(at * SECOND), *ends, "udp", message(change(text)), frames))
    return correlate(packets)


def request(
    method: str, cseq: int, *rows: str, call: str = "c1", tag: str = "", branch: str = "", body: str = ""
) -> str:
    to_tag = f";tag={tag}" if tag else ""
    sender = "server" if method == "NOTIFY" else "phone"
    host = {"phone": "192.0.2.10", "server": "192.0.2.1"}[sender]
    lines = [
        f"{method} sip:2001@{'192.0.2.10:5060' if sender == 'server' else '192.0.2.1'} SIP/2.0",
        f"Via: SIP/2.0/UDP {host}:5060;branch=z9hG4bK{branch or f'{call}{method}{cseq}'}",
        f"From: <sip:2001@192.0.2.1>;tag=f{call}",
        f"To: <sip:2001@192.0.2.1>{to_tag}",
        f"Call-ID: {call}",
        f"CSeq: {cseq} {method}",
        "Max-Forwards: 70",
        *rows,
    ]
    return "\n".join(lines) + "\n\n" + body


def answer(to: str, status: int, *rows: str, tag: str = "t1", reason: str = "OK", body: str = "") -> str:
    head = to.partition("\n\n")[0].split("\n")[1:]
    copied = [row for row in head if row.partition(":")[0] in ("Via", "From", "Call-ID", "CSeq")]
    address = next(row for row in to.split("\n") if row.startswith("To:"))
    tagged = address if "tag=" in address or status == 100 else f"{address};tag={tag}"
    return "\n".join([f"SIP/2.0 {status} {reason}", *copied, tagged, *rows]) + "\n\n" + body


def subscription(
    call: str = "c1", state: str = "active;expires=3600", info: str = "dnd=off", at: float = 0.0
) -> list[Said]:
    """SUBSCRIBE, 200, NOTIFY, 200."""
    ask = request("SUBSCRIBE", 1, "Event: presence", "Expires: 3600", "Contact: <sip:2001@192.0.2.10:5060>", call=call)
    rows = "Event: presence", f"Subscription-State: {state}", "Content-Type: text/plain"
    tell = request("NOTIFY", 1, *rows, call=call, tag=f"f{call}", body=info)
    tell = tell.replace(f"From: <sip:2001@192.0.2.1>;tag=f{call}", "From: <sip:2001@192.0.2.1>;tag=t1")
    return [
        (at, "phone", ask),
        (at + 0.01, "server", answer(ask, 200, "Expires: 3600", "Contact: <sip:192.0.2.1:5060>")),
        (at + 0.02, "server", tell),
        (at + 0.03, "phone", answer(tell, 200)),
    ]


def call(session: str = "1", port: int = 4000, sdp: str = SDP) -> list[Said]:
    """INVITE, 180, 200, ACK, BYE, 200."""
    body = sdp.format(session=session, port=port)
    invite = request("INVITE", 1, "Contact: <sip:2001@192.0.2.10:5060>", "Content-Type: application/sdp", body=body)
    bye = request("BYE", 2, tag="t1")
    return [
        (0.0, "phone", invite),
        (0.1, "server", answer(invite, 180, reason="Ringing")),
        (
            2.0,
            "server",
            answer(invite, 200, "Contact: <sip:192.0.2.1:5060>", "Content-Type: application/sdp", body=body),
        ),
        (2.1, "phone", request("ACK", 1, tag="t1")),
        (5.0, "phone", bye),
        (5.1, "server", answer(bye, 200)),
    ]
