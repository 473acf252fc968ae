"""A phone that takes what it is told wrongly: it refuses, ignores, believes or echoes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sipconform.agents.faults import fault
from sipconform.agents.faults.tampering import instead_of, tamper_answers
from sipconform.features.feature_body import read_body
from sipconform.features.feature_event import (
    DoNotDisturbEvent,
    ForwardingEvent,
    SetDoNotDisturb,
    UnknownDocument,
    apply,
)


def takes(agent: Any, told: Any) -> None:
    """Replaces what the phone does with a NOTIFY; `told` is given what the phone would do, and the NOTIFY."""
    instead_of(agent.features.subscriber, "told", told)


def show_documents(agent: Any, documents: list[Any]) -> None:
    """Shows what these documents say."""
    state = agent.features.shown
    for document in documents:
        if isinstance(document, DoNotDisturbEvent | ForwardingEvent):
            state = apply(state, document)
    agent.features.show(state)


def documents_of(notify: Any) -> list[Any]:
    return [part.document for part in read_body(notify.text("Content-Type"), notify.content)]


@fault("FX129", on="phone", kills={"FS-129"}, scenarios=["kept_apart"])
def one_display_for_all_lines(agent: Any) -> None:
    """What the server tells one line is shown on every line of the phone."""

    def show(original: Any, state: Any) -> None:
        original(state)
        for other in agent.others:
            type(other.features).show(other.features, state)

    instead_of(agent.features, "show", show)


@fault("FX140", on="phone", kills={"FS-129"}, scenarios=["kept_apart"])
def change_passed_on_to_all_lines(agent: Any) -> None:
    """What the server tells one line of do not disturb, the phone asks of the servers of its other lines."""

    def told(original: Any, notify: Any) -> None:
        original(notify)
        said = [d for d in documents_of(notify) if isinstance(d, DoNotDisturbEvent) and d.on]
        for other in agent.others if said else ():
            if not other.features.shown.dnd:
                other.features.subscriber._do(other.features.press_dnd(True))

    takes(agent, told)


@fault("M36", on="phone", kills={"FS-108"}, seen="FusionPBX #5839", scenarios=["dnd_switched"])
def toggle_loop(agent: Any) -> None:
    """Whatever the phone is told of do not disturb it asks for in turn."""

    async def echo(on: bool) -> None:
        await asyncio.sleep(0.3)
        await agent.features._ask_for(SetDoNotDisturb(on))

    def told(original: Any, notify: Any) -> None:
        original(notify)
        said = [d for d in documents_of(notify) if isinstance(d, DoNotDisturbEvent)]
        if said and said[0].on is not None:
            agent.features.subscriber._do(echo(said[0].on))

    takes(agent, told)


@fault("M39", on="phone", kills={"FS-121"}, seen="Poly, by Asterisk PR 128", scenarios=["not_taken"])
def crash_without_namespace(agent: Any) -> None:
    """A document without namespace brings the phone down."""

    def told(original: Any, notify: Any) -> None:
        if any(getattr(d, "facts", None) and not d.facts.namespace for d in documents_of(notify)):
            agent.endpoint.on_request = None
        original(notify)

    takes(agent, told)


@fault("M42", on="phone", kills={"FS-111"}, seen="a rule in Obihai's guide", scenarios=["refused_by_policy"])
def shows_what_was_pressed(agent: Any) -> None:
    """The phone shows what the user pressed, whatever the server makes of it."""

    async def press(original: Any, on: bool) -> None:
        await original(on)
        takes(agent, lambda *_: None)
        agent.features.show(agent.features.shown.with_dnd(on))

    instead_of(agent.features, "press_dnd", press)


@fault("M43", on="phone", kills={"FS-105"}, seen="Asterisk PR 128", scenarios=["full_state", "switched_on"])
def first_part_only(agent: Any) -> None:
    """Of a multipart body the phone reads the first part and no more."""
    takes(agent, lambda _, notify: show_documents(agent, documents_of(notify)[:1]))


@fault("M53", on="phone", kills={"FS-125"}, seen="RFC 3261 §12.2.2", scenarios=["overtaken_state"])
def old_state_applied(agent: Any) -> None:
    """A NOTIFY older than the last one is answered 200 and shown."""

    def dispatch(original: Any, request: Any) -> None:
        message = request.message
        usage = agent.agent.usages.get((message.call_id, message.to_tag))
        if message.method == "NOTIFY" and usage is not None:
            usage.received(request)
        else:
            original(request)

    instead_of(agent.agent, "_dispatch_in_dialog", dispatch)


@fault("FX103", on="phone", kills={"FS-103", "SUB-002"}, scenarios=["overtakes_the_answer"])
def early_state_refused(agent: Any) -> None:
    """A NOTIFY that overtakes the 2xx is refused."""
    subscriber = agent.features.subscriber
    received = subscriber.received
    subscriber.received = lambda r: received(r) if subscriber.dialog.remote_tag else r.respond(481)


@fault("FX104", on="phone", kills={"FS-104"}, scenarios=["dnd"])
def good_state_refused(agent: Any) -> None:
    """Every NOTIFY is answered 400."""
    tamper_answers(agent, "NOTIFY", [200], _bad)


def _bad(draft: Any) -> Any:
    draft.start_line = "SIP/2.0 400 Bad Request"
    return draft


@fault("FX124", on="phone", kills={"FS-124", "SUB-009"}, scenarios=["from_nowhere"])
def stray_state_taken(agent: Any) -> None:
    """A NOTIFY outside any dialog is answered 200."""
    agent.agent.serve("NOTIFY", lambda request: request.respond(200), "as-feature-event")


def takes_only(agent: Any, taken: Callable[[Any, Any], bool]) -> None:
    """Ignores whole NOTIFYs that `taken` does not like, by message and documents."""
    takes(agent, lambda ask, notify: ask(notify) if taken(notify, documents_of(notify)) else None)


@fault("FX106", on="phone", kills={"FS-106"}, scenarios=["dnd_switched"])
def single_documents_ignored(agent: Any) -> None:
    """The phone understands multipart bodies only."""
    takes_only(agent, lambda notify, _: notify.text("Content-Type").startswith("multipart"))


@fault("FX107", on="phone", kills={"FS-107"}, scenarios=["other_shapes"])
def unquoted_boundary_ignored(agent: Any) -> None:
    """A boundary without quotes is not found."""
    takes_only(agent, lambda notify, _: "boundary=b1" not in notify.text("Content-Type"))


@fault("FX119", on="phone", kills={"FS-119"}, scenarios=["other_shapes"])
def unknown_kind_spoils_all(agent: Any) -> None:
    """A NOTIFY with a document of an unknown kind is ignored as a whole."""
    takes_only(agent, lambda _, told: not any(isinstance(d, UnknownDocument) for d in told))


@fault("FX120", on="phone", kills={"FS-120"}, scenarios=["not_taken"])
def namespaces_not_looked_at(agent: Any) -> None:
    """Documents are read by their local names, in whatever namespace."""
    takes(agent, lambda _, notify: show_documents(agent, documents_of(notify)))


@fault("FX122", on="phone", kills={"FS-122"}, scenarios=["other_shapes"])
def a_number_means_on(agent: Any) -> None:
    """A forward told with a number is shown as on, whatever its status."""

    def told(_: Any, notify: Any) -> None:
        show_documents(agent, [replace(d, on=True) if getattr(d, "to", "") else d for d in documents_of(notify)])

    takes(agent, told)


@fault("FX123", on="phone", kills={"FS-123"}, scenarios=["other_shapes"])
def device_must_be_there(agent: Any) -> None:
    """An event without a device's name is ignored."""
    takes_only(agent, lambda _, told: all(getattr(d, "device", None) for d in told))


