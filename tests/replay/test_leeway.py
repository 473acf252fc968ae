"""What a live peer need not send although the recorded one did."""

from sipconform.replay.leeway import may_be_left_out
from sipconform.replay.script import read_script
from tests.compare.talk import SERVER, Said, answer, request, subscription, trace


def reports(*states: str) -> list[Said]:
    said: list[Said] = subscription(info=states[0])
    for number, state in enumerate(states[1:], 2):
        rows = "Event: presence", f"Subscription-State: active;expires={3600 - number}", "Content-Type: text/plain"
        ask = request("NOTIFY", number, *rows, tag="fc1", body=state)
        ask = ask.replace("From: <sip:2001@192.0.2.1>;tag=fc1", "From: <sip:2001@192.0.2.1>;tag=t1")
        said += [(number, "server", ask), (number + 0.1, "phone", answer(ask, 200))]
    return said


def test_a_report_that_repeats_the_one_before_need_not_come_and_a_change_must() -> None:
    steps = read_script(trace(*reports("on", "on", "off", "on")), "phone", SERVER)
    free = may_be_left_out(steps)
    told = [step for step in steps if step.message.method == "NOTIFY" and step.message.is_request]
    assert [step.transaction in free for step in told] == [False, True, False, False]


def test_a_request_that_a_proxy_passes_on_need_not_come_and_the_end_of_a_call_must() -> None:
    def passed_on(text: str) -> str:
        return text.replace("Via: SIP/2.0/UDP 192.0.2.10", "Via: SIP/2.0/UDP 192.0.2.1").replace("z9hG4bK", "z9hG4bKp")

    asked = [request("INVITE", 2, tag="t1"), request("BYE", 3, tag="t1")]
    said = [one for ask in asked for one in ((0.0, "phone", ask), (0.1, "server", passed_on(ask)))]
    first = request("INVITE", 1)
    begun: list[Said] = [(-2.0, "phone", first), (-1.9, "server", answer(first, 200))]
    free = may_be_left_out(read_script(trace(*begun, *said), "phone", SERVER))
    assert [(left.method, copied and copied.method) for left, copied in free.items()] == [("INVITE", "INVITE")]
