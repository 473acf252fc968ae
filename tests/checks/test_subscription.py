"""SUB-001 … SUB-026: one thing changed in a subscription without fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sipconform.checks.catalogue import catalogue
from sipconform.trace.packet import Address
from tests.checks.scenes import call, heard_again, notify, subscription
from tests.checks.support import OTHER, PHONE, PROXY, SERVER, Scene, doubts, fails, passes, silent

IDS = sorted(id_ for id_ in catalogue() if id_.startswith("SUB-"))


@pytest.mark.parametrize("id_", IDS)
@pytest.mark.parametrize("scene", [subscription, call])
def test_nobody_is_accused_without_fault(id_: str, scene: Callable[[], Scene]) -> None:
    assert silent(id_, scene(), until=5000.0)


@pytest.mark.parametrize(
    "id_", ["SUB-001", "SUB-002", "SUB-003", "SUB-006", "SUB-007", "SUB-008", "SUB-010", "SUB-011", "SUB-016",
            "SUB-018", "SUB-019"]
)  # fmt: skip
def test_passes_on_a_subscription(id_: str) -> None:
    assert passes(id_, subscription())


def begun() -> Scene:
    """A subscription that goes on, without challenge."""
    scene = Scene()
    scene.ask("subscribe", 0.0, "SUBSCRIBE", Event="dialog", Expires="600")
    scene.answer("ok", 0.1, "subscribe", 200)
    notify(scene, "notify", 0.2, 1, "active;expires=600")
    return scene


# -- NOTIFY after SUBSCRIBE ----------------------------------------------------------------------------------


def test_no_notify() -> None:
    scene = begun().drop("notify", "notify-ok")
    assert silent("SUB-001", scene, until=20.0)
    assert doubts("SUB-001", scene, until=60.0)  # the line may be down
    assert fails("SUB-001", heard_again(scene, 50.0), until=60.0, party=SERVER)


def test_no_notify_that_would_pass_here() -> None:
    scene = heard_again(begun().drop("notify", "notify-ok"), 50.0)
    assert doubts("SUB-001", scene.change("subscribe", Contact="<sip:u@203.0.113.9>"), until=60.0)


def test_no_notify_over_a_stream_that_broke() -> None:
    """The phone comes back on another connection."""
    scene = begun().drop("notify", "notify-ok")
    scene.transport, scene.said["subscribe"].source = "tcp", Address(PHONE.host, 40_001)
    scene.said["ok"].destination = Address(PHONE.host, 40_001)
    assert doubts("SUB-001", heard_again(scene, 50.0, to=Address(PHONE.host, 40_002)), until=60.0)
    assert fails("SUB-001", heard_again(scene, 55.0, to=Address(PHONE.host, 40_001)), until=60.0, party=SERVER)


def test_no_notify_after_a_refresh() -> None:
    scene = subscription().drop("third", "third-ok", "end", "ended", "last", "last-ok")
    assert fails("SUB-001", heard_again(scene, 350.0), until=400.0, party=SERVER)


def test_notify_by_another_address_of_the_notifier() -> None:
    scene = heard_again(subscription(), 350.0)
    scene.change("third", Via=f"SIP/2.0/UDP {OTHER};branch=z9hG4bKo;rport").said["third"].source = OTHER
    scene.said["third-ok"].destination = OTHER
    assert passes("SUB-001", scene)


def test_late_notify_is_a_warning() -> None:
    scene = begun().move("notify", 10.0).move("notify-ok", 10.1)
    assert fails("SUB-001", scene, level="SHOULD")
    assert passes("SUB-001", begun().move("notify", 4.0).move("notify-ok", 4.1))  # three sendings lost
    scene = begun().move("notify", 4.0).move("notify-ok", 4.1)
    scene.transport = "tcp"
    assert fails("SUB-001", scene, level="SHOULD")


def test_a_notify_waits_for_the_one_before() -> None:
    """A refresh comes while the subscriber has not answered yet."""
    scene = subscription().move("second-ok", 312.0).move("second", 299.0).move("third", 312.1).move("third-ok", 312.2)
    assert passes("SUB-001", scene)
    assert fails("SUB-001", scene.move("second-ok", 299.1), level="SHOULD")


def test_notify_may_overtake() -> None:
    scene = begun().move("notify", 0.05).move("notify-ok", 0.08)
    assert passes("SUB-002", scene)
    scene.transport = "tcp"
    assert fails("SUB-002", scene, party=SERVER, level="SHOULD")


def test_early_notify_that_was_overtaken_is_refused() -> None:
    scene = begun().move("ok", 0.6).move("notify", 0.3).move("notify-ok", 0.35)
    notify(scene, "newer", 0.2, 2, "active;expires=600")
    assert passes("SUB-002", scene.change("notify-ok", start="SIP/2.0 500 Old"))
    assert fails("SUB-002", scene.change("newer-ok", start="SIP/2.0 500 Oops"), level="MUST")


def test_early_notify_is_taken() -> None:
    scene = begun().move("notify", 0.05).move("notify-ok", 0.08).change("notify-ok", start="SIP/2.0 481 Who")
    assert fails("SUB-002", scene, party=PHONE, level="MUST")


# -- granting ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, "700", "long"])
def test_grant(value: str | None) -> None:
    assert fails("SUB-003", begun().change("ok", Expires=value), party=SERVER)


def test_shorter_grant() -> None:
    assert passes("SUB-003", begun().change("ok", Expires="60"))
    assert passes("SUB-003", begun().change("subscribe", Expires=None).change("ok", Expires="9999"))


def test_too_brief() -> None:
    scene = begun().drop("notify").change("ok", start="SIP/2.0 423 Brief", Expires=None)
    assert fails("SUB-004", scene, party=SERVER)
    assert fails("SUB-004", scene.change("ok", Min_Expires="60"), party=SERVER)
    assert passes("SUB-004", scene.change("ok", Min_Expires="900"))


def test_bad_event() -> None:
    scene = begun().drop("notify").change("ok", start="SIP/2.0 489 Bad Event")
    assert fails("SUB-005", scene, party=SERVER, level="SHOULD")
    assert passes("SUB-005", scene.change("ok", Allow_Events="presence"))


@pytest.mark.parametrize("value", [None, "@", "a\nb"])
def test_event_is_named(value: str | None) -> None:
    assert fails("SUB-006", begun().change("subscribe", Event=value), party=PHONE)


def test_missing_event_is_not_accepted() -> None:
    scene = begun().change("subscribe", Event=None)
    assert fails("SUB-006", scene, party=SERVER, level="SHOULD")
    assert not fails("SUB-006", scene.change("ok", start="SIP/2.0 489 Bad Event"), party=SERVER)


@pytest.mark.parametrize(("name", "party"), [("subscribe", PHONE), ("ok", SERVER), ("notify", SERVER)])
def test_contacts(name: str, party: Address) -> None:
    assert fails("SUB-018", begun().change(name, Contact=None), party=party)


def test_packages_are_advertised() -> None:
    scene = begun()
    scene.ask("options", 5.0, "OPTIONS", call="c2")
    scene.answer("options-ok", 5.1, "options")
    assert fails("SUB-022", scene, party=SERVER, level="MAY")
    assert passes("SUB-022", scene.change("options-ok", Allow_Events="dialog"))


def test_refusal_makes_no_subscription() -> None:
    scene = begun().change("ok", start="SIP/2.0 403 No")
    assert fails("SUB-024", scene, party=SERVER)
    assert silent("SUB-024", begun().change("ok", start="SIP/2.0 408 Late"))  # a proxy's, whom the 200 did not reach
    assert passes("SUB-024", scene.change("notify", Subscription_State="terminated;reason=rejected"))


# -- what is told ----------------------------------------------------------------------------------------------


def test_state_of_what_is_told_unasked() -> None:
    scene = stray("keep-alive", 200).change("stray", Subscription_State=None)
    assert fails("SUB-007", scene, level="SHOULD")
    assert not fails("SUB-007", scene, level="MUST")


def test_state_is_its_writers() -> None:
    vias = f"SIP/2.0/UDP {PROXY};branch=z9hG4bKp\nSIP/2.0/UDP {SERVER};branch=z9hG4bKs"
    scene = begun().change("notify", Subscription_State="active, 3599", Via=vias)
    scene.said["notify"].source = scene.said["notify-ok"].destination = PROXY
    assert fails("SUB-007", scene, party=SERVER)


@pytest.mark.parametrize("value", [None, "active, 3599", "", "active;expires=soon"])
def test_state(value: str | None) -> None:
    assert fails("SUB-007", begun().change("notify", Subscription_State=value), party=SERVER, level="MUST")


def test_strange_state_is_noted() -> None:
    assert fails("SUB-007", begun().change("notify", Subscription_State="dormant"), level="INFO")


@pytest.mark.parametrize("value", ["active", "active;expires=700", "active;expires=0"])
def test_countdown(value: str) -> None:
    assert fails("SUB-008", begun().change("notify", Subscription_State=value), party=SERVER, level="SHOULD")


def test_countdown_goes_down() -> None:
    scene = begun()
    notify(scene, "later", 100.0, 2, "active;expires=600")
    assert fails("SUB-008", scene)
    assert passes("SUB-008", scene.change("later", Subscription_State="active;expires=501"))


def test_countdown_written_before_it_was_lost() -> None:
    scene = begun().move("notify", 3.7).move("notify-ok", 3.8)  # the first three sendings did not reach the tap
    assert passes("SUB-008", scene)
    scene.transport = "tcp"
    assert fails("SUB-008", scene)


def test_countdown_starts_again_with_a_refresh_under_way() -> None:
    scene = subscription().drop("refreshed").move("third", 300.05).move("third-ok", 300.06)
    assert passes("SUB-008", scene)


def test_half_seen_subscription_has_no_bound() -> None:
    assert passes("SUB-008", begun().drop("subscribe", "ok").change("notify", Subscription_State="active;expires=9999"))


def test_fetch() -> None:
    scene = begun().change("subscribe", Expires="0").change("ok", Expires="0")
    assert fails("SUB-012", scene, level="SHOULD")
    assert passes("SUB-012", scene.change("notify", Subscription_State="terminated;reason=timeout"))
    notify(scene, "more", 5.0, 2, "active;expires=5")
    assert fails("SUB-012", scene)


def test_notify_cseq_rises() -> None:
    scene = begun()
    notify(scene, "later", 5.0, 1, "active;expires=595")
    assert fails("SUB-019", scene, party=SERVER)


def versions(first: int, second: int) -> Scene:
    scene = Scene()
    for n, version in enumerate((first, second), 1):
        body = f'<?xml version="1.0"?><dialog-info xmlns="x" version="{version}" state="full"/>'
        notify(scene, f"n{n}", float(n), n, "active;expires=60", body=body, kind="application/dialog-info+xml")
    return scene


def test_document_version_rises() -> None:
    assert passes("SUB-019", versions(3, 4))
    assert passes("SUB-019", versions(3, 9))
    assert fails("SUB-019", versions(3, 3), party=SERVER)
    assert fails("SUB-019", versions(3, 2))


def test_challenged_notify_comes_again_as_it_was() -> None:
    scene = versions(3, 3).change("n1-ok", start="SIP/2.0 401 Who", WWW_Authenticate='Digest realm="r", nonce="n"')
    assert silent("SUB-019", scene)


def test_accept() -> None:
    scene = begun().change("subscribe", Accept="application/a+xml, text/*")
    scene.change("notify", body="x", Content_Type="application/b+xml")
    assert fails("SUB-023", scene, party=SERVER, level="SHOULD")
    for kind in ("application/a+xml", "text/plain", "multipart/mixed;boundary=a"):
        assert silent("SUB-023", scene.change("notify", Content_Type=kind))
    assert passes("SUB-023", scene.change("notify", Content_Type="application/a+xml"))


def test_pending_is_neutral() -> None:
    scene = begun().change("notify", Subscription_State="pending;expires=600")
    assert passes("SUB-026", scene)
    assert fails("SUB-026", scene.change("notify", body="<x/>", Content_Type="application/a+xml"), level="MAY")


# -- ending ------------------------------------------------------------------------------------------------------


def ended() -> Scene:
    scene = subscription()
    notify(scene, "ghost", 410.0, 5, "active;expires=100")
    return scene


def test_nothing_after_the_end() -> None:
    assert fails("SUB-010", ended(), party=SERVER)
    assert fails("SUB-010", ended(), party=PHONE)
    refused = ended().change("ghost-ok", start="SIP/2.0 481 Gone")
    assert not fails("SUB-010", refused, party=PHONE)
    assert passes("SUB-010", ended().move("ghost", 400.5).move("ghost-ok", 400.6))  # was on its way


def test_begun_again_in_the_same_dialog() -> None:
    scene = ended()
    scene.ask("anew", 405.0, "SUBSCRIBE", f"sip:u@{SERVER}", seq=5, to_tag="as1", Event="dialog", Expires="600")
    assert passes("SUB-010", scene)


def test_unsubscribing() -> None:
    scene = subscription().drop("last", "last-ok")
    assert silent("SUB-011", scene, until=410.0)
    assert doubts("SUB-011", scene, until=500.0)
    assert fails("SUB-011", heard_again(scene, 450.0), until=500.0, party=SERVER)
    scene = subscription().change("last", Subscription_State="active;expires=1")
    assert fails("SUB-011", heard_again(scene, 450.0), until=500.0)


def test_refused_notify_ends() -> None:
    scene = subscription().change("notify-ok", start="SIP/2.0 481 Who")
    assert fails("SUB-013", scene, party=SERVER)
    scene.drop("second", "second-ok")
    assert passes("SUB-013", scene)  # the refresh began anew


def test_a_refusal_that_was_not_heard() -> None:
    """The tap is at the phone and its answers do not arrive: the NOTIFY is repeated to the end."""
    scene = subscription().change("notify-ok", start="SIP/2.0 481 Who").move("second", 100.0).move("second-ok", 100.1)
    assert fails("SUB-013", scene, party=SERVER)
    for after in (0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5):
        scene.again(0.4 + after, "notify", "notify-ok")
    assert silent("SUB-013", scene)


def test_timeout_does_not_end() -> None:
    assert silent("SUB-013", subscription().change("notify-ok", start="SIP/2.0 408 Late"))


def test_expiry() -> None:
    assert silent("SUB-015", begun(), until=620.0)
    assert doubts("SUB-015", begun(), until=700.0)
    assert doubts("SUB-015", heard_again(begun(), 650.0), until=700.0)  # the line may have been down until then
    assert fails("SUB-015", heard_again(begun(), 590.0, 650.0), until=700.0, party=SERVER)
    scene = begun()
    notify(scene, "timeout", 605.0, 2, "terminated;reason=timeout")
    assert passes("SUB-015", scene, until=700.0)


def test_expiry_of_a_dropped_subscription() -> None:
    assert silent("SUB-015", begun().drop("notify-ok"), until=700.0)


def rejected(again: float, state: str) -> Scene:
    scene = begun()
    notify(scene, "over", 10.0, 2, state)
    scene.ask("again", again, "SUBSCRIBE", call="c2", tag="ph9", Event="dialog", Expires="600")
    return scene


@pytest.mark.parametrize("reason", ["rejected", "noresource", "invariant"])
def test_reason_is_heeded(reason: str) -> None:
    assert fails("SUB-017", rejected(20.0, f"terminated;reason={reason}"), party=PHONE, level="SHOULD")
    assert passes("SUB-017", rejected(90.0, f"terminated;reason={reason}"))
    assert silent("SUB-017", rejected(20.0, f"terminated;reason={reason}").drop("over-ok"))


def test_retry_after_is_heeded() -> None:
    state = "terminated;reason=probation;retry-after=30"
    assert fails("SUB-017", rejected(20.0, state))
    assert passes("SUB-017", rejected(40.5, state))
    assert passes("SUB-017", rejected(10.2, "terminated;reason=deactivated"))


# -- subscribing ---------------------------------------------------------------------------------------------------


def stray(package: str, status: int) -> Scene:
    scene = Scene()
    notify(scene, "stray", 0.0, 1, "active;expires=60", package, status=status)
    return scene.change("stray", To="<sip:2001@example.com>")


def test_stray_notify() -> None:
    assert fails("SUB-009", stray("dialog", 200), party=PHONE, level="MUST")
    for custom in ("message-summary", "service-control", "aastra-xml", "x-whatever"):
        assert fails("SUB-009", stray(custom, 200), party=PHONE, level="SHOULD")
        assert not fails("SUB-009", stray(custom, 200), level="MUST")
    assert passes("SUB-009", stray("dialog", 481))
    assert silent("SUB-009", stray("dialog", 481).drop("stray-ok"))


def test_refresh_has_a_new_number() -> None:
    assert fails("SUB-016", subscription().change("refresh", CSeq="2 SUBSCRIBE"), party=PHONE)


def test_refresh_goes_to_the_notifier() -> None:
    scene = subscription().change("refresh", start="SUBSCRIBE sip:2001@example.com SIP/2.0")
    assert fails("SUB-016", scene, party=PHONE, level="MUST")


def test_refresh_follows_the_notifier() -> None:
    scene = subscription().change("second", Contact="<sip:moved@192.0.2.11>")
    assert fails("SUB-016", scene)
    assert silent("SUB-016", scene.move("second", 299.5).move("second-ok", 299.6))


def test_a_contact_that_may_not_have_arrived_need_not_be_followed() -> None:
    scene = subscription().change("second", Contact="<sip:moved@192.0.2.11>").drop("second-ok")
    assert silent("SUB-016", scene)
    assert silent("SUB-016", scene.change("refresh", start="SUBSCRIBE sip:moved@192.0.2.11 SIP/2.0"))


def test_refresh_keeps_the_event() -> None:
    assert fails("SUB-016", subscription().change("refresh", Event="dialog;id=7"), level="SHOULD")


def forgotten(after: float, **new: Any) -> Scene:
    scene = subscription().drop("third", "third-ok", "end", "ended", "last", "last-ok")
    scene.change("refreshed", start="SIP/2.0 481 Who")
    scene.ask("anew", 300.1 + after, "SUBSCRIBE", **({"call": "c7", "tag": "ph7"} | new), Event="dialog", Expires="600")
    return scene


def test_lost_subscription_begins_anew() -> None:
    assert passes("SUB-020", forgotten(5.0))
    assert fails("SUB-020", forgotten(5.0, call="c1", tag="ph1"), party=PHONE, level="SHOULD")


def test_forgotten_subscriber_recovers() -> None:
    assert passes("SUB-025", forgotten(30.0))
    assert doubts("SUB-025", forgotten(90.0))  # it may have been off
    assert fails("SUB-025", heard_again(forgotten(90.0), 350.0, 370.0), party=PHONE)
    gone = forgotten(5.0).drop("anew")
    assert silent("SUB-025", gone, until=350.0)
    assert doubts("SUB-025", gone, until=400.0)
    assert fails("SUB-025", heard_again(gone, 350.0, 370.0), until=400.0, party=PHONE)


def test_another_subscription_that_lives_is_as_good() -> None:
    scene = heard_again(forgotten(5.0).drop("anew"), 350.0, 370.0)
    scene.ask("new", 290.0, "SUBSCRIBE", call="c7", tag="ph7", Event="dialog", Expires="600")
    scene.answer("new-ok", 290.1, "new")
    notify(scene, "new-state", 290.2, 1, "active;expires=600", call="c7", tag="ph7")
    assert passes("SUB-025", scene)
    assert fails("SUB-025", scene.change("new-state", Subscription_State="terminated;reason=timeout"), party=PHONE)


def relied_on(after: float) -> Scene:
    """A subscription of which nothing is told, refreshed all the same."""
    scene = begun().drop("notify", "notify-ok")
    scene.ask("refresh", after, "SUBSCRIBE", f"sip:u@{SERVER}", seq=2, to_tag="as1", Event="dialog", Expires="600")
    return scene


def test_silent_subscription_is_given_up() -> None:
    assert passes("SUB-014", begun().drop("notify", "notify-ok"), until=60.0)
    assert fails("SUB-014", relied_on(300.0), party=PHONE, level="SHOULD")
    assert passes("SUB-014", relied_on(20.0), until=60.0)
    assert passes("SUB-014", relied_on(300.0).change("refresh", Expires="0"))
    elsewhere = "<sip:u@203.0.113.9>"  # so NOTIFYs need not pass the tap
    scene = relied_on(300.0).change("subscribe", Contact=elsewhere).change("refresh", Contact=elsewhere)
    assert doubts("SUB-014", scene)
    assert silent("SUB-014", subscription())


def forked(at: float, status: int) -> Scene:
    """Another notifier tells something in a subscription."""
    scene = begun()
    notify(scene, "fork", at, 1, "active;expires=500", status=status)
    return scene.change("fork", From="<sip:2001@example.com>;tag=other")


def test_late_fork_is_refused() -> None:
    assert fails("SUB-021", forked(100.0, 200), party=PHONE, level="SHOULD")
    assert passes("SUB-021", forked(100.0, 481))
    assert silent("SUB-021", forked(10.0, 200))
    assert silent("SUB-021", forked(100.0, 200).drop("fork-ok"))
    by_another = forked(100.0, 200)
    by_another.said["fork"].source = by_another.said["fork-ok"].destination = OTHER
    assert fails("SUB-021", by_another, party=PHONE)


def test_fork_is_no_fault() -> None:
    scene = begun()
    scene.ask(
        "fork", 0.3, "NOTIFY", f"sip:u@{PHONE}", by=OTHER, to=PHONE, tag="fork", to_tag="ph1",
        Event="dialog", Subscription_State="active;expires=600",
    )  # fmt: skip
    scene.answer("fork-ok", 0.4, "fork", 481)
    assert all(silent(id_, scene, until=500.0) for id_ in IDS)
