"""REG-001 … REG-025: one thing changed in a registration without fault."""

from __future__ import annotations

import pytest

from sipconform.checks.catalogue import catalogue
from sipconform.trace.packet import Address, Observation
from tests.checks.scenes import registration
from tests.checks.support import PHONE, PROXY, SERVER, SOURCE, Scene, doubts, fails, passes, silent

IDS = sorted(id_ for id_ in catalogue() if id_.startswith("REG-"))
MINE = f"<sip:u@{PHONE}>"


@pytest.mark.parametrize("id_", IDS)
def test_nobody_is_accused_without_fault(id_: str) -> None:
    assert silent(id_, registration(), until=5000.0)


@pytest.mark.parametrize("id_", ["REG-001", "REG-002", "REG-003", "REG-007", "REG-008", "REG-010"])
def test_passes_on_a_registration(id_: str) -> None:
    assert passes(id_, registration())


def test_domain_has_no_user() -> None:
    scene = registration().change("register", start="REGISTER sip:2001@example.com SIP/2.0")
    assert fails("REG-001", scene, party=PHONE)


def test_to_is_an_address() -> None:
    assert fails("REG-001", registration().change("register", To="nobody"), party=PHONE)


def test_call_id_stays() -> None:
    scene = Scene()
    for n in range(3):
        scene.ask(f"r{n}", 30.0 * n, "REGISTER", "sip:example.com", call=f"c{n}", Expires="60")
        scene.answer(f"ok{n}", 30.0 * n + 0.1, f"r{n}", Contact=f"{MINE};expires=60")
    assert fails("REG-001", scene, level="SHOULD")
    assert passes("REG-001", scene.change("r2", Call_ID="c1"))  # one restart


@pytest.mark.parametrize("number", [1, 2])
def test_cseq_rises(number: int) -> None:
    assert fails("REG-002", registration().change("refresh", CSeq=f"{number} REGISTER"), party=PHONE)


def test_lower_number_may_be_a_late_repetition() -> None:
    scene = registration().change("register", CSeq="7 REGISTER")
    assert passes("REG-002", scene.drop("remove", "removed"))
    scene.transport = "tcp"
    assert fails("REG-002", scene)


def by_tcp(scene: Scene, name: str, port: int, **changes: str) -> None:
    """One request of a scene leaves by a connection of its own."""
    via = f"SIP/2.0/TCP {PHONE};branch=z9hG4bK{name}{port}"
    scene.change(name, Via=via, **changes)
    scene.said[name].source = PHONE._replace(port=port)


def test_another_connection_may_have_stood_still() -> None:
    scene = registration().drop("remove", "removed", "challenge", "first")
    scene.transport = "tcp"
    by_tcp(scene, "register", 40001, CSeq="7 REGISTER")
    by_tcp(scene, "refresh", 40002, CSeq="6 REGISTER")
    assert silent("REG-002", scene)
    by_tcp(scene, "refresh", 40001, CSeq="6 REGISTER")
    assert fails("REG-002", scene)


@pytest.mark.parametrize(("at", "answered", "wrong"), [(32.5, False, False), (32.5, True, False), (600.0, True, True)])
def test_the_same_attempt_another_way(at: float, answered: bool, wrong: bool) -> None:
    """RFC 3263 §4.3: whoever gets no answer tries the same by another transport or connection."""
    scene = Scene(transport="tcp")
    for n, name in enumerate(("first", "again")):
        scene.ask(name, at * n, "REGISTER", "sip:example.com", Expires="60", Contact=MINE)
        by_tcp(scene, name, 40001 + n)
    if answered:
        scene.answer("ok", 0.1, "first", Contact=f"{MINE};expires=60")
    assert fails("REG-002", scene) if wrong else silent("REG-002", scene)


def test_registrars_have_a_call_id_each() -> None:
    scene = Scene()
    for n in range(3):
        registrar = Address(f"192.0.2.{10 + n}", 5060)
        scene.ask(f"r{n}", 1.0 * n, "REGISTER", "sip:example.com", to=registrar, call=f"c{n}", Expires="60")
        scene.answer(f"ok{n}", 1.0 * n + 0.1, f"r{n}", Contact=f"{MINE};expires=60")
    assert silent("REG-001", scene)


def late(by: float) -> Scene:
    scene = registration().drop("remove", "removed")
    return scene.move("refresh", 60.3 + by).move("refreshed", 60.4 + by)


def test_refresh_in_time() -> None:
    assert doubts("REG-003", late(10.0))
    assert fails("REG-003", late(40.0), party=PHONE, level="MUST")


