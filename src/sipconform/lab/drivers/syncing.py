"""What a phone's user and a server's administrator do about feature synchronisation, as verbs of our own agents."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from sipconform.agents.notifier import Content
from sipconform.agents.phone.phone import Phone
from sipconform.agents.server import storage
from sipconform.agents.server.server import Server
from sipconform.features.feature_event import CONTENT_TYPE, EVENT
from sipconform.features.feature_state import FeatureState, Forward, ForwardType
from sipconform.lab.actor import NotSupportedError
from sipconform.sip.dialog import Dialog
from sipconform.trace.packet import WITHHELD

OVERTAKEN_BY = 0.2  # seconds
FORWARDS = {"cfu": ForwardType.IMMEDIATE, "cfb": ForwardType.BUSY, "cfna": ForwardType.NO_ANSWER}
Verbs = dict[str, Callable[..., Awaitable[Any]]]
Announced = Callable[[str, str | None], None]
"""Told the Call-ID and the branch of what no honest agent does by itself, for the record."""


def phone_verbs(phone: Phone) -> Verbs:
    async def refresh_sync() -> None:
        await phone.features.subscriber.ask_within()

    async def forget_sync() -> None:
        phone.features.subscriber.close()

    async def subscribe_for(seconds: int) -> None:
        phone.features.subscriber.expires = seconds

    async def power_cycle() -> int:
        """The phone forgets what it showed, and starts as it was set up."""
        phone.features.subscriber.close()
        phone.features.forget()
        return await phone.start()

    return {
        "switch_sync": phone.features.switch,
        "refresh_sync": refresh_sync,
        "forget_sync": forget_sync,
        "subscribe_for": subscribe_for,
        "power_cycle": power_cycle,
    }


def server_verbs(server: Server, announce: Announced) -> Verbs:
    async def restart() -> None:
        """In good order: what was to be told has been told, and what was asked answered."""
        for subscription in list(server.features.notifier.subscriptions):
            await subscription.told()
        for request in list(server.endpoint.clients.values()):
            await request.final()
        storage.restart(server)

    async def expire_nonces() -> None:
        server.authentication.expire_nonces()

    async def refuse_changes(user: str) -> None:
        server.user(user).barred = True

    async def assign(user: str, features: Iterable[str]) -> None:
        """Gives a user these features, all switched off, and takes the others away; his phones are not told."""
        wanted = set(features)
        forwards = {kind: Forward() for name, kind in FORWARDS.items() if name in wanted}
        server.user(user).features = FeatureState(False if "dnd" in wanted else None, forwards)

    async def end_sync(user: str, reason: str) -> None:
        for subscription in server.features.notifier.of(user):
            subscription.end(reason)

    async def shorten_sync(user: str, seconds: int) -> None:
        for subscription in server.features.notifier.of(user):
            subscription.grant(seconds)
            subscription.notify(Content())

    async def be_overtaken() -> None:
        if server.endpoint.transports[0].protocol != "udp":
            raise NotSupportedError("only datagrams overtake each other")
        server.features.notifier.answer_after = OVERTAKEN_BY

    def keep_back(dialog: Dialog) -> None:
        announce(dialog.call_id, WITHHELD)

    async def say_nothing(on: bool) -> None:
        server.features.notifier.withhold = keep_back if on else None

    async def answer_with(document: str) -> None:
        server.features.notifier.answer_body = CONTENT_TYPE, document.encode()

    async def break_down() -> None:
        server.features.out_of_order = True

    async def offer_sync(on: bool) -> None:
        if on:
            server.features.notifier.offer()
        else:
            server.agent.stop_serving("SUBSCRIBE", EVENT)

    return {
        "restart": restart,
        "expire_nonces": expire_nonces,
        "refuse_changes": refuse_changes,
        "assign": assign,
        "end_sync": end_sync,
        "shorten_sync": shorten_sync,
        "be_overtaken": be_overtaken,
        "say_nothing": say_nothing,
        "answer_with": answer_with,
        "break_down": break_down,
        "offer_sync": offer_sync,
    }
