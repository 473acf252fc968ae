"""FC-001 … FC-029, FS-128 and FS-131: one thing changed while a phone dials codes at a server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sipconform.checks.catalogue import catalogue
from sipconform.trace.packet import Observation
from tests.checks.scenes import ON, call, features, tell
from tests.checks.support import PHONE, SERVER, SOURCE, Scene, doubts, fails, passes, silent

IDS = [*sorted(id_ for id_ in catalogue() if id_.startswith("FC-")), "FS-128", "FS-131"]
CODES = [
    ["dnd", "on", "*78"],
    ["dnd", "off", "*79"],
    ["cfu", "on", "*72{number}"],
    ["cfu", "prompt", "*72"],
    ["cfu", "off", "*73"],
    ["cfna", "on", "**61*{number}**{seconds}#"],
]
OFFER = (
    "v=0\r\no=- 1 1 IN IP4 192.0.2.51\r\ns=-\r\nc=IN IP4 192.0.2.51\r\nt=0 0\r\n"
    "m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)


def noted(scene: Scene, at: float, who: str, kind: str, /, **what: Any) -> None:
    scene.observations.append(Observation(int((SOURCE + at) * 1e9), who, kind, what))


def lab(**more: Any) -> Scene:
    """A scene whose record says who is who and which codes are in force."""
    scene = Scene()
    places = {"phone": str(PHONE), "server": str(SERVER)}
    facts = {"actors": places, "codes": CODES, "mode": "feature-code", "code_forms": ["plain"]}
    noted(scene, -1.0, "lab", "lab", servers=[str(SERVER)], phones=[str(PHONE)], **(facts | more))
    noted(scene, -1.0, "server", "belief", **{"2001.dnd": False, "2001.cfu": ""})
    noted(scene, -1.0, "phone", "belief", dnd=False, cfu="", missed=0)
    return scene


def dial(scene: Scene, at: float, code: str = "*78", status: int = 200, name: str = "invite", **headers: str) -> None:
    """A call to a code: answered, acknowledged, and ended by the server after a second."""
    uri = headers.pop("uri", f"sip:{code.replace('#', '%23')}@example.com")
    to: dict[str, Any] = {"To": f"<{uri}>"}
    scene.ask(
        name, at, "INVITE", uri, call=name, Content_Type="application/sdp", body=OFFER,
        Authorization='Digest username="2001", realm="r", nonce="n", uri="u", response="0"', **(to | headers),
    )  # fmt: skip
    scene.answer(f"{name}-final", at + 0.1, name, status)
    if status < 300:
        inside: dict[str, Any] = {"call": name, "to_tag": "as1", "uri": f"sip:u@{SERVER}"}
        scene.ask(f"{name}-ack", at + 0.2, "ACK", **inside)
        back: dict[str, Any] = {"by": SERVER, "to": PHONE, "tag": "as1", "to_tag": "ph1", "uri": f"sip:u@{PHONE}"}
        scene.ask(f"{name}-bye", at + 1.2, "BYE", call=name, seq=7, **back)
        scene.answer(f"{name}-byeok", at + 1.3, f"{name}-bye", 200)


def press(scene: Scene, at: float, on: bool = True) -> None:
    noted(scene, at, "phone", "intent", do="set_dnd", on=on)


def pressed() -> Scene:
    """The key is pressed, dialled, done, and shown."""
    scene = lab()
    press(scene, 0.0)
    dial(scene, 0.1)
    noted(scene, 0.15, "server", "belief", **{"2001.dnd": True})
    noted(scene, 0.25, "phone", "belief", dnd=True)
    return scene


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
        ("FC-016", "sip:*78;phone-context=a@example.com;user=phone"),
        ("FC-014", "sip:**61*2002**17%23@example.com"),
    ],
)
def test_the_uri_is_at_fault(id_: str, uri: str) -> None:
    scene = lab()
    dial(scene, 0.0, uri=uri, status=404)
    assert fails(id_, scene, party=PHONE)


def test_the_form_may_be_the_systems_own() -> None:
    scene = lab(code_forms=["phone"])
    dial(scene, 0.0, uri="sip:*78;phone-context=a@example.com;user=phone")
    assert silent("FC-016", scene)


@pytest.mark.parametrize(
    ("body", "level"), [("", "SHOULD"), ("v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nt=0 0\r\n", "MUST")]
)
def test_the_offer_is_at_fault(body: str, level: str) -> None:
    assert fails("FC-007", pressed().change("invite", body=body), party=PHONE, level=level)


def test_a_call_nobody_ends() -> None:
    scene = pressed().drop("invite-bye", "invite-byeok")
    assert fails("FC-008", scene, until=100.0, party=PHONE)
    assert silent("FC-008", scene, until=20.0)
    inside: dict[str, Any] = {"call": "invite", "to_tag": "as1", "uri": f"sip:u@{SERVER}"}
    scene.ask("own-bye", 25.0, "BYE", seq=2, **inside)
    assert passes("FC-008", scene, until=100.0)
    assert fails("FC-020", scene, until=100.0, party=SERVER)


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


def test_a_code_of_the_system_is_unknown_or_not_done() -> None:
    unknown = lab()
    dial(unknown, 0.0, status=404)
    assert fails("FC-020", unknown, party=SERVER)
    dead = lab()
    dial(dead, 0.0)
    assert fails("FC-020", dead, party=SERVER)
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


def test_another_feature_changes() -> None:
    scene = lab()
    dial(scene, 0.0, "*722002")
    noted(scene, 0.05, "server", "belief", **{"2001.dnd": True})
    assert fails("FC-022", scene, party=SERVER)


def test_an_unknown_code_is_taken() -> None:
    scene = lab()
    dial(scene, 0.0, "*999")
    assert fails("FC-023", scene, party=SERVER, level="SHOULD")
    noted(scene, 0.05, "server", "belief", **{"2001.dnd": True})
    assert fails("FC-023", scene, party=SERVER, level="MUST")


def test_it_is_done_for_whom_from_names() -> None:
    scene = lab()
    noted(scene, -1.0, "server", "belief", **{"2002.dnd": False})
    dial(scene, 0.0, From="<sip:2002@example.com>;tag=ph1")
    noted(scene, 0.05, "server", "belief", **{"2002.dnd": True})
    assert fails("FC-024", scene, party=SERVER)


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
    noted(scene, 30.1, "server", "belief", **{"2001.dnd": True})
    assert fails("FC-026", scene, until=200.0, party=SERVER)
    tell(scene, "coded", 30.2, 4, 3550, ON.content)
    assert passes("FC-026", scene, until=200.0)


@pytest.mark.parametrize("uri", ["tel:*78;phone-context=a", "sip:*78;phone-context=a@example.com;user=dialstring"])
def test_a_form_the_system_should_take(uri: str) -> None:
    scene = lab(code_forms=["plain", "tel", "dialstring"])
    dial(scene, 0.0, uri=uri, status=404)
    assert fails("FC-028", scene, party=SERVER)


def test_both_roads_for_one_press() -> None:
    scene = features()
    noted(scene, -1.0, "lab", "lab", codes=CODES, actors={}, mode="subscribe")
    assert passes("FS-131", scene, until=100.0)
    dial(scene, 10.5)
    assert fails("FS-131", scene, until=100.0, party=PHONE)


def test_two_masters() -> None:
    scene = features()
    scene.ask("call", 61.0, "INVITE", f"sip:u@{PHONE}", by=SERVER, to=PHONE, call="c9", tag="x1")
    scene.answer("no", 61.1, "call", 486)
    assert fails("FS-128", scene, until=100.0, party=PHONE)
    scene.answer("ringing", 61.05, "call", 180)
    assert passes("FS-128", scene, until=100.0)
