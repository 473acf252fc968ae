"""When what a line's phones are told must be true: in time, in order, and whatever way the phone's own wish took."""

from __future__ import annotations

from typing import Any

import pytest

from sipconform.sip.offer_answer import compose_audio, compose_hold
from sipconform.trace.packet import Address
from tests.checks.support import OTHER, PHONE, SERVER, Scene, fails, passes, silent
from tests.checks.test_shared_line import (
    FAR,
    FAR_LEG,
    IDLE,
    LINE,
    PRIVATE,
    UNTIL,
    all_told,
    follow,
    in_call,
    seizing,
    slot,
    told,
)
from tests.checks.test_shared_line_rules import known, pressed, shown
from tests.checks.test_shared_line_sight import accused

Rows = dict[str, Any]
ONE: Rows = {"Call_Info": "<sip:example.com>;appearance-index=1"}
TWO: Rows = {"Call_Info": "<sip:example.com>;appearance-index=2"}
SDP: Rows = {"Content_Type": "application/sdp"}


def tell_at(scene: Scene, number: int, when: float) -> Scene:
    """Lets one of the NOTIFYs to both phones come at another time."""
    for name in "po":
        scene.move(f"notify-{name}-{number}", when).move(f"told-{name}-{number}", when + 0.01)
    return scene


def longer() -> Scene:
    """The call of `in_call`, held from 60 s to 90 s and ended at 120 s."""
    scene = in_call().move("hold", 60.0).move("held", 60.01).move("hold ack", 60.02)
    for name, when in (("resume", 90.0), ("resumed", 90.01), ("far bye", 119.98), ("far gone", 119.99), ("bye", 120.0)):
        scene.move(name, when)
    scene.move("bye ok", 120.01)
    return tell_at(tell_at(tell_at(scene, 4, 60.03), 5, 90.03), 6, 120.03)


@pytest.mark.parametrize(
    ("check", "number", "in_time", "late"),
    [("SCA-053", 3, 15.5, 18.0), ("SCA-053", 3, 15.5, 50.0), ("SCA-070", 4, 63.5, 80.0), ("SCA-055", 6, 122.5, 140.0)],
)
def test_the_truth_comes_in_time(check: str, number: int, in_time: float, late: float) -> None:
    assert passes(check, tell_at(longer(), number, in_time), 200.0)
    assert fails(check, tell_at(longer(), number, late), 200.0, party=SERVER)


def test_who_does_not_answer_is_told_late() -> None:
    scene = tell_at(longer(), 3, 18.0).drop("told-p-2", "told-o-2")
    for name in "po":
        for again in (10.4, 11.4, 13.4, 17.4):
            scene.again(again, f"notify-{name}-2")
        scene.answer(f"answer-{name}", 17.5, f"notify-{name}-2")
    assert silent("SCA-053", scene, 200.0)


def test_a_server_may_wait_for_the_ack() -> None:
    scene = Scene()
    follow(scene, PHONE, 0.0)
    follow(scene, OTHER, 1.0)
    scene.ask("call", 10.0, "INVITE", FAR, call="out", tag="t", To=f"<{FAR}>", **ONE)
    scene.answer("ok", 12.0, "call", 200, tag="f", **ONE)
    scene.ask("ack", 18.0, "ACK", f"sip:u@{SERVER}", call="out", tag="t", to_tag="f", To=f"<{FAR}>;tag=f")
    all_told(scene, 18.2, slot("active"))
    assert passes("SCA-053", scene, 60.0)
    assert fails("SCA-053", scene.move("ack", 12.1), 60.0, party=SERVER)


def test_a_seizure_that_is_given_up_must_be_told_so() -> None:
    scene = seizing()
    assert passes("SCA-036", scene, UNTIL)
    for name in ("p", "o"):
        scene.change(f"notify-{name}-3", Call_Info=slot("seized"))
    assert fails("SCA-036", scene, UNTIL, party=SERVER)


def test_a_slot_may_have_a_new_life_at_once() -> None:
    """The phones are out of sight that ring for it."""
    scene = seizing()
    for name in ("p", "o"):
        scene.change(f"notify-{name}-3", Call_Info=slot("alerting"))
    assert silent("SCA-036", scene, UNTIL)


# -- order ----------------------------------------------------------------------------------------------------------


