"""Session descriptions by what they mean: streams, codecs, directions, and what each attribute says of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sipconform.sip.sdp import NOWHERE, Line, Media, Sdp

Speak = Callable[[str], str]

STATIC = {  # payload types that need no a=rtpmap (RFC 3551 §6)
    "0": "PCMU/8000", "3": "GSM/8000", "4": "G723/8000", "8": "PCMA/8000", "9": "G722/8000", "13": "CN/8000",
    "18": "G729/8000",
}  # fmt: skip
OWN_BUSINESS = frozenset(  # attributes that are made anew, or told by the lines beside them
    {"rtpmap", "candidate", "ice-ufrag", "ice-pwd", "ssrc", "ssrc-group", "msid", "mid", "cname", "rtcp", "tool",
     "label", "sendrecv", "sendonly", "recvonly", "inactive"}
)  # fmt: skip
OF_ALL_STREAMS = frozenset({"setup", "fingerprint", "ice-options", "extmap-allow-mixed"})
"""Attributes that stand for the session or for a stream, and mean the same (RFC 8842 §5.1)."""


def session(sdp: Sdp, speak: Speak) -> Iterator[tuple[str, str]]:
    """A flat table of places and what stands there."""
    for fault in sdp.faults:
        yield f"malformed: {fault.rule}", "yes"
    yield "streams", " ".join(media.kind for media in sdp.media)
    yield from _attributes(sdp.session, {}, speak, leave=OF_ALL_STREAMS)
    inherited = [line for line in sdp.session if line.kind == "a" and line.value.partition(":")[0] in OF_ALL_STREAMS]
    for at, media in enumerate(sdp.media, 1):
        for place, value in _stream(media, inherited, speak):
            yield f"{media.kind} {at} {place}", value


def _stream(media: Media, inherited: Sequence[Line], speak: Speak) -> Iterator[tuple[str, str]]:
    codecs = {number: _codec(media.rtpmap.get(number) or STATIC.get(number, "")) for number in media.formats}
    yield "is", "used" if media.port else "refused"
    yield "protocol", media.protocol
    yield "codecs", " ".join(codecs[number] or f"payload type {number}" for number in media.formats)
    yield "direction", media.direction
    yield "address", "nowhere" if media.connection in NOWHERE else speak(media.connection)
    own = {line.value.partition(":")[0] for line in media.lines if line.kind == "a"}
    lines = [*media.lines, *(line for line in inherited if line.value.partition(":")[0] not in own)]
    yield from _attributes(lines, codecs, speak)


def _codec(name: str) -> str:
    """Letter case is free, and so is one channel (RFC 8866 §6.6)."""
    return name.upper().removesuffix("/1")


def _attributes(
    lines: Sequence[Line], codecs: dict[str, str], speak: Speak, leave: frozenset[str] = frozenset()
) -> Iterator[tuple[str, str]]:
    """Every attribute with all its values, and a bandwidth of nothing; order among the lines means nothing."""
    told: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.value.partition(":")
        if line.kind == "b" and value.strip() == "0":
            told.setdefault(f"b={name}", []).append("0")
        if line.kind == "a" and name not in OWN_BUSINESS and name not in leave:
            place, said = _attribute(name, value, codecs)
            told.setdefault(place, []).append(speak(said))
    for place, values in told.items():
        yield place, ", ".join(sorted(values))


def _attribute(name: str, value: str, codecs: dict[str, str]) -> tuple[str, str]:
    if name in ("fmtp", "rtcp-fb"):
        number, _, rest = value.partition(" ")
        said = ";".join(sorted(part.strip().lower() for part in rest.split(";")))
        return f"a={name} {codecs.get(number) or number}", said
    if name == "crypto":  # the suite; the key is made anew (RFC 4568 §9.2)
        return "a=crypto", next(iter(value.split()[1:2]), "")
    if name == "fingerprint":  # of a certificate of its own
        return "a=fingerprint", value.partition(" ")[0].lower()
    return f"a={name}", value
