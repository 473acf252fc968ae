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
from tests.checks.support import OTHER, PHONE, SERVER, SOURCE, Scene, asked, doubts, fails, passes, silent

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


def test_the_period_goes_with_the_promised_life() -> None:
    raised = lab(Scene())
    for n in range(3):
        register(raised, f"r{n}", 30.1 * n, n + 1)
        raised.change(f"r{n}-ok", Contact=f"{MINE};expires=60")
    assert silent("REG-005", raised)


def test_query_changes_nothing() -> None:
    scene = living()
    scene.ask("query", 31.0, "REGISTER", "sip:example.com", seq=4, Contact=None)
    scene.answer("listed", 31.1, "query", Contact=f"{MINE};expires=29")
    assert passes("REG-009", scene)
    assert fails("REG-009", scene.change("listed", Contact=None), party=SERVER)
    assert silent("REG-009", scene.move("query", 80.0).move("listed", 80.1))  # its time was over


def test_a_phone_that_was_never_heard_may_have_left() -> None:
    scene = living().change("r2-ok", Contact=f"{MINE};expires=30, <sip:u@198.51.100.9>;expires=300")
    scene.ask("query", 31.0, "REGISTER", "sip:example.com", seq=4, Contact=None)
    scene.answer("listed", 31.1, "query", Contact=f"{MINE};expires=29")
    assert doubts("REG-009", scene)


def of_a_tenant(scene: Scene, name: str, domain: str, by: Address) -> None:
    """1001 of one domain registers at a server that has several."""
    aor, contact = f"<sip:1001@{domain}>", f"<sip:1001@{by}>"
    scene.ask(name, 0.0, "REGISTER", f"sip:{domain}", by=by, call=name, From=f"{aor};tag=x", To=aor, Contact=contact)
    scene.answer(f"{name}-ok", 0.1, name, Contact=f"{contact};expires=3600")


def test_two_tenants_have_one_number() -> None:
    scene = Scene()
    of_a_tenant(scene, "two", "tenant2.example", OTHER)
    of_a_tenant(scene, "one", "tenant1.example", PHONE)
    query = {"by": OTHER, "call": "two", "seq": 2, "To": "<sip:1001@tenant2.example>", "Contact": None}
    scene.ask("query", 5.0, "REGISTER", "sip:tenant2.example", **query)  # type: ignore[arg-type]
    scene.answer("listed", 5.1, "query", Contact=f"<sip:1001@{OTHER}>;expires=3595")
    assert passes("REG-009", scene)
    nobody = lab(Scene())
    of_a_tenant(nobody, "one", "tenant1.example", PHONE)
    nobody.ask("invite", 10.0, "INVITE", "sip:1001@tenant2.example", by=OTHER, call="i")
    nobody.answer("refused", 10.1, "invite", 480)
    assert silent("REG-013", nobody)
    by_address = nobody.change("invite", start=f"INVITE sip:1001@{SERVER.host} SIP/2.0")
    assert fails("REG-013", by_address, party=SERVER)
    of_a_tenant(by_address, "two", "tenant2.example", OTHER)
    assert silent("REG-013", by_address), "which of the two is meant is the server's to know"


@pytest.mark.parametrize(("at", "wrong"), [(50.0, False), (62.0, True)])
def test_expired_contact_is_not_called(at: float, wrong: bool) -> None:
    scene = call(living(), at, rung=f"sip:u@{PHONE}")
    assert fails("REG-012", scene, party=SERVER) if wrong else passes("REG-012", scene)


def test_whom_to_ring_is_settled_when_the_call_comes() -> None:
    """RFC 3261 §16.5: others may ring first while a binding runs out."""
    scene = call(living(), 50.0, rung=f"sip:u@{PHONE}").move("rung", 75.0).move("rings", 75.1)
    assert passes("REG-012", scene)
    assert doubts("REG-012", scene.drop("invite")), "when the call came in is not seen"
    assert fails("REG-012", scene.move("rung", 300.0).move("rings", 300.1), party=SERVER)


def signed_off(at: float, star: bool = False) -> Scene:
    """The phone signs off after 33 s, and somebody calls its user."""
    scene = call(living(), at, rung=f"sip:u@{PHONE}")
    register(scene, "off", 33.0, 4, Expires="0", Contact="*" if star else MINE)
    return scene.change("off-ok", Contact=None)


@pytest.mark.parametrize("star", [False, True])
def test_a_phone_that_has_signed_off_is_not_called(star: bool) -> None:
    assert fails("REG-027", signed_off(40.0, star), party=SERVER, level="MUST")
    assert passes("REG-027", signed_off(33.5, star)), "the two may have crossed"
    refused = signed_off(40.0, star).change("off-ok", start="SIP/2.0 401 Who")
    assert silent("REG-027", refused)
    back = signed_off(45.0, star)
    register(back, "on", 40.0, 5)
    assert passes("REG-027", back)
    lost = signed_off(45.0, star)
    register(lost, "on", 40.0, 5)
    assert passes("REG-027", lost.drop("on-ok")), "the REGISTER may have arrived"
    assert silent("REG-027", call(living(), 40.0, rung=f"sip:u@{PHONE}")), "nobody has signed off"


