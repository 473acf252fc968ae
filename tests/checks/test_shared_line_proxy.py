"""Shared lines of a proxy, and of conversations begun before the evidence: what is right there accuses nobody."""

from __future__ import annotations

from typing import Any

import pytest

from tests.checks.support import OTHER, OUTSIDE, PHONE, SERVER, THIRD, Scene, fails, passes, silent
from tests.checks.test_shared_line import FAR, IDLE, LINE, UNTIL, all_told, follow, slot, told
from tests.checks.test_shared_line_rules import known

ONE: dict[str, Any] = {"Call_Info": "<sip:example.com>;appearance-index=1"}


def calls_in(scene: Scene, call: str, *, answered: bool = False) -> None:
    """The far side of a call that comes in, and is answered and ended at 40 s, or not."""
    rows: dict[str, Any] = {"by": OUTSIDE, "call": call, "tag": "as" if call == "in" else "f"}
    rows["From"] = f"<{FAR}>;tag={rows['tag']}"
    scene.ask("far call", 9.95, "INVITE", LINE, branch="z9hG4bKfar", **rows)
    scene.answer("far rings", 10.11, "far call", 180, tag="p")
    if answered:
        scene.answer("far ok", 11.05, "far call", 200, tag="x")
        scene.ask("far ack", 11.06, "ACK", f"sip:u@{SERVER}", to_tag="x", **rows)
        scene.ask("far bye", 39.9, "BYE", f"sip:u@{SERVER}", seq=2, to_tag="x", **rows)
        scene.answer("far gone", 39.95, "far bye")


def rejected(status: int, *, proxied: bool) -> Scene:
    """Two phones ring; the first rejects, and half a second later the second is cancelled."""
    scene = Scene()
    follow(scene, PHONE, 0.0)
    follow(scene, OTHER, 1.0)
    calls_in(scene, "in" if proxied else "far")
    for name, phone in (("p", PHONE), ("o", OTHER)):
        call = "in" if proxied else f"in-{name}"
        scene.ask(f"ring-{name}", 10.0, "INVITE", f"sip:u@{phone}", by=SERVER, to=phone, call=call, tag="as",
                  branch=f"z9hG4bK{name}", From=f"<{FAR}>;tag=as", **ONE)  # fmt: skip
        scene.answer(f"ringing-{name}", 10.1, f"ring-{name}", 180, tag=name, **ONE)
    scene.answer("no", 12.0, "ring-p", status, tag="p")
    scene.ask("cancel", 12.5, "CANCEL", f"sip:u@{OTHER}", by=SERVER, to=OTHER, call="in" if proxied else "in-o",
              tag="as", branch="z9hG4bKo", From=f"<{FAR}>;tag=as")  # fmt: skip
    return scene


@pytest.mark.parametrize(("status", "proxied"), [(486, True), (603, False)])
def test_a_phone_silences_itself_alone(status: int, proxied: bool) -> None:
    assert fails("SCA-064", rejected(status, proxied=proxied), UNTIL, party=SERVER)


def test_who_gave_up_or_answered_out_of_sight_is_not_known() -> None:
    assert silent("SCA-064", rejected(486, proxied=False).drop("far call", "far rings"), UNTIL)


def test_a_call_may_be_answered_as_one_phone_rejects() -> None:
    scene = rejected(486, proxied=False)
    scene.answer("far ok", 12.45, "far call", 200, tag="s")
    assert silent("SCA-064", scene, UNTIL)


def test_a_proxy_lets_a_603_end_all_forks() -> None:
    assert silent("SCA-064", rejected(603, proxied=True), UNTIL)


def pressed(given_up_after: float, status: int = 487) -> Scene:
    """A phone asks for the call of a free slot, and hears an answer after a while."""
    scene = known(Scene())
    follow(scene, PHONE, 0.0)
    follow(scene, OTHER, 1.0)
    own = f"<{LINE}>"
    scene.ask("press", 10.0, "INVITE", LINE, call="take", tag="t", From=f"{own};tag=t", To=own, **ONE)
    scene.answer("ringing", 10.1, "press", 180)
    scene.answer("over", 10.0 + given_up_after, "press", status)
    return scene


