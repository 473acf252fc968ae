"""What a stranger's phone or server may do about features, and what only looks like it (FS-001 … FS-307)."""

from __future__ import annotations

from typing import Any

import pytest

from sipconform.checks.judge import judge
from sipconform.features.feature_body import write_event, write_full_state
from sipconform.features.feature_event import (
    CONTENT_TYPE,
    DoNotDisturbEvent,
    ForwardingEvent,
    SetDoNotDisturb,
    SetForwarding,
)
from sipconform.features.feature_state import FeatureState, Forward, ForwardType
from sipconform.trace.packet import Address, Observation
from tests.checks.scenes import OFF, ON, STATE, STATE_ON, features, heard_again, notify, second_phone, tell
from tests.checks.support import OTHER, PHONE, PROXY, SERVER, Scene, _ns, doubts, fails, failures, passes, silent

PACKAGE: dict[str, Any] = {"Event": "as-feature-event", "Expires": "3600", "Accept": CONTENT_TYPE}
INSIDE: dict[str, Any] = {"to_tag": "as1", "uri": f"sip:u@{SERVER}"} | PACKAGE
SECOND: dict[str, Any] = {"call": "c2", "tag": "ph2"}
IMMEDIATE, BUSY, NO_ANSWER = ForwardType.IMMEDIATE, ForwardType.BUSY, ForwardType.NO_ANSWER
FORWARDED = write_full_state(FeatureState.assigned().with_forward(IMMEDIATE, Forward(True, "2050")), "2001")[0].content
ALONE = write_event(DoNotDisturbEvent(False, "2001")).content


def forward(on: bool, to: str | None = None, kind: ForwardType = IMMEDIATE) -> bytes:
    return write_event(ForwardingEvent(kind, on, to, None, "2001")).content


def begun(body: bytes = STATE.content, kind: str = STATE.content_type, **settings: Any) -> Scene:
    """A subscription that was told its first state."""
    scene = Scene(**settings)
    scene.ask("subscribe", 0.0, "SUBSCRIBE", **PACKAGE)
    scene.answer("ok", 0.1, "subscribe", 200)
    tell(scene, "state", 0.2, 1, 3600, body, kind)
    return scene


def ask(scene: Scene, name: str, at: float, seq: int, body: bytes, status: int = 200, **more: Any) -> Scene:
    """A Set and its answer; `by` and the like make it another phone's."""
    scene.ask(name, at, "SUBSCRIBE", **(INSIDE | {"seq": seq, "Content_Type": CONTENT_TYPE, "body": body} | more))
    scene.answer(f"{name}-ok", at + 0.05, name, status)
    return scene


def by_the_other(scene: Scene, name: str, at: float, body: bytes) -> Scene:
    """The second phone asks for something, and both are told."""
    ask(scene, name, at, 2, body, by=OTHER, From="<sip:2001@example.com>;tag=ph2", **SECOND)
    tell(scene, f"{name}-other", at + 0.2, 2, 3600, ON.content, to=OTHER, **SECOND)
    tell(scene, f"{name}-told", at + 0.25, 2, 3500, ON.content)
    return scene


def recorded(scene: Scene, *intents: tuple[float, str, dict[str, object]]) -> Scene:
    """The record of a run: who is who, and what was done."""
    told: dict[str, object] = {"actors": {"phone": str(PHONE), "server": str(SERVER)}, "users": {"phone": "2001"}}
    told |= {"sync": {"mode": "subscribe", "obeys_switch": True}}
    scene.observations.append(Observation(_ns(-10), "lab", "lab", told))
    for at, who, what in intents:
        kind = "intent" if "do" in what else "belief"
        scene.observations.append(Observation(_ns(at), who, kind, what))
    return scene


def pressed(at: float, on: bool = True) -> tuple[float, str, dict[str, object]]:
    return at, "phone", {"do": "set_dnd", "on": on}


# -- the first state -----------------------------------------------------------------------------------------


def in_parts(pause: float) -> Scene:
    """A state in four NOTIFYs, each behind the answer to the one before, which takes the phone a while."""
    scene, at = begun(ALONE, CONTENT_TYPE), 0.25
    for number, kind in enumerate(ForwardType, 2):
        at += pause
        tell(scene, f"n{number}", at, number, 3600 - int(at), forward(False, kind=kind))
        scene.move(f"n{number}-ok", at + pause)
        at += pause
    tell(scene, "change", at + 60, 9, 3500, forward(True, "2050"))
    return scene


