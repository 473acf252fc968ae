"""CSTA-001 … CSTA-021: one thing changed in a session between a server and a phone."""

from __future__ import annotations

from typing import Any

import pytest

from sipconform.checks.catalogue import Verdict, catalogue
from sipconform.features.csta import CONTENT_TYPE, csta, error, forwarding_response
from sipconform.features.feature_state import FeatureState, Forward, ForwardType
from sipconform.trace.packet import Address
from tests.checks.code_scenes import SIGNAL, TO_PHONE, TO_SERVER, event, info, noted, session
from tests.checks.scenes import call, features
from tests.checks.support import OTHER, PHONE, PROXY, SERVER, Scene, asked, doubts, fails, passes, silent

IDS = sorted(id_ for id_ in catalogue() if id_.startswith("CSTA-"))
SET = csta("SetDoNotDisturb", doNotDisturbOn=True)
STARTED = csta("MonitorStartResponse", monitorCrossRefID="7", monitorExistingCalls=True)
KIND: dict[str, Any] = {"Content_Type": CONTENT_TYPE, "Content_Disposition": SIGNAL}
CHALLENGE = 'Digest realm="phone", nonce="n"'
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
        ("CSTA-009", "monitor-ok", STARTED.to_xml().replace(b"/ed3", b"/other")),
        ("CSTA-006", "pressed", event(True, "8")),
    ],
)
def test_an_answer_or_event_is_at_fault(id_: str, name: str, body: bytes) -> None:
    assert fails(id_, session().change(name, body=body), until=200.0, party=PHONE)


@pytest.mark.parametrize(("id_", "name"), [("CSTA-005", "told-ok"), ("CSTA-003", "monitor-ok")])
def test_a_request_is_refused(id_: str, name: str) -> None:
    refused = session().change(name, start="SIP/2.0 500 Server Internal Error", body="")
    assert fails(id_, refused, until=200.0, party=PHONE)


@pytest.mark.parametrize(("id_", "name"), [("CSTA-003", "monitor"), ("CSTA-004", "set"), ("CSTA-007", "get")])
def test_a_challenge_is_no_answer_to_a_service(id_: str, name: str) -> None:
    scene = session()
    asked_for = scene.said[name]
    scene.ask("bare", asked_for.at - 0.1, "INFO", seq=1, body=asked_for.body, to_tag="ph1", **KIND, **TO_PHONE)
    scene.answer("challenge", asked_for.at - 0.05, "bare", 401, WWW_Authenticate=CHALLENGE)
    assert passes(id_, scene, until=200.0)


def test_a_challenge_comes_before_the_body() -> None:
    scene = session()
    kind = KIND | {"Content_Type": "text/x-nonsense"}
    scene.ask("odd", 44.0, "INFO", seq=5, body="nonsense", to_tag="ph1", **kind, **TO_PHONE)
    scene.answer("no", 44.1, "odd", 401, WWW_Authenticate=CHALLENGE)
    assert asked("CSTA-012", scene) == []
    assert asked("CSTA-012", scene.change("no", start="SIP/2.0 403 Forbidden")) == []
    assert fails("CSTA-012", scene.change("no", start="SIP/2.0 200 OK"), party=PHONE)


@pytest.mark.parametrize(("id_", "name"), [("CSTA-003", "monitor"), ("CSTA-004", "set"), ("CSTA-007", "get")])
def test_a_session_that_is_gone_answers_no_service(id_: str, name: str) -> None:
    """The phone has restarted, or its BYE has crossed the request. One that goes on with the session has refused."""
    scene = session().change(f"{name}-ok", start="SIP/2.0 481 Call/Transaction Does Not Exist", body="")
    assert fails(id_, scene, until=200.0, party=PHONE)
    later = [other for other, said in scene.said.items() if said.at > scene.said[f"{name}-ok"].at]
    assert asked(id_, scene.drop(*later), until=200.0) == []


