"""Faults of the core protocol: what leaves is bent, or a decision of the stack is taken wrongly (RFC 3261)."""

from __future__ import annotations

from typing import Any

from sipconform.agents.endpoint import Endpoint
from sipconform.agents.faults import fault
from sipconform.agents.faults.tampering import (
    instead_of,
    is_request,
    later,
    tamper,
    tamper_answers,
    tamper_requests,
)
from sipconform.sip.compose import Draft

ANY_FINAL = range(200, 700)


@fault("SC01", on="phone", kills={"SIP-001"})
def branch_without_cookie(agent: Any) -> None:
    """Every Via branch lacks the z9hG4bK with which RFC 3261 branches begin."""
    tamper_requests(agent, "", lambda d: d.set("Via", d.get("Via").replace("z9hG4bK", "1")))


@fault("SC02", on="phone", kills={"SIP-002"})
def no_max_forwards(agent: Any) -> None:
    """Requests carry no Max-Forwards."""
    tamper_requests(agent, "", lambda d: d.remove("Max-Forwards"))


@fault("SC03", on="server", kills={"SIP-003"})
def no_to_tag(agent: Any) -> None:
    """Answers carry no To tag."""
    tamper_answers(agent, "REGISTER", ANY_FINAL, lambda d: d.set("To", d.get("To").partition(";tag=")[0]))


@fault("SC04", on="phone", kills={"SIP-004"}, scenarios=["calls/"])
def cseq_stands_still(agent: Any) -> None:
    """Every request of a call has CSeq number 1."""
    tamper_requests(agent, "BYE", lambda d: d.set("CSeq", "1 BYE"))


@fault("SC05", on="server", kills={"SIP-005"}, scenarios=["overtaken"])
def overtaken_request_is_carried_out(agent: Any) -> None:
    """A request older than one already answered gets a 200."""
    tamper_answers(agent, "INFO", [500, 405], lambda d: _status(d, 200, "OK"))


@fault("SC06", on="phone", kills={"SIP-006"}, scenarios=["calls/"])
def invite_without_contact(agent: Any) -> None:
    """INVITE carries no Contact."""
    tamper_requests(agent, "INVITE", lambda d: d.remove("Contact"))


@fault("SC07", on="server", kills={"SIP-007"})
def content_length_too_long(agent: Any) -> None:
    """Content-Length promises ten octets more than are sent."""
    tamper_answers(agent, "REGISTER", ANY_FINAL, lambda d: d.set("Content-Length", str(len(d.body) + 10)))


@fault("SC08", on="server", kills={"SIP-008"}, scenarios=["gone"])
def invite_sent_for_ever(agent: Any) -> None:
    """INVITE is sent again every second for minutes, although nobody answers."""
    instead_of(agent.endpoint, "begin", _for_ever("INVITE"))


@fault("SC09", on="phone", kills={"SIP-009"})
def request_sent_for_ever(agent: Any) -> None:
    """REGISTER is sent again every second for minutes, although it was answered."""
    instead_of(agent.endpoint, "begin", _for_ever("REGISTER"))


@fault("SC10", on="phone", kills={"SIP-010"}, scenarios=["refused_call"])
def refusal_without_patience(agent: Any) -> None:
    """An error answer to INVITE is sent again after its ACK, again and again."""
    _ignores_ack(agent)


@fault("SC11", on="phone", kills={"SIP-011"}, scenarios=["calls/"])
def acceptance_without_end(agent: Any) -> None:
    """The 200 to INVITE is sent again although the ACK has come."""
    _ignores_ack(agent)


@fault("SC12", on="server", kills={"SIP-012"}, scenarios=["feature_sync/"], lab={"seed": 7})
def another_answer_to_the_same_request(agent: Any) -> None:
    """A request sent again is carried out again: the second answer has another To tag and status."""
    tamper_answers(agent, "SUBSCRIBE", range(200, 300), _two_finals)


