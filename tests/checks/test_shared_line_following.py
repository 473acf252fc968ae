"""How phones follow a line and what they are told of it, each on a conversation in which one thing is changed."""

from __future__ import annotations

from typing import Any

import pytest

from sipconform.features import call_park
from sipconform.features.call_park import Parked
from tests.checks.support import OTHER, PHONE, SERVER, Scene, fails, passes, silent
from tests.checks.test_shared_line import IDLE, LINE, UNTIL, all_told, follow, in_call, slot, told

Rows = dict[str, Any]
LONG = 400.0


def following(granted: str = "3600") -> Scene:
    """Two phones follow a line; the second asked for an hour and was granted so many seconds."""
    scene = Scene()
    follow(scene, PHONE, 0.0)
    follow(scene, OTHER, 1.0)
    return scene.change("subscribed-o", Expires=granted)


def test_everybody_is_told_the_whole_line() -> None:
    assert passes("SCA-015", in_call(), UNTIL)
    assert fails("SCA-015", in_call().change("notify-o-4", Call_Info=slot("active")), UNTIL, party=SERVER)


def test_a_phone_that_has_not_answered_may_be_behind() -> None:
    scene = in_call().drop("notify-o-4", "told-o-4").drop("told-o-3")
    assert silent("SCA-015", scene, UNTIL)


def test_a_phone_whose_time_has_run_out_may_be_behind() -> None:
    scene = in_call().change("subscribed-o", Expires="15").change("notify-o-4", Call_Info=slot("active"))
    for number in range(1, 7):
        scene.change(f"notify-o-{number}", Subscription_State="active")
    assert silent("SCA-015", scene, UNTIL)


def test_a_phone_whose_refresh_met_481_is_told_no_more() -> None:
    scene = in_call().drop(*(f"{name}-o-{number}" for name in ("notify", "told") for number in range(4, 7)))
    asks: Rows = {"by": OTHER, "to": SERVER, "call": "ci-o", "tag": "o", "to_tag": "as", "seq": 2}
    scene.ask("refresh", 1.9, "SUBSCRIBE", f"sip:u@{SERVER}", Event="call-info", Expires="3600", **asks)
    scene.answer("refused", 1.95, "refresh", 503)
    assert fails("SCA-015", scene, UNTIL, party=SERVER)
    assert not fails("SCA-015", scene.change("refused", start="SIP/2.0 481 Gone"), UNTIL)


def test_who_does_not_refresh_is_told_no_more() -> None:
    scene = following("60")
    told(scene, OTHER, 50.0, IDLE)
    assert silent("SCA-017", scene, LONG)
    scene.change(told(scene, OTHER, 200.0, IDLE), Subscription_State="active;expires=0")
    assert fails("SCA-017", scene, LONG, party=SERVER, level="MUST")


def test_a_refresh_may_have_gone_unseen() -> None:
    scene = following("60")
    told(scene, OTHER, 200.0, IDLE)  # with expires=3000
    assert silent("SCA-017", scene, LONG)


def test_who_refreshes_in_time_is_told_on() -> None:
    scene = following("60")
    asks: Rows = {"by": OTHER, "to": SERVER, "call": "ci-o", "tag": "o", "to_tag": "as", "seq": 2}
    scene.ask("refresh", 50.0, "SUBSCRIBE", f"sip:u@{SERVER}", Event="call-info", Expires="3600", **asks)
    scene.answer("refreshed", 50.1, "refresh")
    told(scene, OTHER, 200.0, IDLE)
    assert silent("SCA-017", scene, LONG)


@pytest.mark.parametrize(("reason", "ok"), [("timeout", True), ("rejected", False)])
def test_the_end_has_its_reason(reason: str, ok: bool) -> None:
    scene = following("60")
    scene.change(told(scene, OTHER, 61.0, IDLE), Subscription_State=f"terminated;reason={reason}")
    assert passes("SCA-017", scene, LONG) if ok else fails("SCA-017", scene, LONG, party=SERVER, level="SHOULD")


def refused() -> Scene:
    """A phone answers 481 to what it is told."""
    scene = in_call().change("told-o-3", "SIP/2.0 481 Gone")
    names = [f"{word}-o-{number}" for number in (4, 5, 6) for word in ("notify", "told")]
    return scene.drop(*names)


def test_a_phone_that_is_lost_is_let_go_and_no_other() -> None:
    assert passes("SCA-018", refused(), UNTIL)
    scene = refused()
    told(scene, OTHER, 20.03, slot("held"))
    assert fails("SCA-018", scene, UNTIL, party=SERVER)


def test_the_end_of_all_is_nobodys_loss() -> None:
    scene = refused().change("notify-o-3", Subscription_State="terminated;reason=deactivated")
    scene.change("notify-p-4", Subscription_State="terminated;reason=deactivated").move("notify-p-4", 12.2)
    assert silent("SCA-018", scene, UNTIL)


def test_no_other_phone_is_ended_with_it() -> None:
    scene = refused().change("notify-p-4", Subscription_State="terminated;reason=deactivated").move("notify-p-4", 12.2)
    assert fails("SCA-018", scene, UNTIL, party=SERVER)