def overtaken(status: int) -> Scene:
    """The NOTIFY that the call is held is lost, and comes again after the one that it is active."""
    scene = known(in_call()).move("resume", 20.2).move("resumed", 20.21)
    scene = tell_at(scene, 5, 20.23).move("notify-o-4", 20.53).move("told-o-4", 20.54)
    return scene.change("told-o-4", f"SIP/2.0 {status} Whatever")


@pytest.mark.parametrize("status", [500, 200])
def test_a_repetition_tells_nothing_new(status: int) -> None:
    assert not accused(overtaken(status))


def test_numbers_that_do_not_grow() -> None:
    assert passes("SCA-016", in_call(), UNTIL)
    assert fails("SCA-016", in_call().change("notify-o-4", CSeq="3 NOTIFY"), UNTIL, party=SERVER)
    assert fails("SCA-016", in_call().change("notify-o-6", CSeq="0 NOTIFY").move("notify-o-6", 70.0), UNTIL)


def test_another_route_than_was_recorded() -> None:
    scene = in_call().change("subscribe-o", Record_Route="<sip:192.0.2.20;lr>,<sip:192.0.2.21;lr>")
    for number in range(1, 7):
        scene.change(f"notify-o-{number}", Route="<sip:192.0.2.20;lr>, <sip:192.0.2.21;lr>")
    assert passes("SCA-016", scene, UNTIL)
    assert fails("SCA-016", scene.change("notify-o-3", Route="<sip:198.51.100.9;lr>"), UNTIL, party=SERVER)


def test_a_phone_behind_a_translator_of_addresses() -> None:
    scene = in_call().change("subscribe-o", Contact="<sip:u@10.1.1.5:5060>")
    assert passes("SCA-016", scene, UNTIL)
    assert fails("SCA-016", scene.change("notify-o-3", f"NOTIFY sip:u@{SERVER} SIP/2.0"), UNTIL, party=SERVER)


def test_a_notifier_folds_what_a_phone_does_not_answer() -> None:
    scene = in_call().drop("notify-o-2", "told-o-2", "notify-o-3", "told-o-3").move("told-o-1", 19.9)
    for again in (1.52, 2.52, 4.52, 8.52, 12.52, 16.52):
        scene.again(again, "notify-o-1")
    assert silent("INV-002", scene, UNTIL)
    scene = in_call().drop("notify-o-2", "told-o-2", "notify-o-3", "told-o-3")
    assert fails("INV-002", scene, UNTIL, party=SERVER)
    scene.move("told-o-1", 1.53).again(1.52, "notify-o-1")
    assert silent("INV-002", scene, UNTIL)


def told_thrice() -> Scene:
    """Nothing happens, and the phones are told three times within a second that all is idle."""
    scene = seizing()
    for when in (16.5, 17.0):
        all_told(scene, when, IDLE)
    return scene


def test_the_same_is_not_told_again_and_again() -> None:
    assert passes("SCA-108", seizing(), UNTIL)
    assert fails("SCA-108", told_thrice(), UNTIL, party=SERVER, level="SHOULD")


def test_a_state_may_have_gone_and_come_again_while_a_notify_waited() -> None:
    scene = told_thrice()
    asks: Rows = {"call": "ls2", "tag": "ls2", "Event": "line-seize"} | ONE
    scene.ask("seize again", 16.1, "SUBSCRIBE", LINE, Expires="15", **asks)
    scene.answer("seized again", 16.11, "seize again", tag="as2")
    scene.ask("give up again", 16.3, "SUBSCRIBE", f"sip:u@{SERVER}", seq=2, to_tag="as2", Expires="0", **asks)
    scene.answer("given up again", 16.31, "give up again", Expires="0")
    assert silent("SCA-108", scene, UNTIL)


def test_a_server_tells_from_another_of_its_ports() -> None:
    scene = Scene()
    follow(scene, PHONE, 0.0)
    scene.said["notify-p-1"].source = Address(SERVER.host, 5080)
    scene.said["told-p-1"].destination = Address(SERVER.host, 5080)
    assert silent("SCA-011", scene, 60.0)
    assert fails("SCA-011", scene.drop("notify-p-1", "told-p-1"), 60.0, party=SERVER)


# -- holding --------------------------------------------------------------------------------------------------------


