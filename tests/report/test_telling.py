from collections import Counter
from dataclasses import replace

from sipconform.checks.catalogue import Finding, Level, Side, Verdict
from sipconform.report.defects import places
from sipconform.report.model import Line
from sipconform.report.secrets import Mask
from sipconform.report.telling import Teller, conclude, told
from sipconform.trace.packet import Note
from tests.report.examples import CHECKS, MUST_STATE, SHOULD_AGENT, failing, request, scenario, trace_of

TELLER = Teller(CHECKS, {}, Mask())


def line_of(finding: Finding, teller: Teller = TELLER) -> Line:
    return teller.line(finding, scenario(trace_of(request())))


def test_a_line_is_a_full_sentence_with_whose_it_is() -> None:
    line = line_of(failing(trace_of(request())))
    assert line.message == (
        "The server 192.0.2.1:5060 does not satisfy SUB-007 (RFC 6665 §8.2.3): every NOTIFY says its state; "
        "expected active; observed nothing (frame 1)."
    )
    assert (line.party, line.side, line.frames) == ("192.0.2.1:5060", Side.SERVER, (1,))
    assert line.counts_against


def test_a_digest_response_that_a_check_quotes_is_masked() -> None:
    trace = trace_of(request(extra='Authorization: Digest response="0123456789abcdef"\r\n'))
    line = line_of(failing(trace, observed="hash 0123456789abcdef is wrong"))
    assert "0123456789abcdef" not in line.observed + line.message


def test_a_side_that_was_guessed_is_told_as_such() -> None:
    line = TELLER.line(failing(trace_of(request())), scenario(trace_of()), guessed=True)
    assert line.message.startswith("The server 192.0.2.1:5060 (side guessed) does not satisfy SUB-007")
    assert line.facts()["side_guessed"] is True


def test_an_expected_deviation_does_not_count_against_the_device() -> None:
    line = line_of(failing(trace_of(request())), Teller(CHECKS, {"SUB-007": "known"}, Mask()))
    assert line.deviation == "known"
    assert not line.counts_against


def test_our_own_agent_is_accused_as_such() -> None:
    line = line_of(failing(trace_of(request()), side=Side.SUITE))
    assert line.message.startswith("The suite's own agent 192.0.2.1:5060 does not satisfy SUB-007")


def concluded(*findings: Finding, **how: object) -> tuple[Verdict | None, str]:
    result = scenario(trace_of(request()), *findings, **how)
    for finding in findings:
        line = TELLER.line(finding, result)
        result.shown.append(line)
        result.tally[told(line)] += 1
    for place in places(zip(result.shown, findings, strict=True)):
        result.defects.setdefault(place.defect, Counter())[place.kind] += 1
    conclude(result, CHECKS)
    return result.verdict, result.sentence


def test_a_must_that_failed_fails_even_a_scenario_that_says_pass() -> None:
    verdict, sentence = concluded(failing(trace_of(request())), verdict=Verdict.PASS)
    assert verdict is Verdict.FAIL
    said = "The server 192.0.2.1:5060 breaks SUB-007 (every NOTIFY says its state) in 1 NOTIFY; observed nothing."
    assert sentence == said


def test_a_story_that_went_otherwise_is_told_with_whose_it_is() -> None:
    said = concluded(failing(trace_of(request())), verdict=Verdict.FAIL, sentence="phone shows dnd off")[1]
    assert said.startswith("phone shows dnd off. The server 192.0.2.1:5060 breaks SUB-007 ")
    expected = concluded(
        failing(trace_of(request())), verdict=Verdict.FAIL, sentence="as expected (known), no call", deviation="known"
    )
    assert expected[1] == "as expected (known), no call"


def test_of_several_defects_the_one_that_is_seen_most_is_told() -> None:
    trace = trace_of(*(request(number=n) for n in range(3)))
    findings = [failing(trace) for _ in trace.messages]
    for finding, message in zip(findings, trace.messages, strict=True):
        finding.of = message
    other = failing(trace, check=replace(MUST_STATE, id="SUB-001"))
    assert concluded(other, *findings)[1].endswith("in 3 NOTIFYs; observed nothing (and 1 more defect).")


def test_a_should_that_failed_does_not() -> None:
    lesser = failing(trace_of(request()))
    lesser.check, lesser.level = SHOULD_AGENT, Level.SHOULD
    assert concluded(lesser)[0] is Verdict.PASS


def test_what_the_scenario_states_stays() -> None:
    assert concluded(failing(trace_of(request())), verdict=Verdict.NOT_SUPPORTED)[0] is Verdict.NOT_SUPPORTED


def test_no_evidence_is_no_pass() -> None:
    assert concluded()[0] is Verdict.NOT_APPLICABLE
    verdict, sentence = concluded(notes=[Note("gtp", "SIP inside GTP is not opened.")])
    assert sentence == "Nothing in it could be judged: SIP inside GTP is not opened."
    assert verdict is Verdict.NOT_APPLICABLE


def test_an_undecided_must_is_inconclusive_and_a_broken_check_could_not_run() -> None:
    undecided = Finding(Verdict.INCONCLUSIVE, check=MUST_STATE, level=Level.MUST)
    broken = Finding(Verdict.COULD_NOT_RUN, check=MUST_STATE, level=Level.INFO, side=Side.SUITE)
    assert concluded(undecided) == (Verdict.INCONCLUSIVE, "The evidence does not suffice for a verdict: SUB-007.")
    assert concluded(undecided, broken) == (Verdict.COULD_NOT_RUN, "The suite could not ask SUB-007.")


def test_an_error_says_why_it_could_not_run() -> None:
    verdict, sentence = concluded(error="Traceback\nOSError: port 5060 is in use")
    assert verdict is Verdict.COULD_NOT_RUN
    assert sentence == "It could not run: OSError: port 5060 is in use"