@pytest.mark.parametrize(("id_", "name"), [("CSTA-003", "monitor"), ("CSTA-007", "get"), ("CSTA-008", "forwards")])
def test_a_service_that_is_never_answered(id_: str, name: str) -> None:
    scene = session()
    info(scene, "forwards", 35.0, 7, csta("GetForwarding").to_xml(), answer=csta("GetForwardingResponse").to_xml())
    scene.drop(f"{name}-ok")
    for after in (0.5, 1.5, 3.5, 7.5):
        scene.again(scene.said[name].at + after, name)
    assert fails(id_, scene, until=200.0, party=PHONE)
    later = [other for other, said in scene.said.items() if said.source == PHONE and said.at > scene.said[name].at]
    assert asked(id_, scene.drop(*later), until=200.0) == []  # the phone may be unplugged


def test_an_answer_by_info_may_follow_the_end_of_the_evidence() -> None:
    scene = session()
    scene.observations = scene.observations[:2]
    scene.drop(*[name for name in scene.said if name not in ("invite", "invite-ok", "ack", "monitor", "monitor-ok")])
    scene.change("monitor-ok", body="")
    assert silent("CSTA-003", scene, until=5.0)
    assert fails("CSTA-003", scene, until=20.0, party=PHONE)
    info(scene, "started", 2.0, 1, STARTED.to_xml(), up=True)
    assert passes("CSTA-003", scene, until=20.0)


def test_an_overtaken_request_may_be_refused() -> None:
    scene = session().change("set-ok", start="SIP/2.0 500 CSeq out of order", body="").move("set-ok", 25.0)
    assert silent("CSTA-004", scene, until=200.0)


def test_a_phone_that_says_done_and_is_not() -> None:
    scene = session()
    scene.observations[:] = [o for o in scene.observations if o.what.get("dnd") is not True]
    assert fails("CSTA-004", scene, until=200.0, party=PHONE)


def test_a_press_that_is_not_told() -> None:
    assert fails("CSTA-006", session().drop("pressed", "pressed-ok"), until=200.0, party=PHONE)
    assert silent("CSTA-006", session().drop("pressed"), until=200.0)  # its answer shows that there was something
    scene = session()
    noted(scene, 45.0, "phone", "intent", do="forward", kind="cfu", active=True, to="2050")
    noted(scene, 45.0, "phone", "belief", cfu="2050")
    assert fails("CSTA-006", scene, until=200.0, party=PHONE)
    told: dict[str, Any] = {"forwardingType": "forwardImmediate", "forwardStatus": True, "forwardTo": "2050"}
    info(scene, "forward", 45.1, 2, csta("ForwardingEvent", monitorCrossRefID="7", **told).to_xml(), up=True)
    assert passes("CSTA-006", scene, until=200.0)


def test_a_press_of_what_is_shown_already_need_not_be_told() -> None:
    scene = session()
    noted(scene, 50.0, "phone", "intent", do="set_dnd", on=True)
    assert silent("CSTA-006", scene, until=200.0)


def test_every_monitor_has_a_reference_of_its_own() -> None:
    """Two of the server's on the phone, and one of the phone's on the server (OpenStage paper §4.5)."""
    scene = session()
    start = csta("MonitorStart", monitorObject="sip:2001@example.com").to_xml()
    info(scene, "second", 5.0, 7, start, answer=csta("MonitorStartResponse", monitorCrossRefID="8").to_xml())
    info(scene, "mirror", 6.0, 2, start, answer=csta("MonitorStartResponse", monitorCrossRefID="99").to_xml(), up=True)
    info(scene, "pressed8", 40.3, 3, event(True, "8"), up=True)
    assert passes("CSTA-006", scene, until=200.0)
    assert fails("CSTA-006", scene.change("pressed8", body=event(True, "99")), until=200.0, party=PHONE)
    assert doubts("CSTA-006", scene.drop("second-ok"), until=200.0)


def test_one_monitor_is_stopped_and_another_runs_on() -> None:
    scene = session().drop("stop", "stop-ok")
    start = csta("MonitorStart", monitorObject="sip:2001@example.com").to_xml()
    info(scene, "second", 5.0, 7, start, answer=csta("MonitorStartResponse", monitorCrossRefID="8").to_xml())
    info(scene, "stop8", 45.0, 8, csta("MonitorStop", monitorCrossRefID="8").to_xml())
    noted(scene, 50.0, "phone", "intent", do="set_dnd", on=False)
    assert fails("CSTA-006", scene, until=200.0, party=PHONE)
    info(scene, "off", 50.1, 2, event(False), up=True)
    assert passes("CSTA-006", scene, until=200.0)
    assert passes("CSTA-015", scene, until=200.0)


