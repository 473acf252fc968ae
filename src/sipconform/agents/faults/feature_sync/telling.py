"""A server that tells the wrong things, or the wrong phones, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from sipconform.agents.faults import fault
from sipconform.agents.faults.feature_sync.wording import OFF, rewrite
from sipconform.agents.faults.tampering import instead_of, is_request, tamper
from sipconform.agents.notifier import Content, NotifierSubscription
from sipconform.features.feature_body import write_event, write_full_state
from sipconform.features.feature_event import SetDoNotDisturb, dnd_event

NOTHING_SET = {"dnd": False, "forwards": {}}


def state_told(agent: Any, change: Any) -> None:
    """The full state is told of a changed copy of the user's features."""
    features = agent.features

    def content(subscription: Any) -> list[Content]:
        state = change(agent.user(subscription.user).features)
        bodies = write_full_state(state, "", packaging=features.packaging, encoding=features.encoding)
        return [Content(body.content, body.content_type) for body in bodies]

    features.notifier.content = content


@fault("M03", on="server", kills={"FS-002", "SUB-001"}, seen="fusionpbx #1703", scenarios=["is_refreshed"])
def nothing_is_told(agent: Any) -> None:
    """No NOTIFY follows the answer to SUBSCRIBE."""
    tamper(agent, lambda d: is_request(d, "NOTIFY"), lambda _: None)


@fault("M14", on="server", kills={"FS-004"}, seen="FreeSWITCH", scenarios=["is_refreshed"])
def forwards_without_number_left_out(agent: Any) -> None:
    """The full state leaves out forwards that have no number."""
    state_told(agent, lambda s: replace(s, forwards={k: f for k, f in s.forwards.items() if f.to}))


@fault("M15", on="server", kills={"FS-014"}, seen="FusionPBX", scenarios=["full_state"])
def invented_number(agent: Any) -> None:
    """A forward that is off and has no number is told with the number 0."""
    rewrite(agent, lambda body: body.replace(OFF, OFF + b"\r\n  <forwardTo>0</forwardTo>"))


@fault("M16", on="server", kills={"FS-020"}, seen="usecallmanager", scenarios=["on_the_phone"])
def number_is_a_boolean(agent: Any) -> None:
    """forwardTo says true where the number should be."""
    rewrite(agent, lambda body: body.replace(b"<forwardTo>2051<", b"<forwardTo>true<"))


@fault("M19", on="server", kills={"FS-023"}, seen="Kamailio", scenarios=["on_the_phone_reaches_the_server[cfna]"])
def ring_count_dropped(agent: Any) -> None:
    """The ring count never comes back."""
    instead_of(agent.features, "_event_content", lambda ask, event: ask(_without_rings(event)))


def _without_rings(event: Any) -> Any:
    return replace(event, rings=None) if hasattr(event, "rings") else event


@fault("M21", on="server", kills={"FS-004"}, seen="Kamailio", scenarios=["is_refreshed"])
def only_the_last_feature(agent: Any) -> None:
    """The first NOTIFY tells one feature only."""
    state_told(agent, lambda s: replace(s, dnd=None, forwards=dict(list(s.forwards.items())[:1])))


@fault("FX306", on="server", kills={"FS-306"}, scenarios=["fetched_once"])
def fetch_brings_one_feature(agent: Any) -> None:
    """A server that tells one feature a NOTIFY answers a fetch with the last of them alone."""
    agent.features.packaging = "single"
    agent.features.notifier.parting = lambda subscription: agent.features.notifier.content(subscription)[-1]


@fault("M22", on="server", kills={"FS-012"}, seen="FreeSWITCH, Kamailio", scenarios=["number_comes_back"])
def number_not_escaped(agent: Any) -> None:
    """A number is put into the document as it is, `&` and `<` and all."""
    rewrite(agent, lambda body: body.replace(b"&amp;", b"&").replace(b"&lt;", b"<").replace(b"&gt;", b">"))


@fault("M25", on="server", kills={"FS-016", "FS-017"}, seen="FusionPBX #5566", scenarios=["minute_after"])
def only_some_are_told(agent: Any) -> None:
    """A change of do not disturb is told to the phone that asked alone, one of a forward to all but that phone."""
    asking: list[Any] = []

    def applied(original: Any, document: Any, subscription: Any) -> None:
        asking[:] = [(document, subscription)]
        original(document, subscription)
        asking.clear()

    def told(original: Any, user: str) -> Iterator[Any]:
        for subscription in original(user):
            mine = asking and subscription is asking[0][1]
            if not asking or mine == isinstance(asking[0][0], SetDoNotDisturb):
                yield subscription

    instead_of(agent.features, "apply_request", applied)
    instead_of(agent.features.notifier, "of", told)


@fault("M26", on="server", kills={"FS-017"}, seen="usecallmanager", scenarios=["both_phones"])
def one_subscription_for_a_user(agent: Any) -> None:
    """The second phone's subscription takes the place of the first one's."""

    def accept(original: Any, request: Any, subscription: Any, seconds: int) -> None:
        for other in agent.features.notifier.of(subscription.user):
            if other is not subscription:
                other.drop()
        original(request, subscription, seconds)

    instead_of(agent.features.notifier, "_accepted", accept)


