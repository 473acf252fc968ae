"""What one may ask of a trace."""

import gc

from sipconform.trace.correlate import correlate
from sipconform.trace.trace import WireMessage
from tests.checks.support import Scene


def scene() -> Scene:
    made = Scene()
    made.ask("sub", 0, "SUBSCRIBE", Event="dialog", Expires="60")
    made.answer("200", 0.1, "sub")
    made.ask("mwi", 0.2, "SUBSCRIBE", call="c2", Event="message-summary", Expires="60")
    made.answer("489", 0.3, "mwi", 489)
    made.again(0.7, "mwi", "489")
    return made


def methods(messages: object) -> list[str]:
    return [m.method for m in messages]  # type: ignore[attr-defined]


def test_messages_are_given_by_method_and_status_without_their_repetitions() -> None:
    trace = scene().trace()
    assert methods(trace.requests()) == methods(trace.requests("SUBSCRIBE")) == ["SUBSCRIBE"] * 2
    assert [m.status for m in trace.responses()] == [200, 489]
    assert [m.status for m in trace.responses(status=489)] == [489]
    assert [m.status for m in trace.responses("SUBSCRIBE", status=200)] == [200]
    assert list(trace.requests("BYE")) == list(trace.responses(status=404)) == []
    assert list(trace.responses("BYE", status=200)) == []


def test_repetitions_are_given_on_demand() -> None:
    trace = scene().trace()
    assert len(list(trace.requests("SUBSCRIBE", repeats=True))) == 3
    assert [m.status for m in trace.responses(repeats=True)] == [200, 489, 489]
    assert [m.status for m in trace.responses(status=489, repeats=True)] == [489, 489]


def test_transactions_and_subscriptions_are_given_by_kind() -> None:
    trace = scene().trace()
    assert list(trace.transactions_of("SUBSCRIBE")) == trace.transactions
    assert list(trace.transactions_of("INVITE")) == []
    assert [s.package for s in trace.subscriptions_to("dialog")] == ["dialog"]
    assert list(trace.subscriptions_to("presence")) == []


def test_a_trace_that_has_grown_is_sorted_again() -> None:
    trace = scene().trace()
    assert len(list(trace.requests())) == 2
    packet = trace.messages[0].packet
    trace.messages.append(WireMessage(packet._replace(payload=packet.payload.replace(b"SUBSCRIBE", b"OPTIONS"))))
    assert methods(trace.requests("OPTIONS")) == ["OPTIONS"]


def test_what_is_neither_request_nor_response_is_neither() -> None:
    packet = scene().trace().messages[0].packet._replace(payload=b"hello\r\n\r\n")
    trace = correlate([packet])
    assert len(trace.messages) == 1
    assert list(trace.requests()) == list(trace.responses()) == []


def test_an_answer_without_cseq_is_given_once() -> None:
    packet = scene().trace().messages[0].packet._replace(payload=b"SIP/2.0 200 OK\r\nCall-ID: c\r\n\r\n")
    assert len(list(correlate([packet]).responses())) == 1


def alive(call_id: str) -> int:
    return sum(type(thing) is WireMessage and thing.call_id == call_id for thing in gc.get_objects())


def test_a_trace_that_was_let_go_of_is_freed_without_the_collector() -> None:
    gc.disable()
    try:
        story = Scene()
        story.ask("sub", 0, "SUBSCRIBE", call="to be freed", Event="dialog")
        story.answer("200", 0.1, "sub")
        judged = story.trace()
        assert list(judged.requests())
        assert alive("to be freed") == 2
        judged.let_go()
        del judged
        assert alive("to be freed") == 0
    finally:
        gc.enable()
