"""Faults of event subscriptions in general: what notifiers and subscribers of any package may get wrong (RFC 6665)."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from sipconform.agents.faults import fault
from sipconform.agents.faults.tampering import instead_of, is_answer, tamper, tamper_answers, tamper_requests
from sipconform.sip.compose import Draft
from sipconform.sip.message import Message

NONSENSE = "application/x-nonsense"


def subscribed(agent: Any, after: Any) -> None:
    """Does something after the feature server has accepted a SUBSCRIBE."""

    def accept(original: Any, request: Any, subscription: Any, seconds: int) -> None:
        original(request, subscription, seconds)
        after(request, subscription)

    instead_of(agent.features.notifier, "_accepted", accept)


def notify_once(agent: Any, dialog: Any, state: str, seconds: float = 0.0) -> None:
    """Sends one bare NOTIFY in a dialog after a while."""

    def send() -> None:
        headers = [("Event", agent.features.notifier.package), ("Subscription-State", state)]
        agent.agent.send(agent.agent.in_dialog(dialog, "NOTIFY", headers))

    asyncio.get_running_loop().call_later(seconds, send)


@fault("SX02", on="server", kills={"SUB-002"}, scenarios=["full_state"])
def told_long_before_the_answer(agent: Any) -> None:
    """The first NOTIFY leaves two seconds before the 2xx."""
    agent.features.notifier.answer_after = 2.0


@fault("SX03", on="server", kills={"SUB-003"}, scenarios=["dnd"])
def grant_not_said(agent: Any) -> None:
    """The 2xx to SUBSCRIBE does not say for how long."""
    tamper_answers(agent, "SUBSCRIBE", [200], lambda d: d.remove("Expires"))


@fault("SX04", on="server", kills={"SUB-004"}, scenarios=["asks_too_little"])
def minimum_not_said(agent: Any) -> None:
    """423 does not say what would be long enough."""
    tamper_answers(agent, "SUBSCRIBE", [423], lambda d: d.remove("Min-Expires"))


@fault("SX06", on="server", kills={"SUB-006"}, scenarios=["dnd"])
def package_not_named(agent: Any) -> None:
    """NOTIFY does not name its event package."""
    tamper_requests(agent, "NOTIFY", lambda d: d.remove("Event"))


@fault("SX07", on="server", kills={"SUB-007"}, scenarios=["dnd"])
def state_not_told(agent: Any) -> None:
    """NOTIFY has no Subscription-State."""
    tamper_requests(agent, "NOTIFY", lambda d: d.remove("Subscription-State"))


@fault("SX08", on="server", kills={"SUB-008"}, scenarios=["change_renews"])
def seconds_that_grow(agent: Any) -> None:
    """NOTIFY promises more time than was granted."""
    tamper_requests(agent, "NOTIFY", lambda d: d.set("Subscription-State", "active;expires=9000"))


@fault("SX10", on="server", kills={"SUB-010"}, scenarios=["ends_the_subscription[rejected]"])
def told_after_the_end(agent: Any) -> None:
    """Three seconds after the NOTIFY that ends a subscription another one follows."""

    def attach(original: Any, usage: Any) -> None:
        instead_of(usage, "end", partial(_not_quite, agent, usage))
        original(usage)

    instead_of(agent.agent, "attach", attach)


def _not_quite(agent: Any, subscription: Any, end: Any, *why: Any) -> None:
    end(*why)
    notify_once(agent, subscription.dialog, "active;expires=9", 3.0)


@fault("SX12", on="server", kills={"SUB-012"}, scenarios=["fetched_once"])
def fetched_twice(agent: Any) -> None:
    """Who fetches the state gets two NOTIFYs."""

    def again(request: Any, subscription: Any) -> None:
        if request.message.expires == 0:
            notify_once(agent, subscription.dialog, "active;expires=60", 1.0)

    subscribed(agent, again)


@fault("SX14", on="phone", kills={"SUB-014"}, scenarios=["tells_nothing"])
def relies_on_silence(agent: Any) -> None:
    """A subscription in which nothing is ever told is kept, and refreshed."""
    instead_of(agent.features.subscriber, "_unheard", lambda *_: None)


@fault("SX21", on="phone", kills={"SUB-021"}, scenarios=["another_notifier"])
def any_notifier_is_believed(agent: Any) -> None:
    """A NOTIFY counts whoever it is from, if only it names the phone's own tag."""

    def dispatch(original: Any, request: Any) -> None:
        message = request.message
        usage = agent.agent.usages.get((message.call_id, message.to_tag))
        if message.method == "NOTIFY" and usage is not None and usage.dialog.in_order(message):
            usage.received(request)
        else:
            original(request)

    instead_of(agent.agent, "_dispatch_in_dialog", dispatch)