def test_a_hold_by_update() -> None:
    scene = longer().drop("hold ack")
    for name, number in (("hold", 1), ("resume", 2)):
        scene.change(name, f"UPDATE sip:u@{SERVER} SIP/2.0", CSeq=f"{number} UPDATE")
    told(scene, OTHER, 119.0, slot("active"))
    scene.change("notify-o-7", CSeq="6 NOTIFY").change("notify-o-6", CSeq="7 NOTIFY")
    assert not accused(scene, 200.0)
    assert passes("SCA-070", scene, 200.0)
    assert fails("SCA-070", scene.change("notify-o-4", Call_Info=slot("active")), 200.0, party=SERVER)


def server_offers(answer: bytes, offered: str = "sendrecv") -> Scene:
    """While the phone holds, its server offers again, and the phone answers."""
    scene = longer()
    rows: Rows = {"by": SERVER, "to": PHONE, "call": "in-p", "seq": 2, "tag": "as", "to_tag": "p"}
    rows |= {"From": f"<{FAR}>;tag=as"}
    offer = compose_audio("192.0.2.10", 4000, 1, version=2, direction=offered)
    scene.ask("offer", 70.0, "INVITE", f"sip:u@{PHONE}", body=offer, **SDP, **rows)
    scene.answer("answered", 70.02, "offer", body=answer, **SDP)
    scene.ask("offer ack", 70.03, "ACK", f"sip:u@{PHONE}", **rows)
    return scene.change("bye", CSeq="3 BYE")


TALKS = compose_audio("192.0.2.51", 4000, 1, version=3)
HOLDS = compose_hold("192.0.2.51", 4000, 1, 3, "sendonly")


def test_a_phone_comes_back_in_an_answer() -> None:
    scene = server_offers(TALKS).drop("resume", "resumed")
    assert not accused(tell_at(scene, 5, 70.1), 200.0)
    assert fails("SCA-073", tell_at(scene, 5, 90.0), 200.0, party=SERVER)


def test_a_phone_goes_on_holding_in_an_answer() -> None:
    assert not accused(server_offers(HOLDS), 200.0)


def test_what_an_offer_leaves_no_choice_of_tells_nothing() -> None:
    assert not accused(server_offers(compose_hold("192.0.2.51", 4000, 1, 3, "inactive"), "inactive"), 200.0)
    scene = longer()
    assert fails("SCA-072", scene.change("notify-o-4", Call_Info=slot("active")).move("notify-o-4", 70.0), 200.0)


def refreshed(words: str | None) -> Scene:
    """The phone refreshes its session while it holds privately."""
    scene = in_call(words=PRIVATE)
    rows: Rows = {"call": "in-p", "tag": "p", "to_tag": "as", "From": f"<{LINE}>;tag=p"}
    held = compose_hold("192.0.2.51", 4000, 1, 2, "sendonly")
    said = None if words is None else f"{ONE['Call_Info']}{words}"
    scene.ask("refresh", 24.0, "INVITE", f"sip:u@{SERVER}", seq=2, body=held, Call_Info=said, **SDP, **rows)
    scene.answer("refreshed", 24.01, "refresh", body=compose_audio("192.0.2.10", 4000, 1), **SDP)
    return scene.change("resume", CSeq="3 INVITE")


@pytest.mark.parametrize("words", [None, "", PRIVATE])
def test_a_session_refresh_is_no_other_hold(words: str | None) -> None:
    assert not accused(refreshed(words))


def test_the_owner_makes_his_hold_a_public_one() -> None:
    scene = refreshed(";appearance-state=held")
    assert fails("SCA-070", scene, UNTIL, party=SERVER)
    for name in "po":
        scene.change(f"notify-{name}-5", Call_Info=slot("held"))
    tell_at(scene, 5, 24.02)
    assert passes("SCA-070", scene, 29.0)


def test_a_private_hold_is_told_as_nothing_else_meanwhile() -> None:
    scene = in_call(words=PRIVATE)
    assert passes("SCA-071", scene, UNTIL)
    for state, right in (("held", False), ("bridge-held", True)):
        for name in "po":
            scene.change(f"notify-{name}-5", Call_Info=slot(state))
        assert silent("SCA-071", tell_at(scene, 5, 25.0), UNTIL) is right
    assert fails("SCA-071", scene.change("notify-o-5", Call_Info=IDLE), UNTIL, party=SERVER)


def test_a_phone_is_told_of_its_return_before_the_answer() -> None:
    """The answer to its re-INVITE is slower than the NOTIFY that speaks of it."""
    scene = tell_at(known(in_call(words=PRIVATE)).move("resumed", 30.1), 5, 30.05)
    assert not accused(scene)
    assert fails("SCA-071", tell_at(scene, 5, 29.9), UNTIL, party=SERVER)


