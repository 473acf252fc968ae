"""Faults of uaCSTA phones and servers (feature sync sheet §5, §6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sipconform.agents.faults import fault
from sipconform.agents.faults.tampering import instead_of, is_answer, is_request, later, tamper
from sipconform.features.csta import CONTENT_TYPE, csta, error
from sipconform.sip.compose import Draft

Response = Callable[[Any], Any]


def _carries(draft: Draft, name: str) -> bool:
    return f"<{name} ".encode() in draft.body


def _edits(agent: Any, name: str, edit: Callable[[bytes], bytes]) -> None:
    """Changes the documents of one name that leave an agent."""

    def edited(draft: Draft) -> Draft:
        draft.body = edit(draft.body)
        return draft.remove("Content-Length")

    tamper(agent, lambda draft: _carries(draft, name), edited)


def _responds(agent: Any, names: tuple[str, ...], decide: Callable[[Any], Any]) -> None:
    """Answers some services another way."""

    def respond(original: Response, document: Any) -> Any:
        return decide(document) if document.name in names else original(document)

    instead_of(agent.csta, "_response", respond)


@fault("CS01", on="server", kills={"CSTA-001"}, scenarios=["opens_a_session"])
def session_that_may_be_ignored(agent: Any) -> None:
    """The call for a session does not say that its body must be handled."""
    tamper(agent, lambda d: is_request(d, "INVITE"), lambda d: d.remove("Content-Disposition"))


@fault("CS02", on="phone", kills={"CSTA-002"}, scenarios=["opens_a_session"])
def session_without_status(agent: Any) -> None:
    """The session is taken without a word about the system."""
    agent.csta._greeting = lambda message: b""


@fault("CS03", on="phone", kills={"CSTA-003"}, scenarios=["opens_a_session"])
def monitor_without_reference(agent: Any) -> None:
    """The monitor has no cross reference."""
    _edits(agent, "MonitorStartResponse", lambda b: b.replace(b"monitorCrossRefID>", b"reference>"))


@fault("CS04", on="phone", kills={"CSTA-004"}, scenarios=["3-set"])
def says_done_and_does_nothing(agent: Any) -> None:
    """SetDoNotDisturb is answered and not done."""
    agent.csta.show = lambda state: None


@fault("CS05", on="phone", kills={"CSTA-005"}, scenarios=["3-event"])
def events_are_refused(agent: Any) -> None:
    """An event is answered 500."""
    _when_told(agent, "DoNotDisturbEvent", lambda request: request.respond(500))


def _when_told(agent: Any, name: str, react: Callable[[Any], None]) -> None:
    def serve(original: Callable[..., None], request: Any, document: Any) -> None:
        if document.name == name:
            react(request)
        else:
            original(request, document)

    instead_of(agent.csta, "_serve", serve)


@fault("CS06", on="phone", kills={"CSTA-006"}, scenarios=["pressed_on_the_phone"])
def event_of_no_monitor(agent: Any) -> None:
    """Events carry a cross reference of the phone's own making."""
    _edits(agent, "DoNotDisturbEvent", lambda b: b.replace(b"CrossRefID>", b"CrossRefID>9", 1))


@fault("CS06b", on="phone", kills={"CSTA-006"}, scenarios=["pressed_on_the_phone"])
def press_is_kept_to_itself(agent: Any) -> None:
    """What is pressed is shown, and told to nobody."""
    agent.csta._post = lambda event: None


@fault("CS06c", on="phone", kills={"CSTA-006"}, scenarios=["both_ways[event"])
def forward_is_kept_to_itself(agent: Any) -> None:
    """A forward that is set on the phone is shown, and told to nobody."""

    def post(original: Callable[[Any], None], event: Any) -> None:
        if event.name != "ForwardingEvent":
            original(event)

    instead_of(agent.csta, "_post", post)