@fault("SC13", on="server", kills={"SIP-013"}, scenarios=["gone"], lab={"transport": "tcp"})
def no_trying(agent: Any) -> None:
    """INVITE gets no 100 although nothing else answers it."""
    tamper_answers(agent, "INVITE", [100], lambda _: None)


@fault("SC14", on="server", kills={"SIP-014"}, scenarios=["refused_call"])
def ack_to_an_error_elsewhere(agent: Any) -> None:
    """The ACK to a refusal has another Request-URI than the INVITE."""
    tamper_requests(agent, "ACK", lambda d: _uri(d, "sip:elsewhere@127.0.0.1"))


@fault("SC15", on="phone", kills={"SIP-015"}, scenarios=["held"])
def ack_without_credentials(agent: Any) -> None:
    """The ACK to a 200 leaves out the credentials of its INVITE."""
    tamper_requests(agent, "ACK", lambda d: d.remove("Authorization"))


@fault("SC16", on="server", kills={"SIP-016"}, scenarios=["over_a_proxy"])
def route_set_forgotten(agent: Any) -> None:
    """Requests within a call leave out the Route that Record-Route asked for."""
    tamper_requests(agent, "BYE", lambda d: d.remove("Route"))


@fault("SC34", on="server", kills={"SIP-016"}, scenarios=["keeps_to_its_proxy"])
def route_set_of_a_subscription_forgotten(agent: Any) -> None:
    """NOTIFYs leave out the Route that Record-Route asked for."""
    tamper_requests(agent, "NOTIFY", lambda d: d.remove("Route"))


@fault("SC17", on="server", kills={"SIP-017"})
def via_rewritten(agent: Any) -> None:
    """The answer's Via names another host than the request's."""
    tamper_answers(agent, "REGISTER", ANY_FINAL, lambda d: d.set("Via", d.get("Via").replace("10.0.", "10.9.")))


@fault("SC19", on="server", kills={"SIP-019"}, scenarios=["late_request"])
def ended_dialog_lives_on(agent: Any) -> None:
    """A request in a dialog that has ended gets a 200."""
    tamper_answers(agent, "", [481], lambda d: _status(d, 200, "OK"))


@fault("SC20", on="server", kills={"SIP-020"}, scenarios=["extension"])
def extension_refused_without_a_name(agent: Any) -> None:
    """420 does not say which extension it means."""
    tamper_answers(agent, "", [420], lambda d: d.remove("Unsupported"))


@fault("SC21", on="phone", kills={"SIP-021"}, scenarios=["methods"])
def refused_method_without_allow(agent: Any) -> None:
    """405 does not say which methods are allowed."""
    tamper_answers(agent, "", [405], lambda d: d.remove("Allow"))


@fault("SC22", on="server", kills={"SIP-022"}, scenarios=["wrong_type"])
def refused_body_without_accept(agent: Any) -> None:
    """415 does not say which types are accepted."""
    tamper_answers(agent, "", [415], lambda d: d.remove("Accept"))


@fault("SC23", on="phone", kills={"SIP-023"}, scenarios=["comes_twice"])
def copies_are_all_taken(agent: Any) -> None:
    """A request that a proxy forked back together is served twice."""
    agent.agent.is_merged = lambda _: False


@fault("SC24", on="phone", kills={"SIP-024"}, scenarios=["caller_gives_up"])
def cancel_matches_nothing(agent: Any) -> None:
    """CANCEL of an INVITE that rings is answered 481."""
    tamper_answers(agent, "CANCEL", [200], lambda d: _status(d, 481, "Call/Transaction Does Not Exist"))


@fault("SC25", on="server", kills={"SIP-025"}, scenarios=["caller_gives_up"])
def cancel_of_another_number(agent: Any) -> None:
    """CANCEL has another CSeq number than its INVITE."""
    tamper_requests(agent, "CANCEL", lambda d: d.set("CSeq", "4711 CANCEL"))


@fault("SC26", on="phone", kills={"SIP-026"}, scenarios=["held"])
def talks_on_after_bye(agent: Any) -> None:
    """After its own BYE the phone sends an INFO in the same dialog, three seconds later."""
    tamper(agent, lambda draft: is_request(draft, "BYE"), _asks_again(agent))


