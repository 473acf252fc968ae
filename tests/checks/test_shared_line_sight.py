"""What may be said of a line that is seen in part: phones out of sight, places with an address of their own, other
accounts, one address for many, and a beginning in the middle."""

from __future__ import annotations

from typing import Any

import pytest

from sipconform.checks.catalogue import INFO, Verdict, catalogue
from sipconform.checks.judge import judge
from sipconform.checks.shared_line.lines import lines
from tests.checks.support import OTHER, OUTSIDE, PHONE, SERVER, THIRD, Scene, fails, passes, silent
from tests.checks.test_shared_line import FAR, FAR_LEG, IDLE, LINE, UNTIL, all_told, in_call, slot, told
from tests.checks.test_shared_line_rules import known, pressed

Rows = dict[str, Any]
ONE: Rows = {"Call_Info": "<sip:example.com>;appearance-index=1"}
PLACE = "sip:2001_desk2@example.com"
FAMILY = {id_: check for id_, check in catalogue().items() if id_.startswith(("SCA", "INV"))}


def accused(scene: Scene, until: float = UNTIL) -> set[str]:
    """The checks of the family that accuse somebody, notes left out."""
    found = judge(scene.trace(until), FAMILY).findings
    return {f.check.id for f in found if f.check and f.verdict is Verdict.FAIL and f.level is not INFO}


def without(scene: Scene, *names: str) -> Scene:
    """The scene without what was told under these numbers."""
    return scene.drop(*(f"{word}-{name}" for name in names for word in ("notify", "told")))


def at_one_phone(scene: Scene, phone: Any) -> Scene:
    """What a capture at one phone shows."""
    for name, said in list(scene.said.items()):
        if phone not in (said.source, said.destination):
            del scene.said[name]
    return scene


# -- phones out of sight ----------------------------------------------------------------------------------------


def test_an_honest_call_is_honest_from_every_side() -> None:
    assert not accused(in_call())
    for phone in (PHONE, OTHER):
        assert not accused(at_one_phone(in_call(), phone))


def test_a_call_that_somebody_else_has_answered() -> None:
    scene = at_one_phone(in_call(), OTHER)
    assert not accused(without(scene, "o-6"), 39.0)


def test_a_held_call_that_somebody_else_has_taken() -> None:
    scene = without(at_one_phone(in_call(), PHONE), "p-5", "p-6").drop("resume", "resumed")
    scene.move("bye", 30.0).move("bye ok", 30.01)
    told(scene, PHONE, 30.05, slot("active"))
    assert not accused(scene)


def test_a_call_that_somebody_else_has_joined() -> None:
    scene = without(at_one_phone(in_call(), PHONE), "p-4", "p-5", "p-6")
    scene.drop("hold", "held", "hold ack", "resume", "resumed", "bye", "bye ok")
    told(scene, PHONE, 20.0, slot("bridge-active"))
    assert not accused(scene)


def test_a_slot_on_which_somebody_else_talks() -> None:
    scene = without(in_call(), "p-6", "o-6")
    all_told(scene, 40.05, slot("active", 2, "<sip:3003@example.com>"))
    assert not accused(scene)


def test_the_own_call_is_known_from_any_side() -> None:
    scene = at_one_phone(in_call(), PHONE).change("notify-p-3", Call_Info=slot("progressing"))
    assert fails("SCA-053", scene, UNTIL, party=SERVER)
    assert fails("SCA-070", at_one_phone(in_call(), PHONE).change("notify-p-4", Call_Info=slot("active")), UNTIL)


def test_the_far_side_shows_that_a_call_is_over() -> None:
    scene = in_call().change("notify-o-6", Call_Info=slot("active"))
    assert fails("SCA-055", scene, UNTIL, party=SERVER)
    assert silent("SCA-055", scene.drop(*FAR_LEG), UNTIL)


def test_the_lab_shows_that_nobody_is_out_of_sight() -> None:
    scene = known(in_call().drop(*FAR_LEG)).change("notify-o-6", Call_Info=slot("active"))
    assert fails("SCA-055", scene, UNTIL, party=SERVER)
    assert silent("SCA-055", at_one_phone(scene, OTHER), UNTIL)


def test_two_calls_of_one_caller_at_once_may_be_taken_for_each_other() -> None:
    scene = in_call().change("notify-o-6", Call_Info=slot("active"))
    scene.ask("far call 2", 9.9, "INVITE", LINE, by=OUTSIDE, call="far2", tag="g", From=f"<{FAR}>;tag=g")
    assert silent("SCA-055", scene, UNTIL)


