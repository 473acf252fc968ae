"""Checks of shared lines, each on a conversation in which one thing is changed."""

from __future__ import annotations

from typing import Any

import pytest

from sipconform.sip.offer_answer import compose_audio, compose_hold
from sipconform.trace.packet import Address, Observation
from tests.checks.support import OTHER, OUTSIDE, PHONE, SERVER, SOURCE, Scene, doubts, fails, passes, silent

LINE = "sip:2001@example.com"
FAR = "sip:3001@example.com"
IDLE = "<sip:example.com>;appearance-index=*;appearance-state=idle"
UNTIL = 120.0
PHONES = {PHONE: "p", OTHER: "o"}
Rows = dict[str, Any]


def slot(state: str, index: int = 1, party: str = f"<{FAR}>") -> str:
    uri = f';appearance-uri="{party}"' if party and state != "seized" else ""
    return f"<sip:example.com>;appearance-index={index};appearance-state={state}{uri},{IDLE}"


def follow(scene: Scene, phone: Address, at: float) -> None:
    """A phone of the line subscribes to call-info."""
    name, call = PHONES[phone], f"ci-{PHONES[phone]}"
    asks: Rows = {
        "by": phone,
        "to": SERVER,
        "call": call,
        "tag": name,
        "Event": "call-info",
        "Expires": "3600",
    }
    scene.ask(f"subscribe-{name}", at, "SUBSCRIBE", LINE, **asks)
    scene.answer(f"subscribed-{name}", at + 0.01, f"subscribe-{name}", tag="as")
    told(scene, phone, at + 0.02, IDLE)


def told(scene: Scene, phone: Address, at: float, call_info: str) -> str:
    """One NOTIFY and its answer; gives its name."""
    name, number = PHONES[phone], sum(n.startswith(f"notify-{PHONES[phone]}") for n in scene.said) + 1
    key = f"notify-{name}-{number}"
    scene.ask(
        key, at, "NOTIFY", f"sip:u@{phone}", by=SERVER, to=phone, call=f"ci-{name}", seq=number, tag="as", to_tag=name,
        Event="call-info", Subscription_State="active;expires=3000", Call_Info=call_info,
    )  # fmt: skip
    scene.answer(f"told-{name}-{number}", at + 0.01, key)
    return key


def all_told(scene: Scene, at: float, call_info: str) -> None:
    for phone in PHONES:
        told(scene, phone, at, call_info)


def seizing(at: float = 10.0) -> Scene:
    """Two phones on a line; the first seizes slot 1 and gives it up."""
    scene = Scene()
    follow(scene, PHONE, 0.0)
    follow(scene, OTHER, 1.0)
    asks: Rows = {
        "call": "ls",
        "tag": "ls",
        "Event": "line-seize",
        "Call_Info": "<sip:example.com>;appearance-index=1",
    }
    scene.ask("seize", at, "SUBSCRIBE", LINE, Expires="15", **asks)
    scene.answer("seized", at + 0.01, "seize", tag="as")
    seize_notify(scene, at + 0.02, 1, "active;expires=15")
    all_told(scene, at + 0.03, slot("seized"))
    scene.ask("give up", at + 6, "SUBSCRIBE", f"sip:u@{SERVER}", seq=2, to_tag="as", Expires="0", **asks)
    scene.answer("given up", at + 6.01, "give up", Expires="0")
    seize_notify(scene, at + 6.02, 2, "terminated;reason=timeout")
    all_told(scene, at + 6.03, IDLE)
    return scene


def seize_notify(scene: Scene, at: float, number: int, state: str) -> None:
    scene.ask(
        f"seize notify {number}", at, "NOTIFY", f"sip:u@{PHONE}", by=SERVER, to=PHONE, call="ls", seq=number, tag="as",
        to_tag="ls", Event="line-seize", Subscription_State=state, Call_Info="<sip:example.com>;appearance-index=1",
    )  # fmt: skip
    scene.answer(f"seize told {number}", at + 0.01, f"seize notify {number}")


