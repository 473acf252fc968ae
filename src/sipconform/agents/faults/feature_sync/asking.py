"""A phone that asks wrongly: its SUBSCRIBEs, when it sends them, and what it makes of refusals."""

from __future__ import annotations

import asyncio
from typing import Any

from sipconform.agents.faults import fault
from sipconform.agents.faults.tampering import instead_of, is_request, nth, tamper, tamper_requests
from sipconform.features.feature_event import CONTENT_TYPE, NAMESPACE, SetDoNotDisturb, apply
from sipconform.sip.compose import Draft


def tamper_sets(agent: Any, edit: Any) -> None:
    """Tampers with the SUBSCRIBEs that ask for a change."""
    tamper(agent, lambda d: is_request(d, "SUBSCRIBE") and bool(d.body), edit)


def later(agent: Any, seconds: float, act: Any) -> None:
    """Does something after a while, as long as the phone lives."""
    subscriber = agent.features.subscriber
    asyncio.get_running_loop().call_later(seconds, lambda: subscriber._do(act()))


@fault("M38", on="phone", kills={"FS-112"}, seen="a phone with a stale nonce", scenarios=["challenged"])
def body_lost_on_challenge(agent: Any) -> None:
    """The request that answers a challenge has no body any more."""
    challenged: list[bool] = []

    def learn(original: Any, answer: Any) -> Any:
        if answer.method == "SUBSCRIBE":
            challenged.append(True)
        return original(answer)

    def forget(draft: Draft) -> Draft:
        if challenged:
            challenged.clear()
            draft.remove("Content-Type").body = b""
        return draft

    instead_of(agent.agent.credentials, "learn", learn)
    tamper_sets(agent, forget)


@fault("M40", on="phone", kills={"FS-114"}, seen="onCloud-Cloudspire #64", scenarios=["without_the_package"])
def tries_every_minute(agent: Any) -> None:
    """Refused with 489 the phone tries again every minute, for ever."""
    subscriber = agent.features.subscriber

    def answered(original: Any, answer: Any) -> None:
        original(answer)
        if subscriber.status == 489:
            later(agent, 60.0, subscriber.subscribe)

    instead_of(subscriber, "_answered", answered)


@fault("M41", on="phone", kills={"FS-116", "SUB-017"}, seen="Zoiper", scenarios=["ends_the_subscription"])
def back_without_pause(agent: Any) -> None:
    """Whenever its subscription is ended the phone subscribes again at once, whatever the reason."""
    subscriber = agent.features.subscriber

    def ended(original: Any, reason: str, retry_after: int | None) -> None:
        original(reason, retry_after)
        if subscriber.wanted:
            subscriber._stop_refresh()
            later(agent, 0.1, subscriber.subscribe)

    instead_of(subscriber, "_terminated", ended)


@fault("M44", on="phone", kills={"FS-101"}, seen="Panasonic KX-HDV230", scenarios=["dnd"])
def no_accept(agent: Any) -> None:
    """SUBSCRIBE does not say what it accepts."""
    tamper_requests(agent, "SUBSCRIBE", lambda d: d.remove("Accept"))


@fault("M46", on="phone", kills={"FS-132"}, seen="buba0 #2", scenarios=["without_power"])
def asks_again_from_memory(agent: Any) -> None:
    """After a restart the phone asks for what was last pressed before."""
    pressed: list[Any] = []

    async def ask(original: Any, document: Any) -> None:
        pressed[:] = [document]
        await original(document)

    async def start(original: Any) -> Any:
        status = await original()
        if pressed:
            await agent.features._ask_for(pressed[0])
        return status

    instead_of(agent.features, "_ask_for", ask)
    instead_of(agent.features, "start", start)


@fault("FX101", on="phone", kills={"FS-101"}, scenarios=["dnd"])
def subscribes_with_a_body(agent: Any) -> None:
    """The first SUBSCRIBE already asks for a change."""
    body = SetDoNotDisturb(False).to_xml()
    tamper_requests(agent, "SUBSCRIBE", nth(1, lambda d: d.with_body(CONTENT_TYPE, body)))