def test_a_state_takes_as_long_as_the_phone() -> None:
    assert passes("FS-004", recorded(in_parts(1.4), pressed(-5)))
    scene = in_parts(1.4).drop("n2", "n2-ok")
    assert fails("FS-004", recorded(scene, pressed(-5)), party=SERVER)
    scene.observations.clear()
    assert doubts("FS-004", scene)


def test_a_change_behind_a_refresh_is_not_its_state() -> None:
    scene = features()
    tell(scene, "soon", 1802.5, 6, 3597, OFF.content)
    assert passes("FS-021", scene)


def test_a_change_that_missed_the_tap_explains_the_state() -> None:
    hidden = features().change("state-again", body=STATE.content)
    assert fails("FS-021", hidden, party=SERVER)
    assert silent("FS-021", hidden.change("state-again", CSeq="6 NOTIFY"))


# -- what becomes of a change ----------------------------------------------------------------------------------


def test_a_feature_the_user_does_not_have_is_left_out() -> None:
    scene = ask(begun(ALONE, CONTENT_TYPE), "set", 10, 2, SetForwarding(NO_ANSWER, True, "2050").to_xml())
    tell(scene, "told", 10.2, 2, 3600, ALONE)
    heard_again(scene, 80.0)
    assert doubts("FS-016", scene, until=100.0)
    assert doubts("FS-024", scene, until=100.0)
    assert fails("FS-016", scene.drop("told", "told-ok"), until=100.0, party=SERVER)
    assert fails("FS-024", scene, until=100.0, party=SERVER)


def test_an_ended_subscription_is_an_answer() -> None:
    scene = ask(begun(), "set", 10, 2, SetDoNotDisturb(True).to_xml())
    notify(scene, "end", 10.2, 2, "terminated;reason=deactivated", "as-feature-event")
    assert passes("FS-016", heard_again(scene, 80.0), until=100.0)


def test_the_answer_may_come_from_another_address() -> None:
    scene = ask(begun(), "set", 10, 2, SetDoNotDisturb(True).to_xml())
    tell(scene, "told", 10.2, 2, 3600, ON.content)
    scene.change("told", Via=f"SIP/2.0/UDP {PROXY};branch=z9hG4bKt;rport").said["told"].source = PROXY
    scene.said["told-ok"].destination = PROXY
    assert passes("FS-016", heard_again(scene, 80.0), until=100.0)


def test_an_old_value_nobody_saw_may_have_been_off() -> None:
    scene = ask(begun(), "set", 10, 2, SetForwarding(IMMEDIATE, True, "09&00").to_xml())
    tell(scene, "told", 10.2, 2, 3600, forward(False))
    scene.drop("subscribe", "ok", "state", "state-ok")
    assert doubts("FS-020", scene)
    assert doubts("FS-012", scene)
    scene.change("told", body=forward(True, "0900"))
    assert fails("FS-012", scene, party=SERVER)


@pytest.mark.parametrize(
    ("asked", "told", "verdict"),
    [
        ("2050", "sip:2050@example.com", passes),
        ("+49 89 2050", "tel:+49892050", passes),
        ("2050", "+49892050", doubts),
        (None, "2050", passes),
        ("2050", "2051", fails),
        ("2050", "true", fails),
    ],
)
def test_a_number_may_be_written_in_another_form(asked: str | None, told: str, verdict: Any) -> None:
    scene = ask(begun(), "set", 10, 2, SetForwarding(IMMEDIATE, True, asked).to_xml())
    tell(scene, "told", 10.2, 2, 3600, forward(True, told))
    assert verdict("FS-020", scene)


def switched_off_twice(second: str | None) -> Scene:
    """A forward is switched off with no number, set again in the portal, and kept when it is switched off again."""
    scene = ask(begun(FORWARDED), "a", 10, 2, SetForwarding(IMMEDIATE, False, None).to_xml())
    tell(scene, "a-told", 10.2, 2, 3600, forward(False))
    tell(scene, "portal", 600, 3, 3000, forward(True, "2050"))
    ask(scene, "b", 1200, 3, SetForwarding(IMMEDIATE, False, second).to_xml())
    tell(scene, "b-told", 1200.2, 4, 3600, forward(True, "2050"))
    return scene


