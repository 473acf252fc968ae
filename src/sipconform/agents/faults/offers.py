"""Faults of offers and answers: descriptions that do not fit, holds that are misread (RFC 3264)."""

from __future__ import annotations

import re
from typing import Any

from sipconform.agents.faults import fault
from sipconform.agents.faults.tampering import instead_of, is_request, tamper, tamper_answers, tamper_requests
from sipconform.sip.compose import Draft


@fault("SC40", on="phone", kills={"SIP-040"}, scenarios=["calls/"], seen="pjproject issue 2620")
def version_stands_still(agent: Any) -> None:
    """Every description has the o= line of the first, whatever else it says."""
    tamper_requests(agent, "INVITE", lambda d: _described(d, rb"(o=- \d+) \d+", rb"\1 1"))


@fault("SC41", on="phone", kills={"SIP-041"}, scenarios=["calls/"])
def hold_is_answered_with_sendrecv(agent: Any) -> None:
    """A hold is answered as if it were none."""
    tamper_answers(agent, "INVITE", [200], lambda d: _described(d, rb"a=recvonly", rb"a=sendrecv"))


@fault("SC42", on="phone", kills={"SIP-042"}, scenarios=["calls/"])
def resume_only_hears(agent: Any) -> None:
    """Who takes a call up again hears the other side, and goes unheard."""
    tamper(agent, _is_reinvite, lambda d: _described(d, rb"a=sendrecv", rb"a=recvonly"))


@fault("SC43", on="phone", kills={"SIP-043"}, scenarios=["is_answered_held"])
def holds_in_the_old_way(agent: Any) -> None:
    """A hold says 0.0.0.0 for an address, and no direction."""
    tamper(
        agent,
        _is_reinvite,
        lambda d: _described(d, rb"c=IN IP4 [0-9.]+((?s:.*))a=sendonly", rb"c=IN IP4 0.0.0.0\1a=sendrecv"),
    )


@fault("SC43b", on="phone", kills={"SIP-043"}, scenarios=["other_ways_to_hold"])
def old_hold_is_refused(agent: Any) -> None:
    """A hold with the address 0.0.0.0 is refused with 488."""
    offered = agent.calls._offered

    def refused(leg: Any, request: Any) -> None:
        if b"0.0.0.0" in request.message.content:
            request.respond(488)
        else:
            offered(leg, request)

    agent.calls._offered = refused


@fault("SC44", on="phone", kills={"SIP-044"}, scenarios=["calls/"])
def answer_with_a_stream_too_many(agent: Any) -> None:
    """The answer describes video, of which the offer says nothing."""
    tamper_answers(agent, "INVITE", [200], lambda d: _described(d, rb"\Z", b"m=video 40400 RTP/AVP 31\r\n"))


@fault("SC45", on="phone", kills={"SIP-045"}, scenarios=["both_hold_one"])
def hold_is_opened_from_outside(agent: Any) -> None:
    """The other side's resume ends one's own hold."""
    tamper_answers(agent, "INVITE", [200], lambda d: _described(d, rb"a=sendonly", rb"a=sendrecv"))


@fault("SC46", on="phone", kills={"SIP-046"}, scenarios=["other_ways_to_hold"])
def late_offer_is_left_unanswered(agent: Any) -> None:
    """The ACK to an offer that came in the 200 says nothing."""
    tamper_requests(agent, "ACK", _bare)


@fault("SC46b", on="server", kills={"SIP-046"}, scenarios=["other_ways_to_hold"])
def late_offer_is_not_made(agent: Any) -> None:
    """An INVITE that offers nothing gets a 200 without an offer."""

    def connect(original: Any, *given: Any) -> None:
        original(*given)
        for session in agent.calls.sessions:
            session._offer_in_turn = lambda leg, request, _: leg.agree(request, b"")

    instead_of(agent.calls, "connect", connect)


def _is_reinvite(draft: Draft) -> bool:
    return is_request(draft, "INVITE") and ";tag=" in draft.get("To")


def _described(draft: Draft, what: bytes, otherwise: bytes) -> Draft:
    """The draft with something else in its session description, if it has one."""
    if draft.body:
        draft.body = re.sub(what, otherwise, draft.body, count=1)
    return draft


def _bare(draft: Draft) -> Draft:
    draft.body = b""
    return draft.remove("Content-Type")