@fault("CS07", on="phone", kills={"CSTA-007"}, scenarios=["when_asked"])
def tells_the_opposite(agent: Any) -> None:
    """GetDoNotDisturb is answered with the opposite of what is shown."""
    _responds(agent, ("GetDoNotDisturb",), lambda _: csta("GetDoNotDisturbResponse", doNotDisturbOn=True))


@fault("CS08", on="phone", kills={"CSTA-008"}, scenarios=["when_asked"])
def forwards_answered_with_nothing(agent: Any) -> None:
    """GetForwarding is answered 200 without a document."""
    _responds(agent, ("GetForwarding",), lambda _: None)


@fault("CS08b", on="phone", kills={"CSTA-008"}, scenarios=["both_ways[set"])
def forward_is_said_to_be_set(agent: Any) -> None:
    """SetForwarding is answered and not done."""
    agent.csta.show = lambda state: None


@fault("M54", on="phone", kills={"CSTA-009"}, seen="Snom, editions 3 and 5", scenarios=["every_edition"])
def one_edition_only(agent: Any) -> None:
    """Documents of any edition but the third are unknown."""

    def respond(original: Response, document: Any) -> Any:
        return original(document) if document.edition == 3 else error("operation", 3)

    instead_of(agent.csta, "_response", respond)


@fault("CS10", on="phone", kills={"CSTA-010", "CSTA-021"}, scenarios=["any_order"])
def one_order_only(agent: Any) -> None:
    """Whatever is not written as usual is refused, be it a parameter of the type or an element."""
    instead_of(agent.csta, "_asked", _refuses_what_is_odd)


def _refuses_what_is_odd(original: Callable[..., None], leg: Any, request: Any) -> None:
    if ";" in request.message.text("Content-Type"):
        request.respond(415, headers=[("Accept", CONTENT_TYPE)])
    else:
        original(leg, request)


@fault("CS10b", on="server", kills={"CSTA-010", "CSTA-021"}, scenarios=["tells_in_any_order"])
def server_knows_one_order_only(agent: Any) -> None:
    """The same at the server."""

    def bound(original: Callable[..., None], *given: Any) -> None:
        known = set(agent.csta.sessions.values())
        original(*given)
        for session in set(agent.csta.sessions.values()) - known:
            instead_of(session, "_asked", _refuses_what_is_odd)

    instead_of(agent.registrar, "on_binding", bound)


@fault("CS11", on="phone", kills={"CSTA-011"}, scenarios=["does_not_know"])
def unknown_service_is_accepted(agent: Any) -> None:
    """A service the phone does not have is answered 200 and nothing else."""
    _responds(agent, ("SnapshotDevice",), lambda _: None)


@fault("CS12", on="phone", kills={"CSTA-012"}, scenarios=["nobody_agreed"])
def any_body_is_accepted(agent: Any) -> None:
    """A body of an unknown type gets a 200."""
    tamper(agent, lambda d: is_answer(d, "INFO", [415]), lambda d: _status(d, "200 OK"))


@fault("CS13", on="phone", kills={"CSTA-013"}, scenarios=["outside_a_session"])
def info_is_taken_from_anywhere(agent: Any) -> None:
    """An INFO of no dialog gets a 200."""
    tamper(agent, lambda d: is_answer(d, "INFO", [481]), lambda d: _status(d, "200 OK"))


@fault("CS13b", on="phone", kills={"CSTA-013"}, scenarios=["outside_a_session"])
def info_of_no_session_is_declined(agent: Any) -> None:
    """An INFO of no dialog is refused as a call would be, so that nobody learns that the session is gone."""
    tamper(agent, lambda d: is_answer(d, "INFO", [481]), lambda d: _status(d, "480 Temporarily Unavailable"))


def _status(draft: Draft, status: str) -> Draft:
    draft.start_line = f"SIP/2.0 {status}"
    return draft


@fault("CS14", on="phone", kills={"CSTA-014"}, scenarios=["stranger"])
def anybody_gets_a_session(agent: Any) -> None:
    """A session is taken from whoever calls."""
    agent.csta._is_server = lambda request: True


