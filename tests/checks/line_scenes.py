"""Conversations of a shared line in which nobody does anything wrong; tests cut, copy and reorder them."""

from __future__ import annotations

from typing import Any

from sipconform.trace.packet import Address
from tests.checks.scenes import audio
from tests.checks.support import OTHER, OUTSIDE, PHONE, SERVER, Scene

LINE, FAR, HOST = "sip:2001@example.com", "sip:3001@example.com", "<sip:example.com>"
DESKS = {"p": (PHONE, 0.0), "o": (OTHER, 1.0)}
ONE: dict[str, Any] = {"Call_Info": f"{HOST};appearance-index=1"}
IDLE = f"{HOST};appearance-index=*;appearance-state=idle"
PACKAGES: dict[str, Any] = {"Allow_Events": "call-info, line-seize"}


def slot(state: str) -> str:
    party = "" if state == "seized" else f';appearance-uri="<{FAR}>"'
    return f"{HOST};appearance-index=1;appearance-state={state}{party},{IDLE}"


def at_work(scene: Scene) -> Scene:
    """Both phones follow the line."""
    for name, (phone, begun) in DESKS.items():
        asks: dict[str, Any] = {"by": phone, "call": f"ci-{name}", "tag": name, "Event": "call-info", "Expires": "3600"}
        scene.ask(f"subscribe-{name}", begun, "SUBSCRIBE", LINE, **asks, **PACKAGES)
        scene.answer(f"subscribed-{name}", begun + 0.1, f"subscribe-{name}", tag="as", **PACKAGES)
        tell(scene, name, begun + 0.3, IDLE)
    return scene


def tell(scene: Scene, name: str, when: float, state: str) -> None:
    phone, number = DESKS[name][0], sum(said.startswith(f"n-{name}") for said in scene.said) + 1
    left = 3595 - round(when - DESKS[name][1])  # a little less, for what the network delays
    scene.ask(f"n-{name}-{number}", when, "NOTIFY", f"sip:u@{phone}", by=SERVER, to=phone, call=f"ci-{name}",
              seq=number, tag="as", to_tag=name, Event="call-info", Subscription_State=f"active;expires={left}",
              Call_Info=state, **PACKAGES)  # fmt: skip
    scene.answer(f"t-{name}-{number}", when + 0.05, f"n-{name}-{number}")


def tell_all(scene: Scene, when: float, state: str) -> None:
    for name in DESKS:
        tell(scene, name, when, state)


def inside(call: str, tag: str, to_tag: str, own: str, other: str, **more: Any) -> dict[str, Any]:
    """What requests in a dialog have in common."""
    ends = {"From": f"<{own}>;tag={tag}", "To": f"<{other}>;tag={to_tag}"}
    return {"call": call, "tag": tag, "to_tag": to_tag} | ends | more


def advertised(scene: Scene) -> Scene:
    """The server says in its answers to INVITE which packages it has."""
    for said in scene.said.values():
        asked = (said.answers.headers["CSeq"] or "") if said.answers is not None else ""
        if said.source == SERVER and said.start.startswith("SIP/2.0 2") and asked.endswith("INVITE"):
            said.headers["Allow-Events"] = PACKAGES["Allow_Events"]
    return scene