def test_a_forward_that_is_said_to_be_set_is_shown() -> None:
    scene = session()
    noted(scene, -1.0, "phone", "belief", cfu="")
    to: dict[str, Any] = {"forwardingType": "forwardImmediate", "activateForward": True, "forwardDN": "tel:2050"}
    done = csta("SetForwardingResponse").to_xml()
    info(scene, "forward", 50.0, 7, csta("SetForwarding", device="2001", **to).to_xml(), answer=done)
    assert fails("CSTA-008", scene, until=200.0, party=PHONE)
    noted(scene, 50.1, "phone", "belief", cfu="2050")
    assert passes("CSTA-008", scene, until=200.0)
    info(scene, "read", 55.0, 8, csta("GetForwarding").to_xml(), answer=csta("GetForwardingResponse").to_xml())
    assert fails("CSTA-008", scene, until=200.0, party=PHONE)
    state = FeatureState.assigned().with_forward(ForwardType.IMMEDIATE, Forward(True, "sip:2050@example.com"))
    assert passes("CSTA-008", scene.change("read-ok", body=forwarding_response(state).to_xml()), until=200.0)


def test_an_edition_that_is_not_understood() -> None:
    """A service is refused in one edition that was carried out in another; not for want of something else."""
    scene = session()
    info(scene, "get5", 35.0, 7, csta("GetDoNotDisturb", 5).to_xml(), answer=error("operation", 5).to_xml())
    assert fails("CSTA-009", scene, until=200.0, party=PHONE)
    limited = error("systemResourceAvailability", 5, "resourceBusy").to_xml()
    assert passes("CSTA-009", scene.change("get5-ok", body=limited), until=200.0)
    scene.change("get5", body=csta("GetDoNotDisturb").to_xml()).change("get5-ok", body=error("operation").to_xml())
    assert passes("CSTA-009", scene, until=200.0)
    without = session().change("monitor-ok", body=error("operation").to_xml())
    assert passes("CSTA-009", without, until=200.0)  # a phone without monitors


@pytest.mark.parametrize("name", ["SnapshotDevice", "MakeCall"])
def test_a_phone_may_have_services_nobody_asks_for(name: str) -> None:
    scene = session()
    answer = STARTED.to_xml().replace(b"MonitorStart", name.encode())
    info(scene, "more", 50.0, 7, csta(name).to_xml(), answer=answer)
    assert passes("CSTA-011", scene, until=200.0)


@pytest.mark.parametrize("device", ["2001@example.com", "sip:2001", "N<2001>", "<sip:2001@example.com>", "tel:2001"])
def test_a_device_is_named_in_many_ways(device: str) -> None:
    scene = session().change("set", body=csta("SetDoNotDisturb", device=device, doNotDisturbOn=True).to_xml())
    assert asked("CSTA-019", scene) == []
    assert passes("CSTA-004", scene, until=200.0)


@pytest.mark.parametrize("to", ["<sip:192.0.2.51>", "<sip:0004f2aabbcc@example.com>"])
@pytest.mark.parametrize("monitored", [True, False])
def test_to_need_not_name_a_user(to: str, monitored: bool) -> None:
    scene = session().drop(*([] if monitored else ["monitor-ok"]))
    for said in scene.said.values():
        if said.answers is None and said.source == SERVER:
            said.headers["To"] = to + (";tag=ph1" if ";tag=" in (said.headers["To"] or "") else "")
    assert asked("CSTA-019", scene) == []
    scene.change("set", body=SET_OTHER.to_xml())
    assert fails("CSTA-019", scene) is monitored


def test_another_line_of_the_phone_is_no_other_device() -> None:
    scene = session().change("set", body=SET_OTHER.to_xml())
    assert fails("CSTA-019", scene)
    scene.ask("register", -2.0, "REGISTER", "sip:example.com", call="r2", To="<sip:2002@example.com>")
    assert asked("CSTA-019", scene) == []


