"""CSTA-001 … CSTA-021: one thing changed in a session between a server and a phone."""

from __future__ import annotations

from typing import Any

import pytest

from sipconform.checks.catalogue import Verdict, catalogue
from sipconform.features.csta import CONTENT_TYPE, csta, error
from tests.checks.code_scenes import SIGNAL, TO_PHONE, TO_SERVER, event, info, noted, session
from tests.checks.scenes import call, features
from tests.checks.support import OTHER, PHONE, SERVER, Scene, asked, fails, passes, silent

IDS = sorted(id_ for id_ in catalogue() if id_.startswith("CSTA-"))
SET = csta("SetDoNotDisturb", doNotDisturbOn=True)
SET_OTHER = csta("SetDoNotDisturb", device="2002", doNotDisturbOn=True)


@pytest.mark.parametrize("id_", IDS)
@pytest.mark.parametrize("scene", [session, call, features])
def test_nobody_is_accused_without_fault(id_: str, scene: Any) -> None:
    assert silent(id_, scene(), until=200.0)


@pytest.mark.parametrize(
    "id_",
    [f"CSTA-{number:03}" for number in (1, 2, 3, 4, 5, 6, 7, 9, 15, 18)],
)
def test_passes_on_a_session(id_: str) -> None:
    assert passes(id_, session(), until=200.0)


@pytest.mark.parametrize("disposition", [None, "signal;handling=optional"])
def test_the_call_for_a_session_may_not_be_ignored(disposition: str | None) -> None:
    assert fails("CSTA-001", session().change("invite", Content_Disposition=disposition), party=SERVER)


def test_the_session_is_taken_without_a_status_or_with_ringing() -> None:
    assert fails("CSTA-002", session().change("invite-ok", body=""), party=PHONE)
    scene = session()
    scene.answer("ringing", 0.05, "invite", 180, tag="ph1")
    assert fails("CSTA-002", scene, party=PHONE)


def test_a_phone_without_sessions_is_not_supported() -> None:
    refused = session().change("invite-ok", start="SIP/2.0 415 Unsupported Media Type")
    assert Verdict.NOT_SUPPORTED in {f.verdict for f in asked("CSTA-002", refused)}


@pytest.mark.parametrize(
    ("id_", "name", "body"),
    [
        ("CSTA-003", "monitor-ok", csta("MonitorStartResponse").to_xml()),
        ("CSTA-004", "set-ok", b""),
        ("CSTA-007", "get-ok", csta("GetDoNotDisturbResponse", doNotDisturbOn=True).to_xml()),
        ("CSTA-009", "monitor-ok", error("operation").to_xml()),
        ("CSTA-006", "pressed", event(True, "8")),
    ],
)
def test_an_answer_or_event_is_at_fault(id_: str, name: str, body: bytes) -> None:
    assert fails(id_, session().change(name, body=body), until=200.0, party=PHONE)


@pytest.mark.parametrize(("id_", "name"), [("CSTA-005", "told-ok"), ("CSTA-003", "monitor-ok")])
def test_a_request_is_refused(id_: str, name: str) -> None:
    refused = session().change(name, start="SIP/2.0 500 Server Internal Error", body="")
    assert fails(id_, refused, until=200.0, party=PHONE)


def test_an_overtaken_request_may_be_refused() -> None:
    scene = session().change("set-ok", start="SIP/2.0 500 CSeq out of order", body="").move("set-ok", 25.0)
    assert silent("CSTA-004", scene, until=200.0)


def test_a_phone_that_says_done_and_is_not() -> None:
    scene = session()
    scene.observations[:] = [o for o in scene.observations if o.what.get("dnd") is not True]
    assert fails("CSTA-004", scene, until=200.0, party=PHONE)


def test_a_press_that_is_not_told() -> None:
    assert fails("CSTA-006", session().drop("pressed", "pressed-ok"), until=200.0, party=PHONE)


@pytest.mark.parametrize(
    ("id_", "sent", "answer"),
    [
        ("CSTA-011", csta("SnapshotDevice").to_xml(), b""),
        ("CSTA-019", SET_OTHER.to_xml(), csta("SetDoNotDisturbResponse").to_xml()),
        ("CSTA-008", csta("GetForwarding").to_xml(), b""),
        ("CSTA-010", SET.to_xml().replace(b"</Set", b"<x/></Set"), error("operation").to_xml()),
    ],
)
def test_a_service_is_answered_wrongly(id_: str, sent: bytes, answer: bytes) -> None:
    scene = session()
    info(scene, "more", 50.0, 5, sent, answer=answer)
    assert fails(id_, scene, until=200.0, party=PHONE)