def test_a_stream_may_stand_still() -> None:
    scene = late(100.0)
    scene.transport = "tcp"
    assert doubts("REG-003", scene)
    scene.ask("options", 100.0, "OPTIONS", call="o")  # nothing was stuck in that connection
    assert fails("REG-003", scene, party=PHONE, level="MUST")
    longer = late(2000.0)
    longer.transport = "tcp"
    assert fails("REG-003", longer, party=PHONE)


def test_times_are_exact_where_the_tap_sits_in_the_phone() -> None:
    scene = late(10.0)
    scene.observations.append(Observation(SOURCE * 10**9, "lab", "lab", {"ours": [str(PHONE)]}))
    assert fails("REG-003", scene, party=PHONE)


def test_the_phone_is_late_and_not_its_proxy() -> None:
    scene = late(40.0)
    for name in ("register", "refresh"):
        vias = f"SIP/2.0/UDP {PROXY};branch=z9hG4bKp{name}\nSIP/2.0/UDP {PHONE};branch=z9hG4bK{name}"
        scene.change(name, Via=vias, Contact=MINE)
        scene.said[name].source = PROXY
    scene.said["ok"].destination = PROXY
    assert fails("REG-003", scene, party=PHONE)


SECOND = f"<sip:u@{PHONE};transport=tcp>"


def two_contacts(refresh: float) -> Scene:
    """One Call-ID, two Contacts: the first for a minute, the second for an hour."""
    scene = registration().drop("remove", "removed", "refresh", "refreshed")
    scene.ask("second", 1.0, "REGISTER", "sip:example.com", seq=3, Contact=SECOND, Expires="3600")
    scene.answer("second-ok", 1.1, "second", Contact=f"{MINE};expires=59, {SECOND};expires=3600")
    scene.ask("later", refresh, "REGISTER", "sip:example.com", seq=4, Contact=MINE, Expires="60")
    return scene


def test_every_contact_has_its_time() -> None:
    assert passes("REG-003", two_contacts(40.0))
    assert fails("REG-003", two_contacts(500.0), party=PHONE), "the other Contact hides nothing"
    lapsed = two_contacts(1800.0).change("later", Contact=SECOND)
    assert silent("REG-003", lapsed), "the first was left to lapse"


def flow(n: int, left: int | None = None, port: int = 5060) -> str:
    told = "" if left is None else f";expires={left}"
    return f'<sip:u@{PHONE.host}:{port}>;reg-id={n};+sip.instance="<urn:uuid:1>"{told}'


def test_flows_share_a_uri() -> None:
    """RFC 5626 §4.2: one Contact URI over two flows is two bindings, each with its time."""
    scene = Scene()
    for name, at, n, listed in (
        ("a1", 0.0, 1, flow(1, 60)),
        ("b1", 5.0, 2, f"{flow(1, 55)}, {flow(2, 3600)}"),
        ("a2", 40.0, 1, f"{flow(1, 60)}, {flow(2, 3565)}"),
        ("b2", 1800.0, 2, f"{flow(1, 60)}, {flow(2, 3600)}"),
    ):
        again = name.endswith("2")
        life = "60" if n == 1 else "3600"
        scene.ask(name, at, "REGISTER", "sip:example.com", call=f"c{n}", seq=1 + again, Contact=flow(n), Expires=life)
        scene.answer(f"{name}-ok", at + 0.1, name, Contact=listed, Require="outbound")
    for id_ in ("REG-003", "REG-007", "REG-023", "REG-025", "REG-026"):
        assert silent(id_, scene), id_
    scene.ask("off", 1801.0, "REGISTER", "sip:example.com", call="c2", seq=3, Contact=flow(2), Expires="0")
    scene.answer("off-ok", 1801.1, "off", Contact=flow(1, 58))
    assert silent("REG-010", scene)
    assert silent("REG-007", scene)
    assert fails("REG-010", scene.change("off-ok", Contact=flow(2, 58)), party=SERVER)


def test_refresh_late_twice() -> None:
    scene = late(10.0)
    scene.ask("third", 145.0, "REGISTER", "sip:example.com", seq=4, Expires="60")
    assert fails("REG-003", scene)


def test_refresh_at_the_last_moment_is_noted() -> None:
    assert fails("REG-003", late(-1.0), level="INFO")


def test_missed_attempts_are_no_evidence() -> None:
    assert silent("REG-003", late(40.0).change("refresh", CSeq="9 REGISTER"))


def test_phone_goes_by_what_was_granted() -> None:
    scene = registration().change("ok", Contact=f"{MINE};expires=10").drop("remove", "removed")
    assert doubts("REG-003", scene)