def test_a_session_may_begin_with_183() -> None:
    scene = session()
    scene.answer("progress", 0.05, "invite", 183, tag="ph1")
    assert passes("CSTA-002", scene)
    assert fails("CSTA-002", scene.change("progress", body="v=0", Content_Type="application/sdp"), party=PHONE)


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
    scene.change("other", Authorization='Digest username="cti", realm="phone", nonce="n", uri="u", response="0"')
    assert doubts("CSTA-014", scene)  # whose challenge it answers was not seen
    scene.ask("bare", 69.0, "INVITE", by=OTHER, to=PHONE, call="s2", uri=f"sip:u@{PHONE}")
    scene.answer("challenge", 69.1, "bare", 401, WWW_Authenticate=CHALLENGE)
    assert passes("CSTA-014", scene)  # he has proved himself
    scene.said["challenge"].source = SERVER
    scene.said["challenge"].answers = None
    scene.said["challenge"].headers |= scene.said["bare"].headers
    assert fails("CSTA-014", scene, party=PHONE)  # … but to somebody else


@pytest.mark.parametrize("sender", [Address(SERVER.host, 5062), PROXY])
def test_a_server_calls_from_another_port_or_through_a_proxy(sender: Address) -> None:
    scene = session()
    for name, said in scene.said.items():
        if said.source == SERVER:
            said.source = sender
            if said.answers is None and sender == PROXY:
                vias = f"SIP/2.0/UDP {PROXY};branch=z9hG4bKp{name}\nSIP/2.0/UDP {SERVER};branch=z9hG4bKs{name}"
                said.headers["Via"] = vias
        if said.destination == SERVER:
            said.destination = sender
    assert silent("CSTA-014", scene)


@pytest.mark.parametrize("answer", [csta("MonitorStopResponse").to_xml(), b""])
def test_events_after_the_monitor_was_stopped(answer: bytes) -> None:
    scene = session().change("stop-ok", body=answer)
    info(scene, "late", 66.0, 2, event(False), up=True)
    assert fails("CSTA-015", scene, until=200.0, party=PHONE)
    assert silent("CSTA-015", scene.move("late", 64.0), until=200.0)  # it may have been lost a few times
    scene.move("late", 66.0).change("stop-ok", body=error("operation").to_xml())
    assert asked("CSTA-015", scene, until=200.0) == []


@pytest.mark.parametrize("way", [TO_PHONE | {"to_tag": "ph1"}, TO_SERVER])
def test_events_after_the_session_was_ended(way: dict[str, Any]) -> None:
    scene = session().drop("stop", "stop-ok")
    scene.ask("bye", 60.0, "BYE", seq=6, **way)
    scene.answer("bye-ok", 60.1, "bye", 200)
    assert passes("CSTA-015", scene, until=200.0)
    info(scene, "late", 66.0, 2, event(False), up=True)
    assert fails("CSTA-015", scene, until=200.0, party=PHONE)
    scene.change("late-ok", start="SIP/2.0 481 Call/Transaction Does Not Exist")
    assert fails("CSTA-015", scene, until=200.0, party=PHONE)


def test_what_the_server_tells_is_not_asked_back_of_it() -> None:
    """By a Set for the same value. The phone's own monitor may report the change, once."""
    scene = session()
    info(scene, "confirmed", 20.3, 1, event(False), up=True)
    assert passes("CSTA-018", scene, until=200.0)
    for number in (2, 3):
        info(scene, f"again {number}", 20.3 + number / 10, number, event(False), up=True)
    assert fails("CSTA-018", scene, until=200.0, party=PHONE)
    for at in (20.05, 20.5):
        echo = session().move("told-ok", 20.2)
        info(echo, "echo", at, 1, csta("SetDoNotDisturb", doNotDisturbOn=False).to_xml(), up=True)
        assert fails("CSTA-018", echo, until=200.0, party=PHONE)
        noted(echo, 20.0, "phone", "intent", do="set_dnd", on=False)
        assert silent("CSTA-018", echo, until=200.0)


