"""Small runs to report: a message on the wire, checks that find something in it, a folder to write to."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sipconform.checks.catalogue import Check, Finding, Level, Side, Verdict
from sipconform.report.model import Arrangement, Run, ScenarioResult
from sipconform.sip.fault import Span
from sipconform.trace.correlate import correlate
from sipconform.trace.packet import Address, Packet
from sipconform.trace.trace import Trace

PHONE, SERVER = Address("192.0.2.10", 5060), Address("192.0.2.1", 5060)


def _asks_nothing(_: Trace) -> Iterator[Finding]:
    """Why a device owes this."""
    return iter(())


MUST_STATE = Check("SUB-007", "every NOTIFY says its state", Level.MUST, Side.SERVER, "RFC 6665 §8.2.3", _asks_nothing)
SHOULD_AGENT = Check("SIP-099", "a User-Agent is named", Level.SHOULD, Side.EITHER, "RFC 3261 §20.41", _asks_nothing)
CHECKS = {check.id: check for check in (MUST_STATE, SHOULD_AGENT)}


def request(method: str = "NOTIFY", *, call_id: str = "call-1", number: int = 1, extra: str = "") -> bytes:
    """A request that a reader has no quarrel with; `extra` are further header rows, each with its CRLF."""
    return (
        f"{method} sip:2001@192.0.2.10 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{call_id}{number}\r\n"
        f"From: <sip:2001@example.com>;tag=a\r\nTo: <sip:2001@example.com>;tag=b\r\nCall-ID: {call_id}\r\n"
        f"CSeq: {number} {method}\r\nMax-Forwards: 70\r\nEvent: as-feature-event\r\n{extra}Content-Length: 0\r\n\r\n"
    ).encode("utf-8", "surrogateescape")


def trace_of(*payloads: bytes, source: Address = SERVER, destination: Address = PHONE) -> Trace:
    """The payloads as datagrams one hundredth of a second apart, correlated."""
    start = 1_800_000_000_000_000_000
    return correlate(
        Packet(start + 10_000_000 * number, source, destination, "udp", payload, (number,))
        for number, payload in enumerate(payloads, 1)
    )


def failing(trace: Trace, at: Span | None = None, **how: Any) -> Finding:
    """SUB-007 failed on the first message."""
    of = trace.messages[0]
    told: dict[str, Any] = {
        "expected": "active", "observed": "nothing", "party": of.source, "side": Side.SERVER,
        "check": MUST_STATE, "level": Level.MUST,
    }  # fmt: skip
    return Finding(Verdict.FAIL, of, at=at, **told | how)


def run(*, secrets: Sequence[str] = (), **how: Any) -> Run:
    """A run whose catalogue is the two checks of this module."""
    given: dict[str, Any] = {
        "id": "run-1", "started": datetime(2026, 11, 22, 18, 0, tzinfo=UTC), "command": "sipconform run dnd",
        "arrangement": Arrangement.SERVER_UNDER_TEST, "device": "a server", "profile": "broadsoft", "checks": CHECKS,
    }  # fmt: skip
    return Run(**given | how, secrets=list(secrets))


def scenario(trace: Trace, *findings: Finding, **how: Any) -> ScenarioResult:
    """A DND scenario with this evidence."""
    given: dict[str, Any] = {
        "id": "dnd_from_the_server", "title": "DND set at the server", "feature": "feature_sync", "rows": ["B3"],
        "traces": [trace], "findings": list(findings), "capture": "captures/dnd_from_the_server.pcapng",
    }  # fmt: skip
    return ScenarioResult(**given | how)
