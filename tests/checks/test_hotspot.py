"""HOT-001 … HOT-065: what the checks leave alone, what they accuse, and what they make of a hostile record."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipconform.checks.catalogue import catalogue
from sipconform.checks.hotspot.spot import address, calls, extensions, spots
from sipconform.trace.packet import Address, Observation
from tests.checks.scenes import audio
from tests.checks.support import SERVER, SOURCE, Scene, asked, doubts, fails, passes, silent

IDS = sorted(id_ for id_ in catalogue() if id_.startswith("HOT-"))
HOST, B, C = (Address(f"192.0.2.{n}", 5060) for n in (71, 72, 73))
SETTINGS = {
    "listen": "broadcast", "address": "224.0.2.0", "port": 16360, "prefix": "", "ring_mode": "all", "managed": False,
    "registers": True, "dials_unregistered": True,
}  # fmt: skip
DATE = "Sun, 22 Nov 2026 18:00:00 GMT"
LONG = 100.0


def say(scene: Scene, at: float, who: str, kind: str, **what: Any) -> None:
    scene.observations.append(Observation(SOURCE * 10**9 + round(at * 1e9), who, kind, what))


def lab(scene: Scene, **settings: Any) -> None:
    clients = {"client_b": {"place": str(B), "mac": "b"}, "client_c": {"place": str(C), "mac": "c"}}
    say(
        scene, -30, "lab", "lab", servers=[str(SERVER)], ours=[str(HOST)],
        hotspots={"host": {"place": str(HOST), "user": "2301"}}, hotspot_clients=clients,
        hotspot_settings=SETTINGS | settings,
    )  # fmt: skip
    say(scene, -29, "host", "intent", do="start")


def sign_in(scene: Scene, extension: str, where: Address, at: float = -10.0) -> None:
    aor, name = f"<sip:{extension}@{HOST.host}>", f"in-{where.host}"
    contact = f"<sip:{extension}@{where}>"
    scene.ask(
        name, at, "REGISTER", f"sip:{HOST.host}", by=where, to=HOST, call=name, From=f"{aor};tag=r", To=aor,
        Contact=contact, Expires="120",
    )  # fmt: skip
    scene.answer(f"{name}-ok", at + 0.1, name, Contact=f"{contact};expires=120", Date=DATE)


def at_home(**settings: Any) -> Scene:
    """A host with two clients, 1 and 2."""
    scene = Scene()
    lab(scene, **settings)
    sign_in(scene, "1", B)
    sign_in(scene, "2", C)
    return scene


def invite(
    scene: Scene, name: str, at: float, number: str, *, by: Address, to: Address, sender: str, **more: Any
) -> None:
    scene.ask(
        name, at, "INVITE", f"sip:{number}@{to}", by=by, to=to, call=name, From=f"<sip:{sender}@x>;tag={name}",
        To=f"<sip:{number}@x>", **(audio(by) | more),
    )  # fmt: skip


def called(**settings: Any) -> Scene:
    """An outside call that rings at both clients, until client 1 answers."""
    scene = at_home(**settings)
    invite(scene, "in", 0.0, "2301", by=SERVER, to=HOST, sender="2310")
    for name, number, where in (("b", "1", B), ("c", "2", C)):
        invite(scene, name, 0.01, number, by=HOST, to=where, sender="2310")
        scene.answer(f"{name}-rings", 0.05, name, 180, tag=name)
    scene.answer("in-rings", 0.1, "in", 180)
    scene.answer("b-200", 3.0, "b", tag="b", **audio(B))
    scene.answer("in-200", 3.01, "in", **audio(HOST))
    branch = (scene.said["c"].headers["Via"] or "").partition("branch=")[2].partition(";")[0]
    headers: dict[str, Any] = {name: scene.said["c"].headers[name] for name in ("From", "To")}
    headers["Reason"] = "SIP;cause=200"
    scene.ask("c-stop", 3.02, "CANCEL", f"sip:2@{C}", by=HOST, to=C, call="c", branch=branch, **headers)
    scene.answer("c-stopped", 3.03, "c-stop", tag="c")
    scene.answer("c-487", 3.04, "c", 487, tag="c")
    return scene


@pytest.mark.parametrize("id_", IDS)
def test_nobody_is_accused_without_fault(id_: str) -> None:
    assert silent(id_, called(), until=LONG)


@pytest.mark.parametrize("id_", IDS)
def test_nothing_is_said_of_a_capture_without_a_lab(id_: str) -> None:
    scene = called()
    scene.observations.clear()
    assert asked(id_, scene, LONG) == []


@pytest.mark.parametrize("id_", ["HOT-003", "HOT-010", "HOT-012", "HOT-020", "HOT-022", "HOT-031"])
def test_passes_on_a_call_without_fault(id_: str) -> None:
    assert passes(id_, called(), LONG)


def test_a_client_that_is_not_rung() -> None:
    scene = called().drop("c", "c-rings", "c-stop", "c-stopped", "c-487")
    assert fails("HOT-020", scene, LONG, party=HOST)


def test_a_call_answered_at_once_shows_nothing_of_the_rest() -> None:
    scene = called().drop("c", "c-rings", "c-stop", "c-stopped", "c-487").move("b-200", 0.2).move("in-200", 0.21)
    assert silent("HOT-020", scene, LONG)


def test_clients_ring_although_only_the_host_may() -> None:
    assert fails("HOT-021", called(ring_mode="host"), LONG, party=HOST)
    assert silent("HOT-020", called(ring_mode="nonsense"), LONG)


def test_the_host_rings_although_only_clients_may() -> None:
    scene = called(ring_mode="extensions")
    say(scene, -28, "host", "belief", call="idle")
    assert passes("HOT-021", scene, LONG)
    say(scene, 0.02, "host", "belief", call="ringing")
    assert fails("HOT-021", scene, LONG, party=HOST)


def test_a_loser_that_rings_on() -> None:
    assert fails("HOT-022", called().drop("c-stop", "c-stopped", "c-487"), LONG, party=HOST)


def sign_off(scene: Scene, extension: str, where: Address, at: float, contact: str = "") -> None:
    aor = f"<sip:{extension}@{HOST.host}>"
    scene.ask(
        f"off-{at}", at, "REGISTER", f"sip:{HOST.host}", by=where, to=HOST, call=f"in-{where.host}", seq=2,
        From=f"{aor};tag=r", To=aor, Contact=contact or f"<sip:{extension}@{where}>", Expires="0",
    )  # fmt: skip
    scene.answer(f"is-off-{at}", at + 0.1, f"off-{at}")


def test_a_client_that_has_signed_off_is_not_rung() -> None:
    scene = called().drop("c", "c-rings", "c-stop", "c-stopped", "c-487")
    sign_off(scene, "2", C, -5.0, contact="*")
    assert passes("HOT-020", scene, LONG)


def test_a_slow_host_is_noted() -> None:
    scene = called().move("c", 0.85).move("c-rings", 0.9)
    assert fails("HOT-020", scene, LONG, party=HOST, level="INFO")
    assert not fails("HOT-020", scene, LONG, level="MUST")


def test_order_at_a_tap_elsewhere_proves_nothing() -> None:
    scene = called().move("b-200", 3.02)
    assert fails("HOT-023", scene, LONG, party=HOST), "the host had answered itself"
    scene.observations[0].what["ours"] = []
    assert silent("HOT-023", scene, LONG)


def test_two_who_answer_and_nobody_is_ended() -> None:
    scene = called().drop("c-stop", "c-stopped", "c-487")
    scene.answer("c-200", 3.005, "c", tag="c")
    assert fails("HOT-023", scene, LONG, party=HOST)
    assert silent("HOT-023", scene, 10.0), "the BYE may still come"
    scene.ask("bye", 3.1, "BYE", f"sip:u@{C}", by=HOST, to=C, call="c", tag="c", to_tag="c")
    assert passes("HOT-023", scene, LONG)


def out(sender: str, contact: str = "2301") -> Scene:
    scene = at_home()
    invite(scene, "from-b", 0.0, "2310", by=B, to=HOST, sender="1")
    invite(scene, "out", 0.01, "2310", by=HOST, to=SERVER, sender=sender, Contact=f"<sip:{contact}@{HOST}>")
    return scene


def test_the_extension_stays_inside() -> None:
    assert passes("HOT-030", out("2301"))
    assert fails("HOT-030", out("1"), party=HOST)
    assert fails("HOT-030", out("2301", contact="1"), party=HOST)


def test_a_client_at_the_pbx() -> None:
    scene = at_home()
    invite(scene, "past", 0.0, "2310", by=B, to=SERVER, sender="1")
    assert fails("HOT-031", scene, party=B, level="SHOULD")


def within(number: str, to: Address | None, **settings: Any) -> Scene:
    """Client 1 dials within the hotspot, and the host calls `to`."""
    scene = at_home(**settings)
    invite(scene, "from-b", 0.0, number, by=B, to=HOST, sender="1")
    scene.answer("trying", 0.01, "from-b", 100, tag="")
    if to:
        invite(scene, "on", 0.02, number, by=HOST, to=to, sender="1")
    return scene


@pytest.mark.parametrize("to", [None, B, SERVER])
def test_the_wrong_place_is_called(to: Address | None) -> None:
    assert passes("HOT-040", within("2", C), LONG)
    assert fails("HOT-040", within("2", to), LONG, party=HOST)


def test_zero_is_the_host() -> None:
    assert passes("HOT-040", within("0", None), LONG)
    scene = within("0", None)
    scene.answer("no", 0.5, "from-b", 404)
    assert fails("HOT-040", scene, LONG, party=HOST)


def test_a_client_that_wants_no_calls() -> None:
    scene = within("2", None).drop("trying")
    scene.answer("no", 0.1, "from-b", 480)
    assert doubts("HOT-040", scene, LONG)
    assert fails("HOT-040", scene.change("no", start="SIP/2.0 404 No"), LONG, party=HOST)


def test_a_deleted_device_is_in_no_group() -> None:
    scene = within("777", None)
    scene.answer("no", 0.1, "from-b", 480)
    say(scene, -5, "host", "intent", do="group_device", mac="c", group="777")
    assert fails("HOT-042", scene, LONG, party=HOST)
    say(scene, -4, "host", "intent", do="delete_device", mac="c")
    for where in (B, C):
        scene.said[f"in-{where.host}"].at, scene.said[f"in-{where.host}-ok"].at = -3.0, -2.9
    assert silent("HOT-042", scene, LONG)


def referred(status: int, *told: str) -> Scene:
    """Client 1 asks the host to transfer its call."""
    scene = at_home()
    tags = {"From": "<sip:1@x>;tag=b", "To": "<sip:0@x>;tag=h"}
    scene.ask("refer", 0.0, "REFER", by=B, to=HOST, call="x", Refer_To="<sip:2310@x>", **tags)  # type: ignore[arg-type]
    scene.answer("taken", 0.1, "refer", status)
    for n, line in enumerate(told):
        scene.ask(
            f"n{n}", 0.2 + n, "NOTIFY", by=HOST, to=B, call="x", seq=n + 1, From=tags["To"], To=tags["From"],
            Event="refer", Subscription_State="active", Content_Type="message/sipfrag", body=f"SIP/2.0 {line}\r\n",
        )  # fmt: skip
    return scene


def test_a_client_may_not_transfer() -> None:
    assert passes("HOT-060", referred(405), LONG)
    assert passes("HOT-060", referred(202, "100 Trying", "603 Decline"), LONG), "refused in the NOTIFY"
    assert fails("HOT-060", referred(202, "100 Trying", "200 OK"), LONG, party=HOST)
    assert fails("HOT-060", referred(202), LONG, party=HOST)
    assert silent("HOT-060", referred(202), 10.0), "the NOTIFY may still come"


def test_no_registration_takes_the_old_one_away() -> None:
    scene = at_home()
    say(scene, -3, "host", "intent", do="set_hotspot", registers=False)
    own = {"From": "<sip:2301@x>;tag=r", "To": "<sip:2301@x>"}
    scene.ask("off", -1.5, "REGISTER", by=HOST, to=SERVER, call="h", Expires="0", **own)  # type: ignore[arg-type]
    scene.answer("is-off", -1.4, "off")
    assert silent("HOT-061", scene, LONG)
    assert fails("HOT-061", scene.change("off", Expires="60"), LONG, party=HOST)


def test_a_client_signs_off_where_it_was() -> None:
    scene = at_home(listen="multicast")
    say(scene, -5, "client_b", "intent", do="set_client", listen="multicast", address="224.0.2.9")
    sign_off(scene, "1", B, -4.0)
    assert passes("HOT-003", scene, LONG)
    scene.change("off--4.0", Expires="60")
    assert fails("HOT-003", scene, LONG, party=B)


def test_a_group_rings_its_members() -> None:
    def group(to: Address | None) -> Scene:
        scene = within("777", to)
        say(scene, -5, "host", "intent", do="group_device", mac="c", group="777")
        return scene

    assert passes("HOT-042", group(C), LONG)
    assert fails("HOT-042", group(B), LONG, party=HOST)
    assert fails("HOT-042", group(None), LONG, party=HOST)


def test_an_unlisted_device_is_served() -> None:
    scene = at_home(managed=True)
    assert fails("HOT-050", scene, party=HOST)
    for mac in ("b", "c"):
        say(scene, -20, "host", "intent", do="manage_device", mac=mac, on=True)
    assert passes("HOT-050", scene)


def test_two_clients_with_one_number() -> None:
    scene = Scene()
    lab(scene)
    sign_in(scene, "1", B)
    sign_in(scene, "1", C)
    assert fails("HOT-012", scene, party=HOST)


@pytest.mark.parametrize("gone", ["signed off", "run out"])
def test_a_number_that_is_free_goes_to_the_next(gone: str) -> None:
    scene = Scene()
    lab(scene)
    sign_in(scene, "1", B)
    if gone == "signed off":
        sign_off(scene, "1", B, 10.0)
    sign_in(scene, "1", C, at=30.0 if gone == "signed off" else 150.0)
    assert passes("HOT-012", scene)


def test_a_client_that_stays_registered_after_switching_off() -> None:
    scene = at_home()
    say(scene, 0, "client_b", "intent", do="stop")
    assert passes("HOT-062", scene, LONG)
    aor = f"<sip:1@{HOST.host}>"
    scene.ask("still", 30.0, "REGISTER", by=B, to=HOST, From=f"{aor};tag=r", To=aor, Expires="120")
    assert fails("HOT-062", scene, LONG, party=B)


def test_bindings_run_out() -> None:
    trace = at_home().trace(LONG)
    (spot,) = spots(trace)
    assert extensions(trace, spot, SOURCE * 10**9) == {"1": B, "2": C}
    assert extensions(trace, spot, (SOURCE + 111) * 10**9) == {}
    assert calls(trace) == []


@pytest.mark.parametrize("text", [None, "", "10.0.0.1", "10.0.0.1:x", "[::1]:5060", "a:999999999999", 7])
def test_addresses_of_a_record_are_read_or_nothing(text: object) -> None:
    assert isinstance(address(text), Address)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=50)
@given(ANYTHING, ANYTHING, ANYTHING, st.sampled_from(sorted(SETTINGS)), ANYTHING)
def test_a_hostile_record_breaks_no_check(hosts: Any, clients: Any, belief: Any, key: str, value: Any) -> None:
    scene = called(**{key: value})
    say(scene, -29, "client_b", "intent", do="set_client", listen=belief)
    for name in ("devices", "config", "call", "line", "reboots", "fetched", "registered"):
        say(scene, -28, "host", "belief", **{name: belief})
        say(scene, -28, "client_b", "belief", **{name: belief})
    for verb in ("order_device", "dial", "transfer", "group_device", "manage_device", "switch_hotspot", "unplug"):
        say(scene, 20, "host", "intent", do=verb, mac=value, number=belief, on=False)
    say(scene, 1, "network", "discovery", **{"from": value, "octets": belief, "ttl": value})
    for id_ in IDS:
        asked(id_, scene, LONG)
    say(scene, 2, "lab", "lab", hotspots=hosts, hotspot_clients=clients, hotspot_settings=SETTINGS)
    for id_ in IDS:
        asked(id_, scene, LONG)
