"""HUNT-001 … HUNT-026: one thing changed in a call to a group without fault."""

from __future__ import annotations

import pytest

from sipconform.checks.catalogue import catalogue
from sipconform.checks.forks import forks
from sipconform.trace.packet import Address, Observation
from tests.checks.scenes import audio
from tests.checks.support import PHONE, PROXY, SERVER, SOURCE, Scene, doubts, fails, passes, silent

ONE, TWO, DESK = (Address(f"192.0.2.{n}", 5060) for n in (61, 62, 64))
IDS = sorted(id_ for id_ in catalogue() if id_.startswith("HUNT-"))
ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere, answered by 2011"'
TOLD = "<sip:600@example.com>;index=1, <sip:2011@example.com;cause=302>;index=1.1;mp=1"
CALLER = "<sip:2001@example.com>"
DATE = "Sun, 22 Nov 2026 18:00:00 GMT"
LONG = 100.0


def lab(scene: Scene, **groups: object) -> None:
    facts: dict[str, object] = {
        "servers": [str(SERVER)],
        "phones": [str(PHONE), str(ONE), str(TWO)],
        "ours": [str(SERVER)],
        "groups": [{"number": "600", "members": ["2011", "2012", "2014"], "desk_only": ["2014"]}],
        "actors": {"caller": str(PHONE), "one": str(ONE), "two": str(TWO)},
    }
    say(scene, -20, "lab", "lab", facts)


def say(scene: Scene, at: float, who: str, kind: str, what: dict[str, object]) -> None:
    scene.observations.append(Observation((SOURCE * 10**9) + round(at * 1e9), who, kind, what))


def sign_in(scene: Scene, name: str, user: str, at: Address) -> None:
    aor = f"<sip:{user}@example.com>"
    contact = f"<sip:{user}@{at}>"
    scene.ask(
        f"{name}-in", -10.0, "REGISTER", "sip:example.com", by=at, call=f"r{user}", From=f"{aor};tag=r", To=aor,
        Contact=contact, Expires="3600",
    )  # fmt: skip
    scene.answer(f"{name}-is-in", -9.9, f"{name}-in", Contact=f"{contact};expires=3600", Date=DATE)


def branch(scene: Scene, name: str, user: str, to: Address, at: float = 0.05) -> None:
    """The server calls a member, who rings."""
    scene.ask(
        name, at, "INVITE", f"sip:{user}@{to}", by=SERVER, to=to, call=f"b{user}", tag="s1", branch=f"z9hG4bK{name}",
        From=f"{CALLER};tag=s1", To=f"<sip:{user}@example.com>", History_Info=TOLD, **audio(SERVER),
    )  # fmt: skip
    scene.answer(f"{name}-rings", at + 0.1, name, 180, tag=f"m{user}")


def cancel(scene: Scene, name: str, user: str, to: Address, *, at: float, reason: str | None = ELSEWHERE) -> None:
    """The server cancels a branch; the phone stops ringing."""
    same = {
        "by": SERVER, "to": to, "call": f"b{user}", "tag": "s1", "branch": f"z9hG4bK{name}", "uri": f"sip:{user}@{to}"
    }  # fmt: skip
    headers = {"From": f"{CALLER};tag=s1", "To": f"<sip:{user}@example.com>"}
    scene.ask(f"{name}-cancel", at, "CANCEL", Reason=reason, **same, **headers)  # type: ignore[arg-type]
    scene.answer(f"{name}-cancelled", at + 0.05, f"{name}-cancel", tag=f"m{user}")
    scene.answer(f"{name}-gone", at + 0.06, name, 487, tag=f"m{user}")
    headers["To"] += f";tag=m{user}"
    scene.ask(f"{name}-ack", at + 0.1, "ACK", **same, **headers)  # type: ignore[arg-type]


def in_branch(scene: Scene, name: str, method: str, user: str, to: Address, *, at: float, seq: int = 1) -> None:
    """A request of the server within a member's call."""
    scene.ask(
        name, at, method, f"sip:u@{to}", by=SERVER, to=to, call=f"b{user}", tag="s1", seq=seq,
        From=f"{CALLER};tag=s1", To=f"<sip:{user}@example.com>;tag=m{user}",
    )  # fmt: skip