def test_off_in_one_form_and_not_in_another() -> None:
    assert doubts("FS-022", switched_off_twice(None))  # the same form: refused by policy, it seems
    assert fails("FS-022", switched_off_twice(""), party=SERVER)
    scene = second_phone(switched_off_twice(""))
    body = SetForwarding(IMMEDIATE, True, "2050").to_xml()
    ask(scene, "rival", 1200.02, 2, body, by=OTHER, From="<sip:2001@example.com>;tag=ph2", **SECOND)
    assert silent("FS-022", scene)


def test_the_operators_number_is_a_number() -> None:
    scene = ask(begun(), "on", 10, 2, SetForwarding(IMMEDIATE, True, "0").to_xml())
    tell(scene, "on-told", 10.2, 2, 3600, forward(True, "0"))
    tell(scene, "off-told", 60.2, 3, 3550, forward(False, "0"))
    assert passes("FS-014", scene)
    assert fails("FS-014", scene.drop("on", "on-ok", "on-told", "on-told-ok"), party=SERVER)


def test_an_empty_ring_count_says_nothing() -> None:
    scene = begun()
    body = forward(True, "2050").replace(b"</ForwardingEvent>", b"<ringCount/></ForwardingEvent>")
    tell(scene, "told", 10, 2, 3590, body)
    assert passes("FS-023", scene)
    assert fails("FS-023", scene.change("told", body=body.replace(b"<ringCount/>", b"<ringCount>3</ringCount>")))


def test_a_state_told_on_the_way_is_not_the_answer() -> None:
    """A refresh had asked for the whole state in single NOTIFYs, and a Set came in between."""
    odd = SetDoNotDisturb(True).to_xml().replace(b"<device/>", b"<device/><!-- pressed -->")
    scene = ask(begun(), "set", 10, 2, odd)
    tell(scene, "old", 10.1, 2, 3600, OFF.content)
    tell(scene, "told", 10.3, 3, 3600, ON.content)
    assert passes("FS-025", scene)
    assert fails("FS-025", scene.drop("told", "told-ok"), party=SERVER, level="SHOULD")


# -- other phones, other people ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("id_", "body", "status"),
    [
        ("FS-026", b"<SetDoNotDisturb", 400),
        ("FS-046", SetDoNotDisturb(True).to_xml(), 403),
        ("FS-037", SetDoNotDisturb(True).to_xml(), 401),
    ],
)
def test_what_another_phone_asks_for_is_its_own_effect(id_: str, body: bytes, status: int) -> None:
    scene = ask(second_phone(begun()), "first", 10, 2, body, status)
    assert passes(id_, by_the_other(scene, "later", 14, SetDoNotDisturb(True).to_xml()))
    alone = ask(begun(), "first", 10, 2, body, status)
    tell(alone, "told", 10.3, 2, 3500, ON.content)
    assert fails(id_, alone, party=SERVER)
    assert doubts(id_, alone.move("told", 16).move("told-ok", 16.1))  # somebody may have used the portal
    assert fails(id_, recorded(alone, pressed(9)), party=SERVER)
    portal: tuple[float, str, dict[str, object]] = (15.9, "server", {"do": "set_dnd", "user": "2001", "on": True})
    assert passes(id_, recorded(alone, portal))


def test_others_are_told_the_same() -> None:
    scene = ask(second_phone(begun()), "set", 10, 2, SetDoNotDisturb(True).to_xml())
    tell(scene, "told", 10.2, 2, 3600, ON.content)
    tell(scene, "other-told", 10.25, 2, 3580, OFF.content, to=OTHER, **SECOND)
    assert fails("FS-017", scene, until=100.0, party=SERVER)
    assert doubts("FS-017", scene.drop("other-told-ok"), until=100.0)
    tell(scene, "again", 20.0, 3, 3580, ON.content, to=OTHER, **SECOND)
    assert passes("FS-017", scene, until=100.0)


