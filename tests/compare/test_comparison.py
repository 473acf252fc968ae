import re
from collections.abc import Callable

import pytest

from sipconform.checks.catalogue import Level
from sipconform.compare.comparison import compare
from sipconform.compare.difference import Comparison
from sipconform.compare.rules import COUNTING, IGNORING
from sipconform.trace.packet import Note
from tests.compare.talk import Said, call, request, subscription, trace


def told(comparison: Comparison) -> list[tuple[str, str]]:
    return [(found.rule, found.what) for found in comparison.differences]


def ignored(comparison: Comparison) -> set[str]:
    return {found.rule for found in comparison.ignored}


LEGAL: list[tuple[str, Callable[[str], str]]] = [
    ("identifier", lambda text: text.replace("z9hG4bK", "z9hG4bKx").replace("tag=fc1", "tag=other")),
    ("identifier", lambda text: text.replace("Call-ID: c1", "Call-ID: quite another")),
    ("sequence", lambda text: re.sub(r"CSeq: (\d)", r"CSeq: 70\1", text)),
    ("product", lambda text: text.replace("Max-Forwards: 70", "Max-Forwards: 70\nUser-Agent: another")),
    ("clock", lambda text: text.replace("Max-Forwards: 70", "Max-Forwards: 70\nDate: Thu, 01 Jan 2026 00:00:00 GMT")),
    ("answer-address", lambda text: re.sub(r"(branch=\S+)", r"\1;received=203.0.113.9;rport=4321", text)),
    ("reason-phrase", lambda text: text.replace("SIP/2.0 200 OK", "SIP/2.0 200 Gladly")),
    ("accepted", lambda text: text.replace("SIP/2.0 200 OK", "SIP/2.0 202 OK") if "SUBSCRIBE" in text else text),
    ("spelling", lambda text: text.replace("Contact: <", "m:   <")),
    ("header-order", lambda text: text.replace("Event: presence\nExpires: 3600", "Expires: 3600\nEvent: presence")),
    ("countdown", lambda text: text.replace("active;expires=3600", "active;expires=3599")),
]


@pytest.mark.parametrize(("rule", "change"), LEGAL)
def test_what_may_differ_is_ignored_by_its_rule(rule: str, change: Callable[[str], str]) -> None:
    reference = trace(*subscription())
    run = trace(*subscription(), change=change)
    for result in (compare(run, reference), compare(reference, run)):
        assert told(result) == []
        assert rule in ignored(result)


ILLEGAL: list[tuple[tuple[str, str], Callable[[str], str]]] = [
    (("status", "status"), lambda text: text.replace("SIP/2.0 200 OK", "SIP/2.0 403 Forbidden")),
    (("body", "body line 1"), lambda text: text.replace("dnd=off", "dnd=on")),
    (("header", "Subscription-State"), lambda text: text.replace("State: active", "State: pending")),
    (("header", "Subscription-State"), lambda text: text.replace("active;expires=3600", "active;expires=360")),
    (("conversation-missing", "SUBSCRIBE from phone 1 to server"), lambda text: text.replace("presence", "dialog")),
    (("header", "Expires"), lambda text: text.replace("Expires: 3600", "Expires: 60")),
    (("header", "Max-Forwards"), lambda text: text.replace("Max-Forwards: 70\n", "")),
    (("request-line", "request line"), lambda text: text.replace("NOTIFY sip:2001@", "NOTIFY sip:2002@")),
    (
        ("header", "Contact"),
        lambda text: text.replace("Contact: <sip:192.0.2.1:5060>", "Contact: <sip:192.0.2.99:5060>"),
    ),
    (("header", "To"), lambda text: text.replace("To: <sip:2001@192.0.2.1>;tag=fc1", "To: <sip:2001@192.0.2.1>")),
    (("header", "To display name"), lambda text: text.replace("To: <sip:", 'To: "Ann" <sip:')),
    (("header", "Via"), lambda text: text.replace("branch=z9hG4bK", "branch=1")),
]


@pytest.mark.parametrize(("expected", "change"), ILLEGAL)
def test_what_may_not_differ_counts(expected: tuple[str, str], change: Callable[[str], str]) -> None:
    result = compare(trace(*subscription(), change=change), trace(*subscription()))
    assert expected in told(result)


def test_a_trace_compares_clean_with_itself_and_nothing_is_ignored() -> None:
    result = compare(trace(*call()), trace(*call()))
    assert (result.differences, result.ignored, result.reservations) == ([], [], [])


def test_addresses_and_ports_stand_for_their_parties() -> None:
    def elsewhere(text: str) -> str:
        return text.replace("192.0.2.10", "198.51.100.7").replace("192.0.2.1:", "198.51.100.1:")

    moved = [(at, who, elsewhere(text)) for at, who, text in call()]
    result = compare(trace(*moved), trace(*call()))
    assert ("header", "Via") in told(result)  # its packets did not come from there

    assert told(compare(trace(*call(session="77", port=6000)), trace(*call()))) == []