def test_ringing_until_the_phone_gives_up_is_no_refusal() -> None:
    assert fails("SCA-085", pressed(10.0), UNTIL, party=SERVER)


def test_what_phones_out_of_sight_have_on_a_slot_is_not_known() -> None:
    scene = pressed(10.0)
    scene.observations.clear()
    assert silent("SCA-085", scene, UNTIL)


def test_who_gives_up_at_once_may_yet_have_been_refused() -> None:
    assert silent("SCA-085", pressed(1.0), UNTIL)
    assert passes("SCA-085", pressed(1.0, 480), UNTIL)


def answered_off_the_line(last: str) -> Scene:
    """A proxy forks a call to a phone of the line and to one that is not subscribed, which answers, and hangs up."""
    scene = Scene()
    follow(scene, PHONE, 0.0)
    follow(scene, OTHER, 1.0)
    calls_in(scene, "in", answered=True)
    forks = (("p", PHONE), ("x", THIRD))
    for name, phone in forks:
        scene.ask(f"ring-{name}", 10.0, "INVITE", f"sip:u@{phone}", by=SERVER, to=phone, call="in", tag="as",
                  branch=f"z9hG4bK{name}", From=f"<{FAR}>;tag=as")  # fmt: skip
    scene.answer("ringing-p", 10.1, "ring-p", 180, tag="p", **ONE)
    scene.answer("answer", 11.0, "ring-x", 200, tag="x")
    both: dict[str, Any] = {"by": SERVER, "call": "in", "tag": "as", "From": f"<{FAR}>;tag=as"}
    scene.ask("ack", 11.1, "ACK", f"sip:u@{THIRD}", to=THIRD, to_tag="x", **both)
    scene.ask("cancel", 11.1, "CANCEL", f"sip:u@{PHONE}", to=PHONE, branch="z9hG4bKp", **both)
    scene.answer("cancelled", 11.2, "cancel", tag="p")
    scene.answer("gone", 11.2, "ring-p", 487, tag="p")
    scene.ask("gone ack", 11.3, "ACK", f"sip:u@{PHONE}", to=PHONE, branch="z9hG4bKp", to_tag="p", **both)
    all_told(scene, 11.4, slot("active"))
    scene.ask("bye", 40.0, "BYE", f"sip:u@{THIRD}", to=THIRD, seq=2, to_tag="x", **both)
    scene.answer("bye ok", 40.1, "bye")
    all_told(scene, 40.2, last)
    return scene


@pytest.mark.parametrize("check", ["SCA-055", "SCA-066", "SCA-109", "INV-003"])
def test_a_call_on_a_phone_off_the_line_is_told_until_it_ends(check: str) -> None:
    assert silent(check, answered_off_the_line(IDLE), UNTIL)


def test_its_end_must_be_told() -> None:
    assert fails("SCA-055", answered_off_the_line(slot("active")), UNTIL, party=SERVER)


def calling(*, before: str = "") -> Scene:
    """A call on slot 1 by a phone of which nothing was seen before but perhaps a NOTIFY."""
    scene = Scene()
    if before:
        told(scene, PHONE, 5.0, before)
    scene.ask("call", 10.0, "INVITE", FAR, call="out", tag="t", **ONE)
    scene.answer("answer", 12.0, "call", 200)
    told(scene, PHONE, 12.1, slot("active"))
    return scene


def test_what_was_seized_before_the_evidence_is_not_known() -> None:
    assert silent("SCA-042", calling(), UNTIL)
    assert silent("SCA-042", calling(before=slot("seized")), UNTIL)


def test_a_slot_that_was_told_idle_had_not_been_seized() -> None:
    assert fails("SCA-042", calling(before=IDLE), UNTIL, party=PHONE)