def test_nothing_can_be_told_over_a_broken_stream() -> None:
    scene = ask(second_phone(begun(transport="tcp")), "set", 10, 2, SetDoNotDisturb(True).to_xml())
    tell(scene, "told", 10.2, 2, 3600, ON.content)
    recorded(scene, pressed(9))
    assert doubts("FS-017", scene, until=100.0)
    assert fails("FS-017", heard_again(scene, 80.0, to=OTHER), until=100.0, party=SERVER)


def test_a_set_that_was_repeated_may_bring_a_change_and_a_state() -> None:
    scene = ask(begun(), "set", 10, 2, SetDoNotDisturb(True).to_xml())
    scene.again(10.5, "set", "set-ok")
    tell(scene, "change", 10.2, 2, 3600, ON.content)
    tell(scene, "whole", 10.3, 3, 3600, STATE_ON.content, STATE_ON.content_type)
    assert passes("FS-038", scene)
    tell(scene, "again", 10.7, 4, 3600, ON.content)
    assert fails("FS-038", scene, party=SERVER)
    restart: tuple[float, str, dict[str, object]] = (10.3, "server", {"do": "restart"})
    assert passes("FS-038", recorded(scene, restart))


def test_what_had_to_wait_for_an_answer_is_not_told_twice() -> None:
    scene = ask(begun(), "set", 10, 2, SetDoNotDisturb(True).to_xml())
    tell(scene, "before", 9.5, 2, 3600, ON.content)
    tell(scene, "change", 10.2, 3, 3600, ON.content)
    tell(scene, "again", 10.7, 4, 3600, ON.content)
    scene.again(10.5, "set", "set-ok")
    assert passes("FS-038", scene)
    assert fails("FS-038", scene.move("before", 5.0).move("before-ok", 5.1), party=SERVER)


def test_who_one_says_he_is() -> None:
    """FreeSWITCH took the user of a change from From, and the one who proves it from To."""
    scene, mine, victims = Scene(), "sip:2001@example.com", "sip:2002@example.com"
    for name, aor, by in (("2001", mine, PHONE), ("2002", victims, OTHER)):
        proof: dict[str, Any] = {"Proxy_Authorization": f'Digest username="{name}", realm="r"'}
        scene.ask(name, -9, "REGISTER", by=by, call=name, To=f"<{aor}>", From=f"<{aor}>;tag=r", Expires="60", **proof)
        scene.answer(f"{name}-ok", -8.9, name)
    second_phone(scene, address=victims)
    forged: dict[str, Any] = {"From": f"<{victims}>;tag=ph1", "Authorization": 'Digest username="2001", realm="r"'}
    ask(scene, "forged", 10, 1, SetDoNotDisturb(True).to_xml(), To=f"<{mine}>", **forged)
    stimulus: dict[str, object] = {"call_id": "c1", "branch": scene.trace().messages[-2].branch}
    assert doubts("FS-040", scene)
    scene.observations.append(Observation(_ns(0), "phone", "stimulus", stimulus))
    assert fails("FS-040", scene, party=SERVER, level="SHOULD")
    assert not fails("FS-040", scene, level="MUST")
    tell(scene, "hit", 10.2, 2, 3580, ON.content, to=OTHER, **SECOND)
    assert fails("FS-040", scene, party=SERVER, level="MUST")
    assert passes("FS-040", scene.change("forged-ok", start="SIP/2.0 403 No"))


def changed_in_the_portal(told: bool) -> Scene:
    scene = heard_again(begun(), 90.0, 140.0)
    if told:
        tell(scene, "portal", 100.2, 2, 3500, ON.content)
    intent: tuple[float, str, dict[str, object]] = (100.0, "server", {"do": "set_dnd", "user": "2001", "on": True})
    return recorded(scene, intent)


