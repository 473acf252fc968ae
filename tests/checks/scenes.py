"""Conversations in which nobody does anything wrong; tests change one thing in them."""

from __future__ import annotations

from typing import Any

from sipconform.features.feature_body import write_event, write_full_state
from sipconform.features.feature_event import CONTENT_TYPE, DoNotDisturbEvent, SetDoNotDisturb
from sipconform.features.feature_state import FeatureState
from sipconform.sip.offer_answer import compose_audio
from sipconform.trace.packet import Address
from tests.checks.support import OTHER, PHONE, SERVER, Scene

STATE = write_full_state(FeatureState.assigned(), "2001")[0]
STATE_ON = write_full_state(FeatureState.assigned().with_dnd(True), "2001")[0]
ON, OFF = (write_event(DoNotDisturbEvent(on, "2001")) for on in (True, False))


def audio(by: Address, version: int = 1, direction: str = "sendrecv", connection: str = "") -> dict[str, Any]:
    """A body, and the header field that says what it is."""
    body = compose_audio(by.host, 4000, 7, version=version, direction=direction, connection=connection)
    return {"body": body, "Content_Type": "application/sdp"}


def call() -> Scene:
    """A call with a re-INVITE from each side, and the BYE: the caller holds, and the other side moves its media."""
    scene = Scene()
    scene.ask("invite", 0.0, "INVITE", "sip:2002@example.com", **audio(PHONE))
    scene.answer("trying", 0.05, "invite", 100, tag="")
    scene.answer("ringing", 0.3, "invite", 180)
    scene.answer("ok", 3.0, "invite", 200, **audio(SERVER))
    inside: dict[str, Any] = {"to_tag": "as1", "uri": f"sip:u@{SERVER}"}
    scene.ask("ack", 3.1, "ACK", **inside)
    scene.ask("reinvite", 6.0, "INVITE", seq=2, **inside, **audio(PHONE, 2, "sendonly"))
    scene.answer("reok", 6.1, "reinvite", 200, **audio(SERVER, 2, "recvonly"))
    scene.ask("reack", 6.2, "ACK", seq=2, **inside)
    back: dict[str, Any] = {"by": SERVER, "to": PHONE, "tag": "as1", "to_tag": "ph1", "uri": f"sip:u@{PHONE}"}
    scene.ask("theirs", 9.0, "INVITE", seq=7, **back, **audio(SERVER, 3, connection="192.0.2.77"))
    scene.answer("theirok", 9.1, "theirs", 200, **audio(PHONE, 3, "sendonly"))
    scene.ask("theirack", 9.2, "ACK", seq=7, **back)
    scene.ask("bye", 12.0, "BYE", seq=3, **inside)
    scene.answer("byeok", 12.1, "bye", 200)
    return scene


def resumed_call() -> Scene:
    """The same call, in which the caller takes it up again by a re-INVITE without an offer."""
    scene = call().change("bye", CSeq="4 BYE").change("byeok", CSeq="4 BYE")
    inside: dict[str, Any] = {"to_tag": "as1", "uri": f"sip:u@{SERVER}"}
    scene.ask("late", 10.5, "INVITE", seq=3, **inside)
    scene.answer("lateok", 10.6, "late", 200, **audio(SERVER, 4))
    scene.ask("lateack", 10.7, "ACK", seq=3, **inside, **audio(PHONE, 4))
    return scene


def refused_call() -> Scene:
    """A call that is challenged, tried again, and cancelled while it rings."""
    scene = Scene()
    scene.ask("invite", 0.0, "INVITE", "sip:2002@example.com")
    scene.answer("challenge", 0.1, "invite", 401, tag="x1", WWW_Authenticate='Digest realm="r", nonce="n"')
    scene.ask("ack", 0.2, "ACK", "sip:2002@example.com", to_tag="x1", branch="z9hG4bK1")
    scene.ask("again", 0.3, "INVITE", "sip:2002@example.com", seq=2, Authorization='Digest nonce="n"')
    scene.answer("ringing", 0.5, "again", 180, tag="x2")
    scene.ask("cancel", 5.0, "CANCEL", "sip:2002@example.com", seq=2, branch="z9hG4bK3")
    scene.answer("cancelok", 5.1, "cancel", 200, tag="x2")
    scene.answer("gone", 5.2, "again", 487, tag="x2")
    scene.ask("goneack", 5.3, "ACK", "sip:2002@example.com", seq=2, to_tag="x2", branch="z9hG4bK3")
    return scene