def test_a_private_hold_pressed_elsewhere_is_open_where_nobody_says() -> None:
    scene = pressed(in_call(words=PRIVATE), 25.0, 200)
    assert fails("SCA-079", scene, UNTIL, level="INFO")
    assert not fails("SCA-079", scene, UNTIL, level="MUST")
    assert fails("SCA-079", known(scene, private_press="reject"), UNTIL, party=SERVER, level="MUST")
    assert silent("SCA-079", known(scene, private_press="barge"), UNTIL)


def test_an_inferred_rule_is_a_warning() -> None:
    scene = pressed(known(in_call(words=PRIVATE), private_press="reject", unconfirmed=["private_press"]), 25.0, 200)
    assert fails("SCA-079", scene, UNTIL, party=SERVER, level="SHOULD")


def test_a_bridge_without_a_word_for_it() -> None:
    scene = in_call().drop("hold", "held", "hold ack", "resume", "resumed", "bye", "bye ok", *FAR_LEG)
    scene = pressed(scene, 20.0, 200).drop(*(f"{w}-{n}-{i}" for w in ("notify", "told") for n in "po" for i in (5, 6)))
    for name in "po":
        scene.change(f"notify-{name}-4", Call_Info=slot("active"))
    assert not accused(scene)
    assert fails("SCA-090", known(scene, bridging=True), UNTIL, party=SERVER)


def taken_over(shows: str, heard: float = 25.2) -> Scene:
    """The second phone takes the held call; the first answers the BYE at that time, and shows its key."""
    scene = pressed(known(in_call()).drop("resume", "resumed"), 25.0, 200)
    scene.ask("press ack", 25.1, "ACK", f"sip:u@{SERVER}", by=OTHER, call="press", tag="press", to_tag="apress",
              From=f"<{LINE}>;tag=press", To=f"<{LINE}>;tag=apress")  # fmt: skip
    scene.move("bye", 25.15).move("bye ok", heard)
    shown(shown(scene, 12.0, "manager", line_1="active, mine"), heard + 0.1, "manager", line_1=shows)
    return tell_at(scene, 5, 25.3)


def test_the_old_owner_lets_go_once_he_has_heard_of_it() -> None:
    assert passes("SCA-083", taken_over("active, theirs"), 39.0)
    assert fails("SCA-083", taken_over("held, mine"), 39.0, party=PHONE)
    late = taken_over("active, theirs", heard=27.0)
    for again in (25.65, 26.65):
        late.again(again, "bye")
    assert passes("SCA-083", late, 39.0)
    assert silent("SCA-083", late.drop("bye ok"), 39.0)


# -- other calls, other slots ---------------------------------------------------------------------------------------


def test_a_second_call_may_be_told_beside_the_first() -> None:
    both = f"{slot('active').partition(',')[0]},{slot('seized', 2)}"
    scene = in_call().change("notify-o-3", Call_Info=both).change("notify-p-3", Call_Info=both)
    assert passes("SCA-060", scene, UNTIL)


def test_a_caller_of_the_same_name_elsewhere() -> None:
    elsewhere = "sip:2001@other.example.net"
    scene = in_call()
    for said in scene.said.values():
        for name in ("Call-Info", "From"):
            said.headers[name] = (said.headers.get(name) or "").replace(FAR, elsewhere) or None
        if said.answers is not None:
            del said.headers["From"]
    assert not accused(scene)


def own_number(party: str = f"<{LINE}>") -> Scene:
    """A phone seizes a slot and dials the line's own number: the voice mail answers."""
    scene = seizing().drop("give up", "given up", "notify-p-3", "told-p-3", "notify-o-3", "told-o-3")
    scene.change("seize notify 2", Subscription_State="terminated;reason=noresource")
    own = f"<{LINE}>"
    scene.ask("call", 12.0, "INVITE", LINE, call="out", tag="t", From=f"{own};tag=t", To=own, **ONE)
    scene.answer("ok", 12.2, "call", 200, tag="vm", **ONE)
    scene.ask("ack", 12.3, "ACK", f"sip:u@{SERVER}", call="out", tag="t", to_tag="vm", From=f"{own};tag=t")
    all_told(scene, 12.4, slot("active", party=party))
    return scene


def test_a_phone_may_dial_its_own_number() -> None:
    assert not accused(own_number(), 30.0)
    assert silent("SCA-085", known(own_number()), 30.0)