@fault("FX109", on="phone", kills={"FS-109"}, scenarios=["dnd_pressed"])
def type_of_another_body(agent: Any) -> None:
    """A change is labelled as any XML."""
    tamper_sets(agent, lambda d: d.set("Content-Type", "application/xml"))


@fault("FX110", on="phone", kills={"FS-110"}, scenarios=["dnd_pressed"])
def request_without_namespace(agent: Any) -> None:
    """A change is asked for in a document of no namespace."""

    def strip(draft: Draft) -> Draft:
        draft.body = draft.body.replace(f' xmlns="{NAMESPACE}"'.encode(), b"")
        return draft

    tamper_sets(agent, strip)


@fault("FX113", on="phone", kills={"FS-113"}, scenarios=["after_the_server_restarted"])
def begins_anew_with_the_change(agent: Any) -> None:
    """Its subscription lost, the phone begins the new one with the change in it."""
    lost: list[bytes] = []

    def keep(draft: Draft) -> Draft:
        if draft.body:
            lost[:] = [draft.body]
        elif lost and ";tag=" not in draft.get("To"):
            draft.with_body(CONTENT_TYPE, lost.pop())
        return draft

    tamper_requests(agent, "SUBSCRIBE", keep)


@fault("FX115", on="phone", kills={"FS-115"}, scenarios=["asks_too_little"])
def minimum_ignored(agent: Any) -> None:
    """Refused as too brief, the phone asks for the same again."""
    tamper_requests(agent, "SUBSCRIBE", lambda d: d.set("Expires", "5") if d.get("Expires") == "60" else d)


@fault("FX117", on="phone", kills={"FS-117"}, scenarios=["is_refreshed"])
def no_refresh(agent: Any) -> None:
    """The phone never refreshes its subscription."""
    instead_of(agent.features.subscriber, "_refresh_after", lambda *_: None)


@fault("FX102", on="phone", kills={"FS-102"}, scenarios=["acts_alone"])
def subscribes_when_off(agent: Any) -> None:
    """The phone subscribes although synchronisation is switched off."""
    agent.features.obeys_switch = False


@fault("FX118", on="phone", kills={"FS-118"}, scenarios=["switched_off"])
def off_without_a_word(agent: Any) -> None:
    """Switched off while running, the phone forgets its subscription and tells nobody."""

    async def unsubscribe(_: Any) -> None:
        agent.features.subscriber.close()

    instead_of(agent.features.subscriber, "unsubscribe", unsubscribe)


@fault("FX130", on="phone", kills={"FS-130"}, scenarios=["change_that_fails"])
def tries_again_blindly(agent: Any) -> None:
    """A change answered 500 is asked for again after a second, and shown as if it had been made."""

    async def sent(original: Any, document: Any) -> bool:
        done: bool = await original(document)
        if not done:
            await asyncio.sleep(1)
            await original(document)
            agent.features.show(agent.features.shown.with_dnd(True))
        return done

    instead_of(agent.features, "_sent", sent)


@fault("FX201", on="phone", kills={"FS-201"}, scenarios=["whatever_the_switch"])
def goes_by_the_switch(agent: Any) -> None:
    """The phone goes by the synchronisation switch although its make does not."""
    instead_of(agent, "start", _with_switch)


async def _with_switch(original: Any) -> int:
    agent = original.__self__
    agent.features.obeys_switch = True
    status: int = await original()
    return status


@fault("FX202", on="phone", kills={"FS-202", "FS-203"}, scenarios=["whatever_the_switch"])
def keys_act_alone(agent: Any) -> None:
    """What the user sets is shown at once and told to nobody."""

    async def show(_: Any, document: Any) -> None:
        agent.features.show(apply(agent.features.shown, document))

    instead_of(agent.features, "_ask_for", show)


@fault("FX204", on="phone", kills={"FS-204"}, scenarios=["whatever_the_switch"])
def another_type(agent: Any) -> None:
    """Changes come under the general type of CSTA documents."""
    tamper_sets(agent, lambda d: d.set("Content-Type", "application/csta+xml"))
