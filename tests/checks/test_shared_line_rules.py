"""Who may have a slot, who may ask for a call, and what a phone shows: conversations in which one thing is changed."""

from __future__ import annotations

from typing import Any

import pytest

from sipconform.sip.offer_answer import compose_audio
from sipconform.trace.packet import Address, Observation
from tests.checks.support import OTHER, OUTSIDE, PHONE, SERVER, SOURCE, THIRD, Scene, fails, passes, silent
from tests.checks.test_shared_line import FAR, IDLE, LINE, UNTIL, all_told, in_call, seize_notify, seizing, slot

Rows = dict[str, Any]
ONE: Rows = {"Call_Info": "<sip:example.com>;appearance-index=1"}
SDP: Rows = {"body": compose_audio("192.0.2.10", 4000, 1), "Content_Type": "application/sdp"}
ACTORS = {"manager": str(PHONE), "assistant": str(OTHER)}


def at(seconds: float) -> int:
    return SOURCE * 10**9 + round(seconds * 1e9)


def known(scene: Scene, **policies: Any) -> Scene:
    """What the lab says of the line."""
    facts: Rows = {"line": {"locations": ["2001"], "user": "2001", "can": {}, **policies}, "actors": ACTORS}
    scene.observations.append(Observation(at(0), "lab", "lab", facts))
    return scene


def wanting(scene: Scene, when: float, status: int, by: Address = OTHER, line: str = LINE) -> Scene:
    """A phone of the line asks for slot 2, and is answered."""
    asks: Rows = {"by": by, "call": "want", "tag": "w", "Event": "line-seize", "Expires": "15"}
    scene.ask("want", when, "SUBSCRIBE", line, Call_Info="<sip:example.com>;appearance-index=2", **asks)
    scene.answer("wanted", when + 0.01, "want", status, tag="aw")
    return scene


@pytest.mark.parametrize(("rule", "status", "ok"), [(False, 480, True), (False, 200, False), (True, 200, True)])
def test_one_phone_at_a_time(rule: bool, status: int, ok: bool) -> None:
    scene = wanting(known(in_call(), multiple_call_arrangement=rule), 15.0, status)
    assert silent("SCA-006", scene, UNTIL) if ok else fails("SCA-006", scene, UNTIL, party=SERVER, level="MUST")


@pytest.mark.parametrize(("status", "ok"), [(403, True), (480, True), (200, False)])
def test_a_place_that_may_not_call(status: int, ok: bool) -> None:
    scene = wanting(known(in_call()), 15.0, status)
    told = {"do": "line_place", "user": "2001", "originates": False}
    scene.observations.append(Observation(at(1), "server", "intent", told))
    assert passes("SCA-048", scene, UNTIL) if ok else fails("SCA-048", scene, UNTIL, party=SERVER, level="SHOULD")


def test_every_place_may_call_where_nobody_said() -> None:
    assert silent("SCA-048", wanting(known(in_call()), 15.0, 200), UNTIL)


@pytest.mark.parametrize(("by", "status", "ok"), [(THIRD, 480, True), (THIRD, 200, False), (OTHER, 200, True)])
def test_followers_only(by: Address, status: int, ok: bool) -> None:
    scene = wanting(known(in_call(), seizes_unsubscribed=False), 15.0, status, by)
    assert silent("SCA-038", scene, UNTIL) if ok else fails("SCA-038", scene, UNTIL, party=SERVER, level="MUST")


@pytest.mark.parametrize(
    ("uri", "status", "ok"),
    [
        ("sip:2001@example.com;user=phone", 200, True),
        ("sip:2001@example.com;user=phone", 404, False),
        ("sip:%32001@example.com", 404, False),
        ("sip:2001@EXAMPLE.com", 416, False),
        ("sip:2001@example.com:5070", 404, True),  # another address, by RFC 3261 §19.1.4
        ("sip:2001@example.com", 404, True),  # whatever it was, it was not the spelling
    ],
)
def test_one_address_has_many_spellings(uri: str, status: int, ok: bool) -> None:
    scene = wanting(in_call(), 15.0, status, line=uri)
    level = "SHOULD" if ";" in uri else "MUST"
    assert silent("SCA-057", scene, UNTIL) if ok else fails("SCA-057", scene, UNTIL, party=SERVER, level=level)