def subscription(package: str = "dialog", expires: int = 600, tag: str = "ph1", call: str = "c1") -> Scene:
    """A subscription that is challenged, begun, notified, refreshed, notified and ended."""
    scene = Scene()
    to_server: dict[str, Any] = {"call": call, "tag": tag, "Event": package, "Expires": str(expires)}
    scene.ask("first", 0.0, "SUBSCRIBE", **to_server)
    scene.answer("challenge", 0.1, "first", 401, tag="x1", WWW_Authenticate='Digest realm="r", nonce="n"')
    scene.ask("subscribe", 0.2, "SUBSCRIBE", seq=2, **to_server)
    scene.answer("ok", 0.3, "subscribe", 200)
    notify(scene, "notify", 0.4, 1, f"active;expires={expires}", package, call=call, tag=tag)
    notify(scene, "second", 5.0, 2, f"active;expires={expires - 5}", package, call=call, tag=tag)
    inside = {"to_tag": "as1", "uri": f"sip:u@{SERVER}"} | to_server
    scene.ask("refresh", 300.0, "SUBSCRIBE", seq=3, **inside)
    scene.answer("refreshed", 300.1, "refresh", 200)
    notify(scene, "third", 300.2, 3, f"active;expires={expires}", package, call=call, tag=tag)
    scene.ask("end", 400.0, "SUBSCRIBE", seq=4, **(inside | {"Expires": "0"}))
    scene.answer("ended", 400.1, "end", 200)
    notify(scene, "last", 400.2, 4, "terminated;reason=timeout", package, call=call, tag=tag)
    return scene


def notify(
    scene: Scene, name: str, at: float, seq: int, state: str, package: str = "dialog", *,
    to: Address = PHONE, call: str = "c1", tag: str = "ph1", body: str | bytes = b"", kind: str | None = None,
    status: int = 200,
) -> None:  # fmt: skip
    """A NOTIFY and its answer, named `name` and `name-ok`."""
    scene.ask(
        name, at, "NOTIFY", f"sip:u@{to}", by=SERVER, to=to, call=call, seq=seq, tag="as1", to_tag=tag,
        Event=package, Subscription_State=state, Content_Type=kind, body=body,
    )  # fmt: skip
    scene.answer(f"{name}-ok", at + 0.05, name, status)


def registration() -> Scene:
    """A registration that is challenged, refreshed and removed."""
    scene = Scene()
    domain, mine = "sip:example.com", f"<sip:u@{PHONE}>"
    scene.ask("first", 0.0, "REGISTER", domain, Expires="60")
    scene.answer("challenge", 0.1, "first", 401, WWW_Authenticate='Digest realm="r", nonce="n"')
    scene.ask("register", 0.2, "REGISTER", domain, seq=2, Expires="60", Authorization='Digest nonce="n"')
    date = "Sun, 22 Nov 2026 18:00:00 GMT"
    scene.answer("ok", 0.3, "register", 200, Contact=f"{mine};expires=60", Date=date)
    scene.ask("refresh", 30.0, "REGISTER", domain, seq=3, Expires="60")
    scene.answer("refreshed", 30.1, "refresh", 200, Contact=f"{mine};expires=60", Date=date)
    scene.ask("remove", 50.0, "REGISTER", domain, seq=4, Expires="0")
    scene.answer("removed", 50.1, "remove", 200, Date=date)
    return scene


