"""What sides agree on: offers and answers, hold and its end (RFC 3264; RFC 3261 §13.2.1, §14).

A server that only passes descriptions on is not blamed for them: who wrote them is, on the hop where he did.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sipconform.checks.catalogue import EITHER, INFO, MUST, PHONE, SHOULD, Finding, Level, check, finding
from sipconform.checks.evidence import author, once_per_trace, passed_on
from sipconform.checks.exchanges import (
    Exchange,
    Said,
    accepted,
    ack_to,
    exchanges,
    readable,
    streams_of,
    successive,
)
from sipconform.checks.told import intents, places
from sipconform.sip.fault import Fault
from sipconform.sip.offer_answer import ANSWERED
from sipconform.sip.sdp import NOWHERE, Media, Origin, Sdp
from sipconform.trace.packet import Address, Observation
from sipconform.trace.trace import Dialog, Trace, Transaction, WireMessage

LONGEST = 20  # digits of a version: 64 bits are customary, and an int of thousands of digits is nobody's version
RESUMED_WITHIN_NS = 5_000_000_000  # from the wish to the re-INVITE


@once_per_trace
def _arrivals(trace: Trace) -> dict[tuple[object, bytes], list[int]]:
    """When which description reached whom: message numbers by receiver and text."""
    found: dict[tuple[object, bytes], list[int]] = {}
    for message in trace.messages:
        if (sdp := message.sdp) is not None:
            found.setdefault((trace.party(message.destination), sdp.raw), []).append(message.number)
    return found


def handed_on(trace: Trace, said: Said, since: int = -1) -> bool:
    """Whether the sender of a description had been sent it himself, after the message with the number `since`."""
    if said.message.is_response and passed_on(trace, said.message):
        return True
    came = _arrivals(trace).get((trace.party(said.message.source), said.sdp.raw), ())
    return any(since < number < said.message.number for number in came)


@check(
    "SIP-040", level=MUST, on=EITHER, clause="RFC 3264 §8, §8.2",
    asks="an offer that changes the session has a higher version of the same o= line, and a stream for each before",
)  # fmt: skip
def offer_is_a_new_version(trace: Trace) -> Iterator[Finding]:
    """The version is how the peer knows that it must look again. That it grows by one is noted only, as many count in
    seconds. Another o= line in the same call is a warning: servers that connect somebody else do so.
    """
    for before, after in successive(trace):
        if before.sdp.raw != after.sdp.raw and not handed_on(trace, after):
            yield from _newer(before, after)
            yield _as_many(before, after)


def _newer(before: Said, after: Said) -> Iterator[Finding]:
    old, new = before.sdp.origin, after.sdp.origin
    if isinstance(old, Fault) or isinstance(new, Fault):
        return
    was, now = _version(old), _version(new)
    if was is None or now is None:
        return
    if old._replace(version="") != new._replace(version=""):
        yield _of_origin(before, after, False, "the same o= line but for its version", SHOULD)
        return
    yield _of_origin(before, after, now > was, f"a version above {was}", None)
    if now > was:
        yield _of_origin(before, after, now == was + 1, f"version {was + 1}", INFO)


def _of_origin(before: Said, after: Said, ok: bool, expected: str, level: Level | None) -> Finding:
    at = next(line for line in after.sdp.session if line.kind == "o")
    seen = f"o={at.value}"
    return finding(
        after.message, ok, expected=expected, observed=seen, at=at.span, also=[before.message],
        party=_writer(after.message), level=level,
    )  # fmt: skip


def _writer(message: WireMessage) -> Address:
    """Who wrote a message: a proxy may have passed a request on."""
    return author(message) if message.is_request else message.source


def _version(origin: Origin) -> int | None:
    text = origin.version
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST else None


def _as_many(before: Said, after: Said) -> Finding:
    wanted, found = streams_of(before.sdp), streams_of(after.sdp)
    seen, expected, party = f"{found} m= lines", f"at least {wanted} m= lines", _writer(after.message)
    also = [before.message]
    return finding(after.message, found >= wanted, expected=expected, observed=seen, also=also, party=party)


@check(
    "SIP-041", level=MUST, on=EITHER, clause="RFC 3264 §6.1",
    asks="the answer to sendonly is recvonly or inactive, to recvonly sendonly or inactive, to inactive inactive",
)  # fmt: skip
def answer_has_the_right_direction(trace: Trace) -> Iterator[Finding]:
    """No direction at all means sendrecv. An offer that holds with the address 0.0.0.0 asks for no direction. Streams
    that are switched off on either side are left out.
    """
    for exchange in exchanges(trace):
        if handed_on(trace, exchange.answer, exchange.offer.message.number):
            continue
        for offered, answered in exchange.streams():
            if offered.port and answered.port and offered.direction != "sendrecv":
                allowed = {ANSWERED[offered.direction], "inactive"}
                said, wanted = f"{answered.direction} to {offered.direction}", " or ".join(sorted(allowed))
                yield _of_answer(exchange, answered.direction in allowed, wanted, said, answered)


@check(
    "SIP-044", level=MUST, on=EITHER, clause="RFC 3264 §6, §8.1",
    asks="an answer has the offer's streams in their order, with port 0 for what is refused or was not offered",
)  # fmt: skip
def streams_keep_their_places(trace: Trace) -> Iterator[Finding]:
    """Streams are matched by place alone: with one missing the others are taken for what they are not. Later offers
    keep the order too; only the place of a stream that is off may be given to another kind.
    """
    for exchange in exchanges(trace):
        if handed_on(trace, exchange.answer, exchange.offer.message.number):
            continue
        wanted, found = streams_of(exchange.offer.sdp), streams_of(exchange.answer.sdp)
        yield _of_answer(exchange, wanted == found, f"{wanted} m= lines", f"{found} m= lines")
        for offered, answered in exchange.streams() if wanted == found else ():
            ok, said = offered.kind == answered.kind, f"m={answered.kind} to m={offered.kind}"
            yield _of_answer(exchange, ok, f"m={offered.kind}", said, answered)
            if not offered.port:
                yield _of_answer(exchange, not answered.port, "port 0", f"port {answered.port}", answered)
    for before, after in successive(trace):
        if readable(before.sdp) and readable(after.sdp) and not handed_on(trace, after):
            yield from _same_kinds(before, after)


def _same_kinds(before: Said, after: Said) -> Iterator[Finding]:
    for old, new in zip(before.sdp.media, after.sdp.media, strict=False):
        if old.port:
            ok, expected, seen = old.kind == new.kind, f"m={old.kind}", f"m={new.kind}"
            at, party = new.lines[0].span, _writer(after.message)
            yield finding(
                after.message, ok, expected=expected, observed=seen, at=at, also=[before.message], party=party
            )  # fmt: skip


def _of_answer(exchange: Exchange, ok: bool, expected: str, observed: str, at: Media | None = None) -> Finding:
    message, also = exchange.answer.message, [exchange.offer.message]
    span, party = at.lines[0].span if at else None, _writer(message)
    return finding(message, ok, expected=expected, observed=observed, at=span, also=also, party=party)


@check(
    "SIP-042", level=MUST, on=PHONE, clause="RFC 3264 §8.4, §5.1",
    asks="a phone that takes a call up again offers to send and to hear",
)  # fmt: skip
def resume_opens_both_ways(trace: Trace) -> Iterator[Finding]:
    """sendrecv, or no direction, and an address. Asked where the record says that the user took the call up again;
    not while the other side holds as well, whose hold the offer may heed.
    """
    for wish in intents(trace, "resume", "resume_line"):
        offers = [e for e in _offers_of(trace, wish) if not e.holds]
        audios = [(e.offer.message, audio) for e in offers if (audio := e.offer.sdp.audio) is not None]
        if audios:
            ok = any(a.direction == "sendrecv" and a.connection not in NOWHERE for _, a in audios)
            offer, audio = audios[0]
            seen, at = f"{audio.direction} at {audio.connection}", audio.lines[0].span
            yield finding(offer, ok, expected="sendrecv", observed=seen, at=at)


def _offers_of(trace: Trace, wish: Observation) -> Iterator[Exchange]:
    """What somebody offered within calls soon after he was told to do something."""
    address = places(trace).get(wish.who)
    for exchange in exchanges(trace):
        late = exchange.offer.message.packet.time_ns - wish.time_ns
        if str(trace.party(exchange.offerer)) == address and 0 <= late <= RESUMED_WITHIN_NS:
            yield exchange


@check(
    "SIP-043", level=SHOULD, on=EITHER, clause="RFC 3264 §8.4",
    asks="nobody holds with the address 0.0.0.0 any more, and who is held so takes it",
)  # fmt: skip
def old_hold_is_understood(trace: Trace) -> Iterator[Finding]:
    """The old way stops RTCP too and has no place in IPv6. It is to be understood all the same: not refused where the
    call's offers were accepted before. Who was told to hold that way is not asked, nor is a first offer of somebody
    who does not know his address yet.
    """
    for dialog in trace.dialogs:
        agreed = False
        for transaction in dialog.transactions:
            request, final = transaction.request, transaction.final
            if transaction.method != "INVITE" or request is None or final is None:
                continue
            if agreed and request.sdp is not None and _is_nowhere(request.sdp):
                yield from _judge_old_hold(trace, transaction, request, final)
            agreed = agreed or accepted(transaction, dialog) is not None


def _is_nowhere(sdp: Sdp) -> bool:
    audio = sdp.audio
    return audio is not None and audio.connection in NOWHERE


def _judge_old_hold(trace: Trace, held: Transaction, request: WireMessage, final: WireMessage) -> Iterator[Finding]:
    if not _told_to(trace, held, request) and request.sdp and not handed_on(trace, Said(request, request.sdp)):
        expected, seen = "a=sendonly and an address", "c=0.0.0.0"
        yield finding(request, False, expected=expected, observed=seen, party=author(request))
    if not passed_on(trace, final):
        refused = final.status in (488, 606)
        yield finding(final, not refused, expected="200", observed=str(final.status), also=[request])


def _told_to(trace: Trace, held: Transaction, request: WireMessage) -> bool:
    """Whether the story wanted the hold to be said in the old way."""
    addresses = places(trace)
    wishes: Sequence[Observation] = [
        o for o in intents(trace, "hold", "hold_line")
        if addresses.get(o.who) == str(trace.party(held.client)) and o.time_ns <= request.packet.time_ns
    ]  # fmt: skip
    return bool(wishes) and wishes[-1].what.get("style") in NOWHERE


@check(
    "SIP-045", level=SHOULD, on=EITHER, clause="RFC 6337 §5.3; RFC 3264 §6.1",
    asks="who holds a call goes on holding it when the other side makes an offer",
)  # fmt: skip
def hold_outlives_an_offer(trace: Trace) -> Iterator[Finding]:
    """The answer is sendonly or inactive until one's own user takes the call up again; else the other side's resume,
    or a mere refresh, opens the microphone of somebody who has put the receiver aside.
    """
    for exchange in exchanges(trace):
        audio, late = exchange.answer.sdp.audio, exchange.offer.message.is_response
        if late or audio is None or not exchange.holds or handed_on(trace, exchange.answer):
            continue
        if not _wished(trace, exchange):
            opened = audio.direction == "sendrecv" or (audio.direction == "recvonly" and not exchange.offer.sdp.is_hold)
            ok, said = not opened or audio.held, f"{audio.direction} while it holds the call"
            yield _of_answer(exchange, ok, "sendonly or inactive", said, audio)


def _wished(trace: Trace, exchange: Exchange) -> bool:
    """Whether the answering side had just been told to take the call up again."""
    address, answered = str(trace.party(exchange.answerer)), exchange.answer.message.packet.time_ns
    return any(
        places(trace).get(o.who) == address and 0 <= answered - o.time_ns <= RESUMED_WITHIN_NS
        for o in intents(trace, "resume", "resume_line", "press_line")
    )


@check(
    "SIP-046", level=MUST, on=EITHER, clause="RFC 3261 §13.2.1, §14.2",
    asks="an INVITE without an offer is answered with one, and the ACK answers that",
)  # fmt: skip
def late_offer_is_answered(trace: Trace) -> Iterator[Finding]:
    """Else one side believes in a session of which the other knows nothing. Only INVITEs without any body: what else a
    body may be is a feature's business. Reliable provisional answers may have carried the offer, so calls with them
    are left out.
    """
    reliable = {id(m.dialog) for m in trace.messages if m.method == "PRACK" or (m.is_response and m.has("RSeq"))}
    for dialog in trace.dialogs:
        if id(dialog) in reliable:
            continue
        for transaction in dialog.transactions:
            request, final = transaction.request, accepted(transaction, dialog)
            if transaction.method == "INVITE" and request is not None and final is not None and not request.content:
                yield from _late_offer(trace, dialog, transaction, request, final)


def _late_offer(
    trace: Trace, dialog: Dialog, invite: Transaction, request: WireMessage, final: WireMessage
) -> Iterator[Finding]:
    if not passed_on(trace, final):
        seen = f"{final.status} with {_body(final)}"
        yield finding(final, final.sdp is not None, expected="an offer", observed=seen, also=[request])
    ack = ack_to(dialog, request)
    if final.sdp is not None and ack is not None:
        seen, party = f"ACK with {_body(ack)}", author(ack)
        yield finding(ack, ack.sdp is not None, expected="an answer", observed=seen, also=[final], party=party)


def _body(message: WireMessage) -> str:
    return f"a body of {len(message.content)} octets" if message.content else "no body"
