from sipconform.report.captions import few, in_words, since
from tests.report.examples import request, trace_of


def caption(payload: bytes) -> str:
    return in_words(trace_of(payload).messages[0])


def test_a_request_is_told_with_what_it_is_about() -> None:
    assert caption(request(extra="Subscription-State: active;expires=60\r\n")) == "NOTIFY as-feature-event active"
    assert caption(request("SUBSCRIBE", extra="Expires: 0\r\n")) == "SUBSCRIBE as-feature-event (ends)"
    assert caption(request("INVITE", extra="Content-Type: application/sdp\r\n")) == "INVITE sip:2001@192.0.2.10 ⊞ SDP"


def test_states_of_appearances_are_told() -> None:
    held, idle = (
        f"<sip:x>;appearance-index={i};appearance-state={state}" for i, state in (("1", "held"), ("*", "idle"))
    )
    assert caption(request(extra=f"Call-Info: {held}, {idle}\r\n")) == "NOTIFY as-feature-event · 1: held, *: idle"


def test_an_answer_is_told_with_what_it_answers() -> None:
    assert caption(b"SIP/2.0 486 Busy Here\r\nCSeq: 1 INVITE\r\n\r\n") == "486 Busy Here (INVITE)"
    assert caption(b"not at all\r\n\r\n") == "not a SIP message: not at all"


def test_time_is_told_in_the_unit_that_suits_it() -> None:
    assert [since(seconds) for seconds in (0.0, 0.0005, 0.02, 1.5)] == ["+0 µs", "+500 µs", "+20.0 ms", "+1.500 s"]


def test_more_checks_than_there_is_room_for_are_counted() -> None:
    assert few(["A-1", "A-2", "A-3", "A-4"]) == "A-1, A-2 +2"