@fault("FX126", on="phone", kills={"FS-126"}, scenarios=["ring_count"])
def rings_not_shown(agent: Any) -> None:
    """The ring count that is told is not shown."""
    _shows_otherwise(agent, rings=3)


@fault("FX127", on="phone", kills={"FS-127"}, scenarios=["number_comes_back"])
def plus_lost(agent: Any) -> None:
    """The plus of a number is not shown."""
    _shows_otherwise(agent, lambda number: number.replace("+", ""))


@fault("FX134", on="phone", kills={"FS-134"}, scenarios=["either_charset"])
def charset_not_looked_at(agent: Any) -> None:
    """Letters beyond ASCII are shown as UTF-8 taken for ISO-8859-1."""
    _shows_otherwise(agent, lambda number: number.encode().decode("latin-1"))


def _shows_otherwise(agent: Any, number: Callable[[str], str] = str, **fixed: Any) -> None:
    """Changes forwards on their way to the display."""

    def show(original: Any, state: Any) -> None:
        forwards = {k: replace(f, to=number(f.to), **fixed) for k, f in state.forwards.items()}
        original(replace(state, forwards=forwards))

    instead_of(agent.features, "show", show)


@fault("FX133", on="phone", kills={"FS-133"}, seen="usecallmanager's phones", scenarios=["body_in_the_answer"])
def answer_taken_for_state(agent: Any) -> None:
    """A document in the 2xx to SUBSCRIBE is shown."""

    def answered(original: Any, answer: Any) -> None:
        original(answer)
        if answer is not None and answer.body:
            show_documents(agent, documents_of(answer))

    instead_of(agent.features.subscriber, "_answered", answered)
