"""FS-001 … FS-125: one thing changed while a phone and a server keep their features in step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sipconform.checks.catalogue import Verdict, catalogue
from sipconform.features.feature_event import CONTENT_TYPE, ForwardingEvent, SetDoNotDisturb, SetForwarding
from sipconform.features.feature_state import ForwardType
from sipconform.trace.packet import Observation
from tests.checks.scenes import (
    OFF,
    ON,
    STATE,
    call,
    features,
    features_in_parts,
    features_on_two_phones,
    heard_again,
    notify,
    second_phone,
    subscription,
    tell,
    wish,
)
from tests.checks.support import OTHER, PHONE, SERVER, Scene, _ns, asked, doubts, fails, passes, silent

IDS = sorted(id_ for id_ in catalogue() if id_.startswith("FS-"))
INSIDE: dict[str, Any] = {"to_tag": "as1", "uri": f"sip:u@{SERVER}", "Event": "as-feature-event"}


def ours(expires: int = 3600) -> Scene:
    return subscription("as-feature-event", expires)


@pytest.mark.parametrize("id_", IDS)
@pytest.mark.parametrize("scene", [features, features_in_parts, features_on_two_phones, call])
def test_nobody_is_accused_without_fault(id_: str, scene: Callable[[], Scene]) -> None:
    assert silent(id_, scene(), until=1900.0)


@pytest.mark.parametrize("id_", sorted(set(IDS) - {"FS-101"}))
def test_nobody_is_accused_when_it_ends(id_: str) -> None:
    assert silent(id_, ours(), until=5000.0)


@pytest.mark.parametrize(
    "id_", ["FS-001", "FS-002", "FS-003", "FS-004", "FS-005", "FS-006", "FS-007", "FS-008", "FS-009", "FS-010",
            "FS-011", "FS-013", "FS-015", "FS-016", "FS-033", "FS-039", "FS-101", "FS-104", "FS-108", "FS-109",
            "FS-110", "FS-117"]
)  # fmt: skip
def test_passes_on_features(id_: str) -> None:
    assert passes(id_, features(), until=1900.0)


# -- the server begins and tells -----------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{"To": "<sip:2001@example.com>"}, {"Contact": None}, {"Expires": "9999"}])
def test_subscription_is_accepted(changes: dict[str, Any]) -> None:
    assert fails("FS-001", features().change("ok", **changes), party=SERVER)


def test_refusing_the_package_is_not_a_failure() -> None:
    scene = features().change("ok", start="SIP/2.0 489 Bad Event")
    assert [f.verdict for f in asked("FS-001", scene)] == [Verdict.NOT_SUPPORTED]
    assert doubts("FS-001", features().change("ok", start="SIP/2.0 500 Oops"))
    assert asked("FS-001", features().change("ok", start="SIP/2.0 403 No")) == []


def test_state_follows() -> None:
    scene = Scene()
    scene.ask("subscribe", 0.0, "SUBSCRIBE", Event="as-feature-event", Expires="3600")
    scene.answer("ok", 0.1, "subscribe", 202)
    assert silent("FS-002", scene, until=10.0)
    assert doubts("FS-002", scene, until=60.0)
    assert fails("FS-002", heard_again(scene, 50.0), until=60.0, party=SERVER)
    assert fails("FS-007", scene, level="SHOULD")


@pytest.mark.parametrize("value", ["active, 3599", "active", "active;expires=4000", None])
def test_seconds_are_told(value: str | None) -> None:
    assert fails("FS-003", features().change("state", Subscription_State=value), party=SERVER, level="MUST")


def test_full_state_lacks_a_feature() -> None:
    scene = features().change("state", body=OFF.content, Content_Type=CONTENT_TYPE)
    assert doubts("FS-004", scene)  # the forwards may have been given to the user since
    assert fails("FS-004", driven(scene, (9.9, True)), party=SERVER)
    scene.observations.append(Observation(_ns(1700), "server", "intent", {"do": "assign"}))
    assert passes("FS-004", scene)


def test_full_state_in_single_notifies() -> None:
    scene = features().change("state", body=OFF.content, Content_Type=CONTENT_TYPE)
    tell(scene, "rest", 0.5, 9, 3600, STATE.content, STATE.content_type)
    assert passes("FS-004", scene)


def test_feature_is_told_twice() -> None:
    twice = STATE.content.replace(b"forwardBusy", b"forwardImmediate")
    assert fails("FS-004", features().change("state", body=twice))


def test_no_feature_assigned() -> None:
    scene = Scene()
    scene.ask("subscribe", 0.0, "SUBSCRIBE", Event="as-feature-event", Expires="3600")
    scene.answer("ok", 0.1, "subscribe", 200)
    notify(scene, "empty", 0.2, 1, "active;expires=3600", "as-feature-event")
    assert all(silent(id_, scene, until=30.0) for id_ in IDS if id_ != "FS-101")
    assert passes("FS-004", scene)


@pytest.mark.parametrize(
    "changes",
    [
        {"From": "<sip:2001@example.com>;tag=ph1", "To": "<sip:2001@example.com>;tag=as1"},
        {"Event": "as-feature-event;id=4"},
        {"start": "NOTIFY sip:stranger@192.0.2.77 SIP/2.0"},
    ],
)
def test_notify_is_in_the_dialog(changes: dict[str, Any]) -> None:
    assert fails("FS-005", features().change("portal", **changes), party=SERVER)


def test_notify_cseq_rises() -> None:
    assert fails("FS-006", features().change("portal", CSeq="3 NOTIFY"), party=SERVER)


# -- documents -------------------------------------------------------------------------------------------------


def state(body: bytes) -> Scene:
    return features().change("state", body=body)


@pytest.mark.parametrize(
    "body",
    [
        STATE.content.removesuffix(b"--feature-state--\r\n"),
        STATE.content.replace(b"--feature-state", b"--other"),
        STATE.content.replace(CONTENT_TYPE.encode(), b"text/plain", 1),
        STATE.content.replace(b"+xml\r\n", b"+xml\r\nContent-Length: 3\r\n", 1),
        STATE.content.replace(b"+xml\r\n", b"+xml\r\nContent-ID: <a@b>\r\n"),
    ],
    ids=["no closing delimiter", "other boundary", "other type", "wrong length", "one Content-ID for all"],
)
def test_multipart(body: bytes) -> None:
    assert fails("FS-008", state(body), party=SERVER, level="MUST")


def test_line_feeds_are_a_warning() -> None:
    scene = state(STATE.content.replace(b"\r\n", b"\n"))
    assert fails("FS-008", scene, level="SHOULD")
    assert not fails("FS-008", scene, level="MUST")


def test_preamble_and_epilogue_are_legal() -> None:
    assert passes("FS-008", state(b"hello\r\n" + STATE.content + b"bye"))


def test_two_documents_without_multipart() -> None:
    assert fails("FS-008", features().change("portal", body=ON.content + OFF.content), party=SERVER)


def portal(old: str, new: str) -> Scene:
    return features().change("portal", body=ON.content.replace(old.encode(), new.encode()))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("</DoNotDisturbEvent>", ""),
        ("ecma-international", "ecmainternational"),
        (' xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3"', ""),
        ('"1.0" encoding', '"1.0"? encoding'),
        ("ISO-8859-1", "UTF-16"),
        ("csta/ed3", "csta/ed4"),
    ],
)
def test_documents_are_readable(old: str, new: str) -> None:
    assert fails("FS-009", portal(old, new), party=SERVER)


@pytest.mark.parametrize(("old", "new"), [("doNotDisturbOn", "dndOn"), ("<device", "<extra/>\n<device")])
def test_event_elements(old: str, new: str) -> None:
    assert fails("FS-010", portal(old, new), party=SERVER, level="MUST")


def test_order_is_a_warning() -> None:
    swapped = "<doNotDisturbOn>true</doNotDisturbOn>"
    scene = portal(swapped, "")
    body = scene.said["portal"].body.replace(b"<device>", f"{swapped}<device>".encode())
    assert fails("FS-010", scene.change("portal", body=body), level="SHOULD")


def test_unknown_forwarding_type() -> None:
    scene = features().change("state", body=STATE.content.replace(b"forwardBusy", b"forwardSometimes"))
    assert fails("FS-010", scene, level="MUST")


def test_documents_of_another_kind_are_not_judged() -> None:
    scene = portal("DoNotDisturbEvent", "AgentReadyEvent")
    assert all(silent(id_, scene, until=1900.0) for id_ in ("FS-008", "FS-009", "FS-010", "FS-011", "FS-013"))


def test_device_is_there() -> None:
    assert fails("FS-011", portal("<device>2001</device>", ""), party=SERVER, level="SHOULD")
    assert passes("FS-011", portal("<device>2001</device>", "<device><notKnown/></device>"))


@pytest.mark.parametrize(("word", "level"), [("yes", "MUST"), ("True", "MUST"), ("1", "SHOULD")])
def test_booleans(word: str, level: str) -> None:
    assert fails("FS-013", portal(">true<", f">{word}<"), party=SERVER, level=level)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("</SetDoNotDisturb>", ""),
        (' xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3"', ""),
        ("<device/>", ""),
        ("doNotDisturbOn", "on"),
        (">true<", ">on<"),
    ],
)
def test_set_is_valid(old: str, new: str) -> None:
    scene = features()
    body = scene.said["on"].body.replace(old.encode(), new.encode())
    assert body != scene.said["on"].body
    assert fails("FS-110", scene.change("on", body=body), party=PHONE, level="MUST")


# -- changes ---------------------------------------------------------------------------------------------------


def test_opposite_value() -> None:
    """The server tells true when asked for false, although false held: neither the wish nor the old value."""
    scene = features().change("confirmed", body=OFF.content).change("off-confirmed", body=ON.content)
    assert fails("FS-015", scene, party=SERVER)


def test_refused_change_is_inconclusive() -> None:
    assert doubts("FS-015", features().change("confirmed", body=OFF.content))


def test_two_phones_at_once_prove_nothing() -> None:
    scene = second_phone(features()).change("confirmed", body=OFF.content).change("off-confirmed", body=ON.content)
    wish(scene, "rival", 20.05, 2, True, tag="ph2", call="c2")
    scene.said["rival"].source = OTHER
    scene.change("rival", Via=f"SIP/2.0/UDP {OTHER};branch=z9hG4bKrival")
    assert doubts("FS-015", scene)


def test_originator_is_told() -> None:
    scene = features().drop("off-confirmed", "off-confirmed-ok", "portal", "portal-ok")
    scene.drop("refresh", "refreshed", "state-again", "state-again-ok")
    assert passes("FS-016", scene, until=40.0)
    assert doubts("FS-016", scene, until=100.0)  # the line may be down
    assert fails("FS-016", heard_again(scene, 80.0), until=100.0, party=SERVER)


def test_originator_is_told_late() -> None:
    scene = features().move("off-confirmed", 31.0).move("off-confirmed-ok", 31.1)
    assert fails("FS-016", scene, level="SHOULD")


def test_others_are_told() -> None:
    assert passes("FS-017", features_on_two_phones())
    scene = features_on_two_phones().drop("other-off", "other-off-ok")
    assert doubts("FS-017", scene, until=100.0)  # the server may have forgotten that phone
    assert fails("FS-017", driven(scene, (9.9, True), (19.9, False)), until=100.0, party=SERVER)
    scene.observations.clear()
    tell(scene, "other-portal", 60.05, 4, 3450, ON.content, to=OTHER, call="c2", tag="ph2")
    assert fails("FS-017", scene, until=100.0, party=SERVER)
    scene.drop("portal", "portal-ok", "refresh", "refreshed", "state-again", "state-again-ok")
    assert passes("FS-017", scene.drop("other-portal", "other-portal-ok"), until=40.0)


def test_other_phone_that_has_gone_need_not_be_told() -> None:
    scene = features_on_two_phones().drop("other-on", "other-on-ok", "other-off", "other-off-ok", "other-state-ok")
    assert silent("FS-017", scene, until=100.0)


def proved(scene: Scene, name: str) -> Scene:
    """The phones sign in: the first one as 2001, the other by this name."""
    scene.change("subscribe", Authorization='Digest username="2001", realm="r"')
    return scene.change("other", Authorization=f'Digest username="{name}", realm="r"')


def test_other_users_are_not_told() -> None:
    def leak(*, both: bool) -> Scene:
        scene = proved(second_phone(features(), address="sip:2002@example.com"), "2002")
        tell(scene, "leak", 10.3, 2, 3500, ON.content, to=OTHER, call="c2", tag="ph2")
        if both:
            tell(scene, "leak2", 20.3, 3, 3500, OFF.content, to=OTHER, call="c2", tag="ph2")
        return scene

    assert doubts("FS-018", leak(both=False))
    assert fails("FS-018", leak(both=True), party=SERVER)
    assert silent("FS-018", proved(leak(both=True), "2001"))  # two addresses of one user
    assert doubts("FS-018", leak(both=True).change("other", Authorization=None))
    assert passes("FS-018", second_phone(features(), address="sip:2002@example.com"))


def test_repeated_wish_is_confirmed() -> None:
    scene = features()
    wish(scene, "again", 30.0, 6, False)
    heard_again(scene.drop("portal", "portal-ok", "refresh", "refreshed", "state-again"), 80.0)
    assert fails("FS-019", scene, until=100.0)
    tell(scene, "again-confirmed", 30.2, 6, 3590, OFF.content)
    assert passes("FS-019", scene)


def test_only_the_change_is_told() -> None:
    scene = features().change("portal", body=STATE.content, Content_Type=STATE.content_type)
    assert fails("FS-039", scene, level="INFO")


# -- the life of the subscription --------------------------------------------------------------------------------


def test_package_is_listed() -> None:
    scene = features()
    scene.ask("wrong", 30.0, "SUBSCRIBE", call="c5", Event="nonsense", Expires="60")
    scene.answer("wrong-no", 30.1, "wrong", 489, Allow_Events="presence")
    assert fails("FS-030", scene, party=SERVER, level="SHOULD")
    assert passes("FS-030", scene.change("wrong-no", Allow_Events="presence, as-feature-event"))


def test_unknown_dialog() -> None:
    scene = features()
    scene.ask("foreign", 30.0, "SUBSCRIBE", seq=9, Expires="60", **(INSIDE | {"to_tag": "nobody"}))
    scene.answer("foreign-ok", 30.1, "foreign", 200)
    assert fails("FS-031", scene, party=SERVER)
    assert passes("FS-031", scene.change("foreign-ok", start="SIP/2.0 481 Who"))


def test_ended_dialog_is_unknown() -> None:
    scene = ours()
    scene.ask("late", 410.0, "SUBSCRIBE", seq=5, Expires="60", **INSIDE)
    scene.answer("late-ok", 410.1, "late", 200)
    assert fails("FS-031", scene, party=SERVER)


def test_half_seen_dialog_may_be_known() -> None:
    assert silent("FS-031", features().drop("subscribe", "ok"))


def brief(status: int, **headers: Any) -> Scene:
    scene = Scene()
    scene.ask("subscribe", 0.0, "SUBSCRIBE", Event="as-feature-event", Expires="1")
    scene.answer("ok", 0.1, "subscribe", status, **headers)
    return scene


def test_brief_subscription() -> None:
    assert passes("FS-032", brief(200, Expires="1"))
    assert passes("FS-032", brief(423, Min_Expires="60"))
    assert fails("FS-032", brief(200, Expires="3600"), party=SERVER, level="SHOULD")
    assert fails("FS-032", brief(423), party=SERVER)
    assert silent("FS-032", brief(403))


def test_refresh_brings_state() -> None:
    scene = features().change("state-again", body=OFF.content, Content_Type=CONTENT_TYPE)
    assert silent("FS-033", scene, until=1801.0)
    assert doubts("FS-033", scene, until=1900.0)  # the forwards may have been taken away
    assert fails("FS-033", driven(scene, (9.9, True)), until=1900.0, party=SERVER)
    scene.observations.append(Observation(_ns(1700), "server", "intent", {"do": "assign"}))
    assert silent("FS-033", scene, until=1900.0)


def test_set_renews() -> None:
    scene = features()
    wish(scene, "late", 1000.0, 8, True)
    tell(scene, "late-confirmed", 1000.2, 8, 3600, ON.content)
    assert passes("FS-034", scene)
    scene.change("late-confirmed", Subscription_State="active;expires=2600")
    assert fails("FS-034", scene, party=SERVER, level="SHOULD")


def test_unsubscribe_is_final() -> None:
    assert passes("FS-035", ours(), until=500.0)
    assert doubts("FS-035", ours().drop("last", "last-ok"), until=500.0)
    assert fails("FS-035", heard_again(ours().drop("last", "last-ok"), 450.0), until=500.0, party=SERVER)
    scene = ours()
    notify(scene, "ghost", 410.0, 5, "active;expires=9", "as-feature-event")
    assert fails("FS-035", scene, party=SERVER)


def fetched(body: bytes, kind: str) -> Scene:
    """A third party fetches the state of the user whose phone is subscribed."""
    scene = features()
    scene.ask("fetch", 100.0, "SUBSCRIBE", by=OTHER, call="c9", tag="ph9", Event="as-feature-event", Expires="0")
    scene.answer("fetch-ok", 100.1, "fetch", 200)
    fetch: dict[str, Any] = {"to": OTHER, "call": "c9", "tag": "ph9", "body": body, "kind": kind}
    notify(scene, "fetched", 100.2, 1, "terminated;reason=timeout", "as-feature-event", **fetch)
    return scene


def test_fetch_brings_state() -> None:
    assert passes("FS-306", fetched(STATE.content, STATE.content_type))
    one = fetched(OFF.content, CONTENT_TYPE)
    assert fails("FS-306", one, party=SERVER, level="SHOULD")
    one.observations.append(Observation(0, "server", "intent", {"do": "assign"}))
    assert silent("FS-306", one)
    assert silent("FS-306", features())


def test_expiry_says_timeout() -> None:
    scene = ours(60).drop("refresh", "refreshed", "third", "third-ok", "end", "ended", "last", "last-ok")
    assert doubts("FS-036", scene, until=200.0)
    assert fails("FS-036", heard_again(scene, 50.0, 120.0), until=200.0, party=SERVER)
    gone = ours(60).drop("refresh", "refreshed", "third", "third-ok", "end", "ended")
    gone.move("last", 61.0).move("last-ok", 61.1)
    assert passes("FS-036", gone)
    assert fails("FS-036", gone.change("last", Subscription_State="terminated;reason=noresource"), level="SHOULD")


def test_challenged_change_waits() -> None:
    scene = features().change("on-ok", start="SIP/2.0 401 Who")
    assert fails("FS-037", scene, party=SERVER)
    assert passes("FS-037", scene.change("confirmed", body=OFF.content))


def test_refusal_ends_subscription() -> None:
    scene = features().change("state-ok", start="SIP/2.0 481 Who").drop("on", "on-ok", "off", "off-ok")
    assert fails("FS-041", scene, party=SERVER)
    assert passes("FS-041", ours().change("last-ok", start="SIP/2.0 481 Who"))


# -- the phone -----------------------------------------------------------------------------------------------------


def test_phone_subscribes() -> None:
    assert fails("FS-101", features().change("subscribe", To="<sip:2999@example.com>"), party=PHONE, level="MUST")
    assert fails("FS-101", features().change("subscribe", body="x", Content_Type="text/plain"), level="MUST")
    scene = features().change("subscribe", Accept=None)
    assert fails("FS-101", scene, level="SHOULD")
    assert not fails("FS-101", scene, level="MUST")


def test_early_state_is_taken() -> None:
    scene = features().move("state", 0.05).move("state-ok", 0.08)
    assert passes("FS-103", scene)
    assert fails("FS-103", scene.change("state-ok", start="SIP/2.0 481 Who"), party=PHONE)


def test_notify_is_answered() -> None:
    assert fails("FS-104", features().change("portal-ok", start="SIP/2.0 400 Bad"), party=PHONE, level="MUST")
    assert fails("FS-104", features().move("portal-ok", 62.0), party=PHONE, level="SHOULD")


def test_silence_of_a_phone() -> None:
    scene = features().drop("portal-ok")
    assert passes("FS-104", scene)  # one sending may be lost
    for at in (60.5, 61.5, 63.5):
        scene.again(at, "portal")
    assert passes("FS-104", scene)  # half an hour later it may have come back from anywhere
    assert passes("FS-104", alive(scene, 80.0))  # with this a NAT may have opened that was closed
    assert fails("FS-104", alive(scene, 55.0), party=PHONE)


def test_unreadable_document_may_be_refused() -> None:
    scene = portal("</DoNotDisturbEvent>", "").change("portal-ok", start="SIP/2.0 400 Bad")
    assert passes("FS-104", scene)


def echoed(after: float, on: bool = True) -> Scene:
    scene = features()
    wish(scene, "echo", 60.05 + after, 7, on)
    return scene


def driven(scene: Scene, *presses: tuple[float, bool]) -> Scene:
    """Adds the record of who is who, and of the user pressing Do Not Disturb at these times."""
    scene.observations.append(Observation(_ns(0), "lab", "lab", {"actors": {"phone": str(PHONE)}}))
    for at, on in presses:
        scene.observations.append(Observation(_ns(at), "phone", "intent", {"do": "set_dnd", "on": on}))
    return scene


def test_change_is_not_echoed() -> None:
    assert doubts("FS-108", echoed(0.3))  # nobody knows what the user did
    assert passes("FS-108", echoed(15.0))
    assert passes("FS-108", echoed(0.3, on=False))
    user = [(9.9, True), (19.9, False)]
    assert fails("FS-108", driven(echoed(0.3), *user), party=PHONE)
    assert passes("FS-108", driven(echoed(0.3), *user, (60.1, True)))


def test_a_loop_needs_no_record() -> None:
    scene = features().drop("refresh", "refreshed", "state-again", "state-again-ok")
    for n in range(3):
        wish(scene, f"echo{n}", 61.0 + n, 7 + n, True)
        tell(scene, f"again{n}", 61.2 + n, 7 + n, 3540, ON.content)
    assert fails("FS-108", scene, party=PHONE)


@pytest.mark.parametrize(
    "changes",
    [
        {"To": "<sip:2001@example.com>"},
        {"Content_Type": "application/xml"},
        {"start": "SUBSCRIBE sip:2001@example.com SIP/2.0"},
        {"CSeq": "1 SUBSCRIBE"},
    ],
)
def test_change_is_asked_in_dialog(changes: dict[str, Any]) -> None:
    assert fails("FS-109", features().change("on", **changes), party=PHONE)


def test_stranger_is_refused() -> None:
    scene = Scene()
    notify(scene, "stray", 0.0, 1, "active;expires=60", "as-feature-event")
    scene.change("stray", To="<sip:2001@example.com>")
    assert fails("FS-124", scene, party=PHONE)
    assert passes("FS-124", scene.change("stray-ok", start="SIP/2.0 481 Who"))


def test_old_state_is_refused() -> None:
    scene = features().change("off-confirmed", CSeq="1 NOTIFY").change("state", CSeq="0 NOTIFY")
    assert fails("FS-125", scene, party=PHONE)
    assert passes("FS-125", scene.change("off-confirmed-ok", start="SIP/2.0 500 Old"))


# -- recovery --------------------------------------------------------------------------------------------------------


def challenged() -> Scene:
    scene = features().change("on-ok", start="SIP/2.0 401 Who", WWW_Authenticate='Digest realm="r", nonce="fresh"')
    wish(scene, "retry", 10.15, 3, True)
    scene.change("retry", Authorization='Digest username="2001", nonce="fresh"')
    return scene.change("off", CSeq="4 SUBSCRIBE").change("refresh", CSeq="5 SUBSCRIBE")


def test_challenged_change_is_repeated() -> None:
    assert passes("FS-112", challenged())
    assert fails("FS-112", challenged().change("retry", body=b""), party=PHONE)
    assert fails("FS-112", challenged().change("retry", CSeq="2 SUBSCRIBE"), party=PHONE)
    assert fails("FS-112", challenged().change("retry", Authorization='Digest nonce="stale"'), party=PHONE)


def forgotten(after: float = 1.0) -> Scene:
    scene = features().change("refreshed", start="SIP/2.0 481 Who").drop("state-again", "state-again-ok")
    scene.ask("anew", 1800.1 + after, "SUBSCRIBE", call="c7", tag="ph7", Event="as-feature-event", Expires="3600")
    return scene


def test_forgotten_phone_begins_anew() -> None:
    assert passes("FS-113", forgotten())
    assert doubts("FS-113", forgotten(100.0))
    assert fails("FS-113", heard_again(forgotten(100.0), 1850.0, 1870.0), party=PHONE)
    assert fails("FS-113", forgotten().change("anew", body="x", Content_Type=CONTENT_TYPE), party=PHONE)


def refused(*again: float) -> Scene:
    scene = Scene()
    for n, at in enumerate((0.0, *again)):
        scene.ask(f"s{n}", at, "SUBSCRIBE", call=f"c{n}", Event="as-feature-event", Expires="3600")
        scene.answer(f"no{n}", at + 0.1, f"s{n}", 489)
    return scene


def test_refused_phone_backs_off() -> None:
    assert fails("FS-114", refused(10.0, 20.0), party=PHONE, level="MUST")
    assert fails("FS-114", refused(10.0), party=PHONE, level="SHOULD")  # it may have been started anew
    assert not fails("FS-114", refused(10.0), level="MUST")
    assert fails("FS-114", driven(refused(10.0), (-5.0, True)), party=PHONE, level="MUST")
    scene = driven(refused(10.0), (-5.0, True))
    scene.observations.append(Observation(_ns(8.0), "phone", "intent", {"do": "start"}))
    assert passes("FS-114", scene)
    assert fails("FS-114", refused(60.0), party=PHONE, level="SHOULD")
    assert passes("FS-114", refused(400.0))


def test_minimum_is_used() -> None:
    scene = refused(1.0).change("no0", start="SIP/2.0 423 Brief", Min_Expires="7200")
    assert fails("FS-115", scene, party=PHONE)
    elsewhere = refused(1.0).change("no0", start="SIP/2.0 423 Brief", Min_Expires="7200")
    elsewhere.said["s1"].destination = elsewhere.said["no1"].source = OTHER
    assert silent("FS-115", elsewhere)
    assert passes("FS-115", scene.change("s1", Expires="7200"))


def looping(pause: float, reason: str = "timeout") -> Scene:
    scene, at = Scene(), 0.0
    for n in range(5):
        scene.ask(f"s{n}", at, "SUBSCRIBE", call=f"c{n}", tag=f"t{n}", Event="as-feature-event", Expires="3600")
        scene.answer(f"ok{n}", at + 0.1, f"s{n}")
        state_ = f"terminated;reason={reason}"
        notify(scene, f"n{n}", at + 0.2, 1, state_, "as-feature-event", call=f"c{n}", tag=f"t{n}")
        at += pause
    return scene


def test_ended_phone_does_not_loop() -> None:
    assert fails("FS-116", looping(1.0), party=PHONE, level="MUST")
    assert passes("FS-116", looping(20.0))
    assert fails("FS-116", looping(20.0, "rejected"), party=PHONE, level="SHOULD")
    assert passes("FS-116", looping(90.0, "rejected"))


def alive(scene: Scene, *times: float) -> Scene:
    for at in times:
        scene.ask(f"alive{at}", at, "OPTIONS", call=f"o{at}")
        scene.answer(f"alive{at}-ok", at + 0.1, f"alive{at}")
    return scene


def unrefreshed() -> Scene:
    return features().drop("refresh", "refreshed", "state-again", "state-again-ok")


def test_subscription_is_refreshed() -> None:
    scene = features().move("refresh", 4000.0).move("refreshed", 4000.1).move("state-again", 4000.2)
    assert doubts("FS-117", scene.move("state-again-ok", 4000.3))  # it may have been asleep
    assert fails("FS-117", heard_again(scene, 3600.0, 3650.0), party=PHONE)
    assert doubts("FS-117", alive(unrefreshed(), 3000.0, 3900.0), until=4000.0)
    assert fails("FS-117", alive(unrefreshed(), 3600.0, 3650.0), until=4000.0, party=PHONE)
    cut_off = alive(unrefreshed(), 3600.0, 3650.0).drop("alive3600.0-ok", "alive3650.0-ok")
    assert doubts("FS-117", cut_off, until=4000.0)
    assert passes("FS-117", unrefreshed(), until=4000.0)  # a phone that is never heard again may be switched off


def test_time_that_a_notify_leaves_counts() -> None:
    scene = features().change("portal", Subscription_State="active;expires=60")
    assert doubts("FS-117", scene)
    assert fails("FS-117", alive(scene, 110.0, 130.0), party=PHONE, level="SHOULD")
    assert not fails("FS-117", scene, level="MUST")
    assert passes("FS-117", scene.drop("portal-ok"))


# -- freedoms ------------------------------------------------------------------------------------------------


def test_a_phone_may_have_lost_its_subscription() -> None:
    scene = features().drop("refresh", "refreshed", "state-again", "state-again-ok")
    scene.change("portal-ok", start="SIP/2.0 481 Call/Transaction Does Not Exist")
    assert passes("FS-104", scene)
    used = features().change("portal-ok", start="SIP/2.0 481 Call/Transaction Does Not Exist")
    assert fails("FS-104", used, party=PHONE)


def test_coming_back_at_once_is_no_storm() -> None:
    assert passes("FS-116", looping(6.0))


def test_a_change_that_was_not_told_shows_at_the_refresh() -> None:
    assert passes("FS-021", features(), until=1900.0)
    hidden = features().change("state-again", body=STATE.content)
    assert fails("FS-021", hidden, until=1900.0, party=SERVER)
    moved = hidden.move("off", 1799.0).move("off-ok", 1799.1)
    assert silent("FS-021", moved, until=1900.0)


def forwarded(number: str, told: str) -> Scene:
    """A forward the phone asks for, and what the server tells of it."""
    scene = features().drop("refresh", "refreshed", "state-again", "state-again-ok")
    body = SetForwarding(ForwardType.IMMEDIATE, True, number).to_xml()
    scene.ask("cfu", 100.0, "SUBSCRIBE", seq=9, Expires="3600", Content_Type=CONTENT_TYPE, body=body, **INSIDE)
    scene.answer("cfu-ok", 100.1, "cfu", 200)
    tell(scene, "cfu-told", 100.2, 9, 3600, ForwardingEvent(ForwardType.IMMEDIATE, True, told).to_xml())
    return scene


def test_a_forward_is_confirmed_with_its_number() -> None:
    assert passes("FS-020", forwarded("2050", "2050"))
    assert fails("FS-020", forwarded("2050", "true"), party=SERVER)
    assert passes("FS-012", forwarded("2050&<1>", "2050&<1>"))
    assert fails("FS-012", forwarded("2050&<1>", "2050"), party=SERVER)


def test_a_document_by_the_schema() -> None:
    assert passes("FS-305", features(), until=1900.0)
    odd = features().change("portal", body=ON.content.replace(b"<doNotDisturbOn>true", b"<doNotDisturbOn>yes"))
    assert fails("FS-305", odd, until=1900.0, party=SERVER, level="INFO")


def call_at_dnd() -> Scene:
    """A call to the user while his phone is told that he is not to be disturbed."""
    scene = features().drop("refresh", "refreshed", "state-again", "state-again-ok")
    scene.ask("call", 100.0, "INVITE", by=OTHER, call="call", From="<sip:2002@example.com>;tag=ca")
    scene.answer("busy", 100.5, "call", 486)
    return scene


def test_do_not_disturb_holds_for_calls() -> None:
    assert passes("FS-301", call_at_dnd())
    ringing = call_at_dnd()
    ringing.ask(
        "leg", 100.1, "INVITE", f"sip:u@{PHONE}", by=SERVER, to=PHONE, call="leg", From="<sip:2002@example.com>;tag=sa"
    )
    assert doubts("FS-301", ringing)  # it may be somebody who is always let through
    assert fails("FS-301", driven(ringing, (9.9, True)), party=SERVER)


def two_lines(*, asked: bool = False) -> Scene:
    """A phone with a line at another server; do not disturb is switched on at the first one, with nobody asking."""
    scene, elsewhere = features(), SERVER._replace(host="192.0.2.99")
    own: dict[str, Any] = {"to": elsewhere, "call": "c7", "tag": "ph7", "Event": "as-feature-event", "Expires": "3600"}
    own |= {"From": "<sip:7001@example.org>;tag=ph7", "To": "<sip:7001@example.org>"}
    scene.ask("line", 0.5, "SUBSCRIBE", "sip:7001@example.org", **own)
    scene.answer("line-ok", 0.6, "line", 200)
    inside: dict[str, Any] = {"by": elsewhere, "to": PHONE, "call": "c7", "tag": "as1", "to_tag": "ph7"}
    state: dict[str, Any] = {"Event": "as-feature-event", "Subscription_State": "active;expires=3600"}
    content: dict[str, Any] = {"Content_Type": STATE.content_type, "body": STATE.content}
    scene.ask("line-state", 0.7, "NOTIFY", f"sip:u@{PHONE}", seq=1, **inside, **state, **content)
    scene.answer("line-state-ok", 0.8, "line-state", 200)
    if asked:
        wanted: dict[str, Any] = {"Content_Type": CONTENT_TYPE, "body": SetDoNotDisturb(True).to_xml()}
        wanted["To"] = "<sip:7001@example.org>;tag=as1"
        scene.ask("echo", 62.0, "SUBSCRIBE", f"sip:u@{elsewhere}", seq=2, **(own | wanted))
        scene.answer("echo-ok", 62.1, "echo", 200)
    return scene


def test_lines_are_kept_apart() -> None:
    assert passes("FS-129", two_lines())
    assert silent("FS-129", features())
    assert silent("FS-129", second_phone(features(), to=PHONE))


def test_a_change_of_one_line_asked_for_on_another() -> None:
    assert doubts("FS-129", two_lines(asked=True))
    driven = two_lines(asked=True)
    lab: dict[str, object] = {"actors": {"a": str(PHONE), "b": str(PHONE)}, "users": {"a": "2001", "b": "7001"}}
    driven.observations.append(Observation(_ns(0), "lab", "lab", lab))
    driven.observations.append(Observation(_ns(0), "b", "intent", {"do": "start"}))
    assert fails("FS-129", driven, party=PHONE)


def test_a_change_of_one_line_shown_on_another() -> None:
    scene = two_lines()
    lab: dict[str, object] = {"actors": {"a": str(PHONE), "b": str(PHONE)}, "users": {"a": "2001", "b": "7001"}}
    scene.observations.append(Observation(_ns(0), "lab", "lab", lab))
    scene.observations.append(Observation(_ns(1), "b", "belief", {"dnd": False}))
    assert passes("FS-129", scene)
    scene.observations.append(Observation(_ns(61), "b", "belief", {"dnd": True}))
    assert fails("FS-129", scene, party=PHONE)
