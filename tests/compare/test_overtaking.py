"""A state that passes before it can be told accuses nobody; one that lasts and is not told does."""

import pytest

from sipconform.compare.comparison import compare
from sipconform.trace.trace import Trace
from tests.compare.talk import Said, answer, request, subscription, trace

ROWS = "Event: presence", "Subscription-State: active;expires=3600", "Content-Type: text/plain"


def report(number: int, at: float, state: str, answered: float = 0.01) -> list[Said]:
    """A NOTIFY with its answer, which comes so many seconds later."""
    ask = request("NOTIFY", number, *ROWS, tag="fc1", body=state)
    ask = ask.replace("From: <sip:2001@192.0.2.1>;tag=fc1", "From: <sip:2001@192.0.2.1>;tag=t1")
    return [(at, "server", ask), (at + answered, "phone", answer(ask, 200))]


def told(*reports: list[Said]) -> Trace:
    return trace(*subscription(info="idle"), *(said for each in reports for said in each))


def slow() -> Trace:
    return told(report(2, 10, "ringing"), report(3, 20, "talking"), report(4, 30, "over"))


def rules(run: Trace, reference: Trace) -> tuple[set[str], set[str]]:
    result = compare(run, reference)
    return {found.rule for found in result.differences}, {found.rule for found in result.ignored}


def test_a_reference_that_was_too_fast_for_a_state_accuses_nobody_who_tells_it() -> None:
    fast = told(report(2, 10, "ringing"), report(3, 10.05, "over"), subscription("c2", info="talking", at=10.03))
    counted, ignored = rules(slow(), fast)
    assert "exchange-extra" not in counted
    assert "overtaken" in ignored


def test_a_state_that_nobody_was_told_of_in_the_reference_counts_however_fast_that_was() -> None:
    counted, ignored = rules(slow(), told(report(2, 10, "ringing"), report(3, 10.05, "over")))
    assert "exchange-extra" in counted
    assert "overtaken" not in ignored


def test_a_reference_that_had_the_time_and_did_not_tell_shows_a_state_that_is_too_much() -> None:
    counted, ignored = rules(slow(), told(report(2, 10, "ringing"), report(3, 20, "over")))
    assert "exchange-extra" in counted
    assert "overtaken" not in ignored


def test_a_state_that_the_run_tells_for_a_moment_only_counts() -> None:
    run = told(report(2, 10, "ringing"), report(3, 10.02, "talking"), report(4, 10.05, "over"))
    assert "exchange-extra" in rules(run, told(report(2, 10, "ringing"), report(3, 10.05, "over")))[0]


@pytest.mark.parametrize(("held_up", "pause", "excused"), [(2.0, 0.01, True), (0.01, 0.01, False), (2.0, 5.0, False)])
def test_a_run_is_excused_only_when_its_report_before_was_held_up_and_the_next_waited(
    held_up: float, pause: float, excused: bool
) -> None:
    run = told(report(2, 10, "ringing", held_up), report(3, 10 + held_up + pause, "over"))
    counted, ignored = rules(run, slow())
    assert ("overtaken" in ignored) == excused
    assert ("exchange-missing" in counted) == (not excused)


@pytest.mark.parametrize(("held_up", "excused"), [(2.0, True), (0.01, False)])
def test_a_reference_whose_report_was_held_up_accuses_nobody_who_tells_what_passed_meanwhile(
    held_up: float, excused: bool
) -> None:
    counted, ignored = rules(slow(), told(report(2, 10, "ringing", held_up), report(3, 10.01 + held_up, "over")))
    assert ("overtaken" in ignored) == excused
    assert ("exchange-extra" in counted) == (not excused)


def test_what_is_told_to_others_and_passes_as_fast_as_a_report_is_answered_counts_for_neither() -> None:
    run = told(report(2, 10, "ringing"), report(3, 10.02, "talking"), report(4, 10.03, "over"))
    fast = told(report(2, 10, "ringing"), report(3, 10.02, "over"), subscription("c2", info="talking", at=10.01))
    assert "overtaken" in rules(run, fast)[1]


def test_the_last_state_is_never_excused() -> None:
    run = told(report(2, 10, "ringing", 2.0), report(3, 12.01, "talking"))
    assert "exchange-missing" in rules(run, slow())[0]
