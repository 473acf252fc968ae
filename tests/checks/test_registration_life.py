"""REG-005, REG-009 … REG-026: what time, links, restarts and watchers do to a registration."""

from __future__ import annotations

import pytest

from sipconform.checks.catalogue import catalogue
from sipconform.features.reginfo import CONTENT_TYPE, RegContact, RegInfo, Registration
from sipconform.sip.stun import REQUEST, StunMessage, binding_answer
from sipconform.trace.correlate import correlate
from sipconform.trace.packet import Address, Observation, Packet
from sipconform.trace.trace import Trace
from tests.checks.scenes import notify
from tests.checks.support import OTHER, PHONE, SERVER, SOURCE, Scene, fails, passes, silent

AOR = "<sip:2001@example.com>"
MINE = f"<sip:u@{PHONE}>"
PROMISE = {"register_refresh": 15.0, "register_expires": 30.0, "loss_detect_max": 15.0}
LONG = 400.0
CHALLENGE = 'Digest realm="r", nonce="{}"'


def say(scene: Scene, at: float, who: str, kind: str, **what: object) -> None:
    scene.observations.append(Observation((SOURCE * 10**9) + round(at * 1e9), who, kind, what))


def lab(scene: Scene) -> Scene:
    actors = {"phone": str(PHONE), "other": str(OTHER)}
    say(scene, -20, "lab", "lab", servers=[str(SERVER)], phones=[str(PHONE), str(OTHER)], actors=actors, timing=PROMISE)
    say(scene, -19, "phone", "belief", registered=False, lost=False)
    return scene


def register(scene: Scene, name: str, at: float, seq: int, status: int = 200, **headers: str | None) -> None:
    """A REGISTER for thirty seconds and its answer, named `name` and `name-ok`."""
    scene.ask(name, at, "REGISTER", "sip:example.com", **({"Expires": "30"} | headers), seq=seq)  # type: ignore[arg-type]
    listed = {"Contact": f"{MINE};expires=30"} if status == 200 else {}
    scene.answer(f"{name}-ok", at + 0.1, name, status, **listed)


def living() -> Scene:
    """Three registrations fifteen seconds apart."""
    scene = lab(Scene())
    for n in range(3):
        register(scene, f"r{n}", 15.1 * n, n + 1)
    say(scene, 0.2, "phone", "belief", registered=True)
    return scene


def call(scene: Scene, at: float, status: int = 0, *, rung: str = "") -> Scene:
    """A colleague calls 2001: the server rings a Contact, or refuses with `status`."""
    from_, to = "<sip:2002@example.com>;tag=o", AOR
    scene.ask("invite", at, "INVITE", by=OTHER, call="i1", tag="o", From=from_, To=to)
    if rung:
        scene.ask("rung", at + 0.1, "INVITE", rung, by=SERVER, to=PHONE, call="i2", tag="s", From=from_, To=to)
        scene.answer("rings", at + 0.2, "rung", 180)
    if status:
        scene.answer("refused", at + 0.3, "invite", status)
    return scene


def test_refresh_period() -> None:
    assert passes("REG-005", living())
    assert fails("REG-005", living().move("r2", 40.0).move("r2-ok", 40.1), party=PHONE, level="SHOULD")
    disturbed = living().move("r2", 20.0).move("r2-ok", 20.1)
    say(disturbed, 18.0, "phone", "intent", do="reboot")
    assert silent("REG-005", disturbed)


def test_query_changes_nothing() -> None:
    scene = living()
    scene.ask("query", 31.0, "REGISTER", "sip:example.com", seq=4, Contact=None)
    scene.answer("listed", 31.1, "query", Contact=f"{MINE};expires=29")
    assert passes("REG-009", scene)
    assert fails("REG-009", scene.change("listed", Contact=None), party=SERVER)
    assert silent("REG-009", scene.move("query", 80.0).move("listed", 80.1))  # its time was over