def test_a_renewal_that_is_refused() -> None:
    scene = session()
    again: dict[str, Any] = TO_PHONE | {"to_tag": "ph1", "Content_Type": CONTENT_TYPE}
    scene.ask("again", 45.0, "INVITE", seq=6, body=csta("RequestSystemStatus").to_xml(), **again)
    scene.answer("again-ok", 45.1, "again", 200)
    assert passes("CSTA-016", scene)
    assert fails("CSTA-016", scene.change("again-ok", start="SIP/2.0 488 No"), party=PHONE)
    for status in (401, 422, 481):
        assert silent("CSTA-016", scene.change("again-ok", start=f"SIP/2.0 {status} No"))


def test_a_phone_that_registers_anew_is_forgotten() -> None:
    scene = session()
    scene.ask("bye", 70.0, "BYE", seq=9, **TO_SERVER)
    scene.answer("bye-ok", 70.1, "bye", 200)
    scene.ask("register", 80.0, "REGISTER", "sip:example.com", call="r1", Expires="60")
    scene.answer("registered", 80.1, "register", 200)
    assert fails("CSTA-017", scene, until=200.0, party=SERVER)
    assert silent("CSTA-017", scene, until=100.0)


def test_a_phone_that_signs_off_or_refreshes_wants_no_session() -> None:
    """Its BYE was for good: it leaves, or its user has switched uaCSTA off."""
    scene = session()
    scene.ask("bye", 70.0, "BYE", seq=9, **TO_SERVER)
    scene.answer("bye-ok", 70.1, "bye", 200)
    scene.ask("register", 80.0, "REGISTER", "sip:example.com", call="r1", seq=8, Expires="60")
    scene.answer("registered", 80.1, "register", 200)
    assert asked("CSTA-017", scene, until=200.0) == []  # whether it began there nobody has seen
    scene.ask("before", -5.0, "REGISTER", "sip:example.com", call="r1", seq=7, Expires="60")
    scene.answer("before-ok", -4.9, "before", 200)
    assert asked("CSTA-017", scene, until=200.0) == []
    scene.change("register", Contact=f"<sip:u@{PHONE}>;expires=0", Expires=None)
    assert asked("CSTA-017", scene, until=200.0) == []
    scene.ask("anew", 90.0, "REGISTER", "sip:example.com", call="r1", seq=9, Expires="60")
    scene.answer("anew-ok", 90.1, "anew", 200)
    assert fails("CSTA-017", scene, until=200.0, party=SERVER)


def refused_session(status: int) -> Scene:
    scene = session().change("invite-ok", start=f"SIP/2.0 {status} No", body="")
    return scene.drop(*[name for name in scene.said if not name.startswith("invite")])


def test_a_session_refused_as_disturbing() -> None:
    scene = refused_session(486)
    assert doubts("CSTA-020", scene)  # do not disturb is off: it may be in a call
    noted(scene, -0.5, "phone", "belief", dnd=True)
    assert fails("CSTA-020", scene, party=PHONE)
    none = refused_session(603)
    assert {f.verdict for f in asked("CSTA-020", none)} == {Verdict.NOT_SUPPORTED}
    noted(none, -0.5, "phone", "belief", dnd=True)
    assert doubts("CSTA-020", none)


def test_one_session_beside_another_may_be_refused() -> None:
    scene = session()
    hello = csta("RequestSystemStatus").to_xml()
    way = TO_PHONE | {"call": "s2", "tag": "as2"}
    scene.ask("second", 30.5, "INVITE", body=hello, **KIND, **way)
    scene.answer("no", 30.6, "second", 486)
    assert silent("CSTA-020", scene)


def test_a_call_refused_as_busy_with_a_session() -> None:
    scene = session()
    scene.ask("call", 35.0, "INVITE", f"sip:u@{PHONE}", by=SERVER, to=PHONE, call="c7", tag="x1")
    scene.answer("busy", 35.1, "call", 486)
    assert doubts("CSTA-020", scene, until=200.0)  # do not disturb is off; somebody may have lifted the handset
    noted(scene, 34.0, "phone", "belief", call="idle")
    assert fails("CSTA-020", scene, until=200.0, party=PHONE)
    scene.move("call", 50.0).move("busy", 50.1)
    assert silent("CSTA-020", scene, until=200.0)  # it was switched on at 40 s
    scene.observations.clear()
    assert silent("CSTA-020", scene.move("call", 5.0).move("busy", 5.1), until=200.0)  # nobody has spoken of it yet
