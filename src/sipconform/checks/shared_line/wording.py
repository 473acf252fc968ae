"""How slots are written: in the NOTIFYs of a line, in its calls, and in what is told of parked callers."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import EITHER, MUST, SERVER, SHOULD, Finding, check, finding
from sipconform.checks.shared_line.legs import legs
from sipconform.checks.shared_line.lines import lines
from sipconform.features import call_park
from sipconform.features.appearance import appearance_of
from sipconform.sip.fault import Fault
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.trace.trace import Trace


@check(
    "SCA-014", level=MUST, on=SERVER, clause="RFC 3261 §25.1; call-info grammar (sheet 2.2)",
    asks="Call-Info of a NOTIFY is well-formed: one index a value, each once, one of nine states, * only with idle",
)  # fmt: skip
def state_is_well_formed(trace: Trace) -> Iterator[Finding]:
    """Any order of parameters, commas or repeated rows, and parameters nobody knows are all right."""
    for line in lines(trace):
        for told in line.told:
            faults = told.state.faults
            seen = faults[0].rule if faults else ""
            observed = told.notify.text("Call-Info") if faults else ""
            yield finding(told.notify, not faults, expected=seen, observed=observed, at="Call-Info")


@check(
    "SCA-106", level=MUST, on=SERVER, clause="RFC 3261 §25.1: quoted-string; call-info (sheet 2.2)",
    asks="the far party's address can be read back from what phones are told",
)  # fmt: skip
def far_party_is_readable(trace: Trace) -> Iterator[Finding]:
    """Quotes and backslashes in a name are escaped, once for the name and once for the parameter. A name without its
    own quotes is understood too.
    """
    for line in lines(trace):
        for told in line.told:
            for value in told.state.slots.values():
                if value.party:
                    party = value.far_party
                    ok = isinstance(party, NameAddr) and not isinstance(party.uri, Fault)
                    expected = "a name and an address"
                    yield finding(told.notify, ok, expected=expected, observed=value.party, at="Call-Info")


@check(
    "SCA-112", level=MUST, on=EITHER, clause="RFC 3261 §25.1; call-info grammar (sheet 2.2, 4.4, 4.5)",
    asks="what names the slot of a call names it by one number from 1",
)  # fmt: skip
def call_names_a_slot(trace: Trace) -> Iterator[Finding]:
    """In INVITEs, their answers, ACK and BYE between a line's server and its phones. `*`, 0 and words name none; values
    about something else, and no value at all, are all right here.
    """
    for _, leg in legs(trace):
        dialog = leg.answer.dialog if leg.answer is not None else None
        inside = (m for m in dialog.messages if m.method in ("INVITE", "ACK", "BYE")) if dialog is not None else ()
        carried = (leg.request, *leg.invite.responses, *inside)
        said = {m.number: m for m in carried if "appearance-index" in m.text("Call-Info")}
        for message in (m for _, m in sorted(said.items()) if m.repeats is None):
            named = appearance_of(message.texts("Call-Info"))
            fault = named.rule if isinstance(named, Fault) else ""
            seen = message.text("Call-Info")
            yield finding(message, not fault, expected=fault, observed=seen, at="Call-Info")


@check(
    "SCA-028", level=SHOULD, on=SERVER, clause="call-info with call-park information (sheet 2.1)",
    asks="who is parked is told in a document that can be read, and to those alone who accept it",
)  # fmt: skip
def parked_callers_are_told(trace: Trace) -> Iterator[Finding]:
    """A phone asks by Accept. Then a body is the call-park document with its Content-Type; the server need not send
    one, and whoever has not asked gets none (SCA-011 asks of bodies of other kinds).
    """
    for line in lines(trace):
        for subscription in line.subscriptions:
            requests = [t.request for t in subscription.subscribes if t.request is not None]
            wanted = any(call_park.CONTENT_TYPE in r.text("Accept").lower() for r in requests)
            for notify in (t.request for t in subscription.notifies if t.request is not None and t.request.body):
                kind = notify.text("Content-Type").partition(";")[0].strip().lower()
                if not wanted and kind != call_park.CONTENT_TYPE:
                    continue
                parked = call_park.parse(notify.body)
                readable = kind == call_park.CONTENT_TYPE and not isinstance(parked, Fault)
                expected = "a call-park document" if wanted else "no body, for the phone does not accept one"
                seen = f"{kind or 'no Content-Type'}{f', not {parked.rule}' if isinstance(parked, Fault) else ''}"
                if wanted or subscription.began_here:
                    yield finding(notify, wanted and readable, expected=expected, observed=seen, at="Content-Type")