@pytest.mark.parametrize(("at", "wrong"), [(50.0, False), (62.0, True)])
def test_expired_contact_is_not_called(at: float, wrong: bool) -> None:
    scene = call(living(), at, rung=f"sip:u@{PHONE}")
    assert fails("REG-012", scene, party=SERVER) if wrong else passes("REG-012", scene)


@pytest.mark.parametrize(("status", "wrong"), [(480, False), (404, True)])
def test_caller_of_an_expired_contact(status: int, wrong: bool) -> None:
    scene = call(living(), 90.0, status)
    assert fails("REG-012", scene, level="SHOULD") if wrong else passes("REG-012", scene)


def test_a_refresh_that_may_have_arrived_keeps_the_contact() -> None:
    scene = call(living(), 62.0, rung=f"sip:u@{PHONE}")
    register(scene, "r3", 45.3, 4)
    assert silent("REG-012", scene.drop("r3-ok"))


@pytest.mark.parametrize(("at", "wrong"), [(50.0, True), (59.5, False)])
def test_live_binding_is_called(at: float, wrong: bool) -> None:
    scene = call(living(), at, 480)
    assert fails("REG-013", scene, party=SERVER) if wrong else passes("REG-013", scene)


def test_do_not_disturb_may_be_480_too() -> None:
    scene = call(living(), 50.0, 480)
    say(scene, 40.0, "server", "intent", do="set_dnd", user="2001", on=True)
    assert silent("REG-013", scene)


@pytest.mark.parametrize(("after", "wrong"), [(16.9, False), (18.0, True), (None, True)])
def test_loss_is_shown(after: float | None, wrong: bool) -> None:
    scene = living()
    say(scene, 31.0, "phone", "intent", do="lose_link")
    if after is not None:
        say(scene, 31.0 + after, "phone", "belief", registered=False, lost=True)
    assert fails("REG-014", scene, LONG, party=PHONE) if wrong else passes("REG-014", scene, LONG)


def test_a_link_that_comes_back_early_need_not_be_shown() -> None:
    scene = living()
    say(scene, 31.0, "phone", "intent", do="lose_link")
    say(scene, 40.0, "phone", "intent", do="regain_link")
    assert silent("REG-014", scene, LONG)


def test_first_failure_is_shown() -> None:
    scene = lab(Scene())
    register(scene, "r0", 0.0, 1, 403)
    assert fails("REG-014", scene, LONG, party=PHONE)
    say(scene, 0.2, "phone", "belief", lost=True)
    assert passes("REG-014", scene, LONG)


@pytest.mark.parametrize(("again", "wrong"), [(8.0, True), (32.2, True), (40.0, False)])
def test_silence_is_not_stormed(again: float, wrong: bool) -> None:
    scene = living()
    register(scene, "r3", 45.0, 4)
    register(scene, "r4", 45.0 + again, 5)
    scene.drop("r3-ok", "r4-ok")
    assert fails("REG-015", scene, party=PHONE, level="SHOULD") if wrong else passes("REG-015", scene)
    if again < 32:
        assert fails("REG-015", scene.change("r4", Contact="<sip:u@192.0.2.99>"), level="MUST")


@pytest.mark.parametrize(("after", "wrong"), [(20.0, False), (45.0, True)])
def test_phone_comes_back(after: float, wrong: bool) -> None:
    scene = living()
    say(scene, 31.0, "phone", "intent", do="lose_link")
    say(scene, 100.0, "phone", "intent", do="regain_link")
    register(scene, "back", 100.0 + after, 4)
    assert fails("REG-016", scene, LONG, party=PHONE) if wrong else passes("REG-016", scene, LONG)


def refused(times: int, *, stale: bool = False, same: bool = False) -> Scene:
    scene = lab(Scene())
    for n in range(times):
        given = f'Digest username="2001", nonce="{0 if same else n}", response="{0 if same else n}"'
        register(scene, f"r{n}", 2.0 * n, n + 1, 401, Authorization=given)
        challenge = CHALLENGE.format(n + 1) + (", stale=true" if stale else "")
        scene.change(f"r{n}-ok", WWW_Authenticate=challenge)
    return scene


