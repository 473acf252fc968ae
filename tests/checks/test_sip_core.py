"""SIP-001 … SIP-034: one thing changed in a conversation without fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sipconform.checks.catalogue import Verdict, catalogue
from sipconform.trace.packet import Note, Observation
from tests.checks.scenes import call, heard_again, notify, refused_call, registration, subscription
from tests.checks.support import OTHER, PHONE, PROXY, SERVER, Scene, _ns, asked, doubts, fails, passes, silent

IDS = sorted(id_ for id_ in catalogue() if id_.startswith("SIP-"))
INSIDE: dict[str, Any] = {"to_tag": "as1", "uri": f"sip:u@{SERVER}"}
BACK: dict[str, Any] = {"by": SERVER, "to": PHONE, "tag": "as1", "to_tag": "ph1", "uri": f"sip:u@{PHONE}"}


@pytest.mark.parametrize("id_", IDS)
@pytest.mark.parametrize("scene", [call, refused_call, subscription, registration])
def test_nobody_is_accused_without_fault(id_: str, scene: Callable[[], Scene]) -> None:
    assert silent(id_, scene(), until=5000.0)


@pytest.mark.parametrize(
    "id_", ["SIP-001", "SIP-002", "SIP-003", "SIP-004", "SIP-006", "SIP-007", "SIP-008", "SIP-009", "SIP-011",
            "SIP-013", "SIP-015", "SIP-016", "SIP-017", "SIP-026", "SIP-030"]
)  # fmt: skip
def test_passes_on_a_call(id_: str) -> None:
    assert passes(id_, call())


@pytest.mark.parametrize("id_", ["SIP-010", "SIP-014", "SIP-024", "SIP-025"])
def test_passes_on_a_refused_call(id_: str) -> None:
    assert passes(id_, refused_call())


# -- requests ------------------------------------------------------------------------------------------------


def test_branch_begins_with_the_cookie() -> None:
    assert fails("SIP-001", call().change("bye", Via="SIP/2.0/UDP 192.0.2.51:5060;branch=17"), party=PHONE)


def test_branch_is_not_used_twice() -> None:
    scene = call()
    scene.change("bye", Via=scene.said["invite"].headers["Via"])
    assert fails("SIP-001", scene, party=PHONE)


def test_branch_is_not_shared_by_two_requests_of_one_method() -> None:
    scene = call()
    scene.change("reinvite", Via=scene.said["invite"].headers["Via"])
    assert fails("SIP-001", scene)


def test_cancel_takes_the_branch_of_its_invite() -> None:
    scene = refused_call().change("cancel", Via="SIP/2.0/UDP 192.0.2.51:5060;branch=z9hG4bKother")
    assert fails("SIP-001", scene, party=PHONE)


def test_retransmission_keeps_its_branch() -> None:
    scene = call()
    scene.again(0.5, "invite")
    assert passes("SIP-001", scene)


@pytest.mark.parametrize("value", [None, "256", "many"])
def test_max_forwards(value: str | None) -> None:
    assert fails("SIP-002", call().change("bye", Max_Forwards=value), party=PHONE)


def test_any_number_of_hops_in_range_passes() -> None:
    assert passes("SIP-002", call().change("bye", Max_Forwards="3"))


def test_from_has_a_tag() -> None:
    assert fails("SIP-003", call().change("invite", From="<sip:2001@example.com>"), party=PHONE)


def test_answer_has_a_to_tag() -> None:
    assert fails("SIP-003", call().change("ok", To="<sip:2001@example.com>"), party=SERVER)


def test_trying_needs_no_tag() -> None:
    assert passes("SIP-003", call())


def relayed() -> Scene:
    """A call by way of a proxy, both hops in the evidence."""
    scene = Scene()
    scene.ask("invite", 0.0, "INVITE", to=PROXY)
    scene.answer("trying", 0.01, "invite", 100, tag="")
    vias = f"SIP/2.0/UDP {PROXY};branch=z9hG4bKp\n{scene.said['invite'].headers['Via']}"
    mine = f"<sip:u@{PHONE}>"
    scene.ask("onward", 0.02, "INVITE", by=PROXY, Via=vias, Max_Forwards="69", Contact=mine)
    scene.answer("busy", 0.1, "onward", 486)
    scene.answer("passed", 0.2, "invite", 486)
    return scene


def test_proxy_is_not_blamed_for_what_it_passes_on() -> None:
    scene = relayed()
    scene.change("busy", To="<sip:2001@example.com>").change("passed", To="<sip:2001@example.com>")
    assert [f.party for f in asked("SIP-003", scene) if f.expected] == [SERVER]
    scene.change("invite", From="<sip:2001@example.com>").change("onward", From="<sip:2001@example.com>")
    assert PROXY not in [f.party for f in asked("SIP-003", scene)]


@pytest.mark.parametrize("value", [None, "*", "<sip:a@192.0.2.51>, <sip:b@192.0.2.51>", "<tel:+123>"])
def test_invite_has_one_contact(value: str | None) -> None:
    assert fails("SIP-006", call().change("invite", Contact=value), party=PHONE)
    assert fails("SIP-006", call().change("ok", Contact=value), party=SERVER)


@pytest.mark.parametrize("value", ["7", "many", "-1"])
def test_content_length_is_not_more_than_there_is(value: str) -> None:
    assert fails("SIP-007", call().change("bye", Content_Length=value), party=PHONE, level="MUST")


def test_surplus_octets_are_noted_only() -> None:
    scene = call().change("bye", body="surplus", Content_Length="0")
    assert fails("SIP-007", scene, level="INFO")
    assert not fails("SIP-007", scene, level="MUST")


def test_two_different_lengths() -> None:
    assert fails("SIP-007", call().change("bye", Content_Length="0\n1"))


def test_length_may_be_missing_on_udp_only() -> None:
    assert passes("SIP-007", call().change("bye", Content_Length=None))
    scene = call().change("bye", Content_Length=None)
    scene.transport = "tcp"
    assert fails("SIP-007", scene)


def test_truncated_frame_is_not_judged() -> None:
    scene = call().change("bye", Content_Length="900")
    number = sorted(s.at for s in scene.said.values()).index(12.0) + 1
    scene.notes.append(Note("truncated", "cut short", (number,)))
    assert passes("SIP-007", scene)


def test_large_request_by_udp() -> None:
    scene = call().change("bye", Subject="x" * 1400)
    assert passes("SIP-032", scene)  # the path may be known to carry it whole
    trace = scene.trace()
    large = next(m for m in trace.messages if m.method == "BYE")
    large.packet = large.packet._replace(frames=(20, 21))
    found = [f for f in catalogue()["SIP-032"].ask(trace) if f.verdict is Verdict.FAIL]
    assert [f.party for f in found] == [PHONE]
    large.packet = large.packet._replace(transport="tcp")
    assert all(f.verdict is Verdict.PASS for f in catalogue()["SIP-032"].ask(trace))


def compact(method: str = "OPTIONS") -> Scene:
    scene = Scene()
    said = scene.ask("compact", 0.0, method)
    for long, short in (("Via", "v"), ("From", "f"), ("To", "t"), ("Call-ID", "i")):
        said.headers[short] = said.headers[long]
    scene.answer("ok", 0.1, "compact")
    said.raw = said.render()
    text = said.raw.decode()
    for long in ("Via", "From", "To", "Call-ID"):
        text = text.replace(f"{long}: {said.headers[long]}\r\n", "", 1)
    said.raw = text.encode()
    return scene


def test_compact_form_is_understood() -> None:
    assert passes("SIP-033", compact())
    assert fails("SIP-033", compact().change("ok", From="<sip:2001@example.com>"), party=SERVER)
    assert doubts("SIP-033", compact().change("ok", start="SIP/2.0 400 Bad Request"))


# -- answers -------------------------------------------------------------------------------------------------


def test_same_request_same_answer() -> None:
    scene = refused_call()
    scene.again(0.12, "invite")
    scene.answer("other", 0.13, "invite", 403, tag="x1")
    assert fails("SIP-012", scene, party=SERVER)


def forgetful() -> Scene:
    """A refresh that comes twice, before a server loses everything and after."""
    scene = subscription()
    scene.again(300.2, "refresh")
    scene.answer("lost", 300.3, "refresh", 481, tag="as2")
    return scene


def test_a_server_that_restarted_has_forgotten_its_answer() -> None:
    scene = forgetful()
    assert doubts("SIP-012", scene)
    scene.observations.append(Observation(_ns(300.15), "server", "intent", {"do": "restart"}))
    assert silent("SIP-012", scene)
    scene = forgetful()
    scene.observations.append(Observation(_ns(0), "phone", "intent", {"do": "start"}))
    assert fails("SIP-012", scene, party=SERVER)


def test_answer_said_again_passes() -> None:
    scene = refused_call()
    scene.again(0.12, "invite", "challenge")
    assert passes("SIP-012", scene)


def test_forked_call_has_several_answers() -> None:
    scene = call()
    scene.answer("fork", 3.05, "invite", 200, tag="fork")
    assert passes("SIP-012", scene)


def test_via_is_repeated() -> None:
    scene = call().change("ok", Via="SIP/2.0/UDP 192.0.2.51:5060;branch=z9hG4bK1;rport;extra=1")
    assert fails("SIP-017", scene, party=SERVER)


def test_received_and_rport_are_added() -> None:
    via = "SIP/2.0/UDP 192.0.2.51:5060;received=192.0.2.51;rport=5060;branch=z9hG4bK1"
    assert passes("SIP-017", call().change("ok", Via=via))


def test_keep_is_answered() -> None:
    scene = call()
    scene.change("invite", Via=f"{scene.said['invite'].headers['Via']};keep")
    via = "SIP/2.0/UDP 192.0.2.51:5060;branch=z9hG4bK1;rport=5060;keep="
    assert passes("SIP-017", scene.change("ok", Via=f"{via}30").drop("trying", "ringing"))


def test_answer_goes_back_to_the_source() -> None:
    """The Via names another address than the source, as from behind a NAT; rport asks for the source."""
    scene = call()
    scene.change("reinvite", Via="SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bK6;rport")
    assert passes("SIP-017", scene)
    scene.ask("options", 20.0, "OPTIONS")
    scene.answer("lost", 20.1, "options").destination = OTHER
    assert fails("SIP-017", scene, party=SERVER)
    assert silent("SIP-017", scene.drop("options"))


def test_unknown_option() -> None:
    scene = call().change("invite", Require="nothingSupportsThis")
    assert fails("SIP-020", scene, party=SERVER)
    assert passes("SIP-020", call().change("invite", Require="100rel"))
    assert passes("SIP-020", scene.change("theirs", Supported="nothingSupportsThis"))


def test_bad_extension_names_it() -> None:
    scene = refused_call().change("gone", start="SIP/2.0 420 Bad Extension")
    assert fails("SIP-020", scene)
    assert passes("SIP-020", scene.change("gone", Unsupported="foo"))


@pytest.mark.parametrize(("id_", "status", "name"), [("SIP-021", 405, "Allow"), ("SIP-022", 415, "Accept")])
def test_refusal_says_what_would_do(id_: str, status: int, name: str) -> None:
    scene = refused_call().change("gone", start=f"SIP/2.0 {status} No")
    assert fails(id_, scene, party=SERVER)
    assert passes(id_, scene.change("gone", **{name: "x"}))


def test_merged_request() -> None:
    scene = Scene()
    for n, at in enumerate((0.0, 0.2)):
        vias = f"SIP/2.0/UDP {PROXY};branch=z9hG4bKp{n}\nSIP/2.0/UDP {PHONE};branch=z9hG4bKx"
        scene.ask(f"copy{n}", at, "INVITE", by=PROXY, Via=vias)
        scene.answer(f"ok{n}", at + 0.1, f"copy{n}", 200, tag=f"t{n}")
    assert fails("SIP-023", scene, party=SERVER)
    assert passes("SIP-023", scene.change("ok1", start="SIP/2.0 482 Loop Detected"))


def test_options() -> None:
    scene = Scene()
    scene.ask("options", 0.0, "OPTIONS")
    scene.answer("ok", 0.1, "options", Allow="INVITE", Accept="application/sdp", Supported="timer")
    assert passes("SIP-031", scene)
    assert fails("SIP-031", scene.change("ok", Allow=None), party=SERVER, level="SHOULD")


# -- repetition ------------------------------------------------------------------------------------------------


def lone(method: str = "INVITE") -> Scene:
    """A request without answer, and a server that is alive."""
    scene = Scene()
    scene.ask("lone", 0.0, method)
    return heard_again(scene, 2.0)


@pytest.mark.parametrize(("id_", "method"), [("SIP-008", "INVITE"), ("SIP-009", "BYE")])
class TestRequestsAreRepeated:
    def test_silence(self, id_: str, method: str) -> None:
        assert fails(id_, lone(method), until=10.0, party=PHONE)

    def test_capture_ends_too_soon(self, id_: str, method: str) -> None:
        assert silent(id_, lone(method), until=3.0)

    def test_server_is_not_there(self, id_: str, method: str) -> None:
        assert silent(id_, lone(method).drop("alive2.0", "alive2.0-ok"), until=100.0)

    def test_streams_need_none(self, id_: str, method: str) -> None:
        scene = lone(method)
        scene.transport = "tcp"
        assert silent(id_, scene, until=100.0)

    def test_goes_on_for_too_long(self, id_: str, method: str) -> None:
        scene = lone(method)
        for at in (0.5, 1.5, 3.5, 40.0):
            scene.again(at, "lone")
        assert fails(id_, scene, party=PHONE)

    def test_in_time(self, id_: str, method: str) -> None:
        scene = lone(method)
        for at in (0.5, 1.5, 3.5, 31.5):
            scene.again(at, "lone")
        assert passes(id_, scene)

    def test_too_fast_is_a_warning(self, id_: str, method: str) -> None:
        scene = lone(method)
        scene.again(0.1, "lone")
        assert fails(id_, scene, level="SHOULD")

    def test_copy_made_by_the_network(self, id_: str, method: str) -> None:
        scene = lone(method)
        scene.again(0.01, "lone")
        assert silent(id_, scene, until=3.0)

    def test_client_is_cut_off(self, id_: str, method: str) -> None:
        assert silent(id_, lone(method).drop("alive2.0-ok"), until=100.0)

    def test_client_has_forgotten_it(self, id_: str, method: str) -> None:
        scene = lone(method)
        assert fails(id_, scene, until=100.0, party=PHONE)
        scene.observations.append(Observation(_ns(0.5), "phone", "intent", {"do": "reboot"}, ()))
        assert silent(id_, scene, until=100.0)

    def test_goes_on_after_the_answer(self, id_: str, method: str) -> None:
        scene = lone(method)
        scene.answer("final", 0.1, "lone", 486)
        for at in (1.5, 3.5, 7.5, 11.5, 15.5):
            scene.again(at, "lone")
        assert doubts(id_, scene)  # the answers may all be lost behind the tap
        scene.ask("next", 1.0, "BYE", seq=2, to_tag="as1")
        assert fails(id_, scene, party=PHONE)

    def test_goes_on_after_it_took_up_a_challenge(self, id_: str, method: str) -> None:
        scene = lone(method)
        scene.answer("final", 0.1, "lone", 401, WWW_Authenticate='Digest realm="r", nonce="n"')
        for at in (1.5, 3.5, 7.5):
            scene.again(at, "lone")
        assert passes(id_, scene)
        scene.ask("next", 0.2, method, seq=2, Authorization='Digest username="u", nonce="n"')
        assert fails(id_, scene, party=PHONE)

    def test_answer_may_be_lost_twice(self, id_: str, method: str) -> None:
        scene = lone(method)
        scene.answer("final", 0.1, "lone", 486)
        for at in (0.5, 1.5):
            scene.again(at, "lone")
        assert passes(id_, scene)


def test_error_is_repeated_until_ack() -> None:
    scene = refused_call().drop("goneack")
    assert silent("SIP-010", scene, until=20.0)  # a server that is cut off
    assert fails("SIP-010", heard_again(scene, 8.0), until=20.0, party=SERVER)
    scene.again(5.7, "gone")
    assert silent("SIP-010", scene, until=20.0)
    scene.again(45.0, "gone")
    assert fails("SIP-010", scene, until=50.0)


def test_stateless_server_does_not_repeat() -> None:
    assert silent("SIP-010", refused_call().drop("ringing", "goneack"), until=20.0)


def test_error_is_not_repeated_after_ack() -> None:
    scene = refused_call()
    for at in (7.0, 9.0, 12.0, 16.0, 20.0):
        scene.again(at, "gone", "goneack")
    assert doubts("SIP-010", scene)  # the ACKs may all be lost behind the tap
    scene.ask("options", 6.0, "OPTIONS", call="c9")
    scene.answer("options-ok", 6.1, "options")
    assert doubts("SIP-010", scene)  # four ACKs on a line that carries something else: a bad day
    for at in (24.0, 28.0):
        scene.again(at, "gone", "goneack")
    assert fails("SIP-010", scene, party=SERVER)


def test_success_is_repeated_until_ack() -> None:
    scene = call().drop("ack", "reinvite", "reok", "reack", "theirs", "theirok", "theirack", "bye", "byeok")
    assert silent("SIP-011", scene, until=20.0)  # a server that is cut off
    assert fails("SIP-011", heard_again(scene, 6.0), until=20.0, party=SERVER)
    assert silent("SIP-011", scene, until=6.5)
    assert silent("SIP-011", scene.change("ok", Contact="<sip:elsewhere@203.0.113.9>"), until=20.0)


@pytest.mark.parametrize(("method", "verdict"), [("INVITE", passes), ("BYE", fails)])
def test_who_goes_on_with_a_call_has_heard_the_ack(method: str, verdict: Callable[..., bool]) -> None:
    scene = call().drop("reinvite", "reok", "reack", "theirs", "theirok", "theirack", "bye", "byeok")
    scene.ask("goes on", 5.2, method, **BACK)
    for at in (7.0, 9.0, 12.0):
        scene.again(at, "ok", "ack")
    assert verdict("SIP-011", scene)


def test_missing_ack_is_the_callers() -> None:
    scene = call().drop("ack", "reinvite", "reok", "reack", "theirs", "theirok", "theirack", "bye", "byeok")
    for at in (3.5, 4.5, 6.5):
        scene.again(at, "ok")
    assert doubts("SIP-015", scene)  # the answers may all be lost behind the tap
    assert fails("SIP-015", heard_again(scene, 5.0), party=PHONE)


def test_trying_in_time() -> None:
    scene = call().drop("trying").move("ringing", 2.5)
    assert doubts("SIP-013", scene)
    scene.transport = "tcp"
    assert fails("SIP-013", scene, party=SERVER)


def test_trying_late_by_udp_needs_three_sendings() -> None:
    scene = call().drop("trying", "ringing").move("ok", 3.4)
    for at in (0.5, 1.5):
        scene.again(at, "invite")
    assert fails("SIP-013", scene, party=SERVER)
    assert doubts("SIP-013", scene.move("ok", 2.2))


# -- ACK and CANCEL --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"start": "ACK sip:else@example.com SIP/2.0"},
        {"To": "<sip:2001@example.com>"},
        {"CSeq": "9 ACK"},
        {"Route": "<sip:192.0.2.20;lr>"},
        {"From": "<sip:2001@example.com>;tag=zz"},
    ],
)
def test_ack_to_error_copies(changes: dict[str, Any]) -> None:
    assert fails("SIP-014", refused_call().change("goneack", **changes), party=PHONE)


def test_ack_to_error_with_another_branch() -> None:
    scene = refused_call().change("goneack", Via="SIP/2.0/UDP 192.0.2.51:5060;branch=z9hG4bKnew")
    assert fails("SIP-014", scene, party=PHONE)


def test_ack_to_success_has_its_own_branch() -> None:
    scene = call()
    scene.change("ack", Via=scene.said["invite"].headers["Via"])
    assert fails("SIP-015", scene, party=PHONE)


def test_ack_to_success_has_credentials() -> None:
    scene = call().change("invite", Authorization="Digest x")
    assert fails("SIP-015", scene, party=PHONE)
    assert passes("SIP-015", scene.change("ack", Authorization="Digest x"))


@pytest.mark.parametrize("status", [401, 500, 405])
def test_cancel_is_not_refused(status: int) -> None:
    assert fails("SIP-024", refused_call().change("cancelok", start=f"SIP/2.0 {status} No"), party=SERVER)


def test_cancel_of_a_ringing_call_matches() -> None:
    assert fails("SIP-024", refused_call().change("cancelok", start="SIP/2.0 481 No"))


def test_late_cancel_may_match_nothing() -> None:
    scene = refused_call().change("cancelok", start="SIP/2.0 481 No").move("gone", 4.9).move("goneack", 4.95)
    assert passes("SIP-024", scene)


def test_cancelled_invite_ends() -> None:
    scene = refused_call().drop("gone", "goneack")
    assert doubts("SIP-024", scene, until=60.0)  # the server may be cut off
    assert passes("SIP-024", scene, until=20.0)
    assert fails("SIP-024", heard_again(scene, 50.0), until=60.0)


def test_cancel_that_crosses_the_answer_matches_nothing() -> None:
    scene = refused_call().change("cancelok", start="SIP/2.0 481 No").drop("goneack")
    assert passes("SIP-024", scene.change("gone", start="SIP/2.0 200 OK"))
    assert fails("SIP-024", scene.move("gone", 8.0), party=SERVER)  # answered long after the CANCEL
    over = refused_call().move("gone", 4.0).move("goneack", 4.1).change("cancelok", start="SIP/2.0 481 No")
    assert passes("SIP-024", over)  # an INVITE that had expired


@pytest.mark.parametrize(
    "changes", [{"CSeq": "1 CANCEL"}, {"To": "<sip:2001@example.com>;tag=x2"}, {"Require": "timer"}]
)
def test_cancel_copies(changes: dict[str, Any]) -> None:
    assert fails("SIP-025", refused_call().change("cancel", **changes), party=PHONE)


def test_cancel_waits() -> None:
    assert fails("SIP-025", refused_call().drop("ringing"), party=PHONE)
    assert doubts("SIP-025", refused_call().drop("ringing", "gone", "goneack"))


# -- dialogs ---------------------------------------------------------------------------------------------------


def test_cseq_names_the_method() -> None:
    assert fails("SIP-004", call().change("bye", CSeq="3 INFO"), party=PHONE)
    assert fails("SIP-004", call().change("bye", CSeq="BYE"), party=PHONE)


def test_cseq_is_not_used_twice() -> None:
    assert fails("SIP-004", call().change("bye", CSeq="2 BYE"), party=PHONE)


def test_cseq_gap_may_be_loss() -> None:
    assert passes("SIP-004", call().change("bye", CSeq="9 BYE"))


def test_lower_cseq_may_be_a_late_repetition() -> None:
    scene = call().change("reinvite", CSeq="5 INVITE").change("reack", CSeq="5 ACK")
    assert passes("SIP-004", scene)
    assert fails("SIP-004", scene.move("bye", 60.0).move("byeok", 60.1), party=PHONE)
    scene.transport = "tcp"
    assert fails("SIP-004", scene.move("bye", 12.0).move("byeok", 12.1))


def test_ack_keeps_the_number() -> None:
    assert fails("SIP-004", refused_call().change("goneack", CSeq="5 ACK"))


def test_stale_request_is_refused() -> None:
    scene = call().change("reinvite", CSeq="5 INVITE").change("reack", CSeq="5 ACK")
    assert fails("SIP-005", scene, party=SERVER)
    assert passes("SIP-005", scene.change("byeok", start="SIP/2.0 500 Old"))


def test_a_challenge_of_a_proxy_proves_no_order() -> None:
    scene = call().change("reinvite", CSeq="5 INVITE").change("reack", CSeq="5 ACK")
    assert silent("SIP-005", scene.change("reok", start="SIP/2.0 407 Who").drop("theirs", "theirok", "theirack"))


def test_overtaken_before_the_answer_proves_nothing() -> None:
    scene = call().drop("reack", "theirs", "theirok", "theirack")
    scene.change("reinvite", CSeq="5 INVITE").move("reok", 12.3)
    assert silent("SIP-005", scene)


def test_nothing_in_an_ended_dialog() -> None:
    scene = call()
    scene.ask("late", 15.0, "INFO", seq=4, **INSIDE)
    scene.answer("late-ok", 15.1, "late")
    assert fails("SIP-019", scene, party=SERVER)
    assert fails("SIP-026", scene, party=PHONE)
    assert passes("SIP-019", scene.change("late-ok", start="SIP/2.0 481 Gone"))


def test_request_that_crossed_the_bye() -> None:
    scene = call()
    scene.ask("late", 12.5, "INFO", seq=4, **INSIDE)
    scene.answer("late-ok", 12.6, "late")
    assert passes("SIP-026", scene)
    assert silent("SIP-019", scene)


def glare(answer: int) -> Scene:
    scene = call().drop("theirack")
    scene.move("theirs", 6.01).move("theirok", 6.05)
    return scene.change("theirok", start=f"SIP/2.0 {answer} X")


def test_glare() -> None:
    assert fails("SIP-027", glare(200), party=PHONE)
    assert passes("SIP-027", glare(491))


def test_glare_accepted_by_the_other_side() -> None:
    assert fails("SIP-027", glare(491).move("theirok", 6.5), party=SERVER)


def test_wait_after_glare() -> None:
    scene = call().change("reok", start="SIP/2.0 491 Pending").drop("theirs", "theirok", "theirack")
    scene.ask("retry", 6.5, "INVITE", seq=3, **INSIDE)
    scene.answer("retry-ok", 6.6, "retry")
    scene.change("bye", CSeq="4 BYE")
    assert fails("SIP-027", scene, party=PHONE, level="SHOULD")
    assert passes("SIP-027", scene.move("retry", 9.0).move("retry-ok", 9.1))


def test_second_invite_before_the_first_is_answered() -> None:
    scene = call()
    scene.ask("early", 6.02, "INVITE", seq=3, **INSIDE)
    scene.answer("early-ok", 6.05, "early", 200)
    scene.change("bye", CSeq="4 BYE")
    assert fails("SIP-028", scene, party=SERVER)
    scene.change("early-ok", start="SIP/2.0 500 Wait", Retry_After="3")
    assert passes("SIP-028", scene)
    assert fails("SIP-028", scene.change("early-ok", Retry_After=None), level="SHOULD")


def test_second_invite_that_overtook_the_first() -> None:
    scene = call()
    scene.ask("early", 6.02, "INVITE", seq=3, **INSIDE)
    scene.answer("early-ok", 6.05, "early", 200)
    scene.change("bye", CSeq="4 BYE").change("reok", start="SIP/2.0 500 CSeq out of order")
    assert silent("SIP-028", scene)
    scene.answer("wait", 6.03, "reinvite", 100)
    assert fails("SIP-028", scene, party=SERVER)  # it had come first


def test_lost_dialog_is_given_up() -> None:
    scene = call().change("reok", start="SIP/2.0 481 Gone").drop("theirs", "theirok", "theirack")
    assert passes("SIP-029", scene)
    scene.ask("info", 9.0, "INFO", seq=3, **INSIDE)
    assert fails("SIP-029", scene, party=PHONE, level="SHOULD")


# -- targets -----------------------------------------------------------------------------------------------------


def routed() -> Scene:
    """The call by way of two proxies that stay on the path, seen between them."""
    scene = call()
    route = "<sip:p1.example.com;lr>\n<sip:p2.example.com;lr>"
    scene.change("invite", Record_Route=route).change("ok", Record_Route=route)
    for name in ("ack", "reinvite", "reack", "bye"):
        scene.change(name, Route="<sip:p2.example.com;lr>, <sip:p1.example.com;lr>")
    for name in ("theirs", "theirack"):
        scene.change(name, Route="<sip:p1.example.com;lr>, <sip:p2.example.com;lr>")
    return scene


def test_route_set() -> None:
    assert passes("SIP-016", routed())
    assert fails("SIP-016", routed().change("bye", Route=None), party=PHONE)
    assert fails("SIP-016", routed().change("theirs", Route="<sip:p2.example.com;lr>"), party=SERVER)
    assert fails("SIP-016", routed().change("ack", Route="<sip:p1.example.com;lr>, <sip:p2.example.com;lr>"))


def test_the_ack_of_a_refusal_goes_one_hop() -> None:
    scene = routed().change("reok", start="SIP/2.0 491 Request Pending")
    branch = scene.said["reinvite"].headers["Via"]
    assert silent("SIP-016", scene.change("reack", Via=branch, Route=None))


def test_route_set_of_a_subscription() -> None:
    one, two = "<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>"
    way, back = f"{one}, {two}", f"{two}, {one}"
    scene = subscription().change("ok", Record_Route=way)
    scene.change("refresh", Route=back).change("end", Route=back)
    assert passes("SIP-016", scene)
    assert passes("SIP-016", scene.change("refresh", Route=None))  # as the NOTIFYs say it
    for name in ("notify", "second", "third", "last"):
        scene.change(name, Record_Route=way)
    assert fails("SIP-016", scene, party=PHONE)
    assert passes("SIP-016", scene.change("refresh", Route=way))
    over_a_proxy = subscription().change("subscribe", Record_Route=way)
    assert fails("SIP-016", over_a_proxy, party=SERVER)
    for name in ("notify", "second", "third", "last"):
        over_a_proxy.change(name, Route=way)
    assert passes("SIP-016", over_a_proxy)


def test_strict_routers_are_left_alone() -> None:
    scene = routed().change("ok", Record_Route="<sip:p1.example.com>").change("bye", Route=None)
    assert silent("SIP-016", scene)


def test_target_is_the_contact() -> None:
    assert fails("SIP-030", call().change("bye", start="BYE sip:2002@example.com SIP/2.0"), party=PHONE)


def test_target_is_refreshed() -> None:
    scene = call().change("reok", Contact="<sip:moved@192.0.2.11>").change("theirs", Contact="<sip:moved@192.0.2.11>")
    assert fails("SIP-030", scene, party=PHONE)
    assert passes("SIP-030", scene.change("bye", start="BYE sip:moved@192.0.2.11 SIP/2.0"))


def test_old_target_passes_for_a_moment() -> None:
    scene = call().change("theirs", Contact="<sip:moved@192.0.2.11>").change("theirok", start="SIP/2.0 200 OK")
    assert passes("SIP-030", scene.move("bye", 9.5).move("byeok", 9.6))


def test_half_seen_dialog_is_not_judged() -> None:
    scene = call().drop("invite", "trying", "ringing", "ok", "ack")
    scene.change("bye", start="BYE sip:2002@example.com SIP/2.0")
    assert silent("SIP-030", scene)
    assert silent("SIP-016", scene)


def test_a_contact_that_may_not_have_arrived_need_not_be_followed() -> None:
    scene = subscription().change("second", Contact="<sip:moved@192.0.2.11>")
    assert fails("SIP-030", scene, party=PHONE)
    assert passes("SIP-030", scene.drop("second-ok"))
    assert passes("SIP-030", scene.change("refresh", start="SUBSCRIBE sip:moved@192.0.2.11 SIP/2.0"))


def test_a_phone_behind_a_nat_may_be_found_at_its_public_address() -> None:
    scene = Scene()
    scene.ask("subscribe", 0.0, "SUBSCRIBE", Event="dialog", Expires="600", Contact="<sip:u@192.168.1.5:5060>")
    scene.answer("ok", 0.1, "subscribe")
    notify(scene, "notify", 0.2, 1, "active;expires=600")
    assert fails("SIP-030", scene, party=SERVER, level="SHOULD")
    assert not fails("SIP-030", scene, level="MUST")
    assert fails("SIP-030", scene.change("notify", start=f"NOTIFY sip:x@{PHONE} SIP/2.0"), level="MUST")
