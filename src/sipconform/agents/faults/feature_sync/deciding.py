"""A server that takes the wrong decision about a SUBSCRIBE or about what it carries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sipconform.agents.faults import fault
from sipconform.agents.faults.tampering import instead_of, tamper_answers
from sipconform.agents.notifier import Content
from sipconform.agents.server.registrar import user_part
from sipconform.features.feature_body import write_event
from sipconform.features.feature_event import (
    EVENT,
    Device,
    DoNotDisturbEvent,
    SetDoNotDisturb,
    SetForwarding,
    apply,
    parse_document,
)
from sipconform.features.feature_state import ForwardType
from sipconform.sip.fault import Fault

IMPATIENT = 3.0  # seconds
BODIES = ("odd_request",)


def before_body(agent: Any, look: Callable[[Any, Any], bool]) -> None:
    """Looks at a body before the server does; `look` may answer the request itself and give True."""

    def taken(original: Any, request: Any, subscription: Any) -> Any:
        document = parse_document(request.message.body)
        return None if look(request, document) else original(request, subscription)

    instead_of(agent.features.notifier, "accept_body", taken)


def before_applying(agent: Any, skips: Callable[[Any], bool]) -> None:
    """Leaves out changes that `skips` picks, and the NOTIFY with them."""
    instead_of(agent.features, "apply_request", lambda ask, document, s: None if skips(document) else ask(document, s))


@fault("M17", on="server", kills={"FS-022"}, seen="FreeSWITCH", scenarios=["switching_a_forward_off"])
def ending_a_forward_needs_its_number(agent: Any) -> None:
    """A request to switch a forward off is ignored when it names no number."""

    def applied(original: Any, document: Any, subscription: Any) -> None:
        if isinstance(document, SetForwarding) and document.on is False and not document.to:
            agent.features.notifier.tell(subscription)
        else:
            original(document, subscription)

    instead_of(agent.features, "apply_request", applied)


@fault("M18", on="server", kills={"FS-011"}, seen="OpenSIPS 0b72c3dc7b", scenarios=["device"])
def device_must_be_named(agent: Any) -> None:
    """A request whose device is empty is refused."""

    def refuse(request: Any, document: Any) -> bool:
        empty = not isinstance(document, Fault) and document.facts.device is not Device.TEXT
        if empty:
            request.respond(400, "Device missing")
        return empty

    before_body(agent, refuse)


@fault("M20", on="server", kills={"FS-024"}, seen="FusionPBX", scenarios=["minute_after"])
def no_ring_count_no_word(agent: Any) -> None:
    """A forward on no answer without ring count kills the handler: nothing is confirmed."""
    before_applying(
        agent,
        lambda d: isinstance(d, SetForwarding) and d.type is ForwardType.NO_ANSWER and d.rings is None and bool(d.on),
    )


@fault("M23", on="server", kills={"FS-026"}, seen="FreeSWITCH FS-10926", scenarios=BODIES)
def crash_on_malformed_xml(agent: Any) -> None:
    """A document that cannot be read ends the server."""

    def crash(_: Any, document: Any) -> bool:
        if isinstance(document, Fault):
            agent.endpoint.on_request = None
        return isinstance(document, Fault)

    before_body(agent, crash)


@fault("M24", on="server", kills={"FS-026"}, seen="usecallmanager", scenarios=BODIES)
def bad_body_is_bad_event(agent: Any) -> None:
    """A document that cannot be read is answered 489."""
    tamper_answers(agent, "SUBSCRIBE", [400, 415], lambda d: _status(d, "489 Bad Event"))


def _status(draft: Any, status: str) -> Any:
    draft.start_line = f"SIP/2.0 {status}"
    return draft


@fault("M30", on="server", kills={"FS-001b"}, seen="FreeSWITCH csta", scenarios=["first_number"])
def first_means_number_one(agent: Any) -> None:
    """A subscription that does not begin with CSeq 1 is taken for a refresh of one that is not there."""

    def accept(original: Any, request: Any, subscription: Any, seconds: int) -> None:
        if not request.message.to_tag and request.message.cseq_number != 1:
            request.respond(481)
        else:
            original(request, subscription, seconds)

    instead_of(agent.features.notifier, "_accepted", accept)


@fault("M31", on="server", kills={"FS-041", "FS-042", "SUB-013"}, seen="javaforce #17", scenarios=["many_", "forgot"])
def subscriptions_pile_up(agent: Any) -> None:
    """Subscriptions are kept and told whatever the phone answers."""

    def accept(original: Any, request: Any, subscription: Any, seconds: int) -> None:
        subscription.drop = lambda **_: None
        original(request, subscription, seconds)

    instead_of(agent.features.notifier, "_accepted", accept)


@fault("M32", on="server", kills={"FS-035", "SUB-011"}, seen="javaforce #17", scenarios=["signs_off", "switched_off"])
def no_end_on_request(agent: Any) -> None:
    """Expires: 0 is taken for the default."""
    instead_of(agent.features.notifier, "granted", lambda ask, message: ask(message) or 3600)


@fault("FX47", on="server", kills={"FS-035"}, seen="javaforce #17", scenarios=["for_good"])
def end_is_refused(agent: Any) -> None:
    """Expires: 0 is answered 500, and the subscription goes on."""

    def resubscribed(original: Any, request: Any, subscription: Any) -> None:
        if request.message.expires == 0:
            request.respond(500)
        else:
            original(request, subscription)

    instead_of(agent.features.notifier, "resubscribed", resubscribed)


@fault("FX48", on="server", kills={"FS-030"}, scenarios=["unknown_package"])
def any_package_is_taken(agent: Any) -> None:
    """A package nobody knows is accepted."""
    headers = [("Contact", agent.agent.contact), ("Expires", "600")]
    agent.agent.serve("SUBSCRIBE", lambda request: request.respond(200, headers=headers), "x-nobody-knows-this")


@fault(
    "M33", on="server", kills={"FS-041"}, seen="OpenSIPS #380", scenarios=["change_renews"],
    lab={"weather": {"delay": (2.2, 2.2)}},
)  # fmt: skip
def dropped_for_one_slow_answer(agent: Any) -> None:
    """A subscription is dropped because one NOTIFY was not answered at once."""

    async def ask(original: Any, draft: Any, *rest: Any, **more: Any) -> Any:
        asking = asyncio.ensure_future(original(draft, *rest, **more))
        if draft.start_line.startswith("NOTIFY "):
            done, _ = await asyncio.wait([asking], timeout=IMPATIENT)
            return asking.result() if done else None
        return await asking

    instead_of(agent.agent, "ask", ask)


@fault("M34", on="server", kills={"FS-040"}, seen="FreeSWITCH", scenarios=["of_another"])
def from_is_believed(agent: Any) -> None:
    """The password is asked for by To, and whose features a change concerns is read from From."""

    def admit(_: Any, request: Any) -> str | None:
        proven = agent.authentication.authenticated(request)
        if proven is not None and user_part(request.message.to) != proven.name:
            request.respond(403)
            return None
        return None if proven is None else str(proven.name)

    def taken(original: Any, request: Any, subscription: Any) -> Any:
        document: Any = parse_document(request.message.content)
        victim = agent.directory.find(user_part(request.message.from_))
        if isinstance(document, Fault) or victim is None or victim.name == subscription.user:
            return original(request, subscription)
        return lambda: agent.features.change(victim, apply(victim.features, document))

    instead_of(agent.features.notifier, "admit", admit)
    instead_of(agent.features.notifier, "accept_body", taken)


@fault("FX40", on="server", kills={"FS-040"}, scenarios=["of_another"])
def everybody_is_let_in(agent: Any) -> None:
    """Whoever has a password may subscribe to, and change, anybody's features."""

    def admit(_: Any, request: Any) -> str | None:
        proven = agent.authentication.authenticated(request)
        return None if proven is None else user_part(request.message.to) or proven.name

    instead_of(agent.features.notifier, "admit", admit)


