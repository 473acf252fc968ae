"""What is done to a registration, as verbs of our own agents."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sipconform.agents.credentials import CredentialStore
from sipconform.agents.phone.phone import Phone
from sipconform.agents.requests import ClientRequest
from sipconform.agents.server.server import Server
from sipconform.lab.actor import NotSupportedError
from sipconform.net.simulated import SimulatedNetwork

Announce = Callable[[str, str], None]
"""Told the Call-ID and the branch of what is sent wrongly on purpose."""
Verbs = dict[str, Callable[..., Awaitable[Any]]]


def phone_verbs(phone: Phone, announce: Announce | None) -> Verbs:
    """By name."""
    registration = phone.registration

    def cable() -> SimulatedNetwork:
        network = phone.endpoint.network
        if not isinstance(network, SimulatedNetwork):
            raise NotSupportedError("a link can be cut on the simulated network only")
        return network

    async def lose_link() -> None:
        cable().cut(phone.endpoint.transports[0].local)

    async def regain_link() -> None:
        cable().heal(phone.endpoint.transports[0].local)

    async def reboot() -> int:
        registration.restart()
        return await registration.register()

    async def register_for(seconds: int) -> int:
        registration.expires = seconds
        return await registration.register()

    async def register_with(contact: int, header: int) -> int:
        registration.expires, registration.header_expires = contact, header
        return await registration.register()

    async def register_late() -> int:
        def begun(request: ClientRequest) -> None:
            if announce:
                announce(request.sent.call_id, request.branch)

        return await registration.register_late(begun)

    async def use_outbound() -> None:
        registration.outbound = True

    async def mistype_password() -> None:
        account = phone.account
        phone.agent.credentials = CredentialStore(account.user, "mistyped", phone.endpoint.random)

    async def sign_out_everywhere() -> int:
        return await registration.unregister(everything=True)

    async def watch_registration() -> int:
        return await phone.reg_event.subscriber.subscribe()

    return {
        "register_as": registration.register_as,
        "query_bindings": registration.query,
        "lose_link": lose_link,
        "regain_link": regain_link,
        "reboot": reboot,
        "register_for": register_for,
        "register_with": register_with,
        "register_late": register_late,
        "use_outbound": use_outbound,
        "mistype_password": mistype_password,
        "sign_out_everywhere": sign_out_everywhere,
        "watch_registration": watch_registration,
    }


def phone_beliefs(phone: Phone) -> dict[str, Any]:
    """What the phone shows of its registration."""
    registration = phone.registration
    return {
        "registered": registration.registered,
        "lost": registration.lost,
        "reg_event": phone.reg_event.last,
    }


def server_verbs(server: Server) -> Verbs:
    """By name."""

    async def hire() -> str:
        return server.extensions.hire().name

    async def dismiss(user: str) -> None:
        server.extensions.dismiss(user)

    async def demand_expires(least: int) -> None:
        server.registrar.min_expires = least

    async def ask_keep_alive(seconds: int) -> None:
        server.registrar.flow_timer = seconds

    return {"hire": hire, "dismiss": dismiss, "demand_expires": demand_expires, "ask_keep_alive": ask_keep_alive}