def test_nothing_is_left_on_a_line_that_is_all_in_sight() -> None:
    lit = slot("active", 7)
    assert passes("INV-003", known(in_call()), UNTIL)
    assert fails("INV-003", known(in_call()).change("notify-p-6", Call_Info=lit), UNTIL, party=SERVER)
    assert silent("INV-003", in_call().change("notify-p-6", Call_Info=lit), UNTIL)
    stuck = known(in_call()).change("notify-p-6", Call_Info=slot("active"))
    assert silent("INV-003", stuck, UNTIL)  # the end of that call SCA-055 asks about


# -- places with an address of their own ----------------------------------------------------------------------------


def own_places(second: str = PLACE) -> Scene:
    """The call of `in_call`, to phones of which the second follows the line under an address of its own."""
    scene = in_call()
    for name, said in scene.said.items():
        if "-o" in name or name in ("cancel", "cancelled", "gone", "gone ack"):
            for header in ("From", "To"):
                said.headers[header] = (said.headers.get(header) or "").replace(LINE, second) or None
            said.start = said.start.replace(LINE, second)
            if said.answers is not None:
                del said.headers["From"], said.headers["To"]
    return scene


def test_places_that_are_told_the_same_are_one_line() -> None:
    found = lines(own_places().trace(UNTIL))
    assert [line.users for line in found] == [{"2001", "2001_desk2"}]
    assert not accused(own_places())


def test_places_that_are_told_otherwise_are_two_lines() -> None:
    scene = own_places().change("notify-o-4", Call_Info=slot("active"))
    assert len(lines(scene.trace(UNTIL))) == 2


def test_lines_on_which_no_call_rang_together_are_two() -> None:
    scene = own_places().drop("ring-o", "ringing-o", "cancel", "cancelled", "gone", "gone ack")
    assert len(lines(scene.trace(UNTIL))) == 2
    assert not accused(scene)


def test_what_another_place_does_is_no_mystery() -> None:
    """The second phone takes the held call, and later the far party hangs up."""
    scene = own_places().drop("resume", "resumed").move("bye", 25.15).move("bye ok", 25.16)
    for name in ("p-5", "o-5"):
        scene.move(f"notify-{name}", 25.3).move(f"told-{name}", 25.31)
    own = f"<{PLACE}>"
    mine: Rows = {"by": OTHER, "call": "take", "tag": "t", "From": f"{own};tag=t"}
    scene.ask("take", 25.0, "INVITE", PLACE, To=own, **ONE, **mine)
    scene.answer("taken", 25.1, "take", 200, tag="s", **ONE)
    scene.ask("take ack", 25.2, "ACK", f"sip:u@{SERVER}", to_tag="s", To=f"{own};tag=s", **mine)
    end: Rows = {"by": SERVER, "to": OTHER, "call": "take", "tag": "s", "to_tag": "t", "From": f"{own};tag=s"}
    scene.ask("end", 40.0, "BYE", f"sip:u@{OTHER}", To=f"{own};tag=t", **end)
    scene.answer("ended", 40.01, "end")
    assert len(lines(scene.trace(UNTIL))) == 1
    assert not accused(scene)


# -- other accounts, other lines ------------------------------------------------------------------------------------


def private_call(scene: Scene, begun: float, user: str, call_info: str | None, answered: str | None) -> Scene:
    """A call to another account at the first phone's address, answered and ended."""
    rows: Rows = {"by": SERVER, "to": PHONE, "call": "priv", "tag": "asx", "From": f"<{FAR}>;tag=asx"}
    to = f"<sip:{user}@example.com>"
    scene.ask("private", begun, "INVITE", f"sip:{user}@{PHONE}", To=to, Call_Info=call_info, **rows)
    scene.answer("p rings", begun + 0.1, "private", 180, tag="px", Call_Info=answered)
    scene.answer("p ok", begun + 2, "private", 200, tag="px", Call_Info=answered)
    scene.ask("p ack", begun + 2.1, "ACK", f"sip:u@{PHONE}", to_tag="px", To=f"{to};tag=px", **rows)
    scene.ask("p bye", begun + 20, "BYE", f"sip:u@{PHONE}", seq=2, to_tag="px", To=f"{to};tag=px", **rows)
    scene.answer("p gone", begun + 20.1, "p bye")
    return scene