def group_call() -> Scene:
    """The caller dials 600; both members ring; the first answers, the second is cancelled."""
    scene = Scene()
    lab(scene)
    sign_in(scene, "one", "2011", ONE)
    sign_in(scene, "two", "2012", TWO)
    scene.ask("invite", 0.0, "INVITE", "sip:600@example.com", To="<sip:600@example.com>", **audio(PHONE))
    branch(scene, "first", "2011", ONE)
    branch(scene, "second", "2012", TWO)
    scene.answer("ringing", 0.2, "invite", 180)
    scene.answer("answered", 3.0, "first", 200, tag="m2011", **audio(ONE))
    in_branch(scene, "taken", "ACK", "2011", ONE, at=3.05)
    cancel(scene, "second", "2012", TWO, at=3.06)
    scene.answer("ok", 3.1, "invite", 200, **audio(SERVER))
    scene.ask("ack", 3.2, "ACK", f"sip:u@{SERVER}", to_tag="as1", To="<sip:600@example.com>;tag=as1")
    say(scene, -5, "two", "belief", {"missed": 0, "call": "idle", "forwarded_by": ""})
    say(scene, 0.2, "two", "belief", {"call": "ringing", "forwarded_by": "600"})
    say(scene, 3.2, "two", "belief", {"call": "idle"})
    return scene


def given_up() -> Scene:
    """The caller hangs up while both members ring."""
    scene = group_call().drop("answered", "taken", "second-cancel", "second-cancelled", "second-gone", "second-ack")
    scene.drop("ok", "ack")
    same = {"uri": "sip:600@example.com", "To": "<sip:600@example.com>", "branch": "z9hG4bKcaller"}
    scene.change("invite", Via=f"SIP/2.0/UDP {PHONE};branch=z9hG4bKcaller")
    scene.ask("give-up", 5.0, "CANCEL", **same)  # type: ignore[arg-type]
    scene.answer("given-up", 5.05, "give-up")
    scene.answer("over", 5.06, "invite", 487)
    cancel(scene, "first", "2011", ONE, at=5.07, reason=None)
    cancel(scene, "second", "2012", TWO, at=5.08, reason=None)
    say(scene, 5.2, "two", "belief", {"missed": 1})
    return scene


@pytest.mark.parametrize("id_", IDS)
@pytest.mark.parametrize("scene", [group_call, given_up])
def test_nobody_is_accused_without_fault(id_: str, scene: object) -> None:
    assert callable(scene)
    assert silent(id_, scene(), until=LONG)


@pytest.mark.parametrize(
    "id_", ["HUNT-001", "HUNT-002", "HUNT-003", "HUNT-004", "HUNT-005", "HUNT-006", "HUNT-013", "HUNT-014", "HUNT-015"]
)
def test_passes_on_a_call(id_: str) -> None:
    assert passes(id_, group_call(), until=LONG)


def test_everybody_is_rung() -> None:
    scene = without_cancel().drop("second", "second-rings")
    assert fails("HUNT-001", scene, until=LONG, party=SERVER)
    assert passes("HUNT-001", scene.drop("two-in", "two-is-in"), until=LONG)  # not signed in: not to be rung


@pytest.mark.parametrize(("late", "level"), [(1.0, "SHOULD"), (5.0, "MUST")])
def test_at_the_same_time(late: float, level: str) -> None:
    scene = without_answer().move("second", late).move("second-rings", late + 0.1)
    assert fails("HUNT-001", scene, until=LONG, party=SERVER, level=level)


def test_a_member_may_be_called_again() -> None:
    scene = without_answer()
    scene.answer("second-fails", 1.0, "second", 503, tag="m2012")
    branch(scene, "again", "2012", TWO, at=1.1)
    assert passes("HUNT-001", scene, until=LONG)


def test_members_who_have_signed_off_with_a_star() -> None:
    scene = group_call().drop("second", "second-rings")
    aor = "<sip:2012@example.com>"
    headers = {"From": f"{aor};tag=r", "To": aor, "Contact": "*", "Expires": "0"}
    scene.ask("off", -5.0, "REGISTER", "sip:example.com", by=TWO, call="r2012", seq=2, **headers)  # type: ignore[arg-type]
    scene.answer("is-off", -4.9, "off")
    assert passes("HUNT-001", scene, until=LONG)


def test_late_elsewhere_may_be_lost_before_the_tap() -> None:
    scene = group_call().move("second", 1.0).move("second-rings", 1.1)
    scene.observations[0].what["ours"] = []
    assert doubts("HUNT-001", scene, until=LONG)