@fault("FX17", on="server", kills={"FS-017"}, scenarios=["minute_after"])
def others_are_told_the_old_value(agent: Any) -> None:
    """A change asked for on one phone is told to the user's other phones as it was before."""

    def applied(original: Any, document: Any, subscription: Any) -> None:
        before = dnd_event(agent.user(subscription.user).features)
        notify = type(subscription).notify
        others = [s for s in agent.features.notifier.of(subscription.user) if s is not subscription]
        for other in others:
            other.notify = lambda _, other=other: notify(other, agent.features._event_content(before))
        original(document, subscription)
        for other in others:
            del other.notify

    instead_of(agent.features, "apply_request", applied)


@fault("FX307", on="server", kills={"FS-307"}, scenarios=["minute_after"])
def portal_tells_nobody(agent: Any) -> None:
    """What is changed in the portal is stored, and told to nobody."""

    def store(original: Any, user: Any, *what: Any) -> None:
        of, agent.features.notifier.of = agent.features.notifier.of, lambda _: ()
        original(user, *what)
        agent.features.notifier.of = of

    instead_of(agent.features, "set_dnd", store)
    instead_of(agent.features, "set_forward", store)


@fault("M27", on="server", kills={"FS-015"}, seen="FusionPBX 441bd77a5b", scenarios=["dnd_pressed"])
def the_opposite_is_told(agent: Any) -> None:
    """A change of do not disturb is stored as asked and told the other way round."""
    opposite = {b">true<": b">false<", b">false<": b">true<"}

    def flip(body: bytes) -> bytes:
        word = next((word for word in opposite if b"<doNotDisturbOn" + word in body), b"><")
        return body.replace(b"<doNotDisturbOn" + word, b"<doNotDisturbOn" + opposite.get(word, word))

    rewrite(agent, flip, "application/")


@fault("FX18", on="server", kills={"FS-018"}, scenarios=["another_user"])
def everybody_is_told(agent: Any) -> None:
    """A change of one user is told to the phones of all."""
    instead_of(agent.features.notifier, "of", lambda _, user: list(agent.features.notifier.subscriptions))


@fault("FX19", on="server", kills={"FS-019", "FS-016"}, scenarios=["minute_after"])
def no_change_no_word(agent: Any) -> None:
    """A request for the value that already holds is answered 200 and not confirmed."""
    instead_of(agent.features, "_asked_about", lambda *_: None)
    instead_of(agent.features.notifier, "tell", lambda ask, s: ask(s) if not s.dialog.local_cseq else None)


@fault("FX33", on="server", kills={"FS-033"}, scenarios=["whole_state"])
def refresh_brings_one_feature(agent: Any) -> None:
    """A refresh brings do not disturb alone."""

    def tell(original: Any, subscription: Any) -> None:
        event = dnd_event(agent.user(subscription.user).features)
        if not subscription.dialog.local_cseq or event is None:
            original(subscription)
        else:
            subscription.notify(Content(write_event(event).content, write_event(event).content_type))

    instead_of(agent.features.notifier, "tell", tell)


@fault("FX39", on="server", kills={"FS-039"}, scenarios=["is_refreshed"])
def everything_is_told_again(agent: Any) -> None:
    """After a change at the server everything is told again."""

    def change(original: Any, user: Any, state: Any) -> Any:
        events = original(user, state)
        for subscription in agent.features.notifier.of(user.name):
            agent.features.notifier.tell(subscription)
        return events

    instead_of(agent.features, "change", change)


@fault("M28", on="server", kills={"FS-021"}, seen="FusionPBX index.lua", scenarios=["side_by_side"])
def a_forward_ends_do_not_disturb_in_silence(agent: Any) -> None:
    """Setting a forward switches do not disturb off, and nobody is told."""

    def applied(original: Any, document: Any, subscription: Any) -> None:
        original(document, subscription)
        if not isinstance(document, SetDoNotDisturb):
            user = agent.user(subscription.user)
            user.features = user.features.with_dnd(False)

    instead_of(agent.features, "apply_request", applied)


@fault("FX43", on="server", kills={"FS-043"}, scenarios=["two_quick_changes", "opposite"])
def changes_told_backwards(agent: Any) -> None:
    """Of several changes waiting to be told the latest is told first."""

    def attach(original: Any, usage: Any) -> None:
        if isinstance(usage, NotifierSubscription):
            instead_of(usage, "notify", partial(_first_of_all, usage))
        original(usage)

    instead_of(agent.agent, "attach", attach)


def _first_of_all(subscription: NotifierSubscription, notify: Any, content: Content) -> None:
    notify(content)
    subscription._queue.appendleft(subscription._queue.pop())


@fault("FX44", on="server", kills={"FS-044"}, scenarios=["outlives"])
def nothing_is_kept(agent: Any) -> None:
    """A restart of the server forgets what the users had set."""
    instead_of(agent.storage, "restore", lambda ask, stored: ask(dict.fromkeys(stored, NOTHING_SET)))