@fault("M35", on="server", kills={"FS-001"}, seen="ivozprovider", scenarios=["dnd"])
def no_package_but_dialog(agent: Any) -> None:
    """Every package is refused with 489."""
    agent.agent.stop_serving("SUBSCRIBE", EVENT)


@fault("FX31", on="server", kills={"FS-031"}, scenarios=["does_not_know"])
def unknown_dialog_is_taken(agent: Any) -> None:
    """A SUBSCRIBE in a dialog that does not exist is answered 200."""
    headers = [("Contact", agent.agent.contact), ("Expires", "3600")]

    def dispatch(original: Any, request: Any) -> None:
        known = agent.agent.usages.get((request.message.call_id, request.message.to_tag))
        if known is None and request.message.method == "SUBSCRIBE":
            request.respond(200, headers=headers)
        else:
            original(request)

    instead_of(agent.agent, "_dispatch_in_dialog", dispatch)


@fault("FX32", on="server", kills={"FS-032"}, scenarios=["brief"])
def brief_time_is_lengthened(agent: Any) -> None:
    """Who asks for a second gets a minute."""
    instead_of(agent.features.notifier, "granted", lambda ask, message: ask(message) if message.expires == 0 else 60)


@fault("FX34", on="server", kills={"FS-034"}, scenarios=["change_renews"])
def a_change_does_not_renew(agent: Any) -> None:
    """A SUBSCRIBE that asks for a change does not renew the subscription."""

    def accept(original: Any, request: Any, subscription: Any, seconds: int) -> None:
        grant = subscription.grant
        subscription.grant = grant if not request.message.body else lambda _: None
        original(request, subscription, seconds)
        subscription.grant = grant

    instead_of(agent.features.notifier, "_accepted", accept)


