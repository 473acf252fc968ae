from collections import Counter

from sipconform.checks.catalogue import Check, Finding, Level, Side, Verdict
from sipconform.report.defects import broken, places
from sipconform.report.legible import seen
from sipconform.report.model import Defect, Line, ScenarioResult
from sipconform.report.secrets import Mask
from sipconform.report.telling import Teller
from sipconform.sip.fault import Span
from sipconform.trace.trace import Trace
from tests.report.examples import CHECKS, MUST_STATE, SHOULD_AGENT, failing, request, scenario, trace_of

STATE = "Subscription-State: active, 3600\r\n"


def judged(*findings: Finding) -> list[tuple[Line, Finding]]:
    teller = Teller(CHECKS, {}, Mask())
    return [(teller.line(finding, scenario(trace_of())), finding) for finding in findings]


def found_in(trace: Trace, number: int, check: Check, span: Span | None, **how: object) -> Finding:
    """A failure on the message of that number, counted from 0."""
    finding = failing(trace, span, check=check, level=check.level, **how)
    finding.of = trace.messages[number]
    return finding


def test_checks_that_point_at_the_same_bytes_tell_one_defect() -> None:
    trace = trace_of(request(extra=STATE))
    span = trace.messages[0].span("Subscription-State")
    inner = Span(span.start, span.start + 6)
    (place,) = places(judged(found_in(trace, 0, SHOULD_AGENT, inner), found_in(trace, 0, MUST_STATE, span)))
    assert place.defect.checks == ("SUB-007", "SIP-099")
    assert (place.defect.level, place.defect.part, place.kind) == (Level.MUST, "Subscription-State", "NOTIFY")
    assert place.defect.counts_against


def test_the_header_field_is_named_in_full_also_where_its_row_is_folded() -> None:
    trace = trace_of(request(extra="s: one\r\n two\r\nOdd name: x\r\n"))
    raw = trace.messages[0].raw
    spans = (Span(raw.index(b"two"), raw.index(b"two") + 3), Span(raw.index(b" x\r"), raw.index(b" x\r") + 2))
    found = places(judged(*(found_in(trace, 0, MUST_STATE, span) for span in spans)))
    assert [place.defect.part for place in found] == ["Subject", "header"]


def test_one_check_twice_on_the_same_bytes_is_one_place() -> None:
    trace = trace_of(request(extra=STATE))
    span = trace.messages[0].span("Subscription-State")
    both = (found_in(trace, 0, MUST_STATE, span), found_in(trace, 0, MUST_STATE, span, observed="no expires"))
    (place,) = places(judged(*both))
    assert place.defect.checks == ("SUB-007",)
    assert len(place.judged) == 2


def test_what_is_missing_in_one_message_are_several_defects() -> None:
    trace = trace_of(request())
    missing = trace.messages[0].span("Subscription-State")  # the start line, for want of the row
    assert len(places(judged(found_in(trace, 0, MUST_STATE, missing), found_in(trace, 0, SHOULD_AGENT, missing)))) == 2
    assert len(places(judged(found_in(trace, 0, MUST_STATE, None), found_in(trace, 0, SHOULD_AGENT, None)))) == 2


def test_a_body_may_be_wrong_in_two_ways() -> None:
    trace = trace_of(request().replace(b"Content-Length: 0\r\n\r\n", b"Content-Length: 4\r\n\r\nbody"))
    whole = Span(trace.messages[0].body_start, len(trace.messages[0].raw))
    found = places(judged(found_in(trace, 0, MUST_STATE, whole), found_in(trace, 0, SHOULD_AGENT, whole)))
    assert [place.defect.part for place in found] == ["body", "body"]


def test_what_the_profile_expects_is_a_defect_of_its_own() -> None:
    trace = trace_of(request(extra=STATE))
    span = trace.messages[0].span("Subscription-State")
    teller = Teller(CHECKS, {"SUB-007": "known"}, Mask())
    findings = found_in(trace, 0, MUST_STATE, span), found_in(trace, 0, SHOULD_AGENT, span)
    found = places([(teller.line(finding, scenario(trace)), finding) for finding in findings])
    assert [(place.defect.checks, place.defect.expected) for place in found] == [
        (("SUB-007",), True),
        (("SIP-099",), False),
    ]


def test_a_message_that_is_none_and_no_message_at_all_have_places_too() -> None:
    trace = trace_of(b"\xff\xfe\r\n\r\n")
    nothing = Finding(Verdict.INCONCLUSIVE, check=MUST_STATE, level=Level.MUST, side=Side.SERVER)
    assert [place.kind for place in places(judged(failing(trace), nothing))] == ["message", ""]


def defect(party: str = "192.0.2.1:5060", verdict: Verdict = Verdict.FAIL, *, expected: bool = False) -> Defect:
    return Defect(verdict, Level.MUST, Side.SERVER, party, ("SUB-007",), "Subscription-State", expected, not expected)


def result(*defects: Defect, **how: object) -> ScenarioResult:
    return scenario(trace_of(), defects={one: Counter(NOTIFY=2) for one in defects}, **how)


def test_a_defect_of_several_scenarios_is_one() -> None:
    (one,) = broken([result(defect()), result(), result(defect("192.0.2.1:5061"))])
    assert (one.chapters, one.parties) == ((1, 3), ("192.0.2.1:5060", "192.0.2.1:5061"))
    assert seen(one.kinds) == "in 4 NOTIFYs"


def test_other_products_have_other_defects() -> None:
    one, other = ({"192.0.2.1:5060": name} for name in ("one/1.0", "other/2.0"))
    assert len(broken([result(defect(), products=one), result(defect(), products=other)])) == 2
    hosts = defect("192.0.2.1:5060"), defect("192.0.2.2:5060")
    assert len(broken([result(hosts[0]), result(hosts[1])])) == 2
    told = {"192.0.2.1:5060": "one/1.0", "192.0.2.2:5060": "one/1.0"}
    assert len(broken([result(hosts[0], products=told), result(hosts[1], products=told)])) == 1


def test_only_what_failed_and_was_not_expected_is_broken() -> None:
    assert broken([result(defect(expected=True), defect(verdict=Verdict.INCONCLUSIVE))]) == []


def test_where_it_was_seen_is_said_in_words() -> None:
    assert seen(Counter(NOTIFY=1)) == "in 1 NOTIFY"
    assert seen(Counter(OPTIONS=40)) == "in 40 OPTIONS"
    assert seen(Counter({"200 to INVITE": 2})) == "in 2 answers 200 to INVITE"
    assert seen(Counter(NOTIFY=1, INVITE=2)) == "in 3 messages"
    assert seen(Counter({"": 3})) == "3 times"