def test_refused_credentials_rest() -> None:
    assert silent("REG-017", refused(2))
    assert fails("REG-017", refused(3), party=PHONE, level="SHOULD")
    assert fails("REG-017", refused(2, same=True), party=PHONE, level="MUST")


def test_stale_nonce_is_answered() -> None:
    assert fails("REG-017", refused(1, stale=True), LONG, party=PHONE, level="SHOULD")
    assert silent("REG-017", refused(1, stale=True), 10.0)


def test_foreign_numbers_are_refused() -> None:
    scene = living()
    scene.ask("theirs", 33.0, "REGISTER", "sip:example.com", call="c9", To="<sip:2002@example.com>", Expires="30")
    scene.answer("given", 33.1, "theirs", Contact=f"{MINE};expires=30")
    assert silent("REG-018", scene)  # nobody said that the number is somebody else's
    say(scene, 33.0, "phone", "intent", do="register_as", user="2002", domain="")
    assert fails("REG-018", scene, party=SERVER)
    assert fails("REG-018", living().change("r1-ok", start="SIP/2.0 603 Decline"), party=SERVER)
    elsewhere = living().change("r1", To="<sip:2001@elsewhere.example>")
    assert fails("REG-018", elsewhere, party=SERVER)


def handed_on() -> Scene:
    scene = living()
    say(scene, 35.0, "server", "intent", do="dismiss", user="2001")
    say(scene, 36.0, "server", "intent", do="hire")
    return scene


def test_extension_starts_anew() -> None:
    assert fails("REG-019", call(handed_on(), 40.0, rung=f"sip:u@{PHONE}"), party=SERVER)
    fresh = handed_on()
    register(fresh, "new", 38.0, 9)
    assert passes("REG-019", call(fresh, 40.0, rung=f"sip:u@{PHONE}"))
    assert fails("REG-019", fresh.change("rung", Diversion=f"{AOR};reason=unconditional"), party=SERVER)


def test_phone_signs_off() -> None:
    scene = living()
    say(scene, 35.0, "phone", "intent", do="stop")
    assert fails("REG-020", scene, LONG, party=PHONE, level="INFO")
    register(scene, "off", 35.1, 4, Expires="0")
    assert passes("REG-020", scene, LONG)


def with_signs(scene: Scene, *signs: tuple[float, Address, bytes], until: float = LONG) -> Trace:
    """The scene's evidence, with signs of life between phone and server."""
    to = {PHONE: SERVER, SERVER: PHONE}
    packets = [Packet(SOURCE * 10**9 + round(at * 1e9), by, to[by], scene.transport, data) for at, by, data in signs]
    told = [message.packet for message in scene.trace().messages]
    trace = correlate([*sorted([*told, *packets], key=lambda p: p.time_ns), *scene.observations])
    trace.end_ns = SOURCE * 10**9 + round(until * 1e9)
    return trace


def verdicts(id_: str, trace: Trace) -> set[str]:
    return {str(f.verdict) for f in catalogue()[id_].ask(trace)}


def test_ping_is_answered() -> None:
    scene = living()
    scene.transport = "tcp"
    ping, pong = (40.0, PHONE, b"\r\n\r\n"), (40.1, SERVER, b"\r\n")
    assert verdicts("REG-021", with_signs(scene, ping, pong)) == {"pass"}
    assert verdicts("REG-021", with_signs(scene, ping)) == {"fail"}
    assert verdicts("REG-021", with_signs(scene, ping, until=45.0)) == set()


def test_dead_flow_is_left() -> None:
    scene = living()
    scene.transport = "tcp"
    say(scene, 35.0, "phone", "intent", do="lose_link")
    say(scene, 60.0, "phone", "intent", do="regain_link")
    ping = (40.0, PHONE, b"\r\n\r\n")
    assert verdicts("REG-021", with_signs(scene, ping)) == {"fail"}
    register(scene, "anew", 80.0, 4)
    assert verdicts("REG-021", with_signs(scene, ping)) == {"pass"}


