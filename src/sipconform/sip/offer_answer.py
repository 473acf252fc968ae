"""Writing session descriptions: offers of G.711, the ways to hold, and answers (RFC 3264)."""

from __future__ import annotations

from sipconform.sip.sdp import Media, Sdp

ANSWERED = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
G711 = {"0": "PCMU/8000", "8": "PCMA/8000"}
EVENTS = {"101": "telephone-event/8000"}  # RFC 4733
HOLD_STYLES = {  # how phones say hold: direction, and the connection address if not their own
    "sendonly": ("sendonly", ""),
    "inactive": ("inactive", ""),
    "0.0.0.0": ("sendrecv", "0.0.0.0"),
}


def compose_audio(
    address: str,
    port: int,
    session_id: int,
    *,
    version: int = 1,
    direction: str = "sendrecv",
    connection: str = "",
    formats: dict[str, str] | None = None,
) -> bytes:
    """A description with one audio stream, G.711 and telephone events unless `formats` says otherwise.

    `version` grows by one whenever a later description of the session differs (RFC 3264 §8). `connection`
    is the address media should go to when that is not `address`.
    """
    media = _audio_lines(port, direction, {**G711, **EVENTS} if formats is None else formats)
    return _compose(address, session_id, version, connection, media)


def compose_hold(address: str, port: int, session_id: int, version: int, style: str = "sendonly") -> bytes:
    """The same stream with the other side on hold, in one of the HOLD_STYLES."""
    direction, connection = HOLD_STYLES[style]
    return compose_audio(address, port, session_id, version=version, direction=direction, connection=connection)


def compose_answer(
    offer: Sdp, address: str, port: int, session_id: int, *, version: int = 1, direction: str = "sendrecv"
) -> bytes:
    """Answers an offer (RFC 3264 §6): the first audio stream with a format known here is taken, in the
    direction that both sides want; every other stream is refused with port 0, in the same order.

    An offer that holds by connection 0.0.0.0 is answered with our own address.
    """
    known = {**G711, **EVENTS}
    lines: list[str] = []
    taken = False
    for media in offer.media:
        shared = {} if taken or media.kind != "audio" or not media.port else _shared(media, known)
        if any(encoding in G711.values() for encoding in shared.values()):
            taken = True
            lines += _audio_lines(port, _meet(media.direction, direction), shared, media.protocol)
        else:
            lines.append(f"m={media.kind} 0 {media.protocol} {' '.join(media.formats)}")
    return _compose(address, session_id, version, "", lines)


def compose_refusal(offer: Sdp, address: str) -> bytes:
    """Answers an offer by refusing every stream of it (RFC 3264 §6)."""
    return _compose(address, 1, 1, "", [f"m={m.kind} 0 {m.protocol} {' '.join(m.formats)}" for m in offer.media])


def _shared(media: Media, known: dict[str, str]) -> dict[str, str]:
    """The formats of an offer that are known here, under the numbers and in the order of the offer."""
    named = {number: media.rtpmap.get(number, G711.get(number, "")) for number in media.formats}
    wanted = {encoding.lower(): encoding for encoding in known.values()}
    folded = {number: encoding.lower().removesuffix("/1") for number, encoding in named.items()}
    return {number: wanted[encoding] for number, encoding in folded.items() if encoding in wanted}


def _meet(offered: str, wanted: str) -> str:
    """The direction both want, from the answerer's side: it sends only what the offerer will hear."""
    allowed = ANSWERED[offered]
    sends = allowed in ("sendrecv", "sendonly") and wanted in ("sendrecv", "sendonly")
    hears = allowed in ("sendrecv", "recvonly") and wanted in ("sendrecv", "recvonly")
    return {(True, True): "sendrecv", (True, False): "sendonly", (False, True): "recvonly"}.get(
        (sends, hears), "inactive"
    )


def _audio_lines(port: int, direction: str, formats: dict[str, str], protocol: str = "RTP/AVP") -> list[str]:
    maps = [f"a=rtpmap:{number} {encoding}" for number, encoding in formats.items()]
    events = [f"a=fmtp:{number} 0-15" for number, encoding in formats.items() if encoding in EVENTS.values()]
    return [f"m=audio {port} {protocol} {' '.join(formats)}", *maps, *events, f"a={direction}"]


def _compose(address: str, session_id: int, version: int, connection: str, media: list[str]) -> bytes:
    there = connection or address
    lines = [
        "v=0",
        f"o=- {session_id} {version} IN {_family(address)} {address}",
        "s=-",
        f"c=IN {_family(there)} {there}",
        "t=0 0",
        *media,
    ]
    return "".join(f"{line}\r\n" for line in lines).encode()


def _family(address: str) -> str:
    return "IP6" if ":" in address else "IP4"