def by_proxy(*, desk: str = "2014") -> Scene:
    """The group is a forking proxy: Call-ID, From and To are the caller's (RFC 3261 §16.6)."""
    scene = without_answer()
    scene.observations[0].what["groups"] = [{"number": "600", "members": ["2011", "2012"], "desk_only": [desk]}]
    scene.change("invite", Via=f"SIP/2.0/UDP {PHONE};branch=z9hG4bKcaller")
    own = scene.said["invite"].headers
    for name in ("first", "second"):
        vias = f"SIP/2.0/UDP {SERVER};branch=z9hG4bK{name}\nSIP/2.0/UDP {PHONE};branch=z9hG4bKcaller"
        scene.change(name, Via=vias, Call_ID=own["Call-ID"], From=own["From"], To=own["To"])
    return scene


def test_a_proxy_leaves_to_alone() -> None:
    assert passes("HUNT-001", by_proxy(), until=LONG)
    assert passes("HUNT-002", by_proxy(), until=LONG)
    assert fails("HUNT-001", by_proxy().drop("second", "second-rings"), until=LONG, party=SERVER)
    assert fails("HUNT-002", by_proxy(desk="2012"), until=LONG, party=SERVER)


def test_members_are_known_by_where_their_phone_is() -> None:
    """A server may call its members at their address, with a user part and a To of its own."""
    scene = without_answer()
    for name, to in (("first", ONE), ("second", TWO)):
        scene.change(name, start=f"INVITE sip:line1@{to} SIP/2.0", To="<sip:600@example.com>")
    assert passes("HUNT-001", scene, until=LONG)


def behind_an_edge() -> Scene:
    """Between phones and server stands a proxy, and the tap sees both sides of it."""
    scene = Scene()
    lab(scene)
    scene.observations[0].what["servers"] = [str(SERVER), str(PROXY)]
    for user, at in (("2011", ONE), ("2012", TWO)):
        sign_in(scene, f"x{user}", user, at)
        scene.said[f"x{user}-in"].destination = scene.said[f"x{user}-is-in"].source = PROXY
        sign_in(scene, user, user, at)
        inner, vias = scene.said[f"{user}-in"], f"SIP/2.0/UDP {PROXY};branch=z9hG4bKr{user}"
        scene.change(f"{user}-in", Via=f"{vias}\nSIP/2.0/UDP {at};branch=z9hG4bKq{user}")
        inner.source = scene.said[f"{user}-is-in"].destination = PROXY
    scene.ask("invite", 0.0, "INVITE", "sip:600@example.com", to=PROXY, To="<sip:600@example.com>")
    scene.ask("on", 0.01, "INVITE", "sip:600@example.com", by=PROXY, to=SERVER, To="<sip:600@example.com>")
    for name, user, at in (("first", "2011", ONE), ("second", "2012", TWO)):
        branch(scene, f"{name}-x", user, at)
        scene.said[f"{name}-x"].destination = scene.said[f"{name}-x-rings"].source = PROXY
        branch(scene, name, user, at, 0.06)
        scene.said[name].source = scene.said[f"{name}-rings"].destination = PROXY
    scene.answer("on-ok", 3.1, "on")
    scene.answer("ok", 3.11, "invite")
    scene.answer("answered", 3.0, "first", tag="m2011")
    scene.answer("answered-x", 3.01, "first-x", tag="m2011")
    return scene


def test_the_group_is_whoever_rings_its_members() -> None:
    for id_ in ("HUNT-001", "HUNT-002", "HUNT-014"):
        assert passes(id_, behind_an_edge(), until=2.0), id_
    assert fails("HUNT-001", behind_an_edge().drop("second-x", "second"), until=LONG, party=SERVER)
    assert fails("HUNT-003", behind_an_edge(), until=LONG, party=SERVER), "a fork behind a proxy is one"


def test_desk_telephones_stay_silent() -> None:
    scene = group_call()
    branch(scene, "desk", "2014", DESK)
    assert fails("HUNT-002", scene, until=LONG, party=SERVER)


def test_an_absent_member_does_not_cost_the_call() -> None:
    scene = group_call().drop("first", "first-rings", "answered", "taken", "ok", "ack")
    scene.drop("second", "second-rings", "second-cancel", "second-cancelled", "second-gone", "second-ack", "ringing")
    scene.answer("refused", 0.1, "invite", 480)
    assert fails("HUNT-002", scene, until=LONG, party=SERVER)


