"""FC-001 … FC-029, FS-128 and FS-131: one thing changed while a phone dials codes at a server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sipconform.checks.catalogue import catalogue
from tests.checks.code_scenes import CODES, OFFER, dial, lab, noted, press, pressed
from tests.checks.scenes import ON, call, features, second_phone, tell
from tests.checks.support import OTHER, PHONE, SERVER, Scene, asked, doubts, fails, failures, passes, silent

INSIDE: dict[str, Any] = {"call": "invite", "to_tag": "as1", "uri": f"sip:u@{SERVER}"}
IDS = [*sorted(id_ for id_ in catalogue() if id_.startswith("FC-")), "FS-128", "FS-131"]


@pytest.mark.parametrize("id_", IDS)
@pytest.mark.parametrize("scene", [pressed, call, features])
def test_nobody_is_accused_without_fault(id_: str, scene: Any) -> None:
    assert silent(id_, scene(), until=100.0)


@pytest.mark.parametrize("id_", ["FC-001", "FC-002", "FC-003", "FC-007", "FC-008", "FC-020", "FC-025"])
def test_passes_on_a_press(id_: str) -> None:
    assert passes(id_, pressed(), until=100.0)


def test_a_press_that_is_dialled_twice_or_not_at_all() -> None:
    twice = pressed()
    dial(twice, 3.0, name="again")
    assert fails("FC-001", twice, until=100.0, party=PHONE)
    never = lab()
    press(never, 1.0)
    never.ask("options", 0.0, "OPTIONS")
    assert fails("FC-001", never, until=100.0, party=PHONE)
    assert doubts("FC-001", never, until=3.0)


@pytest.mark.parametrize(
    ("id_", "code"), [("FC-002", "*79"), ("FC-017", "0*78"), ("FC-005", "**61*2002**20"), ("FC-004", "*72200")]
)
def test_what_is_dialled_is_not_what_was_pressed(id_: str, code: str) -> None:
    scene = lab()
    if id_ in ("FC-002", "FC-017"):
        press(scene, 0.0)
    else:
        kind, rings = ("cfna", 4) if id_ == "FC-005" else ("cfu", None)
        noted(scene, 0.0, "phone", "intent", do="forward", kind=kind, active=True, to="2002", rings=rings)
    if id_ == "FC-005":
        scene.observations[0].what["codes"] = [["cfna", "on", "**61*{number}**20#"]]
    dial(scene, 0.1, code, 404)
    assert fails(id_, scene, until=100.0, party=PHONE)


def test_a_feature_without_a_code_calls_nobody() -> None:
    scene = lab(codes=CODES[1:])
    press(scene, 0.0)
    scene.ask("options", 0.1, "OPTIONS")
    assert passes("FC-006", scene, until=100.0)
    scene.ask("invite", 0.2, "INVITE", "sip:example.com")
    assert fails("FC-006", scene, until=100.0, party=PHONE)


@pytest.mark.parametrize(
    ("id_", "uri"),
    [
        ("FC-003", "sip:*78#@example.com"),
        ("FC-015", "sip:*78@example.com;user=dialstring"),
        ("FC-015", "sip:*78@example.com;user=DialString"),
        ("FC-016", "sip:*78;phone-context=a@example.com;user=Phone"),
        ("FC-016", "sip:*78;phone-context=a@example.com;user=phone"),
        ("FC-014", "sip:**61*2002**17%23@example.com"),
    ],
)
def test_the_uri_is_at_fault(id_: str, uri: str) -> None:
    scene = lab()
    dial(scene, 0.0, uri=uri, status=404)
    assert fails(id_, scene, party=PHONE)


def test_a_raw_hash_in_a_telephone_number_is_grammar() -> None:
    scene = lab()
    dial(scene, 0.0, uri="tel:*57*2050#;phone-context=ims.example.com")
    assert [f.level for f in failures("FC-003", scene)] == ["SHOULD"]


@pytest.mark.parametrize(
    ("id_", "uri", "to"),
    [
        ("FC-015", "sip:*78;Phone-Context=ims.example.com@example.com;user=dialstring", ""),
        ("FC-003", "sip:*78@example.com:5060", "<sip:*78@example.com>"),
        ("FC-003", "sip:*78@Example.com", "<sip:*78@example.com;user=phone>"),
    ],
)
def test_the_uri_is_in_order(id_: str, uri: str, to: str) -> None:
    scene = lab()
    dial(scene, 0.0, uri=uri)
    assert passes(id_, scene.change("invite", To=to or f"<{uri}>"))


def test_the_form_may_be_the_systems_own() -> None:
    scene = lab(code_forms=["phone"])
    dial(scene, 0.0, uri="sip:*78;phone-context=a@example.com;user=phone")
    assert silent("FC-016", scene)


@pytest.mark.parametrize(
    ("body", "level"),
    [
        ("", "SHOULD"),
        ("v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nt=0 0\r\n", "SHOULD"),
        (OFFER.replace("m=audio", "m=text"), "SHOULD"),
        (OFFER.replace("\r\n", "\n"), "SHOULD"),
        (OFFER.replace("audio 40000", "audio"), "MUST"),
        (OFFER.replace("v=0\r\n", ""), "MUST"),
    ],
)
def test_the_offer_is_at_fault(body: str, level: str) -> None:
    found = failures("FC-007", pressed().change("invite", body=body))
    assert {(f.party, f.level) for f in found} == {(PHONE, level)}


def test_the_offer_may_be_one_part_of_several() -> None:
    other = "--b\r\nContent-Type: application/pidf+xml\r\n\r\n<x/>\r\n--b--\r\n"
    body = f"--b\r\nContent-Type: application/sdp\r\n\r\n{OFFER}\r\n{other}"
    assert passes("FC-007", pressed().change("invite", body=body, Content_Type="multipart/mixed;boundary=b"))


def test_a_call_nobody_ends() -> None:
    scene = pressed().drop("invite-bye", "invite-byeok")
    assert fails("FC-008", scene, until=100.0, party=PHONE)
    assert silent("FC-008", scene, until=20.0)
    assert fails("FC-020", scene, until=100.0, party=SERVER, level="MUST")
    scene.ask("own-bye", 25.0, "BYE", seq=2, **INSIDE)
    assert passes("FC-008", scene, until=100.0)
    assert fails("FC-020", scene, until=100.0, party=SERVER, level="INFO")  # perhaps it still spoke
    assert fails("FC-020", scene.move("own-bye", 40.0), until=100.0, party=SERVER, level="MUST")


@pytest.mark.parametrize("code", ["*97", "**201", "*72", "*78"])
def test_what_is_dialled_by_hand_is_listened_to(code: str) -> None:
    """A mailbox, a call picked up, a prompt that asks for a number; and a code whose prompt somebody wants to hear."""
    scene = lab()
    noted(scene, -0.1, "phone", "intent", do="dial_code", code=code)
    dial(scene, 0.0, code)
    scene.drop("invite-bye", "invite-byeok").ask("bye", 180.0, "BYE", seq=2, **INSIDE)
    scene.answer("bye-ok", 180.1, "bye", 200)
    assert silent("FC-008", scene)
    without_record = Scene(said=scene.said)
    assert silent("FC-008", without_record)


def test_a_code_that_asks_is_talked_to() -> None:
    scene = lab()
    dial(scene, 0.0, "*72")
    scene.drop("invite-bye", "invite-byeok").ask("bye", 50.0, "BYE", seq=2, **INSIDE)
    assert silent("FC-020", scene)


def test_the_servers_bye_is_refused() -> None:
    assert fails("FC-008", pressed().change("invite-byeok", start="SIP/2.0 486 Busy Here"), party=PHONE)


def test_a_refusal_that_is_shown_as_done() -> None:
    scene = lab()
    press(scene, 0.0)
    dial(scene, 0.1, status=603)
    assert passes("FC-010", scene)
    noted(scene, 0.4, "phone", "belief", dnd=True)
    assert fails("FC-010", scene, party=PHONE)


def test_tries_without_end_or_pause() -> None:
    scene = lab()
    press(scene, 0.0)
    for number in range(6):
        dial(scene, 1.0 + 3 * number, status=486, name=f"try{number}")
    assert fails("FC-012", scene, party=PHONE)
    hasty = lab()
    press(hasty, 0.0)
    dial(hasty, 0.1, status=486)
    dial(hasty, 0.3, status=486, name="again")
    assert fails("FC-012", hasty, party=PHONE)


def test_a_redirection_that_is_followed_is_no_new_try() -> None:
    scene = lab()
    press(scene, 0.0)
    dial(scene, 0.1, status=302)
    dial(scene, 0.25, uri=f"sip:*78@{OTHER}", name="there")
    assert silent("FC-012", scene)
    assert passes("FC-001", scene)


def test_one_key_may_be_pushed_to_every_account() -> None:
    scene = pressed()
    dial(scene, 0.6, name="other", From="<sip:2009@example.com>;tag=ph1")
    assert passes("FC-001", scene, until=100.0)
    dial(scene, 3.0, name="again", From="<sip:2009@example.com>;tag=ph1")
    assert fails("FC-001", scene, until=100.0, party=PHONE)


@pytest.mark.parametrize(("on", "code"), [(True, "*76"), (False, "*76"), (False, "*79")])
def test_a_toggle_says_either(on: bool, code: str) -> None:
    scene = lab(codes=[*CODES, ["dnd", "toggle", "*76"]])
    press(scene, 0.0, on)
    dial(scene, 0.1, code)
    assert passes("FC-002", scene)


def test_the_code_that_ends_every_forward_ends_this_one() -> None:
    scene = lab(codes=[*CODES, ["any", "off", "*70"]])
    noted(scene, 0.0, "phone", "intent", do="forward", kind="cfu", active=False, to="")
    dial(scene, 0.1, "*70")
    assert passes("FC-002", scene)
    wrong = lab(codes=[*CODES, ["any", "off", "*70"]])
    press(wrong, 0.0, on=False)
    dial(wrong, 0.1, "*70")
    assert fails("FC-002", wrong, party=PHONE)


def test_a_query_is_not_what_was_pressed() -> None:
    scene = lab(codes=[*CODES, ["dnd", "query", "*77"]])
    press(scene, 0.0, on=False)
    dial(scene, 0.1, "*77")
    assert fails("FC-002", scene, party=PHONE)


def test_a_press_of_what_is_shown_already_may_be_left_alone() -> None:
    scene = pressed()
    press(scene, 20.0)
    assert doubts("FC-001", scene, until=100.0)
    press(scene, 50.0, on=False)
    assert fails("FC-001", scene, until=100.0, party=PHONE)


def test_what_is_dialled_by_hand_is_no_press() -> None:
    scene = pressed()
    noted(scene, 3.0, "phone", "intent", do="dial_code", code="*78")
    dial(scene, 3.1, name="hand")
    assert passes("FC-001", scene, until=100.0)
    dial(scene, 6.0, name="again")
    assert fails("FC-001", scene, until=100.0, party=PHONE)


def challenged(challenge: str, realm: str = "r") -> Scene:
    """A call to a code that is challenged and not made again, by a phone that has signed in elsewhere."""
    scene = Scene()
    proof = f'Digest username="2001", realm="{realm}", nonce="n", uri="u", response="0"'
    scene.ask("register", -5.0, "REGISTER", "sip:example.com", call="r1", Authorization=proof)
    scene.ask("invite", 0.0, "INVITE", "sip:*78@example.com", body=OFFER, Content_Type="application/sdp")
    scene.answer("no", 0.1, "invite", 401, WWW_Authenticate=challenge)
    scene.ask("ack", 0.2, "ACK", "sip:*78@example.com", to_tag="as1", branch="z9hG4bK2")
    return scene


@pytest.mark.parametrize("more", ["", ", algorithm=MD5", ', qop="auth,auth-int"'])
def test_a_challenge_is_not_met(more: str) -> None:
    scene = challenged(f'Digest realm="r", nonce="n"{more}')
    assert fails("FC-009", scene, until=100.0, party=PHONE)
    assert silent("FC-009", scene, until=5.0)
    assert doubts("FC-009", challenged(f'Digest realm="r", nonce="n"{more}', realm="elsewhere"), until=100.0)


@pytest.mark.parametrize(
    "challenge",
    [
        'Digest realm="r", nonce="n", algorithm=AKAv1-MD5',
        'Digest realm="r", nonce="n", algorithm=SHA-512-256',
        'Digest realm="r", nonce="n", qop="auth-int"',
        'Bearer realm="r", authz_server="https://x"',
    ],
)
def test_a_challenge_the_phone_may_not_know(challenge: str) -> None:
    scene = challenged(challenge)
    assert asked("FC-009", scene, until=100.0) == []
    if "SHA" in challenge:
        proof = 'Digest username="2001", realm="r", nonce="n", uri="u", response="0", algorithm=SHA-512-256'
        assert fails("FC-009", scene.change("register", Authorization=proof), until=100.0, party=PHONE)


def test_a_challenge_that_crossed_the_users_cancel() -> None:
    scene = challenged('Digest realm="r", nonce="n"')
    scene.ask("cancel", 0.05, "CANCEL", "sip:*78@example.com", branch="z9hG4bK2")
    assert asked("FC-009", scene, until=100.0) == []


def test_a_code_of_the_system_is_unknown_or_not_done() -> None:
    unknown = lab()
    dial(unknown, 0.0, status=404)
    assert fails("FC-020", unknown, party=SERVER)
    dead = lab()
    dial(dead, 0.0)
    assert doubts("FC-020", dead)  # many answer, wait a second, and only then write their books
    assert fails("FC-020", dead, until=10.0, party=SERVER)
    noted(dead, 1.5, "server", "belief", **{"2001.dnd": True})
    assert passes("FC-020", dead, until=10.0)
    barred = lab()
    noted(barred, -0.5, "server", "intent", do="refuse_changes", user="2001")
    dial(barred, 0.0, status=403)
    assert silent("FC-020", barred)
    assert passes("FC-027", barred)


def test_an_escaped_code_is_unknown() -> None:
    scene = lab()
    dial(scene, 0.0, uri="sip:%2A78@example.com", status=404)
    assert fails("FC-021", scene, party=SERVER)
    assert silent("FC-020", scene)
    scene.answer("183", 0.05, "invite", 183, body=OFFER, Content_Type="application/sdp")
    assert passes("FC-021", scene)  # an announcement before an error says nothing of failure


def test_another_feature_changes() -> None:
    scene = lab()
    dial(scene, 0.0, "*722002")
    noted(scene, 0.05, "server", "belief", **{"2001.dnd": True})
    assert fails("FC-022", scene, party=SERVER)


def test_an_unknown_code_is_taken() -> None:
    scene = lab()
    noted(scene, -0.1, "phone", "intent", do="dial_code", code="*999")
    dial(scene, 0.0, "*999")
    assert fails("FC-023", scene, party=SERVER, level="SHOULD")
    noted(scene, 0.05, "server", "belief", **{"2001.dnd": True})
    assert fails("FC-023", scene, party=SERVER, level="MUST")


@pytest.mark.parametrize("code", ["*97", "*77*200*", "##004#", "**21*2002*11#"])
def test_a_system_has_more_codes_than_a_profile(code: str) -> None:
    scene = lab()
    dial(scene, 0.0, code)
    assert silent("FC-023", scene)
    noted(scene, 0.05, "server", "belief", **{"2001.cfu": "2002"})
    assert doubts("FC-023", scene)


def test_it_is_done_for_whom_from_names() -> None:
    scene = lab()
    noted(scene, -1.0, "server", "belief", **{"2002.dnd": False})
    dial(scene, 0.0, From="<sip:2002@example.com>;tag=ph1")
    noted(scene, 0.05, "server", "belief", **{"2002.dnd": True})
    assert fails("FC-024", scene, party=SERVER)


@pytest.mark.parametrize("name", ["2001@ims.private", "alice"])
def test_a_user_may_prove_himself_under_another_name(name: str) -> None:
    """A private identity, or a name the lab file gives; the other checks then know whose call it is too."""
    scene = lab(auth_users={"2001": "alice"})
    dial(scene, 0.0, Authorization=f'Digest username="{name}", realm="r", nonce="n", uri="u", response="0"')
    assert fails("FC-020", scene, until=10.0)
    noted(scene, 0.05, "server", "belief", **{"2001.dnd": True})
    assert silent("FC-024", scene)
    assert passes("FC-020", scene, until=10.0)
    for number, on in enumerate((False, True)):
        noted(scene, 0.06 + number / 100, "server", "belief", **{"2001.dnd": on})
    assert fails("FC-025", scene, party=SERVER)


def test_a_name_nobody_knows_proves_nothing() -> None:
    scene = lab()
    dial(scene, 0.0, Authorization='Digest username="bob", realm="r", nonce="n", uri="u", response="0"')
    assert doubts("FC-020", scene, until=10.0)
    noted(scene, 0.05, "server", "belief", **{"2001.dnd": True})
    assert doubts("FC-024", scene)


def test_one_call_is_not_blamed_for_what_the_one_before_wrote_late() -> None:
    scene = lab()
    dial(scene, 0.0)
    dial(scene, 0.5, "*79", name="off")
    for at, on in ((1.1, True), (1.6, False)):
        noted(scene, at, "server", "belief", **{"2001.dnd": on})
    assert silent("FC-025", scene, until=10.0)


def test_it_is_done_more_than_once() -> None:
    scene = pressed()
    noted(scene, 0.16, "server", "belief", **{"2001.dnd": False})
    noted(scene, 0.17, "server", "belief", **{"2001.dnd": True})
    assert fails("FC-025", scene, party=SERVER)


@pytest.mark.parametrize(
    ("values", "said"), [([True], passes), ([], passes), ([True, False], doubts), ([True, False, True], fails)]
)
def test_a_call_that_is_given_up_is_done_once(values: list[bool], said: Callable[[str, Scene], bool]) -> None:
    """Before a final answer of any other kind; taken back is not done twice, though it looks like it."""
    scene = lab()
    noted(scene, -0.5, "server", "intent", do="answer_codes", shape="early-prompt")
    dial(scene, 0.0, status=487)
    for number, value in enumerate(values):
        noted(scene, 0.01 * (number + 1), "server", "belief", **{"2001.dnd": value})
    assert said("FC-025", scene)


@pytest.mark.parametrize("answer", ["", OFFER.replace("audio 40000", "audio 0")])
def test_a_call_goes_on_without_audio(answer: str) -> None:
    scene = pressed().change("invite-final", body=answer, Content_Type="application/sdp" if answer else None)
    assert passes("FC-007", scene, until=100.0)
    assert silent("FC-007", scene.drop("invite-ack"), until=100.0)  # it may have gone another way
    for at in (0.7, 1.7, 3.7, 7.7):
        scene.again(at, "invite-final")
    assert silent("FC-007", scene, until=9.0)
    assert fails("FC-007", scene, until=100.0, party=PHONE)
    scene.change("invite-final", body=OFFER, Content_Type="application/sdp")
    assert silent("FC-007", scene, until=100.0)  # whether a 2xx is acknowledged at all is another check's question


def test_subscribers_are_told_of_it() -> None:
    scene = features().drop("portal", "portal-ok", "refresh", "refreshed", "state-again", "state-again-ok")
    noted(scene, -1.0, "lab", "lab", codes=CODES, actors={}, mode="feature-code")
    dial(scene, 30.0)
    assert silent("FC-026", scene, until=40.0)
    assert doubts("FC-026", scene, until=200.0)  # the prompt may have said no
    tell(scene, "portal", 150.0, 4, 3400, ON.content)
    assert doubts("FC-026", scene, until=200.0)  # … and somebody switches it on long after
    scene.drop("portal", "portal-ok")
    noted(scene, 30.1, "server", "belief", **{"2001.dnd": True})
    assert fails("FC-026", scene, until=200.0, party=SERVER)
    tell(scene, "coded", 30.2, 4, 3550, ON.content)
    assert passes("FC-026", scene, until=200.0)


def test_another_subscriber_was_told_of_it() -> None:
    scene = second_phone(
        features().drop("portal", "portal-ok", "refresh", "refreshed", "state-again", "state-again-ok")
    )
    noted(scene, -1.0, "lab", "lab", codes=CODES, actors={}, mode="feature-code")
    dial(scene, 30.0)
    tell(scene, "coded", 30.2, 4, 3550, ON.content)
    assert fails("FC-026", scene, until=200.0, party=SERVER)


@pytest.mark.parametrize("uri", ["tel:*78;phone-context=a", "sip:*78;phone-context=a@example.com;user=dialstring"])
def test_a_form_the_system_should_take(uri: str) -> None:
    for spelled in (uri, uri.replace("dialstring", "DialString")):
        scene = lab(code_forms=["plain", "tel", "dialstring"])
        dial(scene, 0.0, uri=spelled, status=404)
        assert fails("FC-028", scene, party=SERVER)


def test_both_roads_for_one_press() -> None:
    scene = features()
    noted(scene, -1.0, "lab", "lab", codes=CODES, actors={}, mode="subscribe")
    assert passes("FS-131", scene, until=100.0)
    dial(scene, 10.5, From="<sip:7001@otherpbx.example>;tag=ph1")
    assert passes("FS-131", scene, until=100.0)  # the phone's other account, on another system
    dial(scene, 10.6, name="same")
    assert fails("FS-131", scene, until=100.0, party=PHONE)


def test_two_masters() -> None:
    scene = features()
    scene.ask("call", 61.0, "INVITE", f"sip:u@{PHONE}", by=SERVER, to=PHONE, call="c9", tag="x1")
    scene.answer("no", 61.1, "call", 486)
    assert fails("FS-128", scene, until=100.0, party=PHONE)
    assert asked("FS-128", scene.change("call", To="<sip:3001@example.com>"), until=100.0) == []  # another line
    scene.change("call", To="<sip:2001@example.com>").answer("ringing", 61.05, "call", 180)
    assert passes("FS-128", scene, until=100.0)


@pytest.mark.parametrize("incoming", [True, False])
def test_a_phone_that_rings_or_dials_may_be_busy(incoming: bool) -> None:
    scene = features()
    way: dict[str, Any] = {"by": SERVER, "to": PHONE} if incoming else {}
    scene.ask("first", 50.0, "INVITE", "sip:2005@example.com", call="o1", tag="o1", **way)
    scene.answer("ringing", 50.3, "first", 180)
    scene.ask("call", 61.0, "INVITE", f"sip:u@{PHONE}", by=SERVER, to=PHONE, call="c9", tag="x1")
    scene.answer("no", 61.1, "call", 486)
    assert asked("FS-128", scene, until=100.0) == []
    scene.answer("over", 55.0, "first", 487)
    assert fails("FS-128", scene, until=100.0, party=PHONE)
