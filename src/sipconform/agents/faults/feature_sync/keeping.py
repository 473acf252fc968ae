"""A phone that begins, keeps or gives up its subscription wrongly, or repeats what it asked for."""

from __future__ import annotations

from typing import Any

from sipconform.agents.faults import fault
from sipconform.agents.faults.feature_sync.asking import later
from sipconform.agents.faults.tampering import instead_of
from sipconform.agents.subscriber import Subscriber

RETRY, AT_ONCE = 10.0, 0.1  # seconds


@fault("M55", on="phone", kills={"FS-101"}, seen="sipXcom #10", scenarios=["is_refreshed"])
def setting_misspelt(agent: Any) -> None:
    """The setting that switches synchronisation on is not known by that name: the phone never subscribes."""

    async def nothing(_: Any) -> int:
        return 0

    instead_of(agent.features, "start", nothing)


@fault("FX141", on="phone", kills={"FS-101"}, scenarios=["is_refreshed"])
def subscribes_before_it_is_registered(agent: Any) -> None:
    """The phone subscribes first and registers then."""

    async def start(original: Any) -> Any:
        await agent.features.start()
        return await original()

    instead_of(agent, "start", start)


@fault("FX142", on="phone", kills={"FS-101"}, scenarios=["is_refreshed"])
def two_subscriptions_for_a_line(agent: Any) -> None:
    """The phone subscribes twice, and keeps both subscriptions alive."""
    first = agent.features.subscriber
    second = Subscriber(first.agent, first.package, first.accept, first.expires, first.told)

    async def start(original: Any) -> Any:
        status = await original()
        await second.subscribe()
        return status

    instead_of(agent.features, "start", start)


@fault("FX112", on="phone", kills={"FS-112"}, scenarios=["dnd_pressed"])
def nonce_not_counted(agent: Any) -> None:
    """Every request says that it is the first to use its nonce."""
    credentials = agent.agent.credentials

    def authorise(original: Any, draft: Any) -> None:
        for session in credentials._sessions.values():
            session.count = 0
        original(draft)

    instead_of(credentials, "authorise", authorise)


@fault("FX143", on="phone", kills={"FS-113"}, scenarios=["after_the_server_restarted"])
def lost_change_asked_for_twice(agent: Any) -> None:
    """A change that was refused with 481 is asked for twice in the new subscription."""

    async def sent(original: Any, document: Any) -> bool:
        call_id = agent.features.subscriber.dialog.call_id
        done: bool = await original(document)
        if agent.features.subscriber.dialog.call_id != call_id:
            done = await original(document)
        return done

    instead_of(agent.features, "_sent", sent)


@fault("FX144", on="phone", kills={"FS-113"}, scenarios=["after_the_server_restarted"])
def lost_change_forgotten(agent: Any) -> None:
    """A change that was refused with 481 is not asked for any more."""

    async def sent(_: Any, document: Any) -> bool:
        headers = [("Content-Type", "application/x-as-feature-event+xml")]
        answer = await agent.features.subscriber.ask_within(headers, document.to_xml())
        return answer is not None and answer.status < 300

    instead_of(agent.features, "_sent", sent)


@fault("FX114", on="phone", kills={"FS-114"}, scenarios=["without_the_package"])
def tries_again_and_again(agent: Any) -> None:
    """Refused, the phone tries again every ten seconds."""
    subscriber = agent.features.subscriber

    def answered(original: Any, answer: Any) -> None:
        original(answer)
        if subscriber.status == 489:
            later(agent, RETRY, subscriber.subscribe)

    instead_of(subscriber, "_answered", answered)


@fault("FX116", on="phone", kills={"FS-116"}, scenarios=["ends_at_once"])
def storms_the_server(agent: Any) -> None:
    """Whenever its subscription is ended the phone begins another at once, however often."""
    subscriber = agent.features.subscriber

    def ended(original: Any, reason: str, retry_after: int | None) -> None:
        original(reason, retry_after)
        subscriber._stop_refresh()
        later(agent, AT_ONCE, subscriber.subscribe)

    instead_of(subscriber, "_terminated", ended)


@fault("FX145", on="phone", kills={"FS-117"}, scenarios=["leaves_less_time"])
def shortening_not_heeded(agent: Any) -> None:
    """That a NOTIFY leaves less time than was granted is not looked at."""
    instead_of(agent.features.subscriber, "_heed", lambda *_: None)
