"""Phones that dial codes and phones in uaCSTA sessions, and nobody does anything wrong; tests change one thing."""

from __future__ import annotations

from typing import Any

from sipconform.features.csta import CONTENT_TYPE, csta
from sipconform.trace.packet import Observation
from tests.checks.support import PHONE, SERVER, SOURCE, Scene

CODES = [
    ["dnd", "on", "*78"],
    ["dnd", "off", "*79"],
    ["cfu", "on", "*72{number}"],
    ["cfu", "prompt", "*72"],
    ["cfu", "off", "*73"],
    ["cfna", "on", "**61*{number}**{seconds}#"],
]
PROOF = 'Digest username="2001", realm="r", nonce="n", uri="u", response="0"'
OFFER = (
    "v=0\r\no=- 1 1 IN IP4 192.0.2.51\r\ns=-\r\nc=IN IP4 192.0.2.51\r\nt=0 0\r\n"
    "m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)


def noted(scene: Scene, at: float, who: str, kind: str, /, **what: Any) -> None:
    scene.observations.append(Observation(int((SOURCE + at) * 1e9), who, kind, what))


def lab(**more: Any) -> Scene:
    """A scene whose record says who is who and which codes are in force."""
    scene = Scene()
    places = {"phone": str(PHONE), "server": str(SERVER)}
    facts = {"actors": places, "codes": CODES, "mode": "feature-code", "code_forms": ["plain"]}
    noted(scene, -1.0, "lab", "lab", servers=[str(SERVER)], phones=[str(PHONE)], **(facts | more))
    noted(scene, -1.0, "server", "belief", **{"2001.dnd": False, "2001.cfu": ""})
    noted(scene, -1.0, "phone", "belief", dnd=False, cfu="", missed=0)
    return scene


def dial(scene: Scene, at: float, code: str = "*78", status: int = 200, name: str = "invite", **headers: str) -> None:
    """A call to a code: answered, acknowledged, and ended by the server after a second."""
    uri = headers.pop("uri", f"sip:{code.replace('#', '%23')}@example.com")
    to: dict[str, Any] = {"To": f"<{uri}>"}
    scene.ask(
        name, at, "INVITE", uri, call=name, Content_Type="application/sdp", body=OFFER,
        **(to | {"Authorization": PROOF} | headers),
    )  # fmt: skip
    scene.answer(f"{name}-final", at + 0.1, name, status)
    if status < 300:
        inside: dict[str, Any] = {"call": name, "to_tag": "as1", "uri": f"sip:u@{SERVER}"}
        scene.ask(f"{name}-ack", at + 0.2, "ACK", Authorization=PROOF, **inside)
        back: dict[str, Any] = {"by": SERVER, "to": PHONE, "tag": "as1", "to_tag": "ph1", "uri": f"sip:u@{PHONE}"}
        scene.ask(f"{name}-bye", at + 1.2, "BYE", call=name, seq=7, **back)
        scene.answer(f"{name}-byeok", at + 1.3, f"{name}-bye", 200)


def press(scene: Scene, at: float, on: bool = True) -> None:
    noted(scene, at, "phone", "intent", do="set_dnd", on=on)


def pressed() -> Scene:
    """The key is pressed, dialled, done, and shown."""
    scene = lab()
    press(scene, 0.0)
    dial(scene, 0.1)
    noted(scene, 0.15, "server", "belief", **{"2001.dnd": True})
    noted(scene, 0.25, "phone", "belief", dnd=True)
    return scene


# -- uaCSTA ---------------------------------------------------------------------------------------------------

SIGNAL = "signal;handling=required"
TO_PHONE: dict[str, Any] = {"by": SERVER, "to": PHONE, "call": "s1", "tag": "as1", "uri": f"sip:u@{PHONE}"}
TO_SERVER: dict[str, Any] = {"call": "s1", "tag": "ph1", "to_tag": "as1", "uri": f"sip:u@{SERVER}"}


def info(scene: Scene, name: str, at: float, seq: int, body: bytes, *, answer: bytes = b"", up: bool = False) -> None:
    """An INFO and its 200, named `name` and `name-ok`; `up`: from the phone to the server."""
    way = TO_SERVER if up else TO_PHONE | {"to_tag": "ph1"}
    kind: dict[str, Any] = {"Content_Type": CONTENT_TYPE, "Content_Disposition": SIGNAL}
    scene.ask(name, at, "INFO", seq=seq, body=body, **kind, **way)
    scene.answer(f"{name}-ok", at + 0.1, name, 200, body=answer, **(kind if answer else {}))


def session() -> Scene:
    """A session with a monitor: do not disturb is asked for, told, read, pressed, and the monitor stopped."""
    scene = Scene()
    places = {"phone": str(PHONE), "server": str(SERVER)}
    noted(scene, -1.0, "lab", "lab", servers=[str(SERVER)], phones=[str(PHONE)], actors=places)
    noted(scene, -1.0, "phone", "belief", dnd=False)
    kind: dict[str, Any] = {"Content_Type": CONTENT_TYPE, "Content_Disposition": SIGNAL}
    scene.ask("invite", 0.0, "INVITE", body=csta("RequestSystemStatus").to_xml(), **kind, **TO_PHONE)
    hello = csta("RequestSystemStatusResponse", systemStatus="normal").to_xml()
    scene.answer("invite-ok", 0.1, "invite", 200, tag="ph1", body=hello, **kind)
    scene.ask("ack", 0.2, "ACK", to_tag="ph1", **TO_PHONE)
    started = csta("MonitorStartResponse", monitorCrossRefID="7", monitorExistingCalls=True).to_xml()
    info(scene, "monitor", 0.3, 2, csta("MonitorStart", monitorObject="sip:2001@example.com").to_xml(), answer=started)
    asked_for = csta("SetDoNotDisturb", device="sip:2001@example.com", doNotDisturbOn=True).to_xml()
    info(scene, "set", 10.0, 3, asked_for, answer=csta("SetDoNotDisturbResponse").to_xml())
    noted(scene, 10.2, "phone", "belief", dnd=True)
    info(scene, "told", 20.0, 4, event(False))
    noted(scene, 20.05, "phone", "belief", dnd=False)
    told = csta("GetDoNotDisturbResponse", doNotDisturbOn=False).to_xml()
    info(scene, "get", 30.0, 5, csta("GetDoNotDisturb").to_xml(), answer=told)
    noted(scene, 40.0, "phone", "intent", do="set_dnd", on=True)
    noted(scene, 40.0, "phone", "belief", dnd=True)
    info(scene, "pressed", 40.1, 1, event(True), up=True)
    stopped = csta("MonitorStopResponse").to_xml()
    info(scene, "stop", 60.0, 6, csta("MonitorStop", monitorCrossRefID="7").to_xml(), answer=stopped)
    return scene


def event(on: bool, reference: str = "7") -> bytes:
    about = {"monitorCrossRefID": reference, "device": "sip:2001@example.com"}
    return csta("DoNotDisturbEvent", 3, doNotDisturbOn=on, **about).to_xml()