def shared_call() -> Scene:
    """A call comes in and rings at two phones; one answers, holds privately, comes back, and the far party hangs up."""
    scene = at_work(Scene())
    out: dict[str, Any] = {"by": OUTSIDE, "call": "far", "tag": "f", "From": f"<{FAR}>;tag=f", "To": f"<{LINE}>"}
    scene.ask("far", 10.0, "INVITE", LINE, **out, **audio(OUTSIDE))
    scene.answer("far trying", 10.05, "far", 100, tag="")
    tell_all(scene, 10.1, slot("alerting"))
    for name, (phone, _) in DESKS.items():
        rows: dict[str, Any] = {"by": SERVER, "to": phone, "call": f"in-{name}", "tag": "as"}
        rows |= {"From": f"<{FAR}>;tag=as", "To": f"<{LINE}>", "branch": f"z9hG4bKr{name}"}
        scene.ask(f"ring-{name}", 10.3, "INVITE", f"sip:u@{phone}", **rows, **ONE, **audio(SERVER))
        scene.answer(f"rings-{name}", 10.5, f"ring-{name}", 180, tag=name, **ONE)
    scene.answer("far rings", 10.7, "far", 180, tag="sf")
    scene.answer("answer", 18.0, "ring-p", 200, tag="p", **ONE, **audio(PHONE))
    there = inside("in-p", "as", "p", FAR, LINE, by=SERVER, to=PHONE, uri=f"sip:u@{PHONE}")
    scene.ask("ack", 18.1, "ACK", **there)
    scene.answer("far answered", 18.1, "far", 200, tag="sf", **audio(SERVER))
    rows = {"by": SERVER, "to": OTHER, "call": "in-o", "tag": "as", "branch": "z9hG4bKro", "uri": f"sip:u@{OTHER}"}
    rows["From"] = f"<{FAR}>;tag=as"
    scene.ask("cancel", 18.1, "CANCEL", To=f"<{LINE}>", Reason="SIP;cause=200", **rows)
    scene.ask("far ack", 18.2, "ACK", **inside("far", "f", "sf", FAR, LINE, by=OUTSIDE, uri=f"sip:u@{SERVER}"))
    scene.answer("cancelled", 18.2, "cancel", tag="o")
    scene.answer("let off", 18.25, "ring-o", 487, tag="o")
    scene.ask("let off ack", 18.35, "ACK", to_tag="o", To=f"<{LINE}>;tag=o", **rows)
    tell_all(scene, 18.5, slot("active"))
    held_and_resumed(scene, "in-p", "p", "as", 1, private=True)
    scene.ask("far bye", 60.0, "BYE", seq=2, **inside("far", "f", "sf", FAR, LINE, by=OUTSIDE, uri=f"sip:u@{SERVER}"))
    scene.answer("far gone", 60.1, "far bye")
    scene.ask("bye", 60.15, "BYE", seq=2, **there)
    scene.answer("gone", 60.3, "bye")
    tell_all(scene, 60.5, IDLE)
    return advertised(scene)


def held_and_resumed(scene: Scene, call: str, tag: str, to_tag: str, seq: int, *, private: bool = False) -> None:
    """The first phone holds at 26 s and comes back at 40 s."""
    own = inside(call, tag, to_tag, LINE, FAR, by=PHONE, uri=f"sip:u@{SERVER}")
    said = f"{ONE['Call_Info']};appearance-state=held-private" if private else ONE["Call_Info"]
    scene.ask("hold", 26.0, "INVITE", seq=seq, Call_Info=said, **own, **audio(PHONE, 2, "sendonly"))
    scene.answer("held", 26.2, "hold", **audio(SERVER, 2, "recvonly"))
    scene.ask("hold ack", 26.3, "ACK", seq=seq, **own)
    tell_all(scene, 26.4, slot("held-private" if private else "held"))
    scene.ask("resume", 40.0, "INVITE", seq=seq + 1, **ONE, **own, **audio(PHONE, 3))
    scene.answer("resumed", 40.2, "resume", **audio(SERVER, 3))
    scene.ask("resume ack", 40.3, "ACK", seq=seq + 1, **own)
    tell_all(scene, 40.4, slot("active"))