def test_a_change_at_the_server_is_told() -> None:
    stored = Observation(_ns(100.1), "server", "belief", {"2001.dnd": True})
    assert passes("FS-307", changed_in_the_portal(told=True), until=200.0)
    scene = changed_in_the_portal(told=False)
    assert silent("FS-307", scene, until=200.0)  # nobody knows whether it was done
    scene.observations.append(stored)
    assert fails("FS-307", scene, until=200.0, party=SERVER)
    restarted = recorded(changed_in_the_portal(told=False), (95.0, "server", {"do": "restart"}))
    restarted.observations.append(stored)
    assert silent("FS-307", restarted, until=200.0)  # it may know of no subscription any more
    lost = changed_in_the_portal(told=False)
    lost.observations.append(stored)
    assert fails("FS-307", ask(lost, "refresh", 50.0, 2, b"", 503), until=200.0, party=SERVER)
    assert silent("FS-307", lost.change("refresh-ok", start="SIP/2.0 481 Gone"), until=200.0)
    scene.drop("alive140.0", "alive140.0-ok")
    assert silent("FS-307", scene, until=200.0)  # the line may be down


# -- refusals ------------------------------------------------------------------------------------------------


def test_a_busy_server_and_one_that_was_overtaken() -> None:
    scene = ask(begun(), "odd", 10, 2, b"<broken", 500)
    assert fails("FS-026", scene, party=SERVER)
    assert passes("FS-026", scene.change("odd-ok", start="SIP/2.0 503 Busy"))
    scene.change("odd-ok", start="SIP/2.0 500 Old")
    assert passes("FS-026", ask(scene, "newer", 9, 3, SetDoNotDisturb(False).to_xml()))


def test_a_line_that_is_down_is_no_crash() -> None:
    scene = ask(begun(), "odd", 10, 2, b"<broken").drop("odd-ok")
    for after in (0.5, 1.5, 3.5, 7.5, 11.5, 15.5):
        scene.again(10 + after, "odd")
    assert doubts("FS-026", scene, until=100.0)
    assert fails("FS-026", heard_again(scene, 80.0), until=100.0, party=SERVER)


def test_a_senseless_request_may_be_refused_whatever_its_device() -> None:
    scene = ask(begun(), "good", 10, 2, SetDoNotDisturb(True, "7659366").to_xml())
    ask(scene, "bad", 60, 3, SetDoNotDisturb(True).to_xml().replace(b">true<", b">perhaps<"), 400)
    assert passes("FS-011", scene)
    assert fails("FS-011", scene.change("bad", body=SetDoNotDisturb(True).to_xml()), party=SERVER)


@pytest.mark.parametrize("status", [400, 481, 500])
def test_an_end_that_is_refused(status: int) -> None:
    scene = begun()
    scene.ask("end", 100, "SUBSCRIBE", **(INSIDE | {"seq": 2, "Expires": "0"}))
    scene.answer("end-ok", 100.1, "end", status)
    assert silent("FS-035", scene, until=400.0)
    tell(scene, "more", 200, 2, 3400, ON.content)
    assert fails("FS-035", scene, party=SERVER)
    assert silent("FS-035", scene.change("end-ok", start="SIP/2.0 503 Busy"))


def test_a_package_nobody_has() -> None:
    scene = begun()
    scene.ask("odd", 5, "SUBSCRIBE", call="c7", tag="x7", Event="x-nobody-knows-this", Expires="600")
    scene.answer("odd-ok", 5.1, "odd", 200)
    assert fails("FS-030", scene, party=SERVER, level="MUST")
    assert fails("FS-030", scene.change("odd-ok", start="SIP/2.0 500 Oops"), level="MUST")
    for status in (403, 405, 501, 503):
        assert passes("FS-030", scene.change("odd-ok", start=f"SIP/2.0 {status} No"))


# -- documents -------------------------------------------------------------------------------------------------


def told(document: str | bytes, kind: str = CONTENT_TYPE) -> Scene:
    scene = begun()
    tell(scene, "told", 100, 2, 3500, document if isinstance(document, bytes) else document.encode(), kind)
    return scene


@pytest.mark.parametrize(
    ("name", "codec", "number"),
    [
        ("latin1", "latin-1", "Büro"),
        ("ISO_8859-1", "latin-1", "Büro"),
        ("ASCII", "ascii", "20"),
        ("TIS-620", "tis-620", "สำนักงาน"),
        ("windows-874", "cp874", "สำนักงาน"),
        ("cp1252", "cp1252", "Büro"),
        ("utf-32", "utf-32", "Büro"),
        ("ISO-2022-JP", "iso2022-jp", "会社"),
        ("ISO-10646-UCS-2", "utf-16", "Büro"),
    ],
)
def test_any_charset_that_is_declared(name: str, codec: str, number: str) -> None:
    text = forward(True, "NUMBER").decode().replace("ISO-8859-1", name).replace("NUMBER", number)
    scene = ask(told(text.encode(codec)), "set", 99, 2, SetForwarding(IMMEDIATE, True, number).to_xml("UTF-8"))
    assert passes("FS-009", scene)
    assert passes("FS-012" if not number.isascii() else "FS-020", scene)