@pytest.mark.parametrize("id_", ["REG-012", "REG-027"])
def test_a_contact_may_be_anothers_too(id_: str) -> None:
    """Two lines of a phone may have one Contact, and the other one was registered before the capture began."""
    scene = signed_off(40.0) if id_ == "REG-027" else call(living(), 62.0, rung=f"sip:u@{PHONE}")
    scene.change("invite", start="INVITE sip:2009@example.com SIP/2.0").change("rung", To="<sip:2009@example.com>")
    assert doubts(id_, scene)


def test_one_flow_of_two_may_be_given_up() -> None:
    scene = call(Scene(), 40.0, rung=f"sip:u@{PHONE}")
    for n in (1, 2):
        contact = f'{MINE};reg-id={n};+sip.instance="<urn:uuid:1>"'
        register(scene, f"f{n}", 1.0 * n, 1, Contact=contact, Call_ID=f"c{n}")
        scene.change(f"f{n}-ok", Contact=f"{contact};expires=30")
    first = f'{MINE};reg-id=1;+sip.instance="<urn:uuid:1>"'
    register(scene, "off", 33.0, 2, Contact=first, Call_ID="c1", Expires="0")
    scene.change("off-ok", Contact=None)
    assert passes("REG-027", scene)


def test_a_deleted_user_is_not_found() -> None:
    scene = call(living(), 90.0, 404)
    say(scene, 80.0, "server", "intent", do="dismiss", user="2001")
    assert silent("REG-012", scene)


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


def test_a_stranger_may_have_switched_something_before() -> None:
    scene = call(living(), 50.0, 480)
    scene.observations.clear()
    assert doubts("REG-013", scene)


def test_the_phone_itself_may_refuse() -> None:
    """A server that writes the caller's number in its own way has called the phone all the same."""
    scene = call(living(), 50.0, 480, rung=f"sip:u@{PHONE}")
    scene.change("rung", From="<sip:+4930123@example.com>;tag=s").change("rings", start="SIP/2.0 480 Busy")
    assert passes("REG-013", scene)


def test_a_capture_without_registrations_proves_nothing() -> None:
    assert silent("REG-013", call(Scene(), 50.0, rung=f"sip:u@{PHONE}"))
    assert not asked("REG-013", call(Scene(), 50.0, rung=f"sip:u@{PHONE}"))


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


def test_a_new_call_id_is_the_same_storm() -> None:
    scene = living()
    for n in range(5):
        register(scene, f"s{n}", 45.0 + n, 1, Call_ID=f"s{n}")
        scene.drop(f"s{n}-ok")
    assert fails("REG-015", scene, party=PHONE, level="SHOULD")


def test_one_direction_alone_tells_of_no_silence() -> None:
    scene = living().drop("r0-ok", "r1-ok", "r2-ok")
    scene.observations.clear()
    assert doubts("REG-015", scene)


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


@pytest.mark.parametrize("fresh", [False, True])
def test_proxies_refuse_too(fresh: bool) -> None:
    scene = refused(3)
    for n in range(3):
        credentials = scene.said[f"r{n}"].headers["Authorization"]
        scene.change(f"r{n}", Authorization=None, Proxy_Authorization=credentials, Call_ID=f"c{n if fresh else 0}")
        challenge = scene.said[f"r{n}-ok"].headers["WWW-Authenticate"]
        scene.change(f"r{n}-ok", start="SIP/2.0 407 Who", WWW_Authenticate=None, Proxy_Authenticate=challenge)
    assert fails("REG-017", scene, party=PHONE, level="SHOULD")


def test_guesses_side_by_side_are_guesses() -> None:
    scene = refused(6)
    for n in range(6):
        scene.change(f"r{n}", Call_ID=f"c{n % 2}").move(f"r{n}", 0.1 * n).move(f"r{n}-ok", 0.1 * n + 0.15)
    assert fails("REG-017", scene, party=PHONE, level="SHOULD")


def test_challenges_in_between_hide_no_loop() -> None:
    scene = lab(Scene())
    for n in range(6):
        given = f'Digest username="2001", realm="r", nonce="{n}", response="{n}"' if n % 2 else None
        register(scene, f"r{n}", 2.0 * n, n + 1, 401, Authorization=given)
        scene.change(f"r{n}-ok", WWW_Authenticate=CHALLENGE.format(n + 1))
    assert fails("REG-017", scene, party=PHONE, level="SHOULD")


def test_another_realm_is_another_question() -> None:
    scene = refused(2, same=True)
    for n in range(2):
        scene.change(f"r{n}", Authorization='Digest username="2001", realm="proxy", nonce="1", response="0"')
    assert silent("REG-017", scene)


def test_forbidden_is_no_word_of_the_password() -> None:
    scene = refused(2, same=True)
    for n in range(2):
        scene.change(f"r{n}-ok", start="SIP/2.0 403 No", WWW_Authenticate=None)
    assert fails("REG-017", scene, party=PHONE, level="SHOULD")
    assert not fails("REG-017", scene, level="MUST")


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