def test_a_stream_held_differs_and_the_place_is_named() -> None:
    held = [(at, who, text.replace("sendrecv", "sendonly")) for at, who, text in call()]
    result = compare(trace(*held), trace(*call()))
    assert told(result)[0] == ("body", "body audio 1 direction")
    assert result.differences[0].run == "sendonly"
    assert result.differences[0].level is Level.MUST


def without(said: list[Said], *places: int) -> list[Said]:
    return [one for at, one in enumerate(said) if at not in places]


@pytest.mark.parametrize(
    ("places", "rule"),
    [((4, 5), "exchange-missing"), ((3,), "exchange-missing"), ((1,), "answer-missing"), ((2,), "answer-missing")],
)
def test_what_is_missing_counts_and_what_is_extra_too(places: tuple[int, ...], rule: str) -> None:
    short, whole = trace(*without(call(), *places)), trace(*call())
    assert rule in {found.rule for found in compare(short, whole).differences}
    assert rule.replace("missing", "extra") in {found.rule for found in compare(whole, short).differences}


def test_a_whole_conversation_missing_is_one_difference() -> None:
    both = [*subscription("c1"), *subscription("c2", at=10)]
    result = compare(trace(*subscription("c1")), trace(*both))
    assert [found.rule for found in result.differences] == ["conversation-missing"]


def test_retransmissions_and_trying_are_listed_and_count_for_nothing() -> None:
    said = call()
    again = [said[0], (0.5, "phone", said[0][2]), *said[1:]]
    result = compare(trace(*again), trace(*said))
    assert told(result) == []
    assert "retransmission" in ignored(result)


def test_a_notify_that_repeats_the_state_is_extra_for_nothing_and_another_state_is_not() -> None:
    first = subscription()
    ask = request("NOTIFY", 2, "Event: presence", "Subscription-State: active;expires=3599", "Content-Type: text/plain",
                  tag="fc1", body="dnd=off").replace("From: <sip:2001@192.0.2.1>;tag=fc1", "From: <sip:2001@192.0.2.1>;tag=t1")  # fmt: skip  # noqa: E501
    extra = (
        (1.0, "server", ask),
        (1.01, "phone", first[3][2].replace("CSeq: 1", "CSeq: 2").replace("NOTIFY1", "NOTIFY2")),
    )
    result = compare(trace(*first, *extra), trace(*first))
    assert told(result) == []
    assert "repeat" in ignored(result)
    changed = (extra[0][0], "server", ask.replace("dnd=off", "dnd=on")), extra[1]
    assert [found.rule for found in compare(trace(*first, *changed), trace(*first)).differences] == ["exchange-extra"]


def test_an_answer_that_comes_late_counts_beyond_the_tolerance() -> None:
    said = subscription()
    late = [said[0], (3.0, "server", said[1][2]), (3.01, "server", said[2][2]), (3.02, "phone", said[3][2])]
    result = compare(trace(*late), trace(*said))
    assert [(found.rule, found.level) for found in result.differences] == [("slower", Level.SHOULD)]
    assert "timing" in ignored(compare(trace(*said), trace(*late)))


def test_a_notify_before_the_answer_shows_as_order() -> None:
    said = subscription()
    early = [said[0], (0.005, "server", said[2][2]), *said[1:2], *said[3:]]
    assert [found.rule for found in compare(trace(*early), trace(*said)).differences] == ["order"]


def test_how_conversations_interleave_is_not_compared() -> None:
    one, two = subscription("c1"), subscription("c2", at=0.001)
    apart = [*subscription("c1"), *subscription("c2", at=9)]
    assert told(compare(trace(*sorted(one + two)), trace(*apart))) == []


def test_a_capture_that_begins_in_the_middle_leaves_the_beginning_unknown() -> None:
    bye_only = compare(trace(*call()[4:]), trace(*call()))
    assert (told(bye_only), len(bye_only.reservations)) == ([], 1)  # the call itself was not seen
    ending = [(at + 10, who, text.replace("Call-ID: c1", "Call-ID: c9")) for at, who, text in call()[4:]]
    result = compare(trace(*subscription(), *ending), trace(*subscription()))
    assert told(result) == []
    assert "before-the-capture" in ignored(result)


def test_an_empty_run_and_a_truncated_one_come_with_a_reservation() -> None:
    assert compare(trace(), trace(*call())).reservations
    cut = trace(*call())
    cut.notes.append(Note("truncated", "The file ends in the middle of a frame", (7,)))
    assert compare(cut, trace(*call())).reservations == ["the run: The file ends in the middle of a frame"]


def test_every_rule_that_is_used_has_its_words() -> None:
    result = compare(trace(*call()), trace(*subscription()))
    found = [*result.differences, *result.ignored]
    assert all(one.because in (*COUNTING.values(), *IGNORING.values()) for one in found)