def far_leg(scene: Scene) -> None:
    """The far party's side of a call that comes in, is answered and ended."""
    rows: Rows = {"by": OUTSIDE, "call": "far", "tag": "f", "From": f"<{FAR}>;tag=f"}
    scene.ask("far call", 9.85, "INVITE", LINE, **rows)
    scene.answer("far rings", 10.12, "far call", 180, tag="sf")
    scene.answer("far ok", 12.02, "far call", 200, tag="sf")
    scene.ask("far ack", 12.03, "ACK", f"sip:u@{SERVER}", to_tag="sf", **rows)
    scene.ask("far bye", 39.98, "BYE", f"sip:u@{SERVER}", seq=2, to_tag="sf", **rows)
    scene.answer("far gone", 39.99, "far bye")


FAR_LEG = ("far call", "far rings", "far ok", "far ack", "far bye", "far gone")


def in_call(hold: str = "sendonly", words: str = "") -> Scene:
    """A call comes in, the first phone answers, holds, comes back, and the far party hangs up."""
    scene = Scene()
    far_leg(scene)
    follow(scene, PHONE, 0.0)
    follow(scene, OTHER, 1.0)
    index: Rows = {"Call_Info": "<sip:example.com>;appearance-index=1"}
    all_told(scene, 9.9, slot("alerting"))
    sdp: Rows = {"body": compose_audio("192.0.2.10", 4000, 1), "Content_Type": "application/sdp"}
    for phone, name in PHONES.items():
        scene.ask(f"ring-{name}", 10.0, "INVITE", f"sip:u@{phone}", by=SERVER, to=phone, call=f"in-{name}", tag="as",
                  From=f"<{FAR}>;tag=as", **index, **sdp)  # fmt: skip
        scene.answer(f"ringing-{name}", 10.1, f"ring-{name}", 180, tag=name, **index)
    scene.answer("answer", 12.0, "ring-p", 200, tag="p", **index, **sdp)
    scene.ask("ack", 12.01, "ACK", f"sip:u@{PHONE}", by=SERVER, to=PHONE, call="in-p", tag="as", to_tag="p",
              From=f"<{FAR}>;tag=as")  # fmt: skip
    branch = (scene.said["ring-o"].headers["Via"] or "").partition("branch=")[2].partition(";")[0]
    over: Rows = {
        "by": SERVER,
        "to": OTHER,
        "call": "in-o",
        "tag": "as",
        "From": f"<{FAR}>;tag=as",
        "branch": branch,
    }
    scene.ask("cancel", 12.02, "CANCEL", f"sip:u@{OTHER}", Reason="SIP;cause=200", **over)
    scene.answer("cancelled", 12.03, "cancel", tag="o")
    scene.answer("gone", 12.04, "ring-o", 487, tag="o")
    scene.ask("gone ack", 12.05, "ACK", f"sip:u@{OTHER}", to_tag="o", **over)
    all_told(scene, 12.1, slot("active"))
    back: Rows = {
        "call": "in-p",
        "tag": "p",
        "to_tag": "as",
        "From": f"<{LINE}>;tag=p",
        "Content_Type": "application/sdp",
    }
    said = f"<sip:example.com>;appearance-index=1{words}"
    scene.ask(
        "hold",
        20.0,
        "INVITE",
        f"sip:u@{SERVER}",
        seq=1,
        body=compose_hold("192.0.2.51", 4000, 1, 2, hold),
        Call_Info=said,
        **back,
    )
    scene.answer("held", 20.01, "hold", **sdp)
    scene.ask("hold ack", 20.02, "ACK", f"sip:u@{SERVER}", call="in-p", tag="p", to_tag="as", From=f"<{LINE}>;tag=p")
    all_told(scene, 20.03, slot("held-private" if words else "held"))
    scene.ask(
        "resume", 30.0, "INVITE", f"sip:u@{SERVER}", seq=2, body=compose_audio("192.0.2.51", 4000, 1), **index, **back
    )
    scene.answer("resumed", 30.01, "resume", **sdp)
    all_told(scene, 30.03, slot("active"))
    scene.ask("bye", 40.0, "BYE", f"sip:u@{PHONE}", by=SERVER, to=PHONE, call="in-p", seq=2, tag="as", to_tag="p",
              From=f"<{FAR}>;tag=as")  # fmt: skip
    scene.answer("bye ok", 40.01, "bye")
    all_told(scene, 40.03, IDLE)
    return scene


