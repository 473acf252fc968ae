"""How a long capture is cut: nothing crosses a cut, nothing is lost, and what is over is given out."""

from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.trace import parts
from sipconform.trace.packet import SILENCE, Address, Note, Observation, Packet
from sipconform.trace.parts import SECOND, traces
from sipconform.trace.trace import Trace

A, B = Address("192.0.2.1", 5060), Address("192.0.2.2", 5060)


def packet(at: float, call: str, method: str = "OPTIONS", *, user: str = "", status: int = 0, more: str = "") -> Packet:
    """A message of a call between users of that call's own, unless one is named."""
    start = f"SIP/2.0 {status} X" if status else f"{method} sip:x SIP/2.0"
    rows = [
        start,
        f"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{call}{method}",
        f"From: <sip:{user or f'from-{call}'}@h>;tag=1",
        f"To: <sip:to-{call}@h>;tag=2",
        f"Call-ID: {call}",
        f"CSeq: 1 {method}",
    ]
    text = "\r\n".join([*rows, *([more] if more else []), "", ""])
    way = (B, A) if status else (A, B)
    return Packet(round((1_000 + at) * SECOND), *way, "udp", text.encode())


def calls(trace: Trace) -> set[str]:
    return {m.call_id for m in trace.messages}


def cut(evidence: Iterable[Packet | Observation | Note]) -> list[set[str]]:
    return [calls(trace) for trace in traces(evidence)]


def test_what_is_over_is_given_out_before_the_end() -> None:
    seen: list[float] = []

    def watched() -> Iterator[Packet]:
        for at in range(0, 1000, 100):
            seen.append(at)
            yield packet(at, str(at))

    first = next(traces(watched()))
    assert calls(first) == {"0"}
    assert seen == [0, 100]


def test_calls_with_a_user_in_common_are_one_part() -> None:
    evidence = [packet(0, "a", user="ann"), packet(1, "b", user="ann"), packet(2, "c"), packet(500, "d")]
    assert cut(evidence) == [{"a", "b"}, {"c"}, {"d"}]


def test_two_parts_that_meet_become_one() -> None:
    evidence = [packet(0, "a", user="ann"), packet(1, "b", user="bob"), packet(2, "c")]
    bridge = packet(3, "d", user="ann")
    bridge = bridge._replace(payload=bridge.payload.replace(b"sip:to-d@", b"sip:bob@"))
    found = cut([*evidence, bridge, packet(500, "e")])
    assert sorted(map(sorted, found)) == [["a", "b", "d"], ["c"], ["e"]]


@pytest.mark.parametrize(
    ("first", "alive"),
    [
        (packet(0, "a"), 60),
        (packet(0, "a", "SUBSCRIBE", more="Expires: 3000"), 3_000),
        (packet(0, "a", "REGISTER", more="Contact: <sip:u@h>;expires=900"), 900),
        (packet(0, "a", "NOTIFY", more="Subscription-State: active;expires=700"), 700),
        (packet(0, "a", "INVITE"), 180),
        (packet(0, "a", "INVITE", status=200), 7_000),
        (packet(0, "a", "SUBSCRIBE", more="Expires: 99999999999999999999"), 86_000),
    ],
)
def test_a_part_lives_as_long_as_what_was_asked_for(first: Packet, alive: int) -> None:
    in_time = cut([first, packet(alive - 0.5, "y"), packet(alive, "a"), packet(alive + 90_000, "z")])
    assert sorted(map(sorted, in_time)) == [["a"], ["y"], ["z"]]
    too_late = cut([first, packet(alive + 900, "y"), packet(alive + 901, "a"), packet(alive + 90_000, "z")])
    assert sorted(map(sorted, too_late)) == [["a"], ["a"], ["y"], ["z"]]


def test_a_call_that_was_hung_up_is_over_soon() -> None:
    evidence = [packet(0, "a", "INVITE", status=200), packet(5, "a", "BYE"), packet(5.1, "a", "BYE", status=200)]
    assert cut([*evidence, packet(80, "b"), packet(200, "c")])[0] == {"a"}
    whole = list(traces([*evidence[:2], packet(80, "b")]))
    assert [calls(trace) for trace in whole] == [{"a"}, {"b"}]


def test_a_long_call_that_was_hung_up_is_over_as_soon() -> None:
    evidence = [packet(0, "a", "INVITE", status=200), packet(900, "a", "BYE"), packet(900.1, "a", "BYE", status=200)]
    given_out = traces(iter([*evidence, packet(1_000, "b"), packet(1_001, "b")]))
    first = next(given_out)
    assert (calls(first), first.end_ns) == ({"a"}, 2_000 * SECOND)