def without_cancel() -> Scene:
    return group_call().drop("second-cancel", "second-cancelled", "second-gone", "second-ack")


def without_answer() -> Scene:
    return without_cancel().drop("answered", "taken", "ok", "ack")


def test_losers_are_cancelled() -> None:
    assert fails("HUNT-003", without_cancel(), until=LONG, party=SERVER)


def test_a_capture_that_ends_says_nothing_of_a_cancel() -> None:
    assert silent("HUNT-003", without_cancel(), until=4.0)


def test_a_branch_whose_ringing_may_be_lost_is_left_out() -> None:
    scene = without_cancel()
    scene.again(3.5, "second")
    assert silent("HUNT-003", scene, until=LONG)


def test_whoever_answers_may_be_asked_whether_he_wants_the_call() -> None:
    """The first leg is acknowledged, and the others ring until a key was pressed."""
    scene = group_call().move("ok", 12.0).move("ack", 12.1)
    for n, name in enumerate(("cancel", "cancelled", "gone", "ack")):
        scene.move(f"second-{name}", 12.0 + n / 100)
    assert passes("HUNT-003", scene, until=LONG)
    scene.drop("second-cancel", "second-cancelled", "second-gone", "second-ack")
    assert fails("HUNT-003", scene, until=LONG, party=SERVER)


def test_the_caller_may_hear_music_first() -> None:
    music = group_call().move("ok", 1.0).move("ack", 1.1)
    assert passes("HUNT-003", music, until=LONG)
    assert silent("HUNT-006", music, until=LONG)
    music.drop("second-cancel", "second-cancelled", "second-gone", "second-ack")
    assert fails("HUNT-003", music, until=LONG, party=SERVER), "a group rings nobody once one has answered"
    del music.observations[0].what["groups"]
    assert doubts("HUNT-003", music, until=LONG)


def test_slow_cancel_is_noted() -> None:
    scene = group_call()
    for n, name in enumerate(("cancel", "cancelled", "gone", "ack")):
        scene.move(f"second-{name}", 4.0 + n / 100)
    assert fails("HUNT-003", scene, until=LONG, level="INFO")


def test_no_cancel_before_ringing() -> None:
    early = group_call().move("second-rings", 3.07)
    assert fails("HUNT-004", early, until=LONG, party=SERVER), "the tap sits in the server"
    early.observations[0].what["ours"] = []
    assert doubts("HUNT-004", early, until=LONG), "the 180 may have been held up on its way to the tap"
    late = group_call().drop("second-cancelled", "second-gone", "second-ack").move("second-rings", 6.0)
    late.observations[0].what["ours"] = []
    assert fails("HUNT-004", late, until=LONG, party=SERVER)


def test_cancelled_branch_ends_with_487() -> None:
    scene = group_call().change("second-gone", start="SIP/2.0 486 Busy")
    assert silent("HUNT-005", scene, until=LONG), "it may have been sent before, and lost before the tap"
    assert fails("HUNT-005", scene.move("second-gone", 9.0), until=LONG, party=TWO, level="SHOULD")
    scene.move("second-gone", 3.12).transport = "tcp"
    assert fails("HUNT-005", scene, until=LONG, party=TWO)
    scene.observations[0].what["phones"] = [str(PHONE), str(ONE)]
    assert silent("HUNT-005", scene.drop("two-in", "two-is-in"), until=LONG), "a gateway answers CANCEL for itself"


def test_cancel_says_why() -> None:
    assert fails("HUNT-006", group_call().change("second-cancel", Reason=None), until=LONG, party=SERVER)
    assert fails("HUNT-006", group_call().change("second-cancel", Reason="Q.850;cause=26"), until=LONG)
    told = group_call().change("second-cancel", Reason=None)
    say(told, -15, "server", "intent", {"do": "group_tells", "reason": "none"})
    assert silent("HUNT-006", told, until=LONG)


def both_answer(*, crossing: bool = False) -> Scene:
    scene = without_cancel()
    scene.answer("second-answers", 3.01, "second", 200, tag="m2012", **audio(TWO))
    if crossing:
        same = {"by": SERVER, "to": TWO, "call": "b2012", "tag": "s1", "branch": "z9hG4bKsecond"}
        headers = {"From": f"{CALLER};tag=s1", "To": "<sip:2012@example.com>"}
        scene.ask("second-cancel", 3.005, "CANCEL", f"sip:2012@{TWO}", Reason=ELSEWHERE, **same, **headers)  # type: ignore[arg-type]
    in_branch(scene, "second-taken", "ACK", "2012", TWO, at=3.1)
    in_branch(scene, "second-bye", "BYE", "2012", TWO, at=3.12, seq=2)
    return scene