def test_a_charset_nobody_here_can_read() -> None:
    assert doubts("FS-009", told(ON.content.replace(b"ISO-8859-1", b"EUC-TW")))
    assert doubts("FS-009", told(ON.content.replace(b"ISO-8859-1", b"unicode_escape")))


def test_a_charset_that_the_content_type_tells() -> None:
    text = forward(True, "NUMBER").decode().replace(' encoding="ISO-8859-1"', "").replace("NUMBER", "Büro")
    assert fails("FS-009", told(text.encode("latin-1")), party=SERVER)
    assert passes("FS-009", told(text.encode("latin-1"), f"{CONTENT_TYPE};charset=ISO-8859-1"))


@pytest.mark.parametrize(
    "more",
    [
        b"<monitorCrossRefID>7</monitorCrossRefID>",
        b'<v:ringSplash xmlns:v="urn:vendor">false</v:ringSplash>',
        b'<v:doNotDisturbOn xmlns:v="urn:vendor">maybe</v:doNotDisturbOn>',
    ],
)
def test_more_elements_than_the_package_needs(more: bytes) -> None:
    scene = told(ON.content.replace(b"<device>", more + b"<device>"))
    assert passes("FS-010", scene)
    assert passes("FS-013", scene)


def multipart(old: bytes, new: bytes) -> Scene:
    body = STATE.content.replace(old, new)
    assert body != STATE.content
    return begun(body)


def test_parts_of_other_kinds_are_legal() -> None:
    note = b"--feature-state\r\nContent-Type: text/plain\r\n\r\nstate of 2001\r\n--feature-state--"
    assert passes("FS-008", multipart(b"--feature-state--", note))
    assert fails("FS-008", multipart(CONTENT_TYPE.encode(), b"text/plain"), party=SERVER, level="MUST")


def test_a_length_that_counts_the_lone_line_feed_before_a_delimiter() -> None:
    part = STATE.content.split(b"\r\n\r\n")[1].split(b"\r\n--feature-state")[0]
    lengths = f"{CONTENT_TYPE}\r\nContent-Length: {len(part) + 1}\r\n".encode()
    body = STATE.content.replace(f"{CONTENT_TYPE}\r\n".encode(), lengths, 1).replace(b"\r\n--feature", b"\n--feature")
    assert fails("FS-008", begun(body), level="SHOULD")
    assert not fails("FS-008", begun(body), level="MUST")


def test_every_rule_is_told_once() -> None:
    hostile = b"--feature-state\n" * 5000
    found = failures("FS-008", begun(hostile))
    assert 0 < len(found) < 10
    assert any(f.observed.endswith("more places") for f in found)


def test_a_document_by_another_name() -> None:
    scene = told(ON.content, "application/csta+xml")
    assert fails("FS-008", scene, party=SERVER, level="MUST")
    assert passes("FS-008", scene.change("subscribe", Accept="application/csta+xml, multipart/mixed"))


def test_documents_are_their_writers() -> None:
    relayed = "SIP/2.0/UDP {};branch=z9hG4bKp\nSIP/2.0/UDP {};branch=z9hG4bKs"
    scene = told(ON.content.replace(b">true<", b">yes<")).change("told", Via=relayed.format(PROXY, SERVER))
    scene.said["told"].source = scene.said["told-ok"].destination = PROXY
    assert fails("FS-013", scene, party=SERVER)
    scene = ask(begun(), "set", 10, 2, SetDoNotDisturb(True).to_xml().replace(b">true<", b">yes<"))
    scene.change("set", Via=relayed.format(PROXY, PHONE)).said["set"].source = PROXY
    scene.said["set-ok"].destination = PROXY
    assert fails("FS-110", scene, party=PHONE)
    sides = {(f.check.id, str(f.side)) for f in judge(scene.trace()).findings if f.check and f.check.id == "FS-305"}
    assert sides == {("FS-305", "phone")}