def brief(asked: str) -> Scene:
    scene = registration().change("ok", start="SIP/2.0 423 Brief", Contact=None, Min_Expires="300")
    return scene.change("refresh", Expires=asked).change("refreshed", Contact=f"{MINE};expires={asked}")


def test_minimum_is_heeded() -> None:
    assert fails("REG-006", brief("60"), party=PHONE, level="SHOULD")
    assert passes("REG-006", brief("300"))


def test_what_left_before_the_423_is_no_loop() -> None:
    scene = brief("60").move("refresh", 0.25).move("refreshed", 0.5)
    assert silent("REG-006", scene)


def test_another_call_id_hides_no_loop() -> None:
    assert fails("REG-006", brief("60").change("refresh", Call_ID="c2"), party=PHONE, level="SHOULD")


def test_contact_parameter_wins() -> None:
    scene = registration().change("register", Contact=f"{MINE};expires=30")
    assert fails("REG-004", scene, party=SERVER)
    assert passes("REG-004", scene.change("ok", Contact=f"{MINE};expires=30"))


def test_grant_is_not_raised() -> None:
    assert fails("REG-007", registration().change("ok", Contact=f"{MINE};expires=90"), level="SHOULD")
    assert passes("REG-007", registration().change("ok", Contact=f"{MINE};expires=30"))


def test_too_brief_says_minimum() -> None:
    assert fails("REG-007", brief("300").change("ok", Min_Expires=None), level="MUST")


@pytest.mark.parametrize("value", [None, MINE, "<sip:else@192.0.2.99>;expires=60"])
def test_binding_is_listed(value: str | None) -> None:
    assert fails("REG-008", registration().change("ok", Contact=value), party=SERVER, level="MUST")


def test_a_contact_says_its_own_time() -> None:
    scene = registration().change("ok", Contact=MINE)
    assert fails("REG-008", scene, level="MUST")
    assert fails("REG-008", scene.change("ok", Expires="60"), level="SHOULD")
    assert not fails("REG-008", scene, level="MUST")


def test_date_is_a_warning() -> None:
    scene = registration().change("ok", Date=None)
    assert fails("REG-008", scene, level="SHOULD")
    assert not fails("REG-008", scene, level="MUST")


def test_removal() -> None:
    assert fails("REG-010", registration().change("removed", Contact=f"{MINE};expires=40"), party=SERVER)
    assert silent("REG-010", registration().change("removed", start="SIP/2.0 401 Who"))


def test_star() -> None:
    scene = registration().change("remove", Contact="*")
    assert passes("REG-010", scene)
    assert fails("REG-010", scene.change("removed", Contact=f"{MINE};expires=40"), party=SERVER)
    assert fails("REG-010", registration().change("remove", Contact="*", Expires="60"), party=SERVER)
    refused = registration().change("remove", Contact="*", Expires="60").change("removed", start="SIP/2.0 400 Bad")
    assert passes("REG-010", refused)


def test_stale_register() -> None:
    scene = registration().change("remove", CSeq="2 REGISTER")
    assert fails("REG-011", scene, party=SERVER)
    assert passes("REG-011", scene.change("removed", start="SIP/2.0 500 Old"))


def test_older_than_what() -> None:
    """RFC 3261 §10.3 step 7 compares with the binding: there must be one."""
    another = registration().change("remove", CSeq="2 REGISTER", Contact="<sip:else@192.0.2.99>")
    assert silent("REG-011", another)
    gone = registration().change("remove", CSeq="2 REGISTER").move("remove", 300.0).move("removed", 300.1)
    assert silent("REG-011", gone)
    star = registration().change("remove", CSeq="2 REGISTER", Contact="*")
    assert fails("REG-011", star, party=SERVER)


def test_query_may_be_old() -> None:
    assert silent("REG-011", registration().change("remove", CSeq="2 REGISTER", Contact=None))


def test_binding_is_not_doubled() -> None:
    two = f"{MINE};expires=60, <sip:u@192.0.2.51:5060;x=1>;expires=60"
    assert fails("REG-025", registration().change("ok", Contact=two), party=SERVER, level="SHOULD")
    other = f"{MINE};expires=60, <sip:u@192.0.2.52>;expires=60"
    assert passes("REG-025", registration().change("ok", Contact=other))
    flows = f'{MINE};expires=60;+sip.instance="<urn:a>", {MINE};expires=60;+sip.instance="<urn:a>"'
    assert silent("REG-025", registration().change("ok", Contact=flows))
