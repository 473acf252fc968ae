"""The machines of RFC 3261 §17, fed by hand: what they send, what they arm, and when they are over."""

from collections.abc import Iterable

import pytest

from sipconform.sip.message import Message
from sipconform.sip.transaction import Action, Arm, ClientTransaction, Deliver, Done, Send, ServerTransaction, TimedOut


def answer(status: int) -> Message:
    return Message(f"SIP/2.0 {status} X\r\nCSeq: 1 INVITE\r\n\r\n".encode())


def sent(actions: Iterable[Action]) -> list[bytes]:
    return [action.payload for action in actions if isinstance(action, Send)]


def armed(actions: Iterable[Action]) -> dict[str, float]:
    return {action.timer: action.after for action in actions if isinstance(action, Arm)}


@pytest.mark.parametrize(
    ("invite", "timer", "intervals"), [(True, "A", [1.0, 2.0, 4.0, 8.0]), (False, "E", [1.0, 2.0, 4.0, 4.0])]
)
def test_a_request_is_sent_again_ever_more_slowly(invite: bool, timer: str, intervals: list[float]) -> None:
    client = ClientTransaction(b"ask", invite=invite, reliable=False)
    assert armed(client.start())[timer] == 0.5
    for interval in intervals:
        actions = list(client.fired(timer))
        assert sent(actions) == [b"ask"]
        assert armed(actions) == {timer: interval}


@pytest.mark.parametrize(("invite", "timer"), [(True, "B"), (False, "F")])
def test_on_a_stream_nothing_is_sent_again_and_silence_ends_it(invite: bool, timer: str) -> None:
    client = ClientTransaction(b"ask", invite=invite, reliable=True)
    assert armed(client.start()) == {timer: 32.0}
    assert list(client.fired(timer)) == [TimedOut(), Done()]


def test_a_provisional_answer_slows_a_request_down_but_does_not_stop_it() -> None:
    client = ClientTransaction(b"ask", invite=False, reliable=False)
    list(client.start())
    assert Deliver(answer_ := answer(100)) in list(client.received(answer_))
    assert armed(client.fired("E")) == {"E": 4.0}


def test_an_error_to_invite_is_acknowledged_as_often_as_it_comes() -> None:
    client = ClientTransaction(b"ask", invite=True, reliable=False)
    list(client.start())
    busy = answer(486)
    first = list(client.received(busy, b"ack"))
    assert Deliver(busy) in first
    assert sent(first) == [b"ack"]
    assert armed(first) == {"D": 32.0}
    assert list(client.received(busy, b"other")) == [Send(b"ack")]
    assert list(client.fired("D")) == [Done()]


def test_every_2xx_to_invite_is_handed_up_and_nothing_is_acknowledged_here() -> None:
    client = ClientTransaction(b"ask", invite=True, reliable=False)
    list(client.start())
    for _ in range(2):
        ok = answer(200)
        actions = list(client.received(ok, b"ack"))
        assert Deliver(ok) in actions
        assert sent(actions) == []
    assert list(client.received(answer(486), b"ack")) == []
    assert list(client.fired("M")) == [Done()]


def test_a_late_answer_to_anything_else_is_swallowed() -> None:
    client = ClientTransaction(b"ask", invite=False, reliable=False)
    list(client.start())
    assert armed(client.received(answer(200))) == {"K": 5.0}
    assert list(client.received(answer(200))) == []


def test_a_repeated_request_gets_the_same_answer_and_a_second_final_is_refused() -> None:
    server = ServerTransaction(invite=False, reliable=False)
    assert list(server.repeated()) == []
    assert sent(server.respond(200, b"ok")) == [b"ok"]
    assert list(server.respond(500, b"no")) == []
    assert list(server.repeated()) == [Send(b"ok")]
    assert list(server.fired("J")) == [Done()]


def test_an_error_to_invite_is_repeated_until_the_ack() -> None:
    server = ServerTransaction(invite=True, reliable=False)
    assert armed(server.respond(486, b"busy")) == {"G": 0.5, "H": 32.0}
    assert armed(server.fired("G")) == {"G": 1.0}
    assert armed(server.acknowledged()) == {"I": 5.0}
    assert list(server.repeated()) == []
    assert list(server.fired("I")) == [Done()]


@pytest.mark.parametrize(("status", "repeats"), [(200, True), (486, False)])
def test_on_a_stream_only_a_2xx_is_repeated(status: int, repeats: bool) -> None:
    server = ServerTransaction(invite=True, reliable=True)
    assert ("G" in armed(server.respond(status, b"x"))) is repeats


def test_an_answer_nobody_acknowledges_times_out() -> None:
    server = ServerTransaction(invite=True, reliable=False)
    list(server.respond(200, b"ok"))
    actions = list(server.fired("H"))
    assert actions[-2:] == [TimedOut(), Done()]