def seized_call() -> Scene:
    """A phone seizes a slot and calls out, holds; the other takes the call, and ends it."""
    scene = at_work(Scene())
    asks: dict[str, Any] = {"call": "ls", "tag": "ls", "Event": "line-seize", "Expires": "15", **ONE}
    scene.ask("seize", 10.0, "SUBSCRIBE", LINE, **asks, **PACKAGES)
    scene.answer("seized", 10.1, "seize", tag="ss", **PACKAGES)
    seizure(scene, 1, 10.3, "active;expires=15")
    tell_all(scene, 10.5, slot("seized"))
    scene.ask("call", 15.0, "INVITE", FAR, call="out", tag="c", To=f"<{FAR}>", **ONE, **audio(PHONE))
    scene.answer("trying", 15.05, "call", 100, tag="")
    on: dict[str, Any] = {"by": SERVER, "to": OUTSIDE, "call": "on", "tag": "sv", "From": f"<{LINE}>;tag=sv"}
    scene.ask("onward", 15.1, "INVITE", f"sip:3001@{OUTSIDE}", To=f"<{FAR}>", **on, **audio(SERVER))
    scene.answer("far rings", 15.3, "onward", 180, tag="f")
    scene.answer("rings", 15.5, "call", 180, tag="as", **ONE)
    seizure(scene, 2, 15.6, "terminated;reason=noresource")
    tell_all(scene, 15.8, slot("progressing"))
    scene.answer("far answer", 18.0, "onward", 200, tag="f", **audio(OUTSIDE))
    far = inside("on", "sv", "f", LINE, FAR, by=SERVER, to=OUTSIDE, uri=f"sip:u@{OUTSIDE}")
    scene.ask("far ack", 18.1, "ACK", **far)
    scene.answer("answer", 18.1, "call", 200, tag="as", **ONE, **audio(SERVER))
    scene.ask("ack", 18.3, "ACK", **inside("out", "c", "as", LINE, FAR, by=PHONE, uri=f"sip:u@{SERVER}"))
    tell_all(scene, 18.5, slot("active"))
    taken(scene)
    scene.ask("end", 60.0, "BYE", seq=2, **inside("take", "t", "st", LINE, LINE, by=OTHER, uri=f"sip:u@{SERVER}"))
    scene.answer("ended", 60.1, "end")
    scene.ask("far bye", 60.15, "BYE", seq=2, **far)
    scene.answer("far gone", 60.3, "far bye")
    tell_all(scene, 60.5, IDLE)
    return advertised(scene)


def seizure(scene: Scene, number: int, when: float, state: str) -> None:
    scene.ask(f"s-{number}", when, "NOTIFY", f"sip:u@{PHONE}", by=SERVER, to=PHONE, call="ls", seq=number, tag="ss",
              to_tag="ls", Event="line-seize", Subscription_State=state, **ONE, **PACKAGES)  # fmt: skip
    scene.answer(f"st-{number}", when + 0.05, f"s-{number}")


def taken(scene: Scene) -> None:
    """The first phone holds at 26 s, and the second takes the call at 40 s."""
    own = inside("out", "c", "as", LINE, FAR, by=PHONE, uri=f"sip:u@{SERVER}")
    scene.ask("hold", 26.0, "INVITE", seq=2, **ONE, **own, **audio(PHONE, 2, "sendonly"))
    scene.answer("held", 26.2, "hold", **ONE, **audio(SERVER, 2, "recvonly"))
    scene.ask("hold ack", 26.3, "ACK", seq=2, **own)
    tell_all(scene, 26.4, slot("held"))
    rows: dict[str, Any] = {"by": OTHER, "call": "take", "tag": "t", "From": f"<{LINE}>;tag=t"}
    scene.ask("take", 40.0, "INVITE", LINE, To=f"<{LINE}>", **ONE, **rows, **audio(OTHER))
    scene.answer("taken", 40.2, "take", 200, tag="st", **ONE, **audio(SERVER))
    scene.ask("take ack", 40.35, "ACK", **inside("take", "t", "st", LINE, LINE, by=OTHER, uri=f"sip:u@{SERVER}"))
    scene.ask("let go", 40.25, "BYE", **inside("out", "as", "c", FAR, LINE, by=SERVER, to=PHONE, uri=f"sip:u@{PHONE}"))
    scene.answer("gone", 40.4, "let go")
    tell_all(scene, 40.6, slot("active"))


def at_one_desk(scene: Scene, phone: Address = PHONE) -> Scene:
    """What a capture at one phone shows."""
    for name in [name for name, said in scene.said.items() if phone not in (said.source, said.destination)]:
        del scene.said[name]
    return scene


def shared_call_at_a_desk() -> Scene:
    """The same where another phone answers, and a capture is taken at this one."""
    return at_one_desk(shared_call(), OTHER)


def seized_call_at_a_desk() -> Scene:
    """The call that is taken away, as the phone sees it that made it."""
    return at_one_desk(seized_call())