def test_an_event_in_another_order_is_for_the_server_to_understand() -> None:
    """What the phone tells is judged at the server; an order that is usual says nothing."""
    scene = session().change("pressed", body=event(True).replace(b"</DoNot", b"<extra/></DoNot"))
    assert passes("CSTA-010", scene)
    refused = scene.change("pressed-ok", start="SIP/2.0 400 Body cannot be read")
    assert fails("CSTA-010", refused, party=SERVER)
    assert asked("CSTA-010", refused.change("pressed", body=event(True))) == []


def test_bodies_and_types() -> None:
    odd = session().change("get", Content_Type="text/x-nonsense", body="nonsense").change("get-ok", body="")
    assert fails("CSTA-012", odd, party=PHONE)
    right = odd.change("get-ok", start="SIP/2.0 415 Unsupported Media Type", Accept=CONTENT_TYPE)
    assert passes("CSTA-012", right)
    charset = session().change("get", Content_Type=f"{CONTENT_TYPE};charset=utf-8")
    assert passes("CSTA-021", charset)
    assert fails("CSTA-021", charset.change("get-ok", start="SIP/2.0 415 Unsupported Media Type"), party=PHONE)


def test_an_info_of_no_dialog() -> None:
    scene = Scene()
    scene.ask("info", 0.0, "INFO", by=SERVER, to=PHONE)
    scene.answer("ok", 0.1, "info", 200)
    assert fails("CSTA-013", scene, party=PHONE)
    assert passes("CSTA-013", scene.change("ok", start="SIP/2.0 481 No"))


@pytest.mark.parametrize("probed", [False, True])
def test_an_info_of_no_dialog_is_refused_otherwise(probed: bool) -> None:
    """Where a tag names a dialog that is not, nothing but 481 says so; without one any refusal is understood."""
    scene = Scene()
    scene.ask("info", 0.0, "INFO", by=SERVER, to=PHONE, to_tag="none" if probed else "")
    if probed:
        noted(scene, -1.0, "server", "stimulus", call_id="c1", branch=None)
    scene.answer("no", 0.1, "info", 480)
    assert fails("CSTA-013", scene, party=PHONE, level="MUST" if probed else "SHOULD")
    assert asked("CSTA-013", scene.change("no", start="SIP/2.0 415 Unsupported Media Type")) == []


def test_a_strangers_session() -> None:
    scene = session()
    kind: dict[str, Any] = {"Content_Type": CONTENT_TYPE, "Content_Disposition": SIGNAL}
    hello = csta("RequestSystemStatus").to_xml()
    scene.ask("other", 70.0, "INVITE", by=OTHER, to=PHONE, call="s2", body=hello, uri=f"sip:u@{PHONE}", **kind)
    scene.answer("other-ok", 70.1, "other", 403)
    assert passes("CSTA-014", scene)
    assert fails("CSTA-014", scene.change("other-ok", start="SIP/2.0 200 OK"), party=PHONE)


def test_events_after_the_end_and_echoes() -> None:
    scene = session()
    info(scene, "late", 65.0, 2, event(False), up=True)
    assert fails("CSTA-015", scene, until=200.0, party=PHONE)
    echo = session()
    info(echo, "echo", 20.5, 1, event(False), up=True)
    assert fails("CSTA-018", echo, until=200.0, party=PHONE)


def test_a_renewal_that_is_refused() -> None:
    scene = session()
    again: dict[str, Any] = TO_PHONE | {"to_tag": "ph1", "Content_Type": CONTENT_TYPE}
    scene.ask("again", 45.0, "INVITE", seq=6, body=csta("RequestSystemStatus").to_xml(), **again)
    scene.answer("again-ok", 45.1, "again", 200)
    assert passes("CSTA-016", scene)
    assert fails("CSTA-016", scene.change("again-ok", start="SIP/2.0 488 No"), party=PHONE)


def test_a_phone_that_registers_anew_is_forgotten() -> None:
    scene = session()
    scene.ask("bye", 70.0, "BYE", seq=9, **TO_SERVER)
    scene.answer("bye-ok", 70.1, "bye", 200)
    scene.ask("register", 80.0, "REGISTER", "sip:example.com", call="r1", Expires="60")
    scene.answer("registered", 80.1, "register", 200)
    assert fails("CSTA-017", scene, until=200.0, party=SERVER)
    assert silent("CSTA-017", scene, until=100.0)


def test_a_session_refused_as_disturbing() -> None:
    assert fails("CSTA-020", session().change("invite-ok", start="SIP/2.0 486 Busy Here"), party=PHONE)
    scene = session()
    scene.ask("call", 50.0, "INVITE", f"sip:u@{PHONE}", by=SERVER, to=PHONE, call="c7", tag="x1")
    scene.answer("busy", 50.1, "call", 486)
    assert fails("CSTA-020", scene, until=200.0, party=PHONE)
