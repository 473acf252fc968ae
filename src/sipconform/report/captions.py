"""What is written on and beside an arrow of the ladder."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sipconform.trace.trace import WireMessage

_SLOT = re.compile(r"appearance-index=([0-9*]+)[^,]*?appearance-state=([\w-]+)")


def in_words(message: WireMessage) -> str:
    """The words on the arrow: what a field engineer looks for first, states of appearances included."""
    slots = [f"{index}: {state}" for row in message.texts("Call-Info") for index, state in _SLOT.findall(row)]
    return " · ".join([_method_and_topic(message), *([", ".join(slots)] if slots else [])])


def _method_and_topic(message: WireMessage) -> str:
    content = message.text("Content-Type").partition(";")[0].lower()
    body = " ⊞ SDP" if content == "application/sdp" else " ⊞ body" if message.body else ""
    if message.is_response:
        return f"{message.status} {message.reason} ({message.method}){body}"
    if not message.is_request:
        return "not a SIP message: " + message.start_line[:40].decode("utf-8", "surrogateescape")
    if message.method in ("SUBSCRIBE", "NOTIFY", "PUBLISH"):
        return f"{message.method} {message.text('Event').partition(';')[0]}{_state(message)}{body}"
    return f"{message.method} {message.request_uri.partition(';')[0]}{body}"


def _state(message: WireMessage) -> str:
    if message.method == "NOTIFY":
        state = message.text("Subscription-State").partition(";")[0]
        return f" {state}" if state else ""
    return " (ends)" if message.text("Expires") == "0" else ""


def topic(message: WireMessage) -> str:
    """What a call begins with: "INVITE", "SUBSCRIBE call-info"."""
    event = message.text("Event").partition(";")[0]
    return f"{message.method} {event}".strip()


def few(ids: Sequence[str]) -> str:
    """What there is room for beside an arrow; the tooltip has all."""
    return ", ".join(ids[:2]) + (f" +{len(ids) - 2}" if len(ids) > 2 else "")


def tooltip(message: WireMessage, ids: str) -> str:
    """Start line, parties, frames, and the checks that found something."""
    first = message.start_line[:160].decode("utf-8", "surrogateescape")
    frames = ", ".join(map(str, message.packet.frames[:6]))
    said = f"{first} · {message.source} → {message.destination} {message.transport.upper()}"
    said += f" · frame {frames}" if frames else ""
    return f"{said} · {ids}" if ids else said


def since(seconds: float) -> str:
    """The time that has passed, in the unit that suits it."""
    if seconds < 0.001:
        return f"+{seconds * 1e6:.0f} µs"
    return f"+{seconds * 1e3:.1f} ms" if seconds < 0.1 else f"+{seconds:.3f} s"
