"""The bodies of INFO: their order, their type, and its parameters."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from sipconform.checks.catalogue import EITHER, MUST, SHOULD, Finding, check, finding
from sipconform.checks.csta.course import LOOKED_AT_FIRST, asked, sessions
from sipconform.checks.csta.devices import is_own
from sipconform.checks.csta.log import is_csta
from sipconform.features.csta import DOCUMENTS
from sipconform.features.xml_body import XmlBody, children, local_name, read_xml
from sipconform.sip.fault import Fault
from sipconform.trace.trace import Trace, Transaction, WireMessage


@check(
    "CSTA-010", level=SHOULD, on=EITHER, clause="feature sync sheet §5.1",
    asks="elements are understood in any order and beside elements nobody knows",
)  # fmt: skip
def order_does_not_matter(trace: Trace) -> Iterator[Finding]:
    """Implementations disagree on it, and later editions add elements."""
    own = (of for of in asked(trace) if is_own(trace, of))
    for of in chain(own, asked(trace, by_server=False)):
        if of.final is not None and _is_unusual(of.request, of.document.name):
            ok = of.final.status < 300 and (of.answer is None or of.answer.name != "CSTAErrorCode")
            seen = f"{of.final.status} {of.answer.name if of.answer is not None else ''}".strip()
            yield finding(of.final, ok, expected="its answer", observed=seen, also=[of.request])


def _is_unusual(request: WireMessage, name: str) -> bool:
    """Whether the elements of a known document stand in another order than usual, or there are more of them."""
    usual = [path.partition("/")[0] for path in DOCUMENTS.get(name, ())]
    xml = read_xml(request.content)
    if not usual or not isinstance(xml, XmlBody):
        return False
    found = [local_name(element) for element in children(xml.root)]
    return found != [element for element in usual if element in found]


def _infos(trace: Trace) -> Iterator[tuple[Transaction, WireMessage, WireMessage]]:
    """Every answered INFO with a body in a session, whatever the body is."""
    for session in sessions(trace):
        for transaction in session.dialog.transactions:
            request, final = transaction.request, transaction.final
            if transaction.method != "INFO" or request is None or final is None:
                continue
            if request.content and not session.log.says_nothing(transaction):
                yield transaction, request, final


@check(
    "CSTA-012", level=MUST, on=EITHER, clause="RFC 3261 §20.11, §21.4.13",
    asks="a body of an unknown type that must be handled is refused with 415 and Accept",
)  # fmt: skip
def unknown_body_is_refused(trace: Trace) -> Iterator[Finding]:
    """Accepted in silence, the sender believes it was understood. What is looked at before the body, from the method to
    who asks, may be refused first with its own status: not judged.
    """
    for _, request, final in _infos(trace):
        optional = "handling=optional" in request.text("Content-Disposition").replace(" ", "").lower()
        kind = request.content_type
        odd = isinstance(kind, Fault) or kind.type.startswith(("text/x-", "application/x-nonsense"))
        if not is_csta(request) and not optional and odd and (final.status not in LOOKED_AT_FIRST - {415}):
            seen = f"{final.status} {final.reason}" + ("" if final.has("Accept") else " without Accept")
            ok = final.status == 415 and final.has("Accept")
            yield finding(final, ok, expected="415 with Accept", observed=seen, also=[request])


@check(
    "CSTA-021", level=SHOULD, on=EITHER, clause="RFC 3261 §7.3.1, §20.15; RFC 7303 §4",
    asks="parameters of the body's type do not make it another type",
)  # fmt: skip
def type_parameters_are_tolerated(trace: Trace) -> Iterator[Finding]:
    """Many say a charset, which is legal for any type. Only a refusal with 415 counts, for it says that the type was
    not understood; whether the charset itself suits the receiver is its own affair."""
    for _, request, final in _infos(trace):
        if is_csta(request) and ";" in request.text("Content-Type"):
            seen = f"{final.status} to {request.text('Content-Type')}"
            yield finding(final, final.status != 415, expected="200", observed=seen, also=[request])