@fault("SC27", on="phone", kills={"SIP-027"}, scenarios=["both_sides_hold"])
def glare_accepted(agent: Any) -> None:
    """A re-INVITE that meets one's own is accepted."""
    tamper_answers(agent, "INVITE", [491], lambda d: _status(d, 200, "OK"))


@fault("SC28", on="server", kills={"SIP-028"}, scenarios=["second_offer"])
def second_offer_accepted(agent: Any) -> None:
    """A second INVITE gets a 200 while the first is still open."""
    tamper_answers(agent, "INVITE", [500], lambda d: _status(d, 200, "OK"))


@fault("SC29", on="phone", kills={"SIP-029"}, scenarios=["lost_dialog"])
def lost_dialog_is_kept(agent: Any) -> None:
    """After 481 to a request in a call the phone goes on asking in it, two seconds later."""
    tamper(agent, lambda draft: is_request(draft, "INVITE") and ";tag=" in draft.get("To"), _asks_again(agent))


@fault("SC31", on="server", kills={"SIP-031"}, scenarios=["tells_what_it_can"])
def silent_about_capabilities(agent: Any) -> None:
    """The 200 to OPTIONS says nothing of what the server can do."""
    tamper_answers(agent, "OPTIONS", [200], lambda d: d.remove("Allow").remove("Accept").remove("Supported"))


@fault("SC32", on="phone", kills={"SIP-032"}, lab={"mtu": 1500})
def too_long_for_udp(agent: Any) -> None:
    """REGISTER has grown beyond what the link carries in one piece, and still travels by UDP."""
    tamper_requests(agent, "REGISTER", lambda d: d.set("X-Padding", "x" * 1600))


@fault("SC33", on="server", kills={"SIP-033"}, scenarios=["short_form"])
def short_form_misread(agent: Any) -> None:
    """A Call-ID in short form is not read: the answer invents another."""
    tamper_answers(agent, "OPTIONS", ANY_FINAL, lambda d: d.set("Call-ID", "none"))


@fault("SC30", on="phone", kills={"SIP-030"}, scenarios=["calls/"])
def target_forgotten(agent: Any) -> None:
    """BYE is addressed to the address-of-record dialled, not to the Contact of the peer."""
    tamper_requests(agent, "BYE", lambda d: _uri(d, "sip:2002@10.0.0.1"))


def _status(draft: Draft, status: int, reason: str) -> Draft:
    draft.start_line = f"SIP/2.0 {status} {reason}"
    return draft


def _uri(draft: Draft, uri: str) -> Draft:
    draft.start_line = f"{draft.start_line.partition(' ')[0]} {uri} SIP/2.0"
    return draft


def _for_ever(method: str) -> Any:
    """Begins requests as ever, and sends those of one method every second for a hundred seconds more."""

    def begin_and_go_on(begin: Any, request: Any) -> Any:
        if request.method == method:
            for second in range(1, 100):
                later(request.endpoint, second, lambda: request.transport.send(request.machine.payload, request.peer))
        return begin(request)

    return begin_and_go_on


def _ignores_ack(agent: Any) -> None:
    endpoint: Endpoint = agent.endpoint
    endpoint._arrived_ack = lambda ack: None  # type: ignore[method-assign]


def _two_finals(draft: Draft) -> list[Draft | bytes]:
    other = Draft(draft.start_line, list(draft.headers), draft.body)
    return [draft, _status(other, 500, "Server Internal Error").to_bytes()]


def _asks_again(agent: Any) -> Any:
    def follow(draft: Draft) -> Draft:
        info = Draft.request("INFO", draft.start_line.split(" ")[1])
        info.headers = [(n, v) for n, v in draft.headers if n not in ("Via", "CSeq", "Authorization", "Content-Type")]
        info.set("CSeq", f"{int(draft.get('CSeq').split()[0]) + 1} INFO")
        later(agent.endpoint, 2.0, lambda: agent.agent.send(info))
        return draft

    return follow