def refreshed(status: int = 200) -> Scene:
    """A phone refreshes its seizure before it gives it up."""
    scene = seizing()
    asks: Rows = {"call": "ls", "tag": "ls", "to_tag": "as", "Event": "line-seize", "Expires": "15"}
    scene.ask("refresh", 14.0, "SUBSCRIBE", f"sip:u@{SERVER}", seq=2, **asks)
    scene.answer("refreshed", 14.01, "refresh", status)
    return scene


def test_a_seizure_is_refreshed() -> None:
    assert passes("SCA-040", refreshed(), UNTIL)
    assert fails("SCA-040", refreshed(481), UNTIL, party=SERVER)


def test_a_refreshed_seizure_does_not_run_out() -> None:
    scene = refreshed().drop("give up", "given up", "seize notify 2", "seize told 2", "notify-p-3", "notify-o-3")
    seize_notify(scene, 25.0, 3, "terminated;reason=timeout")
    assert fails("SCA-040", scene, UNTIL, party=SERVER)
    assert passes("SCA-040", scene.move("seize notify 3", 29.1).move("seize told 3", 29.2), UNTIL)


def test_a_refreshed_seizure_keeps_its_slot() -> None:
    scene = refreshed()
    seize_notify(scene, 14.1, 3, "active;expires=15")
    assert passes("SCA-040", scene, UNTIL)
    scene.change("seize notify 3", Call_Info="<sip:example.com>;appearance-index=4")
    assert fails("SCA-040", scene, UNTIL, party=SERVER)


def test_a_refreshed_seizure_is_not_told_idle() -> None:
    scene = refreshed()
    all_told(scene, 14.5, IDLE)
    assert fails("SCA-040", scene, UNTIL, party=SERVER)


def test_a_refresh_may_cross_the_call() -> None:
    scene = refreshed(481)
    scene.ask("call", 13.9, "INVITE", FAR, call="out", tag="c", To=f"<{FAR}>", **ONE, **SDP)
    assert silent("SCA-040", scene, UNTIL)


def acknowledged_late() -> Scene:
    """The ACK to the phone's call comes six seconds after the 2xx."""
    scene = seizing().drop("give up", "given up", "seize notify 2", "seize told 2", "notify-p-3", "notify-o-3")
    scene.drop("told-p-3", "told-o-3")
    scene.ask("call", 12.0, "INVITE", FAR, call="out", tag="c", To=f"<{FAR}>", **ONE, **SDP)
    scene.answer("ok", 13.0, "call", 200, tag="f", **ONE, **SDP)
    all_told(scene, 13.01, slot("active"))
    scene.ask("ack", 19.0, "ACK", f"sip:u@{SERVER}", call="out", tag="c", to_tag="f", To=f"<{FAR}>;tag=f")
    return scene


def test_a_late_ack_ends_nothing() -> None:
    scene = acknowledged_late()
    all_told(scene, 15.0, slot("active"))
    assert passes("SCA-058", scene, 60.0)
    all_told(scene, 16.0, IDLE)
    assert fails("SCA-058", scene, 60.0, party=SERVER, level="SHOULD")
    assert silent("SCA-056", scene, 60.0)


def test_an_ack_that_never_came_proves_nothing() -> None:
    scene = acknowledged_late().drop("ack")
    all_told(scene, 16.0, IDLE)
    assert silent("SCA-058", scene, 60.0)


def test_the_slot_given_to_a_call_is_used() -> None:
    scene = in_call().change("answer", Call_Info=None)
    assert passes("SCA-067", scene, UNTIL)
    scene.change("notify-o-3", Call_Info=IDLE).change("notify-p-3", Call_Info=IDLE)
    assert fails("SCA-067", scene, UNTIL, party=SERVER)
    assert silent("SCA-053", scene, UNTIL)


def test_an_answer_that_names_the_slot_is_asked_of_otherwise() -> None:
    assert not passes("SCA-067", in_call(), UNTIL)


def pressed(scene: Scene, when: float, status: int, by: Address = OTHER, name: str = "press", uri: str = LINE) -> Scene:
    """A phone asks for the call of slot 1, and is answered."""
    own = f"<{LINE}>"
    scene.ask(name, when, "INVITE", uri, by=by, call=name, tag=name, From=f"{own};tag={name}", To=own, **ONE, **SDP)
    scene.answer(f"{name} answer", when + 0.05, name, status, tag=f"a{name}", **ONE, **SDP)
    return scene