@pytest.mark.parametrize(("id_", "crossing"), [("HUNT-007", False), ("HUNT-009", True)])
@pytest.mark.parametrize("lost", ["second-taken", "second-bye"])
def test_second_answer_is_ended(id_: str, crossing: bool, lost: str) -> None:
    assert passes(id_, both_answer(crossing=crossing), until=LONG)
    assert fails(id_, both_answer(crossing=crossing).drop(lost), until=LONG, party=SERVER)


@pytest.mark.parametrize("id_", ["HUNT-007", "HUNT-009"])
def test_the_loser_may_hang_up_himself(id_: str) -> None:
    scene = both_answer(crossing=id_ == "HUNT-009").drop("second-bye")
    scene.ask(
        "his-bye", 3.11, "BYE", f"sip:u@{SERVER}", by=TWO, to=SERVER, call="b2012", tag="m2012",
        From="<sip:2012@example.com>;tag=m2012", To=f"{CALLER};tag=s1",
    )  # fmt: skip
    assert passes(id_, scene, until=LONG)


def test_the_second_may_get_the_call() -> None:
    """Which of two answers wins is the server's choice."""
    scene = both_answer().drop("second-bye")
    in_branch(scene, "first-bye", "BYE", "2011", ONE, at=3.12, seq=2)
    assert passes("HUNT-007", scene, until=LONG)


def two_calls(to: str = "2012") -> Scene:
    """One caller's number stands in two calls, 20 ms apart, through a back-to-back server."""
    scene = Scene()
    for name, user, at in (("one", "2011", 0.0), ("two", to, 0.02)):
        headers = {"From": f"{CALLER};tag={name}", "To": f"<sip:{user}@example.com>"}
        scene.ask(f"{name}-in", at, "INVITE", f"sip:{user}@example.com", call=name, **headers)  # type: ignore[arg-type]
    for name, user, phone in (("first", "2011", ONE), ("second", to, TWO)):
        branch(scene, name, user, phone)
    scene.answer("answered", 5.0, "second", tag="m2012")
    in_branch(scene, "taken", "ACK", to, TWO, at=5.05)
    scene.answer("two-ok", 5.1, "two-in")
    cancel(scene, "first", "2011", ONE, at=30.0, reason=None)
    return scene


def test_calls_of_one_caller_are_told_apart_by_whom_they_ring() -> None:
    found = forks(two_calls().trace())
    assert [(fork.dialled, [b.server for b in fork.branches]) for fork in found] == [("2011", [ONE]), ("2012", [TWO])]
    for id_ in ("HUNT-003", "HUNT-006", "HUNT-007"):
        assert silent(id_, two_calls(), until=LONG), id_


def test_a_branch_that_may_be_of_either_call_is_of_none() -> None:
    assert forks(two_calls(to="2011").trace()) == []
    scene = without_answer()
    scene.ask("other", 0.01, "INVITE", "sip:600@example.com", call="other", tag="ph2", To="<sip:600@example.com>")
    assert doubts("HUNT-001", scene, until=LONG)


def test_caller_hears_of_one() -> None:
    scene = both_answer()
    scene.answer("ok2", 3.2, "invite", 200, tag="as2")
    assert fails("HUNT-007", scene, until=LONG, party=SERVER)


def two_forks() -> Scene:
    scene = group_call()
    scene.answer("ok2", 3.3, "invite", 200, tag="as2")
    to = "<sip:600@example.com>;tag=as2"
    scene.ask("ack2", 3.4, "ACK", f"sip:u@{SERVER}", To=to)
    scene.ask("bye2", 3.5, "BYE", f"sip:u@{SERVER}", seq=2, To=to)
    return scene


def test_caller_keeps_one() -> None:
    assert passes("HUNT-008", two_forks(), until=LONG)
    assert fails("HUNT-008", two_forks().drop("bye2"), until=LONG, party=PHONE, level="SHOULD")
    his = two_forks().drop("bye2")
    his.ask(
        "bye2", 3.5, "BYE", f"sip:u@{PHONE}", by=SERVER, to=PHONE, tag="as2", to_tag="ph1", To=f"{CALLER};tag=ph1",
        From="<sip:600@example.com>;tag=as2",
    )  # fmt: skip
    assert passes("HUNT-008", his, until=LONG)
    silent_caller = two_forks().drop("ack2")
    silent_caller.again(4.0, "ok2")
    silent_caller.again(5.0, "ok2")
    assert fails("HUNT-008", silent_caller, until=LONG, party=PHONE, level="MUST")