# -- phones ----------------------------------------------------------------------------------------------------


def test_a_phone_behind_a_nat_is_addressed_where_it_is() -> None:
    scene = begun().change("subscribe", Contact="<sip:u@192.168.1.5:5060>")
    assert fails("FS-005", scene, party=SERVER, level="SHOULD")
    assert not fails("FS-005", scene, level="MUST")


def asked_anew(at: float) -> Scene:
    """A key was pressed, and the server tells of a change in a dialog its phone no longer knows."""
    scene = ask(begun(), "set", 100, 2, SetDoNotDisturb(True).to_xml())
    tell(scene, "told", 100.2, 2, 3600, ON.content)
    scene.ask("anew", at, "SUBSCRIBE", **(PACKAGE | {"call": "c9", "tag": "ph9"}))
    scene.answer("anew-ok", at + 0.1, "anew")
    tell(scene, "stray", 106, 3, 3590, OFF.content)
    return scene.change("stray-ok", start="SIP/2.0 481 Gone")


def test_a_phone_that_was_started_anew_knows_nothing_of_its_old_subscription() -> None:
    assert passes("FS-104", asked_anew(104))
    assert fails("FS-104", asked_anew(110), party=PHONE)


def test_a_phone_that_was_told_481_answers_the_same() -> None:
    scene = begun()
    scene.ask("refresh", 91, "SUBSCRIBE", **(INSIDE | {"seq": 2}))
    scene.answer("refreshed", 91.05, "refresh", 481)
    tell(scene, "stray", 92, 2, 3500, ON.content)
    scene.change("stray-ok", start="SIP/2.0 481 Gone")
    assert passes("FS-104", scene)
    assert fails("FS-104", scene.change("refreshed", start="SIP/2.0 200 OK"), party=PHONE)


def test_a_type_that_was_not_accepted_may_be_refused() -> None:
    scene = begun().change("state-ok", start="SIP/2.0 415 No", Accept=CONTENT_TYPE)
    assert passes("FS-104", scene)
    assert fails("FS-104", scene.change("subscribe", Accept=f"{CONTENT_TYPE}, multipart/mixed"), party=PHONE)


def test_two_changes_may_be_challenged_at_once() -> None:
    challenge = {"WWW_Authenticate": 'Digest realm="r", nonce="n2", qop="auth"'}
    scene, bodies = begun(), (SetDoNotDisturb(True).to_xml(), SetForwarding(IMMEDIATE, True, "2050").to_xml())
    for number, body in enumerate(bodies):
        ask(scene, f"bare{number}", 10 + number / 50, 2 + number, body, 401)
        scene.change(f"bare{number}-ok", **challenge)
        proof = f'Digest username="2001", nonce="n2", qop=auth, cnonce="c", nc=0000000{number + 1}'
        ask(scene, f"proved{number}", 10.2 + number / 50, 4 + number, body, Authorization=proof)
    assert passes("FS-112", scene)
    again = 'Digest username="2001", nonce="n2", qop=auth, cnonce="c", nc=00000001'
    assert fails("FS-112", scene.change("proved1", Authorization=again), party=PHONE)
    assert fails("FS-112", scene.change("proved1", body=b""), party=PHONE)


def lost_change(times: int) -> Scene:
    """A change is refused with 481, and asked for in the new subscription."""
    scene = ask(begun(), "set", 10, 2, SetDoNotDisturb(True).to_xml(), 481)
    inside: dict[str, Any] = {"call": "c9", "tag": "ph9"}
    scene.ask("anew", 10.2, "SUBSCRIBE", **(PACKAGE | inside))
    scene.answer("anew-ok", 10.3, "anew")
    tell(scene, "anew-state", 10.4, 1, 3600, STATE.content, STATE.content_type, **inside)
    for number in range(times):
        ask(scene, f"again{number}", 11 + number, 2 + number, SetDoNotDisturb(True).to_xml(), **inside)
    return scene