def test_one_that_speaks_for_a_day_is_asked_once_a_minute_whether_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many calls it has begun by then: a trunk that pings names a new one each time."""
    asked: list[int] = []

    def open_until(part: parts._Part) -> int:
        asked.append(part.due)
        return max(part.calls.values())

    monkeypatch.setattr(parts._Part, "open_until", property(open_until))
    evidence = [packet(30 * n, str(n), user="trunk") for n in range(1_000)]
    assert [len(trace.messages) for trace in traces(evidence)] == [1_000]
    assert len(asked) <= 2 * 30 * 1_000 / 60


def test_the_last_end_of_a_part_is_that_of_the_call_that_is_open_longest() -> None:
    evidence = [
        packet(0, "a", "SUBSCRIBE", user="ann", more="Expires: 3000"),
        packet(1, "b", "INVITE", user="ann", status=200),
        packet(9, "b", "BYE", user="ann", status=200),
        packet(2_000, "c", user="ann"),
        packet(3_060, "d"),
        packet(3_070, "e"),
    ]
    given_out = traces(iter(evidence))
    first = next(given_out)
    assert (calls(first), first.end_ns) == ({"a", "b", "c"}, 4_070 * SECOND)


def test_a_run_of_our_own_stays_whole() -> None:
    observation = Observation(1_000 * SECOND, "lab", "lab", {})
    [trace] = traces([observation, packet(0, "a"), packet(500, "b"), packet(1_000, "c")])
    assert calls(trace) == {"a", "b", "c"}
    assert trace.observations == [observation]


def test_an_endless_part_is_cut_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "LARGEST_PART", 3)
    found = list(traces(packet(n / 10, "a") for n in range(7)))
    assert [len(trace.messages) for trace in found] == [3, 3, 1]
    assert [note.code for note in found[-1].notes] == ["cut", "cut"]


def test_notes_are_in_the_last_trace_even_when_there_is_nothing_else() -> None:
    [trace] = traces([Note("gtp", "A tunnel.")])
    assert (trace.messages, [note.code for note in trace.notes]) == ([], ["gtp"])


def test_every_part_is_watched_from_the_begin_of_the_capture() -> None:
    found = list(traces([packet(0, "a"), packet(500, "b")]))
    assert {trace.start_ns for trace in found} == {1_000 * SECOND}
    assert found[0].end_ns == 1_500 * SECOND


@pytest.mark.parametrize("seconds", ["9" * 5_000, "0" * 5_000 + "7", "٣٠٠٠", "-1", ""])
@pytest.mark.parametrize("method", ["SUBSCRIBE", "NOTIFY"])
def test_an_expiry_may_be_any_text(method: str, seconds: str) -> None:
    more = f"Expires: {seconds}\r\nSubscription-State: active;expires={seconds}"
    found = list(traces([packet(0, "a", method, more=more), packet(90_000, "b")]))
    assert [len(trace.messages) for trace in found] == [1, 1]


anything = st.builds(
    packet,
    st.floats(0, 100_000),
    st.sampled_from(list("abcdef")),
    st.sampled_from(["INVITE", "BYE", "SUBSCRIBE", "NOTIFY", "OPTIONS"]),
    user=st.sampled_from(["", "", "ann", "bob"]),
    status=st.sampled_from([0, 180, 200, 486]),
    more=st.sampled_from(
        ["", "Expires: 600", "Subscription-State: terminated", "Subscription-State: active;expires=-1"]
    ),
)


@given(st.lists(anything, max_size=30))
def test_nothing_is_lost_and_a_call_of_one_moment_is_in_one_part(evidence: list[Packet]) -> None:
    evidence = sorted(evidence, key=lambda p: p.time_ns)
    found = list(traces(evidence))
    assert sorted(m.packet for trace in found for m in trace.messages) == sorted(evidence)
    for trace in found:
        times = [m.packet.time_ns for m in trace.messages]
        assert times == sorted(times)
        assert [m.number for m in trace.messages] == list(range(len(times)))


def test_silence_tells_that_a_part_is_over_and_is_no_evidence() -> None:
    """Somebody who listens gets the findings of a call although nobody calls after it."""
    evidence: list[Packet | Observation | Note] = [packet(0, "a"), packet(1, "a", status=200)]
    evidence += [Observation((1_000 + at) * SECOND, "listener", SILENCE, {}) for at in (2, 60, 66)]
    given_out = traces(iter([*evidence, packet(70, "b")]))
    first = next(given_out)
    assert calls(first) == {"a"}
    assert first.end_ns == 1_066 * SECOND
    (rest,) = given_out
    assert (calls(rest), rest.observations) == ({"b"}, [])
