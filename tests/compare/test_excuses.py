"""What may be in one story only, and what is due all the same."""

import pytest

from sipconform.compare.comparison import compare
from tests.checks.support import PHONE, SERVER, Scene


def registered(*times: float) -> Scene:
    """A binding for a minute, refreshed at these times, and a last word long after."""
    scene = Scene()
    for seq, at in enumerate((0.0, *times), 1):
        scene.ask(f"r{seq}", at, "REGISTER", call="reg", seq=seq, Expires="60")
        scene.answer(f"ok{seq}", at + 0.01, f"r{seq}", Contact=f"<sip:u@{PHONE}>;expires=60")
    scene.ask("o", 200, "OPTIONS", call="o")
    scene.answer("oo", 200.1, "o")
    return scene


def subscribed(*reported: bool) -> Scene:
    """Subscriptions to voice mail, each refreshed after a while; `reported`: the server tells the state of it."""
    scene, number = Scene(), 0
    for seq, tells in enumerate(reported, 1):
        at = seq * 100
        to_tag = "as1" if seq > 1 else ""
        scene.ask(f"s{seq}", at, "SUBSCRIBE", call="w", seq=seq, to_tag=to_tag, Event="message-summary", Expires="120")
        scene.answer(f"ok{seq}", at + 0.1, f"s{seq}")
        if tells:
            number += 1
            scene.ask(f"n{seq}", at + 0.2, "NOTIFY", f"sip:u@{PHONE}", by=SERVER, to=PHONE, call="w", seq=number,
                      tag="as1", to_tag="ph1", Event="message-summary", Subscription_State="active;expires=120",
                      body="Messages-Waiting: no\r\n", Content_Type="application/simple-message-summary")  # fmt: skip
            scene.answer(f"told{seq}", at + 0.3, f"n{seq}")
    return scene


def kept_fresh(every: float, times: int) -> Scene:
    """A session without a timer, in which the same is asked again and again."""
    scene = Scene()
    for seq in range(1, times + 2):
        at, to_tag = seq * every, "as1" if seq > 1 else ""
        scene.ask(f"i{seq}", at, "INVITE", "sip:300@example.com", call="d", seq=seq, to_tag=to_tag)
        scene.answer(f"ok{seq}", at + 0.1, f"i{seq}")
        scene.ask(f"a{seq}", at + 0.2, "ACK", "sip:u@192.0.2.10", call="d", seq=seq, to_tag="as1")
    return scene


def said(times: int) -> Scene:
    scene = Scene()
    for seq in range(1, times + 1):
        scene.ask(f"m{seq}", seq, "MESSAGE", call="m", seq=seq, body="hello", Content_Type="text/plain")
        scene.answer(f"ok{seq}", seq + 0.1, f"m{seq}")
    return scene


def rules(run: Scene, reference: Scene) -> tuple[set[str], set[str]]:
    result = compare(run.trace(), reference.trace())
    return {one.rule for one in result.differences}, {one.rule for one in result.ignored}


def test_a_refresh_more_or_less_changes_nothing_while_the_binding_lasts() -> None:
    often, seldom = registered(30, 70, 110, 150, 199), registered(50, 100, 150, 199)
    for run, reference in ((often, seldom), (seldom, often)):
        counted, ignored = rules(run, reference)
        assert not counted
        assert "repeat" in ignored


def test_a_refresh_counts_when_without_it_the_binding_runs_out() -> None:
    assert rules(registered(), registered(50, 100, 150, 199))[0] == {"exchange-missing"}
    assert rules(registered(50), registered(50, 100, 150, 199))[0] == {"exchange-missing"}


def test_a_report_that_answers_a_subscription_is_due_although_it_repeats_the_state() -> None:
    assert "exchange-missing" in rules(subscribed(True, False), subscribed(True, True))[0]
    assert rules(subscribed(True, True), subscribed(True, False))[0] == set()


@pytest.mark.parametrize(
    ("run", "reference", "counts"),
    [
        ((5, 3), (5, 2), False),
        ((5, 2), (5, 3), False),
        ((20, 3), (5, 3), False),
        ((30, 4), (30, 0), False),
        ((1, 30), (5, 3), True),
        ((1, 30), (1, 0), True),
    ],
)
def test_a_session_may_be_kept_fresh_but_not_much_oftener(
    run: tuple[float, int], reference: tuple[float, int], counts: bool
) -> None:
    assert ("exchange-extra" in rules(kept_fresh(*run), kept_fresh(*reference))[0]) == counts


def test_what_does_something_each_time_counts_each_time() -> None:
    assert rules(said(3), said(1))[0] == {"exchange-extra"}
    assert rules(said(1), said(3))[0] == {"exchange-missing"}
