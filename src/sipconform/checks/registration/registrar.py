"""How a registrar answers (RFC 3261 §10.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from sipconform.checks.bindings import (
    Owner,
    answered,
    aor,
    contacts,
    granted,
    lifetime,
    registers,
    same_binding,
    takes_away,
)
from sipconform.checks.catalogue import MUST, PASSED, SERVER, SHOULD, Finding, check, finding
from sipconform.checks.evidence import SLACK, passed_on, same_uri, seconds_of
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace, WireMessage


@check(
    "REG-004", level=MUST, on=SERVER, clause="RFC 3261 §10.2.1.1, §10.3 step 7",
    asks="the expires of a Contact counts before the Expires header field",
)  # fmt: skip
def contact_expires_wins(trace: Trace) -> Iterator[Finding]:
    """Judged where a REGISTER has both and they differ: granting more than the Contact asked, up to what the
    header field says, shows that the wrong one was read. A registrar that raises everything to its minimum is
    REG-007's.
    """
    for request, final in answered(trace):
        asked = contacts(request)
        own = asked[0].params.get("expires") if asked and final.status < 300 else None
        header = seconds_of(request.expires)
        if own is None or not (own.isascii() and own.isdigit()) or header is None or header == int(own):
            continue
        told = granted(final, asked[0])
        if told is not None:
            expected, seen = f"{own} s or less, as the Contact asks", f"{told} s, as Expires: {header}"
            ok = told != header or header < int(own)
            yield finding(final, ok, expected=expected, observed=seen, at="Contact", also=[request])


@check(
    "REG-007", level=SHOULD, on=SERVER, clause="RFC 3261 §10.3 step 7, §20.23",
    asks="a registrar grants what was asked or less, or refuses with 423 and Min-Expires",
)  # fmt: skip
def grant_is_not_raised(trace: Trace) -> Iterator[Finding]:
    """Many raise a short time to their minimum in silence; that is a warning. A 423 without Min-Expires leaves
    the phone guessing: MUST.
    """
    for request, final in answered(trace):
        asked = contacts(request)
        if final.status == 423:
            ok = seconds_of(final.min_expires) is not None
            yield finding(final, ok, expected="Min-Expires in the 423", observed="none", also=[request], level=MUST)
        elif final.status < 300 and asked:
            wanted, told = lifetime(request, asked[0]), granted(final, asked[0])
            if wanted and told is not None:
                expected, seen = f"{wanted} s or less, or 423", f"{told} s"
                at = "Contact"
                yield finding(final, told <= wanted, expected=expected, observed=seen, at=at, also=[request])


@check(
    "REG-008", level=MUST, on=SERVER, clause="RFC 3261 §10.3 step 8",
    asks="the 200 lists the binding just made, and every binding with its expires",
)  # fmt: skip
def bindings_are_listed(trace: Trace) -> Iterator[Finding]:
    """The phone learns from it what it was granted. Where only an Expires header field tells the time it still does
    (§10.2.4), so that is a SHOULD. A Date is only recommended: said once for each registrar. Bindings of other phones
    are not counted, for a registrar may keep only one.
    """
    dated: set[Address] = set()
    for request, final in answered(trace):
        if final.status >= 300:
            continue
        listed, asked = contacts(final), contacts(request)
        bare = [c for c in listed if c.params.get("expires") is None]
        at = "Contact"
        if bare:
            seen, level = f"Contact: {bare[0]}", SHOULD if final.has("Expires") else None
            expected, also = "expires with every Contact", [request]
            yield finding(final, False, expected=expected, observed=seen, at=at, also=also, level=level)
        missing = [c for c in asked if lifetime(request, c) != 0 and not _lists(final, c)]
        seen = f"Contact: {', '.join(final.texts('Contact')) or 'none'}"
        expected = f"Contact with {missing[0].uri_text if missing else ''}"
        yield finding(final, not missing, expected=expected, observed=seen, at=at, also=[request])
        if final.source not in dated:
            dated.add(final.source)
            yield finding(final, final.has("Date"), expected="Date", observed="no Date", level=SHOULD)


def _lists(answer: WireMessage, contact: NameAddr) -> bool:
    return any(same_binding(c, contact) for c in contacts(answer))


@check(
    "REG-010", level=MUST, on=SERVER, clause="RFC 3261 §10.2.2, §10.3 step 6",
    asks="expires 0 removes a binding, * with 0 all of them, and * with anything else is refused",
)  # fmt: skip
def removal_removes(trace: Trace) -> Iterator[Finding]:
    """A phone that has signed out must not be called. Shown by the list in the 200; a refusal, by a registrar
    that wants credentials for example, passes.
    """
    for request, final in answered(trace):
        if request.contact_star:
            yield _star(request, final)
        elif final.status < 300:
            for contact in contacts(request):
                if lifetime(request, contact) == 0:
                    alive = [c for c in contacts(final) if same_binding(c, contact)]
                    ok = not any(lifetime(final, c) for c in alive)
                    expected, seen = f"no Contact with {contact.uri_text}", f"Contact: {final.text('Contact')}"
                    yield finding(final, ok, expected=expected, observed=seen, at="Contact", also=[request])


def _star(request: WireMessage, final: WireMessage) -> Finding:
    if final.status >= 300:
        return PASSED
    alone = seconds_of(request.expires) == 0 and len(request.values("Contact")) == 1
    expected = "no Contact at all" if alone else "400"
    seen = f"{final.status} with {len(final.values('Contact'))} Contact"
    ok = alone and not any(lifetime(final, c) for c in contacts(final))
    return finding(final, ok, expected=expected, observed=seen, also=[request])


@check(
    "REG-011", level=MUST, on=SERVER, clause="RFC 3261 §10.3 step 7",
    asks="a REGISTER that is not newer than the last one of its Call-ID is refused",
)  # fmt: skip
def stale_register_is_refused(trace: Trace) -> Iterator[Finding]:
    """An overtaken REGISTER must not undo a newer one. Compared is with the binding that the newer one made: with
    none left, or for another Contact, there is nothing to be older than. That the newer one was accepted before the
    older passed the tap proves the order. A query (no Contact) changes nothing and may be answered.
    """
    made: dict[Owner, list[_Made]] = {}
    for transaction, request in registers(trace):
        final = transaction.final
        if final is None or passed_on(trace, final):
            continue
        alive = made.setdefault((transaction.server, aor(request)), [])
        alive[:] = [m for m in alive if m.until_ns > request.packet.time_ns]
        touched = [
            m for m in alive if request.contact_star or any(same_binding(c, m.contact) for c in contacts(request))
        ]
        newer = next((m for m in touched if m.is_newer(request)), None)
        if newer is not None:
            seen = f"{final.status} to CSeq {request.cseq_number} after {newer.request.cseq_number}"
            also = [newer.final, request]
            yield finding(final, final.status >= 300, expected="a refusal", observed=seen, also=also)
        elif final.status < 300:
            alive[:] = [m for m in alive if m not in touched] + list(_made(request, final))


@dataclass(frozen=True, slots=True)
class _Made:
    """A binding, and the REGISTER that made it."""

    contact: NameAddr
    request: WireMessage
    final: WireMessage
    until_ns: int

    def is_newer(self, other: WireMessage) -> bool:
        same, later = self.request.call_id == other.call_id, self.request.cseq_number >= other.cseq_number
        return same and later and self.final.number < other.number


def _made(request: WireMessage, final: WireMessage) -> Iterator[_Made]:
    for contact in contacts(request):
        seconds = granted(final, contact)
        if seconds and not takes_away(request, contact):
            yield _Made(contact, request, final, final.packet.time_ns + int((seconds - SLACK) * 1e9))


@check(
    "REG-025", level=SHOULD, on=SERVER, clause="RFC 3261 §10.3 step 7, §19.1.4",
    asks="one Contact is one binding, however its URI is spelled",
)  # fmt: skip
def binding_is_not_doubled(trace: Trace) -> Iterator[Finding]:
    """Else the phone rings twice. Two URIs in one list that RFC 3261 §19.1.4 calls equal are one binding too
    many; phones with an instance id may share a URI over different flows (RFC 5626), so those are left out.
    """
    for request, final in answered(trace):
        listed = [c for c in contacts(final) if "+sip.instance" not in c.params] if final.status < 300 else []
        if len(listed) > 1:
            twin = next((b for a, b in combinations(listed, 2) if same_uri(a.uri_text, b.uri_text)), None)
            seen = f"{twin.uri_text if twin else ''} twice"
            at = "Contact"
            yield finding(final, twin is None, expected="every binding once", observed=seen, at=at, also=[request])