@fault("SX16", on="phone", kills={"SUB-016"}, scenarios=["is_refreshed"])
def refresh_to_the_address_of_record(agent: Any) -> None:
    """A refresh is addressed to the user, and not to the notifier's Contact."""

    def readdress(draft: Draft) -> Draft:
        if ";tag=" in draft.get("To"):
            draft.start_line = f"SUBSCRIBE {agent.account.aor} SIP/2.0"
        return draft

    tamper_requests(agent, "SUBSCRIBE", readdress)


@fault("SX18", on="server", kills={"SUB-018", "FS-001"}, scenarios=["dnd"])
def no_contact(agent: Any) -> None:
    """The 2xx to SUBSCRIBE says not where the notifier is."""
    tamper_answers(agent, "SUBSCRIBE", [200], lambda d: d.remove("Contact"))


@fault("SX20", on="phone", kills={"SUB-020"}, scenarios=["outlives_a_restart"])
def new_beginning_in_the_old_dialog(agent: Any) -> None:
    """Its subscription lost, the phone subscribes with the Call-ID and the tag of old."""
    first: list[tuple[str, str]] = []

    def old(draft: Draft) -> Draft:
        if ";tag=" not in draft.get("To"):
            first.append((draft.get("Call-ID"), draft.get("From")))
            draft.set("Call-ID", first[0][0]).set("From", first[0][1])
        return draft

    async def late(original: Any) -> int:
        if first:
            await asyncio.sleep(2)
        status: int = await original()
        return status

    tamper_requests(agent, "SUBSCRIBE", old)
    instead_of(agent.features.subscriber, "subscribe", late)


@fault("SX22", on="server", kills={"SUB-022"}, scenarios=["are_advertised"])
def packages_not_advertised(agent: Any) -> None:
    """The answer to OPTIONS does not say which event packages are served."""
    tamper_answers(agent, "OPTIONS", [200], lambda d: d.remove("Allow-Events"))


@fault("SX23", on="server", kills={"SUB-023", "FS-008"}, scenarios=["dnd_switched"])
def body_nobody_accepts(agent: Any) -> None:
    """NOTIFY carries a body of a type the subscriber did not accept."""
    plain = "application/x-as-feature-event+xml"

    def relabel(draft: Draft) -> Draft:
        return draft.set("Content-Type", NONSENSE) if draft.get("Content-Type") == plain else draft

    tamper_requests(agent, "NOTIFY", relabel)


@fault("SX24", on="server", kills={"SUB-024"}, scenarios=["of_another"])
def refused_and_told(agent: Any) -> None:
    """Who was refused with 403 is told a state all the same."""

    def told(draft: Draft) -> Draft:
        refused = Message(draft.to_bytes())
        headers = {"Event": agent.features.notifier.package, "Subscription-State": "active;expires=60"}
        for phone in agent.directory.users["2001"].bindings.values():
            asyncio.get_running_loop().call_soon(_tell, agent, refused, phone.contact, headers)
        return draft

    tamper(agent, lambda d: is_answer(d, "SUBSCRIBE", [403]), told)


def _tell(agent: Any, refused: Message, contact: str, headers: dict[str, str]) -> None:
    draft = agent.agent.new_request(
        "NOTIFY", contact, refused.text("From"), call_id=refused.call_id, sender=refused.text("To").partition(";tag")[0]
    )
    draft.set("From", refused.text("To")).add("Contact", agent.agent.contact)
    for name, value in headers.items():
        draft.add(name, value)
    agent.agent.send(draft)


@fault("SX25", on="phone", kills={"SUB-025", "FS-113"}, scenarios=["begun_anew"])
def loss_not_noticed(agent: Any) -> None:
    """The phone takes no notice of a 481."""
    instead_of(agent.features.subscriber, "ask_within", _deaf)


async def _deaf(original: Any, *args: Any, **more: Any) -> Any:
    subscriber = original.__self__
    subscriber.wanted = False
    answer = await original(*args, **more)
    subscriber.wanted = True
    return answer


@fault("SX26", on="server", kills={"SUB-026"}, scenarios=["dnd"])
def state_given_away(agent: Any) -> None:
    """A subscription nobody has allowed yet is told the state."""
    tamper_requests(
        agent, "NOTIFY", lambda d: d.set("Subscription-State", d.get("Subscription-State").replace("active", "pending"))
    )


@fault("SX09", on="phone", kills={"SUB-009"}, scenarios=["from_nowhere"])
def stray_taken(agent: Any) -> None:
    """A NOTIFY that belongs to nothing is answered 200."""
    agent.agent.serve("NOTIFY", lambda request: request.respond(200), agent.features.subscriber.package)


@fault("SX05", on="server", kills={"SUB-006"}, scenarios=["subscription_to_nothing"])
def subscription_to_nothing_taken(agent: Any) -> None:
    """A SUBSCRIBE that names no event package is accepted."""
    headers = [("Contact", agent.agent.contact), ("Expires", "600")]
    agent.agent.serve("SUBSCRIBE", lambda request: request.respond(200, headers=headers), "")