def test_a_change_the_server_had_forgotten_is_asked_for_once_more() -> None:
    assert passes("FS-113", lost_change(1), until=60.0)
    assert fails("FS-113", lost_change(0), until=60.0, party=PHONE, level="SHOULD")
    assert doubts("FS-113", lost_change(2), until=60.0)
    assert fails("FS-113", recorded(lost_change(2), pressed(9)), until=60.0, party=PHONE, level="MUST")
    assert passes("FS-113", recorded(lost_change(2), pressed(9), pressed(11.5)), until=60.0)


def failed_change(status: int, *times: float, **more: str) -> Scene:
    scene = begun()
    for number, at in enumerate(times):
        ask(scene, f"set{number}", at, 2 + number, SetDoNotDisturb(True).to_xml(), status)
        scene.change(f"set{number}-ok", **more)
    return scene


def test_one_press_is_one_request() -> None:
    assert fails("FS-130", recorded(failed_change(500, 10, 11), pressed(9)), party=PHONE)
    assert passes("FS-130", recorded(failed_change(500, 10, 15), pressed(9), pressed(14)))
    assert passes("FS-130", failed_change(503, 10, 20, 30, 40, Retry_After="5"))
    assert fails("FS-130", failed_change(503, 10, 11, 12, 13, Retry_After="5"), party=PHONE)


def started(*, registered: float = 0.5, subscribed: float | None = 1.0) -> Scene:
    scene = Scene()
    scene.ask("register", registered - 0.1, "REGISTER", call="r", Expires="600")
    scene.answer("registered", registered, "register")
    if subscribed is not None:
        scene.ask("subscribe", subscribed, "SUBSCRIBE", **PACKAGE)
        scene.answer("ok", subscribed + 0.1, "subscribe")
        tell(scene, "state", subscribed + 0.2, 1, 3600, STATE.content, STATE.content_type)
    return recorded(scene, (0.0, "phone", {"do": "start", "sync": True}))


def test_a_phone_that_is_switched_on_subscribes() -> None:
    assert passes("FS-101", started(), until=100.0)
    assert fails("FS-101", started(subscribed=None), until=100.0, party=PHONE)
    assert silent("FS-101", started(subscribed=None), until=30.0)
    assert fails("FS-101", started(subscribed=0.2), until=100.0, party=PHONE)
    off = started(subscribed=None)
    off.observations[-1] = Observation(_ns(0), "phone", "intent", {"do": "start", "sync": False})
    assert silent("FS-101", off, until=100.0)


def test_a_line_is_followed_once() -> None:
    scene = started()
    scene.ask("second", 5, "SUBSCRIBE", **(PACKAGE | {"call": "c9", "tag": "ph9"}))
    scene.answer("second-ok", 5.1, "second")
    tell(scene, "second-state", 5.2, 1, 3600, STATE.content, STATE.content_type, call="c9", tag="ph9")
    assert passes("FS-101", scene, until=100.0)  # the older one may be forgotten
    scene.ask("refresh", 2880, "SUBSCRIBE", **(INSIDE | {"seq": 2}))
    scene.answer("refreshed", 2880.1, "refresh")
    assert fails("FS-101", scene, until=3000.0, party=PHONE)


def test_early_state_that_was_overtaken_is_refused() -> None:
    scene = begun().move("ok", 0.6).move("state", 0.3).move("state-ok", 0.35)
    tell(scene, "newer", 0.2, 2, 3600, ON.content)
    assert passes("FS-103", scene.change("state-ok", start="SIP/2.0 500 Old"))


def test_phones_behind_one_nat_are_refused_one_by_one() -> None:
    scene = Scene(transport="tcp")
    for number, port in enumerate((40_001, 40_002)):
        via = f"SIP/2.0/TCP 192.168.1.{5 + number}:5060;branch=z9hG4bKq{number};rport"
        by = Address("203.0.113.5", port)
        scene.ask(f"s{number}", number * 10, "SUBSCRIBE", by=by, call=f"c{number}", **(PACKAGE | {"Via": via}))
        scene.answer(f"s{number}-no", number * 10 + 0.1, f"s{number}", 403)
    assert silent("FS-114", scene)
    for number in range(2):
        scene.change(f"s{number}-no", start="SIP/2.0 423 Brief", Min_Expires="7200")
    assert silent("FS-115", scene)