def test_the_lines_own_number_where_no_call_is_seen() -> None:
    scene = Scene()
    follow(scene, PHONE, 0.0)
    told(scene, PHONE, 10.0, slot("active", party=f"<{LINE}>"))
    assert fails("INV-006", scene, UNTIL, level="INFO")
    assert not fails("INV-006", scene, UNTIL, level="MUST")


def given_another() -> Scene:
    """A phone calls on a slot, and is given the next."""
    scene = Scene()
    follow(scene, PHONE, 0.0)
    follow(scene, OTHER, 1.0)
    scene.ask("call", 10.0, "INVITE", FAR, call="out", tag="t", To=f"<{FAR}>", **ONE)
    scene.answer("rings", 10.2, "call", 180, **TWO)
    all_told(scene, 10.3, slot("progressing", 2))
    scene.answer("ok", 12.0, "call", 200, **TWO)
    scene.ask("ack", 12.1, "ACK", f"sip:u@{SERVER}", call="out", tag="t", to_tag="as1", To=f"<{FAR}>;tag=as1")
    all_told(scene, 12.2, slot("active", 2))
    return scene


def test_a_server_may_give_another_slot() -> None:
    assert accused(given_another(), 30.0) == {"SCA-042"}  # which asks of the phone why it had not seized one
    assert passes("SCA-053", given_another(), 30.0)


def test_answers_that_contradict_each_other_name_no_slot() -> None:
    scene = in_call().change("ring-p", Call_Info=None).change("ring-o", Call_Info=None)
    scene.change("answer", Call_Info=TWO["Call_Info"])
    assert fails("SCA-062", scene, UNTIL, party=PHONE)
    assert not accused(scene) & {"SCA-053", "SCA-070", "SCA-073"}


@pytest.mark.parametrize("value", ["0", "1x", "*"])
def test_a_slot_that_is_none(value: str) -> None:
    assert passes("SCA-112", in_call(), UNTIL)
    assert fails(
        "SCA-112", in_call().change("ring-p", Call_Info=f"<sip:h>;appearance-index={value}"), UNTIL, party=SERVER
    )
    assert fails(
        "SCA-112", in_call().change("answer", Call_Info=f"<sip:h>;appearance-index={value}"), UNTIL, party=PHONE
    )
    assert silent("SCA-112", in_call().change("ring-p", Call_Info="<sip:h>;answer-after=0"), UNTIL)


# -- seizing --------------------------------------------------------------------------------------------------------


def lifts_again(by: Address) -> Scene:
    """A phone hangs up, and before it has an answer somebody seizes the slot, within one way through the network."""
    scene = known(in_call()).drop(
        "bye", "bye ok", "notify-p-6", "told-p-6", "notify-o-6", "told-o-6", "far bye", "far gone"
    )
    rows: Rows = {"call": "in-p", "tag": "p", "to_tag": "as", "From": f"<{LINE}>;tag=p"}
    scene.ask("my bye", 40.0, "BYE", f"sip:u@{SERVER}", seq=3, **rows)
    asks: Rows = {"by": by, "call": "ls", "tag": "ls", "Event": "line-seize", "Expires": "15"}
    scene.ask("seize", 40.02, "SUBSCRIBE", LINE, **ONE, **asks)
    scene.answer("my bye ok", 40.1, "my bye")
    scene.answer("seized", 40.12, "seize", tag="as")
    return scene


@pytest.mark.parametrize("by", [PHONE, OTHER])
@pytest.mark.parametrize("check", ["SCA-032", "INV-005", "SCA-047"])
def test_a_call_that_is_being_ended_holds_no_slot(by: Address, check: str) -> None:
    assert silent(check, lifts_again(by), 45.0)
    if check != "SCA-047":
        assert fails(check, lifts_again(by).move("my bye", 43.0).move("my bye ok", 43.1), 60.0, party=SERVER)