PRIVATE = ";appearance-state=held-private"
ALWAYS = ["SCA-010", "SCA-011", "SCA-014", "SCA-016", "INV-002", "INV-004"]


def test_a_server_that_waits_for_a_lost_answer_is_not_accused() -> None:
    """One NOTIFY at a time: while the answer to the first does not arrive, nothing newer can be told."""
    scene = seizing().drop("notify-o-2", "told-o-2", "notify-o-3", "told-o-3")
    assert fails("SCA-030", scene, UNTIL, party=SERVER)
    for again in (1.5, 2.5, 4.5, 8.5, 12.5, 16.5):
        scene.again(again, "notify-o-1", "told-o-1")
    assert silent("SCA-030", scene, UNTIL)


@pytest.mark.parametrize("check", [*ALWAYS, "SCA-030", "SCA-031", "SCA-034", "SCA-036"])
def test_honest_seizing_passes(check: str) -> None:
    assert passes(check, seizing(), UNTIL)


@pytest.mark.parametrize(
    "check",
    [
        *ALWAYS,
        "SCA-053",
        "SCA-055",
        "SCA-060",
        "SCA-062",
        "SCA-063",
        "SCA-070",
        "SCA-073",
        "SCA-106",
        "INV-006",
    ],
)
def test_an_honest_call_passes(check: str) -> None:
    assert passes(check, in_call(), UNTIL)


@pytest.mark.parametrize("style", ["inactive", "0.0.0.0"])
def test_the_other_ways_to_hold_pass(style: str) -> None:
    assert passes("SCA-070", in_call(style), UNTIL)


def test_an_honest_private_hold_passes() -> None:
    assert passes("SCA-071", in_call(words=PRIVATE), UNTIL)


@pytest.mark.parametrize(
    ("check", "name", "state"),
    [
        ("SCA-053", "notify-o-3", "progressing"),
        ("SCA-070", "notify-o-4", "active"),
        ("SCA-073", "notify-p-5", "held"),
        ("SCA-055", "notify-o-6", "active"),
        ("INV-004", "notify-o-6", "active"),
        ("SCA-014", "notify-p-3", "active-pending"),
    ],
)
def test_a_state_that_is_not_true(check: str, name: str, state: str) -> None:
    assert fails(check, in_call().change(name, Call_Info=slot(state)), UNTIL, party=SERVER)


def test_a_private_hold_that_is_told_as_public() -> None:
    assert fails("SCA-071", in_call(words=PRIVATE).change("notify-o-4", Call_Info=slot("held")), UNTIL, party=SERVER)


def test_the_end_of_the_evidence_accuses_nobody() -> None:
    scene = in_call().drop("notify-p-6", "notify-o-6", "told-p-6", "told-o-6")
    assert silent("SCA-055", scene, 43.0)
    assert fails("SCA-055", scene, 60.0)


def test_a_phone_that_answers_no_notify_is_not_asked_about() -> None:
    scene = in_call().drop("told-o-5", "notify-o-6", "told-o-6")
    assert silent("SCA-055", scene, UNTIL)


def test_a_slot_in_use_before_the_evidence_is_not_judged() -> None:
    scene = in_call()
    for name in ("notify-p-1", "notify-o-1", "notify-p-2", "notify-o-2"):
        scene.change(name, Call_Info=slot("active"))
    assert silent("SCA-055", scene.change("notify-p-6", Call_Info=slot("active")), UNTIL)


def test_another_slot_than_the_phones_were_given() -> None:
    assert fails("SCA-060", in_call().change("notify-o-3", Call_Info=slot("active", 7)), UNTIL, party=SERVER)


def test_an_answer_without_its_slot() -> None:
    assert fails("SCA-062", in_call().change("answer", Call_Info=None), UNTIL, party=PHONE)


def test_active_that_is_told_before_the_cancel_only() -> None:
    scene = in_call().drop("notify-o-5", "told-o-5").move("notify-o-3", 12.015).move("told-o-3", 12.016)
    assert fails("SCA-063", scene, UNTIL, party=SERVER)