@pytest.mark.parametrize("call_info", [None, ONE["Call_Info"]])
def test_a_call_to_another_account_of_a_phone_is_no_business_of_the_line(call_info: str | None) -> None:
    assert not accused(private_call(in_call(), 50.0, "3005", call_info, None))


def test_a_call_from_another_account_is_none_either() -> None:
    scene = in_call()
    rows: Rows = {"call": "po", "tag": "t", "From": "<sip:3005@example.com>;tag=t", "To": f"<{FAR}>"}
    scene.ask("out", 50.0, "INVITE", FAR, **rows)
    scene.answer("out rings", 50.2, "out", 180, **ONE)
    scene.answer("out ok", 52.0, "out", 200, **ONE)
    scene.ask("out ack", 52.1, "ACK", f"sip:u@{SERVER}", to_tag="as1", **rows)
    assert not accused(scene)


def test_a_phone_may_follow_two_lines() -> None:
    second = "sip:2002@example.com"
    names: Rows = {"From": f"<{second}>;tag=p2", "To": f"<{second}>"}
    scene = in_call()
    scene.ask("second", 2.0, "SUBSCRIBE", second, call="ci2", tag="p2", Event="call-info", Expires="3600", **names)
    scene.answer("second ok", 2.01, "second", tag="as")
    tells: Rows = {"by": SERVER, "to": PHONE, "call": "ci2", "tag": "as", "to_tag": "p2", "Event": "call-info"}
    tells |= {"Subscription_State": "active;expires=3000", "From": f"<{second}>;tag=as", "To": f"<{second}>;tag=p2"}
    states = ((2.02, IDLE), (49.9, slot("alerting")), (52.2, slot("active")), (70.2, IDLE))
    for number, (when, state) in enumerate(states, 1):
        scene.ask(f"n2-{number}", when, "NOTIFY", f"sip:u@{PHONE}", seq=number, Call_Info=state, **tells)
        scene.answer(f"t2-{number}", when + 0.01, f"n2-{number}")
    assert not accused(private_call(scene, 50.0, "2002", ONE["Call_Info"], ONE["Call_Info"]))


def test_a_hidden_caller_is_known_by_his_contact() -> None:
    scene = in_call()
    rows: Rows = {"call": "out", "tag": "t", "From": "<sip:anonymous@anonymous.invalid>;tag=t", "To": f"<{FAR}>"}
    scene.ask("out", 50.0, "INVITE", FAR, **ONE, **rows)
    assert fails("SCA-042", scene, UNTIL, party=PHONE)
    assert silent("SCA-042", scene.change("out", Contact=f"<sip:3005@{PHONE}>"), UNTIL)


# -- many phones at one address -----------------------------------------------------------------------------------


def behind_one_address(second: int = 480) -> Scene:
    """Two phones behind one border controller seize a slot two seconds apart, and the first calls on it."""
    scene = Scene()
    for name, begun in (("p", 0.0), ("o", 1.0)):
        mine: Rows = {"call": f"ci-{name}", "tag": name, "Contact": f"<sip:{name}@{PHONE}>"}
        scene.ask(f"sub-{name}", begun, "SUBSCRIBE", LINE, Event="call-info", Expires="3600", **mine)
        scene.answer(f"subd-{name}", begun + 0.01, f"sub-{name}", tag="as")
    for number, (when, state) in enumerate(((1.5, IDLE), (10.04, slot("seized")), (14.6, slot("progressing"))), 1):
        for name in "po":
            scene.ask(f"n-{name}-{number}", when, "NOTIFY", f"sip:{name}@{PHONE}", by=SERVER, to=PHONE, seq=number,
                      call=f"ci-{name}", tag="as", to_tag=name, Event="call-info",
                      Subscription_State="active;expires=3000", Call_Info=state)  # fmt: skip
            scene.answer(f"t-{name}-{number}", when + 0.01, f"n-{name}-{number}")
    for name, when, status in (("p", 10.0, 200), ("o", 12.0, second)):
        asks: Rows = {"Event": "line-seize", "Expires": "15", "Contact": f"<sip:{name}@{PHONE}>"}
        scene.ask(f"seize-{name}", when, "SUBSCRIBE", LINE, call=f"ls-{name}", tag=f"ls{name}", **ONE, **asks)
        scene.answer(f"seized-{name}", when + 0.01, f"seize-{name}", status, tag="as")
    scene.ask("call", 14.0, "INVITE", FAR, call="out", tag="t", To=f"<{FAR}>", Contact=f"<sip:p@{PHONE}>", **ONE)
    scene.answer("rings", 14.5, "call", 180)
    return scene