def calls_out(scene: Scene, begun: float, name: str) -> Scene:
    """A call on slot 1, answered and ended."""
    rows: Rows = {"call": f"out{name}", "tag": f"t{name}", "To": f"<{FAR}>"}
    scene.ask(f"call{name}", begun, "INVITE", FAR, **ONE, **rows)
    scene.answer(f"rings{name}", begun + 0.2, f"call{name}", 180, **ONE)
    scene.answer(f"ok{name}", begun + 2, f"call{name}", 200, **ONE)
    inside: Rows = rows | {"to_tag": "as1", "To": f"<{FAR}>;tag=as1"}
    scene.ask(f"ack{name}", begun + 2.1, "ACK", f"sip:u@{SERVER}", **inside)
    scene.ask(f"bye{name}", begun + 10, "BYE", f"sip:u@{SERVER}", seq=2, **inside)
    scene.answer(f"gone{name}", begun + 10.1, f"bye{name}")
    return scene


def seized() -> Scene:
    """The first phone has seized slot 1, and makes a call on it."""
    names = (
        "give up",
        "given up",
        "seize notify 2",
        "seize told 2",
        "notify-p-3",
        "told-p-3",
        "notify-o-3",
        "told-o-3",
    )
    return calls_out(seizing().drop(*names), 12.0, "")


def test_a_seizure_serves_for_one_call() -> None:
    assert passes("SCA-042", seized(), UNTIL)
    assert fails("SCA-042", calls_out(seized(), 60.0, "2"), UNTIL, party=PHONE)


def test_a_call_may_be_tried_again() -> None:
    scene = seized().drop("ok", "ack", "bye", "gone").change("rings", "SIP/2.0 422 Session Interval Too Small")
    scene.ask("again", 12.5, "INVITE", FAR, call="out", tag="t2", seq=2, To=f"<{FAR}>", **ONE)
    assert passes("SCA-042", scene, UNTIL)


def test_a_slot_on_which_a_phone_calls_is_not_given_away() -> None:
    scene = seized()
    asks: Rows = {"by": OTHER, "call": "ls2", "tag": "ls2", "Event": "line-seize", "Expires": "15"}
    scene.ask("steal", 12.8, "SUBSCRIBE", LINE, **ONE, **asks)
    scene.answer("stolen", 12.9, "steal", tag="as2")
    assert fails("SCA-032", scene, UNTIL, party=SERVER)
    assert passes("SCA-032", scene.change("stolen", "SIP/2.0 480 Busy"), UNTIL)


def test_a_slot_that_rings_is_not_given_away() -> None:
    scene = in_call()
    asks: Rows = {"by": OTHER, "call": "ls2", "tag": "ls2", "Event": "line-seize", "Expires": "15"}
    scene.ask("steal", 11.0, "SUBSCRIBE", LINE, **ONE, **asks)
    scene.answer("stolen", 11.1, "steal", tag="as2")
    assert fails("SCA-032", scene, UNTIL, party=SERVER)


def test_the_seizures_time_does_not_end_its_call() -> None:
    scene = seized()
    all_told(scene, 21.0, slot("active"))
    assert (
        passes("SCA-041", seized().move("bye", 40.0).move("gone", 40.1), UNTIL) is False
    )  # nothing was told about then
    scene.move("bye", 60.0).move("gone", 60.1)
    tell_at(scene, 3, 26.0)
    assert passes("SCA-041", scene, UNTIL)
    for name in "po":
        scene.change(f"notify-{name}-3", Call_Info=IDLE)
    assert fails("SCA-041", scene, UNTIL, party=SERVER)
    assert silent("SCA-041", scene.drop("bye", "gone"), 27.0)  # the evidence ends too soon to know


# -- letting off ----------------------------------------------------------------------------------------------------


def cancelled_at(when: float) -> Scene:
    scene = longer()
    for step, name in enumerate(("cancel", "cancelled", "gone", "gone ack")):
        scene.move(name, when + step / 100)
    return tell_at(scene, 4, 60.03)


@pytest.mark.parametrize(("after", "level"), [(0.5, ""), (3.0, "SHOULD"), (26.0, "MUST")])
def test_the_others_are_let_off_in_time(after: float, level: str) -> None:
    scene = cancelled_at(12.01 + after)
    assert (
        passes("SCA-063", tell_at(scene, 3, 12.6), 200.0) if not level else fails("SCA-063", scene, 200.0, level=level)
    )


# -- a caller who hides -----------------------------------------------------------------------------------------------


def hidden(shown: str, sender: str = "sip:anonymous@anonymous.invalid") -> Scene:
    """A caller who wishes to stay unknown, and how he is told."""
    scene = in_call()
    scene.change("far call", Privacy="id", From=f"<{sender}>;tag=f", P_Asserted_Identity=f"<{FAR}>")
    for name in "po":
        scene.change(f"ring-{name}", From=f"<{sender}>;tag=as")
        for number, state in ((2, "alerting"), (3, "active"), (4, "held"), (5, "active")):
            scene.change(f"notify-{name}-{number}", Call_Info=slot(state, party=shown))
    return scene