def test_foreign_domains() -> None:
    elsewhere = living().change("r1", To="<sip:2001@elsewhere.example>")
    assert fails("REG-018", elsewhere, party=SERVER, level="INFO"), "the registrar may serve both"
    say(elsewhere, 14.0, "phone", "intent", do="register_as", user="2001", domain="elsewhere.example")
    assert fails("REG-018", elsewhere, party=SERVER, level="MUST")
    assert passes("REG-018", living().change("r1", From="<sip:scscf.example.com>;tag=x")), "a third party may do it"


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


def kept_alive() -> Scene:
    """The registrar confirms outbound."""
    return living().change("r0-ok", Require="outbound")


def test_a_server_that_never_said_so_need_not_answer() -> None:
    ping = (40.0, PHONE, b"\r\n\r\n")
    assert verdicts("REG-021", with_signs(Scene("tcp", living().said), ping)) == set()
    request = StunMessage(REQUEST, b"123456789012")
    requests = [(40.0 + n, PHONE, request.to_bytes()) for n in range(3)]
    assert verdicts("REG-022", with_signs(living(), *requests)) == set()


def test_a_strangers_capture_holds_no_signs_of_life() -> None:
    scene = living().drop("r1", "r1-ok", "r2", "r2-ok").change("r0-ok", Flow_Timer="20", Require="outbound")
    scene.observations.clear()
    assert verdicts("REG-022", with_signs(scene)) == set()


def test_ping_is_answered() -> None:
    scene = kept_alive()
    scene.transport = "tcp"
    ping, pong = (40.0, PHONE, b"\r\n\r\n"), (40.1, SERVER, b"\r\n")
    assert verdicts("REG-021", with_signs(scene, ping, pong)) == {"pass"}
    assert verdicts("REG-021", with_signs(scene, ping)) == {"fail"}
    assert verdicts("REG-021", with_signs(scene, ping, until=45.0)) == set()


def test_dead_flow_is_left() -> None:
    scene = kept_alive()
    scene.transport = "tcp"
    say(scene, 35.0, "phone", "intent", do="lose_link")
    say(scene, 60.0, "phone", "intent", do="regain_link")
    ping = (40.0, PHONE, b"\r\n\r\n")
    assert verdicts("REG-021", with_signs(scene, ping)) == {"fail"}
    register(scene, "anew", 80.0, 4)
    assert verdicts("REG-021", with_signs(scene, ping)) == {"pass"}


def test_stun_is_answered() -> None:
    request = StunMessage(REQUEST, b"123456789012")
    requests = [(40.0 + n, PHONE, request.to_bytes()) for n in range(3)]
    answer = (43.1, SERVER, binding_answer(request, PHONE.host, PHONE.port).to_bytes())
    assert verdicts("REG-022", with_signs(kept_alive(), *requests, answer)) == {"pass"}
    assert verdicts("REG-022", with_signs(kept_alive(), *requests)) == {"fail"}
    assert verdicts("REG-022", with_signs(kept_alive(), *requests[:2])) == set()


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


def test_a_removal_is_told_in_another_spelling() -> None:
    told = watched(0, 1, event="unregistered")
    register(told, "off", 32.0, 4, Expires="0", Contact=f"<sip:%75@{PHONE}>")
    assert passes("REG-024", told.change("off-ok", Contact=None), LONG)


def test_nobody_is_told_of_what_was_not_there() -> None:
    scene = watched(0, 1)
    register(scene, "boot", 32.0, 4, Expires="0", Contact="<sip:u@192.0.2.99>")
    assert silent("REG-024", scene.change("boot-ok", Contact=None), LONG)


def test_a_challenged_notify_comes_again_as_it_was() -> None:
    scene = watched(0, 0, 1).change("n0-ok", start="SIP/2.0 401 Who", WWW_Authenticate=CHALLENGE.format(1))
    assert passes("REG-024", scene)


def test_an_instance_has_two_bindings_at_a_registrar_that_knows_no_flows() -> None:
    one, two = (f'<sip:u@{PHONE.host}:{port}>;reg-id=1;+sip.instance="<urn:uuid:1>"' for port in (5060, 40000))
    scene = living()
    scene.change("r0", Contact=one).change("r0-ok", Contact=f"{one};expires=30")
    scene.ask("boot", 33.0, "REGISTER", "sip:example.com", call="c2", Expires="30", Contact=two)
    scene.answer("booted", 33.1, "boot", Contact=f"{one};expires=12, {two};expires=30")
    assert silent("REG-026", scene)
    outbound = scene.change("r0-ok", Require="outbound").change("booted", Require="outbound")
    assert fails("REG-026", outbound, party=SERVER)


def test_restart_leaves_one_binding() -> None:
    scene = living()
    scene.ask("boot", 33.0, "REGISTER", "sip:example.com", call="c2", Expires="30")
    scene.answer("booted", 33.1, "boot", Contact=f"{MINE};expires=30")
    assert passes("REG-026", scene)
    assert fails("REG-026", scene.change("booted", Contact=f"{MINE};expires=30, {MINE};expires=12"), party=SERVER)