@fault("CS15", on="phone", kills={"CSTA-015"}, scenarios=["ended_in_good_order"])
def monitor_never_stops(agent: Any) -> None:
    """MonitorStop is answered, and events go on; the session's end is not noticed."""
    agent.csta._stop_monitor = lambda document, edition: csta("MonitorStopResponse", edition)
    instead_of(agent.csta, "_opened", _never_over(agent))


def _never_over(agent: Any) -> Callable[..., None]:
    def opened(original: Callable[[Any], None], request: Any) -> None:
        original(request)
        later(agent.endpoint, 8.0, lambda: agent.agent.send(_late_event(agent)))

    return opened


def _late_event(agent: Any) -> Draft:
    event = agent.csta._dnd_event(True)
    event.fields["monitorCrossRefID"] = "1"
    headers = [("Content-Type", CONTENT_TYPE), ("Content-Disposition", "signal;handling=required")]
    draft: Draft = agent.agent.in_dialog(agent.csta.leg.dialog, "INFO", headers, event.to_xml())
    return draft


@fault("CS16", on="phone", kills={"CSTA-016"}, scenarios=["kept_fresh"])
def renewal_is_refused(agent: Any) -> None:
    """The re-INVITE that renews the session is refused."""

    def opened(original: Callable[[Any], None], request: Any) -> None:
        original(request)
        agent.csta.leg.on_offer = None

    instead_of(agent.csta, "_opened", opened)


@fault("CS17", on="server", kills={"CSTA-017"}, scenarios=["starts_anew"])
def phone_is_called_once(agent: Any) -> None:
    """A phone that registers anew is not called again."""
    met: set[str] = set()

    def bound(original: Callable[..., None], user: Any, binding: Any, event: Any) -> None:
        if binding.contact not in met:
            met.add(binding.contact)
            original(user, binding, event)

    instead_of(agent.csta, "_bound", bound)
    agent.registrar.on_binding = agent.csta._bound


@fault("CS18", on="phone", kills={"CSTA-018"}, scenarios=["3-event"])
def event_is_sent_back(agent: Any) -> None:
    """What the server tells is asked back of it: the first time, for then they tell each other for ever."""
    _answers_back(agent, lambda on: [csta("SetDoNotDisturb", device=agent.account.aor, doNotDisturbOn=on)])


@fault("CS18b", on="phone", kills={"CSTA-018"}, scenarios=["3-event"])
def event_is_told_again_and_again(agent: Any) -> None:
    """What the server tells is told back to it, three times over."""
    _answers_back(agent, lambda on: [agent.csta._dnd_event(on)] * 3)


def _answers_back(agent: Any, documents: Callable[[bool], list[Any]]) -> None:
    first = [True]

    def serve(original: Callable[..., None], request: Any, document: Any) -> None:
        original(request, document)
        if document.name == "DoNotDisturbEvent" and first:
            first.clear()
            for told in documents(document.on):
                agent.csta._post(told)

    instead_of(agent.csta, "_serve", serve)


@fault("CS19", on="phone", kills={"CSTA-019"}, scenarios=["does_not_know"])
def any_device_is_this_one(agent: Any) -> None:
    """A change of another device is carried out here."""
    agent.csta._is_me = lambda device: True


@fault("CS20", on="phone", kills={"CSTA-020"}, scenarios=["no_call"])
def session_is_disturbed(agent: Any) -> None:
    """With do not disturb on the phone refuses the session too."""
    agent.features.shown = agent.features.shown.with_dnd(True)

    def opened(original: Callable[[Any], None], request: Any) -> None:
        if agent.features.shown.dnd:
            request.respond(486)
        else:
            original(request)

    instead_of(agent.csta, "_opened", opened)


@fault("CS20b", on="phone", kills={"CSTA-020"}, scenarios=["no_call"])
def session_keeps_the_line_busy(agent: Any) -> None:
    """Who is in a session is in a call: the next one is refused as busy."""
    agent.calls.refuse = lambda _: 486 if agent.csta.connected else 0