def test_a_cancel_that_had_to_wait_for_the_ringing() -> None:
    scene = in_call().drop("notify-o-5", "told-o-5").move("notify-o-3", 12.015).move("told-o-3", 12.016)
    assert silent("SCA-063", scene.move("ringing-o", 11.999), UNTIL)
    assert silent("SCA-063", scene.move("ringing-o", 12.018), UNTIL)


@pytest.mark.parametrize("without", [(), ("ringing-o",)])
def test_only_who_was_heard_ringing_must_be_cancelled(without: tuple[str, ...]) -> None:
    scene = in_call().drop("cancel", "cancelled", "gone", "gone ack", *without)
    said = silent if without else fails
    assert said("SCA-063", scene, UNTIL)


@pytest.mark.parametrize("party", [f"<{LINE}>", "<sip:2001@192.0.2.10>"])
def test_the_line_told_as_its_own_far_party(party: str) -> None:
    scene = in_call().change("notify-p-3", Call_Info=slot("active", party=party))
    assert fails("INV-006", scene, UNTIL, party=SERVER, level="MUST")
    assert silent("SCA-053", scene, UNTIL)  # one cause is told once


def test_a_second_seizure_of_the_same_slot() -> None:
    scene = seizing()
    asks: Rows = {"by": OTHER, "call": "ls2", "tag": "ls2", "Event": "line-seize", "Expires": "15"}
    scene.ask("rival", 11.0, "SUBSCRIBE", LINE, Call_Info="<sip:example.com>;appearance-index=1", **asks)
    scene.answer("rival answer", 11.01, "rival", 480, tag="as2", Contact=None, Expires=None)
    assert passes("SCA-031", scene, UNTIL)
    assert passes(
        "SCA-031", scene.move("rival", 17.0).move("rival answer", 17.01).change("rival answer", "SIP/2.0 200 OK"), UNTIL
    )
    scene.move("rival", 11.0).move("rival answer", 11.01)
    assert fails("SCA-031", scene, UNTIL, party=SERVER)


def test_a_seizure_for_hours() -> None:
    assert fails("SCA-034", seizing().change("seized", Expires="3600"), UNTIL, party=SERVER)
    assert fails("SCA-010", seizing().change("seized", Expires="3600"), UNTIL, party=SERVER)


def test_a_slot_that_stays_seized() -> None:
    assert fails("SCA-036", seizing().change("notify-o-3", Call_Info=slot("seized")), UNTIL, party=SERVER)


def test_a_phone_of_no_line_is_refused() -> None:
    scene = seizing()
    asks: Rows = {
        "by": OTHER,
        "call": "x",
        "tag": "x",
        "Event": "line-seize",
        "From": "<sip:4001@example.com>;tag=x",
    }
    scene.ask("stranger", 30.0, "SUBSCRIBE", LINE, Call_Info="<sip:example.com>;appearance-index=1", **asks)
    scene.answer("refused", 30.01, "stranger", 403, tag="as3")
    assert passes("SCA-103", scene, UNTIL)
    assert fails("SCA-103", scene.change("refused", "SIP/2.0 200 OK"), UNTIL, party=SERVER)


def lamps(colour: str) -> Scene:
    scene = in_call()
    facts: Rows = {
        "line": {"lamps": "becke", "locations": ["2001"], "user": "2001"},
        "actors": {"assistant": str(OTHER)},
    }
    shown: Rows = {"line.1": "held, theirs", "lamp.1": colour}
    scene.observations += [
        Observation(SOURCE * 10**9, "lab", "lab", facts),
        Observation(SOURCE * 10**9 + 20_500_000_000, "assistant", "belief", shown),
    ]
    return scene


def test_a_lamp_of_the_wrong_colour() -> None:
    assert passes("SCA-105", lamps("slow red"), UNTIL)
    assert fails("SCA-105", lamps("red"), UNTIL, party=OTHER)


def test_a_phone_that_shows_something_else() -> None:
    scene = lamps("slow red").drop("notify-o-5", "told-o-5", "notify-o-6", "told-o-6")
    assert passes("SCA-022", scene, 29.0)
    assert fails("SCA-022", scene.change("notify-o-4", Call_Info=slot("held-private")), 29.0, party=OTHER)


def test_nothing_is_doubted_where_all_is_seen() -> None:
    assert not doubts("SCA-055", in_call(), UNTIL)
