"""The intents that concern uaCSTA, of our own phone and our own server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sipconform.agents.call import Leg
from sipconform.agents.phone.phone import Phone
from sipconform.agents.server.csta_server import CstaSession
from sipconform.agents.server.server import Server
from sipconform.features.csta import CONTENT_TYPE, DISPOSITION, csta
from sipconform.lab.actor import CouldNotRunError, NotSupportedError

Verb = Callable[..., Awaitable[Any]]


def phone_csta_verbs(phone: Phone) -> dict[str, Verb]:
    """By name."""

    async def cannot_apply() -> None:
        phone.csta.applies = False

    async def call_for_session(address: str, user: str) -> int:
        here = phone.endpoint.transports[0]
        if here.protocol != "udp" and address.rpartition(":")[0] == str(here.local).rpartition(":")[0]:
            raise NotSupportedError("on one host a stranger's connection looks like the server's")
        leg = Leg(phone.agent, content_type=CONTENT_TYPE)
        hello = csta("RequestSystemStatus").to_xml()
        headers = [("Content-Disposition", DISPOSITION), ("Route", f"<sip:{address};lr>")]
        uri = f"sip:{user}@{address}"
        leg.call(uri, f"<{uri}>", hello, headers)
        status = await leg.outcome()
        leg.hang_up()
        return status

    async def where() -> str:
        return str(phone.endpoint.transports[0].local)

    async def tell_oddly(on: bool) -> int:
        phone.features.show(phone.features.shown.with_dnd(on))
        event = csta("DoNotDisturbEvent", monitorCrossRefID=phone.csta.monitor, device=phone.account.aor)
        _, start, *elements, end = event.to_xml().decode().splitlines()
        told = f"<doNotDisturbOn>{str(on).lower()}</doNotDisturbOn><extra>1</extra>"
        body = "\r\n".join([start, told, *reversed(elements), end])
        odd = [("Content-Type", f"{CONTENT_TYPE}; charset=utf-8"), ("Content-Disposition", DISPOSITION)]
        return await phone.csta.send(odd, body.encode())

    verbs = (cannot_apply, call_for_session, where, tell_oddly)
    return {verb.__name__: verb for verb in verbs}


def csta_beliefs(phone: Phone) -> dict[str, Any]:
    """Whether the phone is in a session with a monitor."""
    return {"monitored": phone.csta.connected and bool(phone.csta.monitor)}


def server_csta_verbs(server: Server) -> dict[str, Verb]:
    """By name."""

    async def offer_csta(form: str = "event", edition: int = 3, refresh: float = 900.0) -> None:
        csta_server = server.csta
        csta_server.on, csta_server.form, csta_server.edition = True, form, edition  # type: ignore[assignment]
        csta_server.refresh = refresh

    async def ask_phone(user: str, service: str, edition: int = 0, **fields: Any) -> str | None:
        session = _session(server, user)
        fields = {"device": session.device, **fields}
        if service == "MonitorStop":
            fields.setdefault("monitorCrossRefID", session.reference)
        answer = await session.ask(csta(service, edition or server.csta.edition, **fields))
        return answer.name if answer is not None else None

    async def end_csta(user: str) -> None:
        await _session(server, user).stop()

    async def send_to_session(user: str, content_type: str, body: str, disposition: str) -> int:
        headers = [("Content-Type", content_type), ("Content-Disposition", disposition)]
        session = _session(server, user)
        await session.tell()
        answer = await session.send(headers, body.encode())
        return answer.status if answer is not None else 408

    return {"offer_csta": offer_csta, "ask_phone": ask_phone, "end_csta": end_csta, "send_to_session": send_to_session}


def _session(server: Server, user: str) -> CstaSession:
    sessions = server.csta.of(user)
    if not sessions:
        raise CouldNotRunError(f"there is no uaCSTA session with {user}")
    return sessions[-1]
