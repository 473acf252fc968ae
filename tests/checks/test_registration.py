"""REG-001 … REG-025: one thing changed in a registration without fault."""

from __future__ import annotations

import pytest

from sipconform.checks.catalogue import catalogue
from tests.checks.scenes import registration
from tests.checks.support import PHONE, SERVER, Scene, doubts, fails, passes, silent

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


def late(by: float) -> Scene:
    scene = registration().drop("remove", "removed")
    return scene.move("refresh", 60.3 + by).move("refreshed", 60.4 + by)


def test_refresh_in_time() -> None:
    assert doubts("REG-003", late(10.0))
    assert fails("REG-003", late(40.0), party=PHONE, level="MUST")
    scene = late(10.0)
    scene.transport = "tcp"
    assert fails("REG-003", scene)


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


def test_query_may_be_old() -> None:
    assert silent("REG-011", registration().change("remove", CSeq="2 REGISTER", Contact=None))


def test_binding_is_not_doubled() -> None:
    two = f"{MINE};expires=60, <sip:u@192.0.2.51:5060;x=1>;expires=60"
    assert fails("REG-025", registration().change("ok", Contact=two), party=SERVER, level="SHOULD")
    other = f"{MINE};expires=60, <sip:u@192.0.2.52>;expires=60"
    assert passes("REG-025", registration().change("ok", Contact=other))
    flows = f'{MINE};expires=60;+sip.instance="<urn:a>", {MINE};expires=60;+sip.instance="<urn:a>"'
    assert silent("REG-025", registration().change("ok", Contact=flows))