def features() -> Scene:
    """A phone subscribes to its features, switches do not disturb on and off, and hears of a change on the server."""
    scene = Scene()
    package: dict[str, Any] = {"Event": "as-feature-event", "Expires": "3600", "Accept": CONTENT_TYPE}
    scene.ask("subscribe", 0.0, "SUBSCRIBE", **package)
    scene.answer("ok", 0.1, "subscribe", 200)
    tell(scene, "state", 0.2, 1, 3600, STATE.content, STATE.content_type)
    wish(scene, "on", 10.0, 2, True)
    tell(scene, "confirmed", 10.2, 2, 3600, ON.content)
    wish(scene, "off", 20.0, 3, False)
    tell(scene, "off-confirmed", 20.2, 3, 3600, OFF.content)
    tell(scene, "portal", 60.0, 4, 3550, ON.content)
    inside = {"to_tag": "as1", "uri": f"sip:u@{SERVER}"} | package
    scene.ask("refresh", 1800.0, "SUBSCRIBE", seq=4, **inside)
    scene.answer("refreshed", 1800.1, "refresh", 200)
    tell(scene, "state-again", 1800.2, 5, 3600, STATE_ON.content, STATE_ON.content_type)
    return scene


def features_in_parts() -> Scene:
    """The same, by a server that tells one feature a NOTIFY, each behind the answer to the one before."""
    scene, numbers = features(), {"confirmed": 5, "off-confirmed": 6, "portal": 7}
    for name, number in numbers.items():
        scene.change(name, CSeq=f"{number} NOTIFY").change(f"{name}-ok", CSeq=f"{number} NOTIFY")
    for name, at, first, on in (("state", 0.2, 1, False), ("state-again", 1800.2, 8, True)):
        scene.drop(name, f"{name}-ok")
        state = FeatureState.assigned().with_dnd(on)
        for number, body in enumerate(write_full_state(state, "2001", packaging="single")):
            tell(scene, f"{name}{number}", at + number / 10, first + number, 3600, body.content)
    return scene


def wish(scene: Scene, name: str, at: float, seq: int, on: bool, *, tag: str = "ph1", call: str = "c1") -> None:
    """A Set for do not disturb and its 200, named `name` and `name-ok`."""
    scene.ask(
        name, at, "SUBSCRIBE", f"sip:u@{SERVER}", call=call, seq=seq, tag=tag, to_tag="as1", Event="as-feature-event",
        Expires="3600", Content_Type=CONTENT_TYPE, body=SetDoNotDisturb(on).to_xml(),
    )  # fmt: skip
    scene.answer(f"{name}-ok", at + 0.1, name, 200)


def tell(
    scene: Scene, name: str, at: float, seq: int, left: int, body: bytes, kind: str = CONTENT_TYPE, *,
    to: Address = PHONE, call: str = "c1", tag: str = "ph1",
) -> None:  # fmt: skip
    """A NOTIFY with a document, and its 200."""
    state = f"active;expires={left}"
    notify(scene, name, at, seq, state, "as-feature-event", to=to, call=call, tag=tag, body=body, kind=kind)


def second_phone(scene: Scene, to: Address = OTHER, address: str = "sip:2001@example.com") -> Scene:
    """Adds another phone's subscription, already told the full state before the first one's."""
    scene.ask(
        "other", -5.0, "SUBSCRIBE", address, by=to, call="c2", tag="ph2", Event="as-feature-event", Expires="3600",
        From=f"<{address}>;tag=ph2", To=f"<{address}>", Accept=CONTENT_TYPE,
    )  # fmt: skip
    scene.answer("other-ok", -4.9, "other", 200, tag="as1")
    tell(scene, "other-state", -4.8, 1, 3600, STATE.content, STATE.content_type, to=to, call="c2", tag="ph2")
    return scene


def heard_again(scene: Scene, *times: float, to: Address = PHONE) -> Scene:
    """Adds that the server asks whether the phone is there, and the phone answers."""
    for at in times:
        scene.ask(f"alive{at}", at, "OPTIONS", by=SERVER, to=to, call=f"o{at}", tag="s1")
        scene.answer(f"alive{at}-ok", at + 0.1, f"alive{at}")
    return scene


def features_on_two_phones() -> Scene:
    """The user has another phone, which hears of both key presses."""
    scene = second_phone(features())
    tell(scene, "other-on", 10.3, 2, 3500, ON.content, to=OTHER, call="c2", tag="ph2")
    tell(scene, "other-off", 20.3, 3, 3500, OFF.content, to=OTHER, call="c2", tag="ph2")
    return scene
