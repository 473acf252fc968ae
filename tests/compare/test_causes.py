"""What is sent because of what was sent elsewhere comes after it and not long after; nothing else counts of how two
conversations interleave."""

import pytest

from sipconform.compare.causes import edges
from sipconform.compare.comparison import compare
from sipconform.compare.story import tell_story
from sipconform.trace.packet import Observation
from tests.checks.support import OTHER, PHONE, SERVER, THIRD, Scene


def passed_on(*members: str) -> Scene:
    """A phone seizes the line and calls through a server, which rings a member, passes on what comes of it, and tells
    a third phone of it."""
    scene = Scene()
    for at, phone in enumerate((PHONE, OTHER, THIRD)):
        scene.ask(f"register {at}", at, "REGISTER", by=phone, call=f"r{at}", To=f"<sip:200{at}@example.com>")
        scene.answer(f"registered {at}", at + 0.01, f"register {at}", Contact=f"<sip:u@{phone}>;expires=3600")
    scene.ask("watch", 5, "SUBSCRIBE", by=THIRD, call="lamp", tag="w1", Event="call-info", Expires="3600")
    scene.answer("watching", 5.01, "watch")
    lamp(scene, "idle", 5.02, 1)
    scene.ask("seize", 10, "SUBSCRIBE", call="seize", Event="line-seize", Expires="15")
    scene.answer("seized", 10.01, "seize")
    scene.ask("call", 10.02, "INVITE", "sip:300@example.com", call="in", tag="a1")
    lamp(scene, "busy", 10.03, 2)
    for at, member in enumerate(members or ("leg",)):
        phone = (OTHER, THIRD)[at]
        scene.ask(member, 10.04, "INVITE", f"sip:u@{phone}", by=SERVER, to=phone, call=member, tag="s1")
        scene.answer(f"{member} rings", 11 + at, member, 180, tag="m1")
    scene.answer("rings", 11.01, "call", 180)
    return scene


def lamp(scene: Scene, name: str, at: float, number: int) -> None:
    scene.ask(
        name, at, "NOTIFY", f"sip:u@{THIRD}", by=SERVER, to=THIRD, call="lamp", seq=number, tag="as1", to_tag="w1",
        body=name, Content_Type="text/plain", Event="call-info", Subscription_State="active;expires=3600",
    )  # fmt: skip
    scene.answer(f"{name} told", at + 0.01, name)


def talked(*members: str) -> Scene:
    """The same, answered by the first member and ended by him."""
    scene, leg = passed_on(*members), (*members, "leg")[0]
    scene.answer("leg answered", 15, leg, tag="m1")
    scene.answer("answered", 15.01, "call")
    scene.ask("leg ack", 15.02, "ACK", f"sip:u@{OTHER}", by=SERVER, to=OTHER, call=leg, tag="s1", to_tag="m1")
    scene.ask("ack", 15.02, "ACK", f"sip:u@{SERVER}", to_tag="as1", call="in", tag="a1")
    scene.ask("leg bye", 20, "BYE", f"sip:u@{SERVER}", by=OTHER, call=leg, tag="m1", to_tag="s1")
    scene.ask("bye", 20.01, "BYE", f"sip:u@{PHONE}", by=SERVER, to=PHONE, call="in", tag="as1", to_tag="a1")
    lamp(scene, "idle again", 20.02, 3)
    scene.answer("leg over", 20.03, "leg bye")
    scene.answer("over", 20.03, "bye")
    return scene


def found(run: Scene, reference: Scene) -> list[tuple[str, str]]:
    differences = compare(run.trace(), reference.trace()).differences
    return [(one.rule, one.what) for one in differences]


@pytest.mark.parametrize(
    ("moved", "at", "what"),
    [
        ("call", 10.005, "INVITE after 200 to SUBSCRIBE elsewhere"),
        ("leg", 10.015, "INVITE after INVITE elsewhere"),
        ("rings", 10.9, "180 to INVITE after 180 to INVITE elsewhere"),
        ("answered", 14, "200 to INVITE after 200 to INVITE elsewhere"),
        ("bye", 19.5, "BYE after BYE elsewhere"),
        ("idle again", 19.5, "NOTIFY after BYE elsewhere"),
    ],
)
def test_an_effect_before_its_cause_counts(moved: str, at: float, what: str) -> None:
    assert found(talked().move(moved, at), talked()) == [("order", what)]


@pytest.mark.parametrize(
    ("moved", "at", "what"),
    [
        ("answered", 18, "200 to INVITE after 200 to INVITE elsewhere"),
        ("bye", 25, "BYE after BYE elsewhere"),
        ("idle again", 25, "NOTIFY after BYE elsewhere"),
    ],
)
def test_an_effect_long_after_its_cause_counts(moved: str, at: float, what: str) -> None:
    after = {"answered": ("ack",), "bye": ("over",), "idle again": ("idle again told",)}[moved]
    run = talked().move(moved, at)
    for each in after:
        run.move(each, at + 0.01)
    assert ("slower", what) in found(run, talked())


def test_an_effect_a_little_after_its_cause_does_not_count() -> None:
    run = talked().move("rings", 11.9).move("bye", 20.8).move("over", 20.81)
    assert found(run, talked()) == []


def test_who_dials_may_take_his_time() -> None:
    run = talked()
    for said in run.said.values():
        said.at += 30 if said.at > 10.015 else 0
    assert found(run, talked()) == []


def test_of_two_phones_that_ring_either_may_be_the_first() -> None:
    run = talked("leg", "second").move("leg rings", 12).move("second rings", 11)
    assert found(run, talked("leg", "second")) == []


def test_of_two_causes_at_once_neither_is_taken_for_the_cause() -> None:
    reference = talked("leg", "second").move("leg rings", 11.005).move("second rings", 11)
    certain = {str(edge.effect): edge.certain for edge in edges(tell_story(reference.trace()))}
    assert certain["<SIP/2.0 180 Reason>"] is False
    run = talked("leg", "second").move("leg rings", 12).move("second rings", 11)
    assert found(run, reference) == []


def test_what_waited_for_an_answer_in_its_own_conversation_has_no_cause_elsewhere() -> None:
    reference = talked().move("busy told", 20.005)  # the report before was held up until then
    effects = [edge.effect for edge in edges(tell_story(reference.trace()))]
    assert [effect.body for effect in effects if effect.method == "NOTIFY"] == [b"busy"]
    assert ("order", "NOTIFY after BYE elsewhere") not in found(talked().move("idle again", 19.5), reference)


def test_a_reference_of_which_something_was_held_back_tells_no_causes() -> None:
    reference = talked()
    reference.observations.append(
        Observation(1, "network", "network", {"event": "held back", "local": str(OTHER), "remote": str(SERVER)})
    )
    assert list(edges(tell_story(reference.trace()))) == []
    assert found(talked().move("rings", 10.9), reference) == []


def test_the_effect_belongs_to_its_row() -> None:
    result = compare(talked().move("rings", 10.9).trace(), talked().trace())
    rows = [row for pair in result.pairs for row in pair.rows if row.differences]
    assert [row.differences for row in rows] == [tuple(result.differences)]
    assert rows[0].run is result.differences[0].of_run