def test_who_was_refused_is_not_who_calls() -> None:
    assert silent("SCA-043", behind_one_address(), 25.0)
    assert fails("SCA-043", behind_one_address().change("call", Contact=f"<sip:o@{PHONE}>"), 25.0, party=PHONE)


def test_glare_behind_one_address() -> None:
    assert passes("SCA-031", behind_one_address(), 25.0)
    assert fails("SCA-031", behind_one_address(200), 25.0, party=SERVER)


def test_phones_that_nothing_tells_apart_are_not_accused() -> None:
    scene = behind_one_address(200)
    for name in ("sub-p", "sub-o", "seize-p", "seize-o", "call"):
        scene.change(name, Contact=f"<sip:all@{PHONE}>")
    assert silent("SCA-031", scene, 25.0)
    scene.change("seized-o", "SIP/2.0 480 Busy")
    assert silent("SCA-043", scene, 25.0)


def test_a_phone_may_name_another_contact() -> None:
    """Alone at its address it is one phone, whatever it calls itself."""
    scene = behind_one_address().drop("sub-o", "subd-o", *(f"{w}-o-{n}" for w in "nt" for n in (1, 2, 3)))
    assert fails("SCA-043", scene, 25.0, party=PHONE)


def test_three_phones_at_one_address_may_begin_together() -> None:
    scene = Scene()
    for number in range(3):
        call: Rows = {"call": f"c{number}", "tag": f"t{number}", "Contact": f"<sip:phone{number}@{PHONE}>"}
        scene.ask(f"s{number}", number, "SUBSCRIBE", LINE, Event="call-info", Expires="3600", **call)
        scene.answer(f"ok{number}", number + 0.1, f"s{number}", tag="as")
    assert passes("SCA-024", scene, 30.0)
    for number in range(3):
        scene.change(f"s{number}", Contact=f"<sip:u@{PHONE}>")
    assert fails("SCA-024", scene, 30.0, party=PHONE)


# -- a beginning in the middle --------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["active", "bridge-active"])
@pytest.mark.parametrize("before", ["", "held", "active"])
def test_a_press_on_a_call_that_began_before(state: str, before: str) -> None:
    scene = Scene()
    if before:
        all_told(scene, 5.0, slot(before))
    pressed(scene, 10.0, 200)
    all_told(scene, 10.3, slot(state))
    assert not accused(scene, 30.0)


def test_a_slot_is_known_once_it_was_idle() -> None:
    scene = known(in_call()).drop("subscribe-p", "subscribe-o", "subscribed-p", "subscribed-o")
    scene.change("notify-o-6", Call_Info=slot("active"))
    assert fails("SCA-055", scene, UNTIL, party=SERVER)
    assert silent("SCA-055", without(scene, "p-1", "o-1"), UNTIL)


# -- strangers ------------------------------------------------------------------------------------------------------


def test_a_server_rings_a_phone_that_does_not_follow_too() -> None:
    """It is an end of every call, so that only the caller shows what rings for one call."""
    scene = in_call().change("answer", "SIP/2.0 486 Busy").drop("ack", "hold", "held", "hold ack", "resume", "resumed")
    without(scene, *(f"{name}-{number}" for name in "po" for number in (4, 5, 6)))
    scene.drop("bye", "bye ok", "far bye", "far gone")
    rows: Rows = {"by": SERVER, "to": THIRD, "call": "in-x", "tag": "as", "From": f"<{FAR}>;tag=as"}
    scene.ask("ring-x", 10.0, "INVITE", f"sip:2001@{THIRD}", **rows)
    scene.answer("answer-x", 12.0, "ring-x", 200, tag="x")
    scene.ask("ack-x", 12.01, "ACK", f"sip:2001@{THIRD}", to_tag="x", **rows)
    assert not accused(known(scene), 30.0)


def test_a_place_may_follow_the_line_at_its_owners_address() -> None:
    scene = in_call().change("subscribe-o", From=f"<{PLACE}>;tag=o")
    assert fails("SCA-103", scene, UNTIL, level="INFO")
    assert fails("SCA-103", known(scene), UNTIL, party=SERVER, level="MUST")