def test_who_is_anonymous_may_be_told_so() -> None:
    anonymous = "<sip:anonymous@anonymous.invalid>"
    assert passes("SCA-107", hidden(anonymous), UNTIL)
    assert fails("SCA-107", hidden(f"<{FAR}>"), UNTIL, party=SERVER)
    assert fails("SCA-107", hidden(f"<{FAR}>", FAR), UNTIL, party=SERVER)
    assert silent("SCA-107", hidden("<sip:+4930013001@example.com>"), UNTIL)


# -- odd words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "ok"), [(400, False), (403, True), (404, True), (420, True), (423, True), (480, True)]
)
def test_only_a_bad_request_says_that_it_was_not_understood(status: int, ok: bool) -> None:
    scene = seizing().drop("give up", "given up", "seize notify 1", "seize told 1", "seize notify 2", "seize told 2")
    scene.change("seize", Call_Info=f"{ONE['Call_Info']};appearance-state=seized")
    scene.change("seized", f"SIP/2.0 {status} Whatever")
    assert silent("SCA-100", scene, UNTIL) is ok


def far_leg_of(scene: Scene, value: str) -> Scene:
    scene.ask("onward", 12.05, "INVITE", "sip:3001@192.0.2.60", by=SERVER, to=Address("192.0.2.60", 5060), call="on",
              tag="z", To=f"<{FAR}>", Call_Info=value)  # fmt: skip
    return scene


def test_a_server_may_have_slots_for_ordinary_phones() -> None:
    assert passes("SCA-059", far_leg_of(seized(), "<sip:192.0.2.10>;appearance-index=1"), UNTIL)
    assert fails("SCA-059", far_leg_of(seized(), ONE["Call_Info"]), UNTIL, level="INFO")
    scene = seized().change("call", Call_Info="<sip:phone.example.com>;appearance-index=1")
    assert fails("SCA-059", far_leg_of(scene, "<sip:phone.example.com>;appearance-index=1"), UNTIL, level="SHOULD")


def test_the_lines_slot_is_no_privacy_of_a_phone_whose_past_is_not_seen() -> None:
    scene = Scene()
    scene.ask("register", 0.0, "REGISTER", "sip:example.com", call="r", tag="r", Expires="60")
    scene.answer("registered", 0.1, "register", Contact=f"<sip:u@{PHONE}>;expires=60")
    scene.ask("call", 5.0, "INVITE", FAR, call="out", tag="t", **ONE)
    assert silent("SCA-005", scene, UNTIL)


def registered(left: str = "3600") -> Scene:
    """Both phones and a third have registered and follow the line; the call rings at two."""
    scene = in_call()
    third: Rows = {"by": Address("192.0.2.53", 5060), "call": "ci-x", "tag": "x"}
    scene.ask("subscribe-x", 2.0, "SUBSCRIBE", LINE, Event="call-info", Expires="3600", **third)
    scene.answer("subscribed-x", 2.01, "subscribe-x", tag="as")
    scene.ask("n-x", 2.02, "NOTIFY", "sip:u@192.0.2.53", by=SERVER, to=third["by"], call="ci-x", tag="as", to_tag="x",
              Event="call-info", Subscription_State="active;expires=3000", Call_Info=IDLE)  # fmt: skip
    scene.answer("t-x", 2.03, "n-x")
    for at in (PHONE, OTHER, third["by"]):
        scene.ask(f"register {at}", 3.0, "REGISTER", "sip:example.com", by=at, call=f"r{at}", tag="r", Expires="3600")
        given = left if at == third["by"] else "3600"
        scene.answer(f"registered {at}", 3.01, f"register {at}", Contact=f"<sip:u@{at}>;expires={given}")
    return scene


def test_who_is_there_rings() -> None:
    assert fails("SCA-002", known(registered()), UNTIL, party=SERVER, level="MUST")
    assert fails("SCA-002", registered(), UNTIL, party=SERVER, level="INFO")  # the place may be set not to ring


def test_whose_registration_has_lapsed_does_not_ring() -> None:
    assert silent("SCA-002", known(registered("5")), UNTIL)
    assert silent("SCA-002", known(registered()).drop("t-x"), UNTIL)