def test_stun_is_answered() -> None:
    request = StunMessage(REQUEST, b"123456789012")
    asked = [(40.0 + n, PHONE, request.to_bytes()) for n in range(3)]
    answer = (43.1, SERVER, binding_answer(request, PHONE.host, PHONE.port).to_bytes())
    assert verdicts("REG-022", with_signs(living(), *asked, answer)) == {"pass"}
    assert verdicts("REG-022", with_signs(living(), *asked)) == {"fail"}
    assert verdicts("REG-022", with_signs(living(), *asked[:2])) == set()


def test_flow_timer_is_obeyed() -> None:
    scene = living().drop("r1", "r1-ok", "r2", "r2-ok").change("r0-ok", Flow_Timer="20", Require="outbound")
    sign = StunMessage(REQUEST, b"123456789012")
    answer = (19.1, SERVER, binding_answer(sign, PHONE.host, PHONE.port).to_bytes())
    assert verdicts("REG-022", with_signs(scene, (19.0, PHONE, sign.to_bytes()), answer)) == {"pass"}
    assert "fail" in verdicts("REG-022", with_signs(scene))


def flow(n: int) -> str:
    return f'{MINE};reg-id=1;+sip.instance="<urn:uuid:{n}>"'


def test_instance_is_stable() -> None:
    scene = living().change("r0", Contact=flow(1)).change("r1", Contact=flow(1)).change("r2", Contact=flow(1))
    assert passes("REG-023", scene)
    assert fails("REG-023", scene.change("r2", Contact=flow(2)), party=PHONE, level="SHOULD")


def test_flow_has_one_binding() -> None:
    twice = f"{flow(1)};expires=30, {flow(1).replace('u@', 'v@')};expires=30"
    scene = living().change("r2-ok", Contact=twice)
    assert silent("REG-023", scene)  # the registrar never said that it knows outbound
    assert fails("REG-023", scene.change("r2-ok", Require="outbound"), party=SERVER, level="MUST")


def watched(*versions: int, event: str = "registered") -> Scene:
    scene = living()
    scene.ask("watch", 31.0, "SUBSCRIBE", call="w", tag="w1", Event="reg", Expires="600")
    scene.answer("watching", 31.1, "watch")
    for n, version in enumerate(versions):
        state = "terminated" if event in ("unregistered", "expired") else "active"
        contact = RegContact("c1", f"sip:u@{PHONE}", state, event, 30)
        body = RegInfo(version, True, (Registration("sip:2001@example.com", "r1", "active", (contact,)),)).to_xml()
        state_line = f"active;expires={599 - n}"
        notify(scene, f"n{n}", 31.2 + n, n + 1, state_line, "reg", call="w", tag="w1", body=body, kind=CONTENT_TYPE)
    return scene


def test_versions_count_up() -> None:
    assert passes("REG-024", watched(0, 1, 2))
    assert fails("REG-024", watched(0, 0), party=SERVER, level="MUST")
    assert fails("REG-024", watched(0, 2), party=SERVER, level="MUST")


def test_documents_fit_the_schema() -> None:
    scene = watched(0)
    assert fails("REG-024", scene.change("n0", body=b'<reginfo version="x"/>'), party=SERVER)


def test_removal_is_told() -> None:
    scene = watched(0, 1)
    register(scene, "off", 32.0, 4, Expires="0")
    scene.change("off-ok", Contact=None)
    assert fails("REG-024", scene, LONG, party=SERVER, level="SHOULD")
    told = watched(0, 1, event="unregistered")
    register(told, "off", 32.0, 4, Expires="0")
    assert passes("REG-024", told.change("off-ok", Contact=None), LONG)


def test_restart_leaves_one_binding() -> None:
    scene = living()
    scene.ask("boot", 33.0, "REGISTER", "sip:example.com", call="c2", Expires="30")
    scene.answer("booted", 33.1, "boot", Contact=f"{MINE};expires=30")
    assert passes("REG-026", scene)
    assert fails("REG-026", scene.change("booted", Contact=f"{MINE};expires=30, {MINE};expires=12"), party=SERVER)