def third() -> Scene:
    scene = in_call()
    asks: Rows = {"by": THIRD, "call": "ci-t", "tag": "t", "Event": "call-info", "Expires": "3600"}
    scene.ask("subscribe-t", 2.0, "SUBSCRIBE", LINE, **asks)
    scene.answer("subscribed-t", 2.01, "subscribe-t", tag="as")
    return scene


@pytest.mark.parametrize(("uri", "check", "other"), [
    (LINE, "SCA-075", "SCA-076"), ("sip:example.com", "SCA-076", "SCA-075"),
])  # fmt: skip
def test_either_form_of_a_retrieve(uri: str, check: str, other: str) -> None:
    assert passes(check, pressed(in_call(), 25.0, 200, uri=uri), UNTIL)
    scene = pressed(in_call(), 25.0, 480, uri=uri)
    assert fails(check, scene, UNTIL, party=SERVER)
    assert silent(other, scene, UNTIL)


@pytest.mark.parametrize(
    ("first", "second", "bridging", "ok"),
    [(200, 480, None, True), (480, 200, False, True), (200, 200, None, True), (200, 200, False, False),
     (480, 480, True, False)],
)  # fmt: skip
def test_two_retrieve_at_once(first: int, second: int, bridging: bool | None, ok: bool) -> None:
    policies = {} if bridging is None else {"bridging": bridging}
    scene = pressed(pressed(known(third(), **policies), 25.0, first), 25.02, second, THIRD, "press2")
    assert passes("SCA-077", scene, UNTIL) if ok else fails("SCA-077", scene, UNTIL, party=SERVER)


def test_two_refused_because_the_holder_came_back() -> None:
    scene = pressed(pressed(third(), 29.98, 480), 29.99, 480, THIRD, "press2")
    assert silent("SCA-077", scene, UNTIL)


def test_two_refused_because_the_call_was_over() -> None:
    scene = pressed(pressed(third(), 25.0, 480), 25.02, 480, THIRD, "press2").move("bye", 25.01).move("bye ok", 25.015)
    assert silent("SCA-077", scene, UNTIL)


def crossing(status: int, told: str) -> Scene:
    """The holder hangs up as another phone asks for its call."""
    scene = in_call()
    names = (
        "resume",
        "resumed",
        "bye",
        "bye ok",
        *("far bye", "far gone"),
        *(f"{w}-{n}-{i}" for w in ("notify", "told") for n in "po" for i in (5, 6)),
    )
    scene.drop(*names)
    if status >= 300:
        end: Rows = {"by": SERVER, "to": OUTSIDE, "call": "far", "tag": "sf", "to_tag": "f"}
        scene.ask("far left", 25.03, "BYE", f"sip:u@{OUTSIDE}", To=f"<{FAR}>;tag=f", **end)
        scene.answer("far has left", 25.04, "far left")
    pressed(scene, 25.0, status)
    own: Rows = {"call": "in-p", "tag": "p", "to_tag": "as", "From": f"<{LINE}>;tag=p"}
    scene.ask("my bye", 25.01, "BYE", f"sip:u@{SERVER}", seq=2, **own)
    scene.answer("my bye ok", 25.02, "my bye")
    all_told(scene, 25.2, told)
    return scene


def test_a_retrieve_crosses_a_bye() -> None:
    assert passes("SCA-080", crossing(200, slot("active")), UNTIL)
    assert passes("SCA-080", crossing(480, IDLE), UNTIL)
    assert fails("SCA-080", crossing(480, slot("held")), UNTIL, party=SERVER)
    assert fails("SCA-080", crossing(200, IDLE), UNTIL, party=SERVER)
    assert silent("SCA-055", crossing(480, slot("held")), UNTIL)