def all_busy(status: int) -> Scene:
    scene = without_cancel().drop("answered", "taken", "ok", "ack")
    scene.answer("busy1", 2.0, "first", 486, tag="m2011")
    scene.answer("busy2", 2.1, "second", 486, tag="m2012")
    scene.answer("over", 2.2, "invite", status)
    return scene


def test_best_answer() -> None:
    assert passes("HUNT-010", all_busy(486), until=LONG)
    assert passes("HUNT-010", all_busy(600), until=LONG)
    assert fails("HUNT-010", all_busy(404), until=LONG, party=SERVER)


def one_refuses(status: int) -> Scene:
    scene = group_call().drop("answered", "taken", "ok", "ack")
    scene.answer("refuses", 3.0, "first", status, tag="m2011")
    return scene


def test_refusal_is_not_for_all() -> None:
    assert fails("HUNT-011", one_refuses(486), until=LONG, party=SERVER, level="SHOULD")
    assert fails("HUNT-011", one_refuses(603), until=LONG, party=SERVER, level="INFO")
    on = one_refuses(486).drop("second-cancel", "second-cancelled", "second-gone", "second-ack")
    assert passes("HUNT-011", on, until=LONG)


def test_two_patiences_may_end_together() -> None:
    scene = one_refuses(480).move("refuses", 60.0)
    for n, name in enumerate(("cancel", "cancelled", "gone", "ack")):
        scene.move(f"second-{name}", 60.1 + n / 100)
    assert silent("HUNT-011", scene, until=LONG)
    assert fails("HUNT-011", one_refuses(480), until=LONG, party=SERVER)


def test_who_was_told_elsewhere_may_say_so() -> None:
    told = given_up().change("second-cancel", Reason=ELSEWHERE).change("give-up", Reason=ELSEWHERE)
    assert passes("HUNT-012", told, until=LONG)


def test_caller_gives_up() -> None:
    assert passes("HUNT-012", given_up(), until=LONG)
    left = given_up().drop("second-cancel", "second-cancelled", "second-gone", "second-ack")
    assert fails("HUNT-012", left, until=LONG, party=SERVER, level="MUST")
    told = given_up().change("second-cancel", Reason=ELSEWHERE)
    assert fails("HUNT-012", told, until=LONG, party=SERVER, level="SHOULD")


def test_caller_is_shown() -> None:
    scene = group_call().change("second", From="<sip:600@example.com>;tag=s1")
    assert fails("HUNT-013", scene, until=LONG, party=SERVER)
    assert passes("HUNT-013", scene.change("second", P_Asserted_Identity=CALLER), until=LONG)


@pytest.mark.parametrize("shown", ["<sip:anonymous@anonymous.invalid>", "<sip:anonymous@example.com>"])
def test_who_wants_to_be_private_is_not_shown(shown: str) -> None:
    scene = group_call().change("invite", Privacy="id")
    for name in ("first", "second"):
        scene.change(name, From=f"{shown};tag=s1", Privacy="id")
    assert silent("HUNT-013", scene, until=LONG)


def test_a_number_may_be_written_another_way() -> None:
    scene = group_call().change("invite", From="<sip:+493012345@example.com>;tag=ph1")
    for name in ("first", "second"):
        scene.change(name, From="<sip:03012345@example.com>;tag=s1")
    assert passes("HUNT-013", scene, until=LONG)
    assert fails("HUNT-013", scene.change("second", From="<sip:12345@example.com>;tag=s1"), until=LONG)


def test_group_is_named_and_shown() -> None:
    assert fails("HUNT-014", group_call().change("second", History_Info=None), until=LONG, party=SERVER)
    other = group_call().change("second", History_Info=None, Diversion="<sip:600@example.com>;reason=unconditional")
    assert passes("HUNT-014", other, until=LONG)
    blank = group_call()
    del blank.observations[-2]
    assert fails("HUNT-014", blank, until=LONG, party=TWO)