@pytest.mark.parametrize(
    ("status", "listed", "ok"),
    [(489, "presence, call-info", True), (489, "presence", False), (489, None, False), (400, "call-info", False)],
)
def test_the_packages_of_lines_are_named(status: int, listed: str | None, ok: bool) -> None:
    scene = following()
    scene.ask("odd", 20.0, "SUBSCRIBE", LINE, call="odd", tag="odd", Event="x-nobody", Expires="60")
    scene.answer("refused", 20.1, "odd", status, Contact=None, Expires=None, Allow_Events=listed)
    level = "INFO" if status == 400 else "SHOULD" if listed else "MUST"
    assert passes("SCA-020", scene, UNTIL) if ok else fails("SCA-020", scene, UNTIL, party=SERVER, level=level)


def test_a_line_that_is_not_there_is_no_unknown_package() -> None:
    scene = following()
    scene.ask("odd", 20.0, "SUBSCRIBE", LINE, call="odd", tag="odd", Event="call-info", Expires="60")
    scene.answer("refused", 20.1, "odd", 400, Contact=None, Expires=None)
    assert silent("SCA-020", scene, UNTIL)


def test_202_is_as_good_as_200() -> None:
    scene = following().change("subscribed-p", "SIP/2.0 202 Accepted")
    assert passes("SCA-021", scene, UNTIL)
    assert fails("SCA-021", scene.change("told-p-1", "SIP/2.0 481 Gone"), UNTIL, party=PHONE)


def test_what_overtakes_the_answer_is_taken() -> None:
    scene = following().move("notify-p-1", 0.005).move("told-p-1", 0.006)
    assert passes("SCA-021", scene, UNTIL)
    assert fails("SCA-021", scene.change("told-p-1", "SIP/2.0 481 Gone"), UNTIL, party=PHONE)


@pytest.mark.parametrize(("status", "ok"), [(481, True), (403, True), (200, False)])
def test_a_stranger_is_not_believed(status: int, ok: bool) -> None:
    scene = following()
    state: Rows = {"Event": "call-info", "Subscription_State": "active;expires=60", "Call_Info": slot("active")}
    scene.ask("stray", 20.0, "NOTIFY", f"sip:u@{PHONE}", by=SERVER, to=PHONE, call="stray", tag="x", **state)
    scene.answer("answer", 20.1, "stray", status)
    assert passes("SCA-025", scene, UNTIL) if ok else fails("SCA-025", scene, UNTIL, party=PHONE)


def parked(
    kind: str = call_park.CONTENT_TYPE, body: bytes = call_park.compose(Parked("sip:3001@example.com"))
) -> Scene:
    """The first phone is told who is parked."""
    scene = following()
    return scene.change("notify-p-1", Content_Type=kind, body=body)


def test_a_parked_caller_is_told_to_who_asked() -> None:
    scene = parked().change("subscribe-p", Accept=call_park.CONTENT_TYPE)
    assert passes("SCA-028", scene, UNTIL)
    assert fails("SCA-028", parked(), UNTIL, party=SERVER, level="SHOULD")


@pytest.mark.parametrize(("kind", "body"), [("text/plain", b"Rosa waits"), (call_park.CONTENT_TYPE, b"<x-broad")])
def test_a_park_document_can_be_read(kind: str, body: bytes) -> None:
    scene = parked(kind, body).change("subscribe-p", Accept=call_park.CONTENT_TYPE)
    assert fails("SCA-028", scene, UNTIL, party=SERVER)


def test_no_body_is_no_park_document() -> None:
    assert silent("SCA-028", following().change("subscribe-p", Accept=call_park.CONTENT_TYPE), UNTIL)


def routed(route: str | None) -> Scene:
    scene = following().change("subscribe-p", Record_Route="<sip:192.0.2.20;lr>")
    return scene.change("notify-p-1", Route=route)


def test_the_recorded_route_is_taken() -> None:
    assert passes("SCA-016", routed("<sip:192.0.2.20;lr>"), UNTIL)
    assert fails("SCA-016", routed(None), UNTIL, party=SERVER)


def crowded(count: int, *, last: int) -> Scene:
    """So many slots are seized at once, and the phones are told those up to the last."""
    scene = following()
    asks: Rows = {"Event": "line-seize", "Expires": "15"}
    for index in range(1, count + 1):
        said = f"<sip:example.com>;appearance-index={index}"
        call: Rows = {"call": f"ls{index}", "tag": f"ls{index}", "Call_Info": said}
        scene.ask(f"seize {index}", 10 + index / 100, "SUBSCRIBE", LINE, **asks, **call)
        scene.answer(f"seized {index}", 10.005 + index / 100, f"seize {index}", tag="as")
    state = ";appearance-state=seized,"
    values = "".join(f"<sip:example.com>;appearance-index={n}{state}" for n in range(1, last + 1))
    all_told(scene, 11.0, values + IDLE)
    return scene


def test_many_slots_are_told() -> None:
    assert passes("SCA-102", crowded(12, last=12), 18.0)
    assert fails("SCA-102", crowded(12, last=11), 18.0, party=SERVER)


def test_few_slots_are_no_crowd() -> None:
    assert not passes("SCA-102", crowded(5, last=5), 18.0)
    assert silent("SCA-102", crowded(5, last=4), 18.0)
