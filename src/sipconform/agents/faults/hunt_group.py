"""Faults of hunt groups: who is rung, what becomes of the losers, what everybody is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sipconform.agents.call import Leg
from sipconform.agents.faults import fault
from sipconform.agents.faults.tampering import instead_of, tamper_answers, tamper_requests
from sipconform.agents.server.call_server import ELSEWHERE
from sipconform.features.feature_state import ForwardType
from sipconform.sip.compose import Draft
from sipconform.sip.message import Message

GROUP = ["hunt_group/"]


def in_every_session(agent: Any, name: str, decide: Callable[..., Any]) -> None:
    """Replaces one decision of every session with a group."""

    def altered(make: Callable[..., Any], *given: Any) -> Any:
        session = make(*given)
        instead_of(session, name, lambda original, *args: decide(session, original, *args))
        return session

    instead_of(agent.hunting, "session", altered)


@fault("H01", on="server", kills={"HUNT-001"}, scenarios=["first_answer"])
def first_member_only(agent: Any) -> None:
    """Only the first member is rung."""
    instead_of(agent.hunting, "_targets", lambda targets, *given: targets(*given)[:1])


@fault("H02", on="server", kills={"HUNT-002"}, scenarios=["without_a_softphone"])
def desk_telephones_ring(agent: Any) -> None:
    """Members are rung on their hardware telephones too."""
    for group in agent.hunting.groups.values():
        group.desk_only = frozenset()


@fault("H03", on="server", kills={"HUNT-002"}, scenarios=["without_a_softphone"])
def one_absent_member_spoils_it(agent: Any) -> None:
    """As long as one member is not signed in the group cannot be called."""
    instead_of(agent.hunting, "_targets", lambda targets, *given: t if len(t := targets(*given)) > 2 else [])


@fault("H04", on="server", kills={"HUNT-003"}, scenarios=["first_answer"])
def losers_ring_on(agent: Any) -> None:
    """Nobody is cancelled when one has answered."""
    tamper_requests(agent, "CANCEL", lambda _: None)


@fault("H05", on="server", kills={"HUNT-012"}, scenarios=["caller_hangs_up"])
def members_ring_for_nobody(agent: Any) -> None:
    """Nobody is cancelled when the caller gives up."""
    tamper_requests(agent, "CANCEL", lambda _: None)


@fault("H06", on="server", kills={"HUNT-012"}, scenarios=["caller_hangs_up"])
def every_cancel_says_elsewhere(agent: Any) -> None:
    """Every CANCEL says that the call was completed elsewhere, even when the caller has given up."""
    tamper_requests(agent, "CANCEL", lambda d: d.set("Reason", ELSEWHERE))


@fault("H07", on="server", kills={"HUNT-004"}, scenarios=["nobody_answers"])
def cancelled_at_once(agent: Any) -> None:
    """The last branch is cancelled before its phone has answered anything."""

    def hasty(session: Any, ring: Callable[..., Any], *given: Any) -> None:
        ring(*given)
        asyncio.get_running_loop().call_later(0.0001, _cancel_now, session.branches[-1])

    in_every_session(agent, "ring", hasty)


def _cancel_now(branch: Leg) -> None:
    if branch.request is not None:
        branch.request.provisional.append(branch.request.sent)
        branch.hang_up()


@fault("H08", on="phone", kills={"HUNT-005"}, scenarios=["first_answer"])
def cancelled_call_is_busy(agent: Any) -> None:
    """A call that was cancelled ends with 486."""
    tamper_answers(agent, "INVITE", [487], lambda d: _status(d, "486 Busy Here"))


@fault("H09", on="server", kills={"HUNT-006"}, scenarios=["first_answer"])
def cancel_without_reason(agent: Any) -> None:
    """CANCEL does not say why."""
    tamper_requests(agent, "CANCEL", lambda d: d.remove("Reason"))


@fault("H10", on="server", kills={"HUNT-007"}, scenarios=["two_answer_at_once"])
def second_answer_is_forgotten(agent: Any) -> None:
    """The second of two answers is never ended."""
    tamper_requests(agent, "BYE", lambda _: None)


@fault("H11", on="server", kills={"HUNT-009"}, scenarios=["crosses_the_cancel"])
def crossing_answer_is_forgotten(agent: Any) -> None:
    """An answer that crosses the CANCEL is never ended."""
    tamper_requests(agent, "BYE", lambda _: None)


@fault("H12", on="phone", kills={"HUNT-008"}, scenarios=["two_forks"])
def second_fork_is_ignored(agent: Any) -> None:
    """The caller acknowledges the first answer only, and does not end the others."""
    heard: list[str] = []

    def first_only(draft: Draft) -> Draft | None:
        tag = draft.get("To").rpartition("tag=")[2]
        heard.append(tag)
        return draft if tag == heard[0] else None

    tamper_requests(agent, "ACK", first_only)


@fault("H13", on="server", kills={"HUNT-010"}, scenarios=["everybody_is_busy"])
def busy_is_not_found(agent: Any) -> None:
    """A group of which every member is busy is not found."""
    tamper_answers(agent, "INVITE", [486], lambda d: _status(d, "404 Not Found"))


@fault("H14", on="server", kills={"HUNT-011"}, scenarios=["one_refuses"])
def one_refusal_for_all(agent: Any) -> None:
    """The first member who refuses the call refuses it for all."""

    def ends_all(session: Any, lost: Callable[..., Any], branch: Leg) -> None:
        for other in session.branches:
            other.on_state = None
            other.hang_up()
        session._failed(branch.status)

    in_every_session(agent, "_lost", ends_all)


@fault("H15", on="server", kills={"HUNT-013"}, scenarios=["first_answer"])
def group_calls_itself(agent: Any) -> None:
    """Members see the group as the caller."""
    domain = agent.directory.domain

    def anonymous(make: Callable[..., Any], *given: Any) -> Any:
        session = make(*given)
        session.identity = f"<sip:600@{domain}>"
        return session

    instead_of(agent.hunting, "session", anonymous)


@fault("H16", on="server", kills={"HUNT-014"}, scenarios=["forwarded_by"])
def group_is_not_named(agent: Any) -> None:
    """Members are not told that the call came through the group."""
    tamper_requests(agent, "INVITE", lambda d: d.remove("History-Info").remove("Diversion"))


@fault("H17", on="phone", kills={"HUNT-014"}, scenarios=["forwarded_by"])
def forwarder_is_not_shown(agent: Any) -> None:
    """The phone shows nobody as "forwarded by"."""
    instead_of(agent.calls, "forwarded_by", lambda shown, leg: "")


@fault("H18", on="server", kills={"HUNT-015"}, scenarios=["forwarded_by"])
def history_without_index(agent: Any) -> None:
    """History-Info entries carry no index."""
    tamper_requests(agent, "INVITE", lambda d: _replaced(d, "History-Info", ";index=1", ";n=1"))


@fault("H19", on="phone", kills={"HUNT-016"}, scenarios=["forwarded_by"])
def diversion_counts_first(agent: Any) -> None:
    """The phone shows whom Diversion names, although History-Info names another."""

    def by_diversion(shown: Callable[[Leg], str], leg: Leg) -> str:
        message: Message | None = leg.invite.message if leg.invite else None
        text = message.text("Diversion") if message else ""
        return text.partition("sip:")[2].partition("@")[0] or shown(leg)

    instead_of(agent.calls, "forwarded_by", by_diversion)


@fault("H20", on="phone", kills={"HUNT-020"}, scenarios=["taken_by_another"])
def only_one_wording_is_understood(agent: Any) -> None:
    """A call answered elsewhere counts as missed unless the Reason says so in one certain wording."""

    def by_text(note: Callable[[Leg], None], leg: Leg) -> None:
        cancel = leg.invite.cancelled if leg.invite else None
        if cancel is None or "Call completed elsewhere" in cancel.text("Reason"):
            note(leg)
        else:
            agent.calls.missed.append("")

    instead_of(agent.calls, "_note_missed", by_text)


@fault("H21", on="phone", kills={"HUNT-021"}, scenarios=["without_a_reason"])
def nothing_is_ever_missed(agent: Any) -> None:
    """No call is ever shown as missed."""
    instead_of(agent.calls, "_note_missed", lambda note, leg: None)


@fault("H22", on="server", kills={"HUNT-022"}, scenarios=["who_has_answered"])
def winner_stays_unknown(agent: Any) -> None:
    """The others hear that somebody has answered, but not who."""
    agent.hunting.reason = "canonical"


@fault("H23", on="phone", kills={"HUNT-023"}, scenarios=["alert_info"])
def unknown_tone_is_refused(agent: Any) -> None:
    """A call that asks for an unknown tone is refused."""
    agent.calls.refuse = lambda request: 488 if request.message.has("Alert-Info") else 0


@fault("H24", on="phone", kills={"HUNT-023"}, scenarios=["alert_info"])
def tone_is_fetched(agent: Any) -> None:
    """The phone fetches the tone from wherever Alert-Info says."""

    def fetch(leg: Leg) -> None:
        text = leg.invite.message.text("Alert-Info") if leg.invite else ""
        if "<http" in text:
            agent.calls.fetched.append(text.strip("<>"))

    agent.calls.on_incoming = fetch


@fault("H25", on="server", kills={"HUNT-024"}, scenarios=["no_line"])
def group_number_can_be_registered(agent: Any) -> None:
    """Whoever proves to be anybody may register the number of the group."""
    tamper_answers(agent, "REGISTER", [403], lambda d: _status(d, "200 OK"))


@fault("H26", on="server", kills={"HUNT-025"}, scenarios=["early_media"])
def early_media_of_one_for_all(agent: Any) -> None:
    """What one member plays is passed to the caller, whoever answers then."""

    def passed_on(session: Any, progressed: Callable[..., Any], branch: Leg, message: Message) -> None:
        if message.content:
            session.caller.ring(183, sdp=message.content)
        else:
            progressed(branch, message)

    in_every_session(agent, "_progressed", passed_on)


@fault("H27", on="server", kills={"HUNT-026"}, scenarios=["signs_out"])
def sign_out_ends_the_call(agent: Any) -> None:
    """A member who signs out while it rings ends the call for all."""

    def spoiled(update: Callable[..., Any], *given: Any) -> None:
        update(*given)
        for session in list(agent.calls.sessions):
            session.caller.reject(480)

    instead_of(agent.registrar, "_update", spoiled)


@fault("H28", on="server", kills={"HUNT-001"}, scenarios=["cannot_leave"])
def members_can_leave(agent: Any) -> None:
    """A member who wants no calls, or forwards them, is not rung when the group is called."""

    def willing(targets: Callable[..., Any], *given: Any) -> list[Any]:
        return [target for target in targets(*given) if not _wants_none(target.to)]

    def _wants_none(to: str) -> bool:
        features = agent.directory.users[to.partition("sip:")[2].partition("@")[0]].features
        forward = features.forward(ForwardType.IMMEDIATE)
        return bool(features.dnd or (forward and forward.active))

    instead_of(agent.hunting, "_targets", willing)


def _status(draft: Draft, line: str) -> Draft:
    draft.start_line = f"SIP/2.0 {line}"
    return draft


def _replaced(draft: Draft, name: str, old: str, new: str) -> Draft:
    return draft.set(name, draft.get(name).replace(old, new)) if draft.has(name) else draft