def test_history_is_a_tree() -> None:
    for broken in ("<sip:600@example.com>", "<sip:600@example.com>;index=x"):
        assert fails("HUNT-015", group_call().change("second", History_Info=broken), until=LONG, level="MUST")
    orphan = "<sip:600@example.com>;index=1, <sip:2012@example.com>;index=2.1"
    assert fails("HUNT-015", group_call().change("second", History_Info=orphan), until=LONG, level="SHOULD")


def test_history_counts_first() -> None:
    scene = group_call().change("second", Diversion="<sip:699@example.com>;reason=unconditional")
    assert passes("HUNT-016", scene, until=LONG)
    scene.observations[-2].what["forwarded_by"] = "699"
    assert fails("HUNT-016", scene, until=LONG, party=TWO, level="INFO")


@pytest.mark.parametrize("reason", [ELSEWHERE, "SIP;cause=200", "SIP ;cause=200 ;text=x", "Q.850;cause=26"])
def test_taken_call_is_not_missed(reason: str) -> None:
    scene = group_call().change("second-cancel", Reason=reason)
    assert passes("HUNT-020", scene, until=LONG)
    say(scene, 3.3, "two", "belief", {"missed": 1})
    assert fails("HUNT-020", scene, until=LONG, party=TWO)


def test_lost_call_is_missed() -> None:
    scene = group_call().change("second-cancel", Reason=None)
    assert fails("HUNT-021", scene, until=LONG, party=TWO)
    say(scene, 3.3, "two", "belief", {"missed": 1})
    assert passes("HUNT-021", scene, until=LONG)


def test_winner_is_named() -> None:
    assert passes("HUNT-022", group_call(), until=LONG)
    assert fails("HUNT-022", group_call().change("second-cancel", Reason="SIP;cause=200"), until=LONG, level="INFO")


def test_alert_info_is_harmless() -> None:
    scene = group_call().change("second", Alert_Info="<http://192.0.2.9/r.wav>")
    assert passes("HUNT-023", scene, until=LONG)
    say(scene, 0.3, "two", "belief", {"fetched": ["http://192.0.2.9/r.wav"]})
    assert fails("HUNT-023", scene, until=LONG, party=TWO, level="MUST")
    refused = group_call().change("second", Alert_Info="<http://192.0.2.9/r.wav>")
    refused.change("second-gone", start="SIP/2.0 488 No")
    assert silent("HUNT-023", refused, until=LONG), "it may be the codec"
    say(refused, -15, "server", "intent", {"do": "group_tells", "alert_info": "<http://192.0.2.9/r.wav>"})
    assert fails("HUNT-023", refused, until=LONG, party=TWO)


def test_group_number_is_no_line() -> None:
    scene = group_call().change("one-in", To="<sip:600@example.com>")
    assert fails("HUNT-024", scene, until=LONG, party=SERVER)


def test_ringback_is_one() -> None:
    scene = group_call().change("ringing", body="v=0\r\no=other\r\n", Content_Type="application/sdp")
    assert fails("HUNT-025", scene, until=LONG, party=SERVER)
    assert passes("HUNT-025", group_call(), until=LONG)
    isup = group_call().change("ringing", body="\1\2", Content_Type="application/ISUP;version=ansi92")
    assert passes("HUNT-025", isup, until=LONG)


def test_sign_out_while_ringing() -> None:
    scene = without_cancel().drop("answered", "taken", "ok", "ack")
    sign_in(scene, "again", "2012", TWO)
    scene.move("again-in", 2.0).move("again-is-in", 2.1).change("again-in", Expires="0")
    scene.answer("over", 2.2, "invite", 480)
    assert fails("HUNT-026", scene, until=LONG, party=SERVER, level="INFO")


def test_two_calls_of_one_caller_through_a_proxy_are_two_forks() -> None:
    scene = Scene()
    for name, to in (("first", ONE), ("second", TWO)):
        scene.ask(f"{name}-in", 0.0 if name == "first" else 0.01, "INVITE", f"sip:{name}@example.com", call=name)
        scene.ask(f"{name}-out", 0.05, "INVITE", f"sip:{name}@{to}", by=SERVER, to=to, call=name)
        scene.answer(f"{name}-rings", 0.1, f"{name}-out", 180, tag=name)
    found = forks(scene.trace())
    assert [(fork.invite.call_id, [b.server for b in fork.branches]) for fork in found] == [
        ("first", [ONE]),
        ("second", [TWO]),
    ]