def neighbours(status: int, host: str = "192.0.2.99") -> Scene:
    """A phone wants the slot that another has seized; both say that they are at one host."""
    scene = known(seizing())
    for name, port in (("subscribe-p", 5060), ("subscribe-o", 5062)):
        scene.change(name, Contact=f"<sip:u@{host if name == 'subscribe-o' else '192.0.2.99'}:{port}>")
    asks: Rows = {"by": OTHER, "call": "rival", "tag": "r", "Event": "line-seize", "Expires": "15"}
    scene.ask("rival", 11.0, "SUBSCRIBE", LINE, **ONE, **asks)
    scene.answer("rival answer", 11.01, "rival", status, tag="ar")
    return scene.drop("give up", "given up", "seize notify 2", "seize told 2", "notify-p-3", "notify-o-3")


def test_phones_at_one_address_are_two() -> None:
    assert passes("SCA-104", neighbours(480), UNTIL)
    assert fails("SCA-104", neighbours(200), UNTIL, party=SERVER, level="SHOULD")


def test_phones_at_two_addresses_are_no_neighbours() -> None:
    assert silent("SCA-104", neighbours(200, "192.0.2.98"), UNTIL)


def shown(scene: Scene, when: float, who: str, **beliefs: str) -> Scene:
    scene.observations.append(
        Observation(at(when), who, "belief", {k.replace("_", "."): v for k, v in beliefs.items()})
    )
    return scene


def only_told() -> Scene:
    """The second phone is told of a call that rings at the first alone."""
    scene = known(in_call())
    return scene.drop("ring-o", "ringing-o", "cancel", "cancelled", "gone", "gone ack")


def test_a_call_that_is_only_told_does_not_ring() -> None:
    assert passes("SCA-069", shown(only_told(), 5.0, "assistant", call="idle"), UNTIL)
    assert fails("SCA-069", shown(only_told(), 10.0, "assistant", call="ringing"), UNTIL, party=OTHER, level="SHOULD")
    assert silent("SCA-069", shown(known(in_call()), 10.0, "assistant", call="ringing"), UNTIL)


def bridge() -> Scene:
    """The first phone's call is told as a bridge while the second has none there."""
    scene = known(only_told()).change("notify-o-4", Call_Info=slot("bridge-active"))
    return scene.drop("notify-o-5", "told-o-5", "notify-o-6", "told-o-6")


def test_a_bridge_is_shown() -> None:
    assert passes("SCA-097", shown(bridge(), 20.5, "assistant", line_1="bridge-active, theirs"), 29.0)
    scene = shown(bridge(), 20.5, "assistant", line_1="idle, theirs")
    assert fails("SCA-097", scene, 29.0, party=OTHER)
    assert silent("SCA-022", scene, 29.0)
    assert passes("SCA-097", shown(scene, 23.5, "assistant", line_1="bridge-active, theirs"), 29.0)  # displays lag


def test_the_key_of_a_bridge_can_be_pressed() -> None:
    press = Observation(at(25.0), "assistant", "intent", {"do": "press_line", "index": 1})
    scene = bridge()
    scene.observations.append(press)
    assert fails("SCA-097", scene, UNTIL, party=OTHER)
    assert passes("SCA-097", pressed(scene, 25.1, 480), UNTIL)
    off = bridge()
    off.observations += [Observation(at(0), "assistant", "intent", {"do": "set_line", "barge_in": False}), press]
    assert silent("SCA-097", off, UNTIL)


@pytest.mark.parametrize(
    ("tone", "since", "until", "warned", "verdict"),
    [
        ("barge-in", 14.5, 16.0, True, True), ("barge-in", 14.5, 16.0, False, False),
        ("none", 14.5, 16.0, True, False), ("none", 14.5, 16.0, False, True),
        ("barge-in-and-repeat", 17.0, 28.0, True, True), ("barge-in-and-repeat", 17.0, 28.0, False, False),
        ("barge-in", 17.0, 28.0, True, False), ("barge-in-and-repeat", 17.0, 20.0, False, None),
    ],
)  # fmt: skip
def test_a_tone_warns(tone: str, since: float, until: float, warned: bool, verdict: bool | None) -> None:
    scene = pressed(known(in_call(), warning_tone=tone, bridging=True), 15.0, 200)
    scene.observations.append(
        Observation(at(until), "audio", "heard", {"since_ns": at(since), "warned": {"manager": warned}})
    )
    if verdict is None:
        assert not passes("SCA-095", scene, UNTIL)
    else:
        assert passes("SCA-095", scene, UNTIL) is verdict if verdict else fails("SCA-095", scene, UNTIL, party=SERVER)