@fault("FX35", on="server", kills={"FS-036", "SUB-015"}, scenarios=["runs_out"])
def expiry_in_silence(agent: Any) -> None:
    """A subscription that runs out is forgotten without a word."""

    def attach(original: Any, usage: Any) -> None:
        usage.end = lambda *_: usage.drop()
        original(usage)

    instead_of(agent.agent, "attach", attach)


@fault("FX37", on="server", kills={"FS-037"}, scenarios=["challenged"])
def done_before_it_was_proved(agent: Any) -> None:
    """A change is carried out although it was challenged."""

    def authenticated(original: Any, request: Any) -> Any:
        user = original(request)
        document = parse_document(request.message.body)
        if user is None and isinstance(document, SetDoNotDisturb):
            victim = agent.user(user_part(request.message.from_))
            agent.features.change(victim, apply(victim.features, document))
        return user

    instead_of(agent.authentication, "authenticated", authenticated)


@fault("FX25", on="server", kills={"FS-025"}, scenarios=["written_otherwise"])
def reads_by_spelling(agent: Any) -> None:
    """A request is refused when its root is spelled with a prefix."""

    def refuse(request: Any, _: Any) -> bool:
        odd = b"<c:" in request.message.body
        if odd:
            request.respond(400, "Body cannot be read")
        return odd

    before_body(agent, refuse)


@fault("FX27", on="server", kills={"FS-027"}, scenarios=["hostile_request"])
def entities_expanded(agent: Any) -> None:
    """A request with a DOCTYPE is carried out, its entities expanded."""

    def carry_out(request: Any, _: Any) -> bool:
        hostile = b"<!DOCTYPE" in request.message.body
        if hostile:
            user = agent.user(user_part(request.message.to))
            request.respond(200, headers=[("Contact", agent.agent.contact), ("Expires", "3600")])
            agent.features.set_dnd(user, True)
        return hostile

    before_body(agent, carry_out)


@fault("FX28", on="server", kills={"FS-028"}, scenarios=["another_type"])
def any_type_will_do(agent: Any) -> None:
    """The type of a body is not looked at."""
    _carried_out_all_the_same(agent, lambda request: "something-else" in request.message.text("Content-Type"))


@fault("FX29", on="server", kills={"FS-029"}, scenarios=["foreign_namespace"])
def any_namespace_will_do(agent: Any) -> None:
    """The namespace of a request is not looked at."""
    _carried_out_all_the_same(agent, lambda request: b"lamps" in request.message.body)


def _carried_out_all_the_same(agent: Any, picks: Callable[[Any], bool]) -> None:
    def taken(original: Any, request: Any, subscription: Any) -> Any:
        if not picks(request):
            return original(request, subscription)
        document = parse_document(request.message.body)
        return lambda: agent.features.apply_request(document, subscription)

    instead_of(agent.features.notifier, "accept_body", taken)


@fault("FX38", on="server", kills={"FS-038"}, scenarios=["dnd_pressed"], lab={"weather": {"duplicate": 1.0}})
def repetitions_not_recognised(agent: Any) -> None:
    """A request that arrives twice is carried out twice."""

    def arrived(original: Any, message: Any, packet: Any, transport: Any) -> None:
        if message.method == "SUBSCRIBE":
            agent.endpoint.servers.clear()
        original(message, packet, transport)

    instead_of(agent.endpoint, "_arrived_request", arrived)


@fault("FX45", on="server", kills={"FS-045"}, scenarios=["begins_with_a_change"])
def promised_and_not_kept(agent: Any) -> None:
    """A change that opens a subscription is told as if it had been made."""

    def accept(original: Any, request: Any, subscription: Any, seconds: int) -> None:
        document = parse_document(request.message.body)
        if request.message.to_tag or not isinstance(document, SetDoNotDisturb):
            original(request, subscription, seconds)
            return
        agent.features.notifier.keep(subscription)
        request.respond(200, headers=[("Contact", agent.agent.contact), ("Expires", str(seconds))])
        subscription.grant(seconds)
        body = write_event(DoNotDisturbEvent(document.on))
        subscription.notify(Content(body.content, body.content_type))

    instead_of(agent.features.notifier, "_accepted", accept)


@fault("FX46", on="server", kills={"FS-046"}, scenarios=["refused_by_policy"])
def refused_and_done(agent: Any) -> None:
    """A change that policy forbids is refused with 403 and made all the same."""

    def refuse(request: Any, document: Any) -> bool:
        user = agent.user(user_part(request.message.to))
        if user.barred and isinstance(document, SetDoNotDisturb):
            request.respond(403)
            agent.features.change(user, apply(user.features, document))
        return user.barred and isinstance(document, SetDoNotDisturb)

    before_body(agent, refuse)
