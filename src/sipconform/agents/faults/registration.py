"""Faults of registration: what phones ask for, what registrars grant, and what both forget."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

from sipconform.agents.faults import fault
from sipconform.agents.faults.tampering import instead_of, tamper_answers, tamper_requests
from sipconform.net.framing import PONG
from sipconform.sip.compose import Draft

MINUTE = ["quiet_minute"]
OK = range(200, 300)


@fault("R01", on="phone", kills={"REG-001"}, scenarios=MINUTE)
def register_at_a_user(agent: Any) -> None:
    """The Request-URI of REGISTER names the user."""
    line = f"REGISTER {agent.account.aor} SIP/2.0"
    tamper_requests(agent, "REGISTER", lambda d: _line(d, line))


@fault("R02", on="phone", kills={"REG-002"}, scenarios=MINUTE)
def number_stands_still(agent: Any) -> None:
    """Every REGISTER has CSeq number 1."""
    tamper_requests(agent, "REGISTER", lambda d: d.set("CSeq", "1 REGISTER"))


@fault("R03", on="phone", kills={"REG-003", "REG-005"}, scenarios=MINUTE, lab={"transport": "tcp"})
def refresh_comes_late(agent: Any) -> None:
    """The phone refreshes when its time has long been over."""
    instead_of(agent.registration, "_again_after", lambda again, seconds: again(seconds * 2.5))


@fault("R04", on="server", kills={"REG-004"}, scenarios=["two_times"])
def header_beats_contact(agent: Any) -> None:
    """The registrar reads the Expires header field and not the Contact's own time."""
    instead_of(agent.registrar, "_asked", lambda asked, contact, message: int(message.text("Expires") or 3600))


@fault("R05", on="phone", kills={"REG-006"}, scenarios=["too_brief"])
def too_brief_again(agent: Any) -> None:
    """After 423 the phone asks for the same again."""
    tamper_requests(agent, "REGISTER", lambda d: d.set("Expires", "30"))


@fault("R06", on="server", kills={"REG-007"}, seen="Kamailio registrar min_expires, Asterisk minimum_expiration",
       scenarios=MINUTE)  # fmt: skip
def short_time_is_raised(agent: Any) -> None:
    """The registrar raises 30 s to a minute in silence."""
    instead_of(agent.registrar, "_asked", lambda asked, *given: max(60, asked(*given)) if asked(*given) else 0)


@fault("R07", on="server", kills={"REG-008"}, scenarios=MINUTE)
def time_is_not_told(agent: Any) -> None:
    """The 200 lists Contacts without their time."""
    tamper_answers(agent, "REGISTER", OK, lambda d: _contacts(d, lambda c: c.partition(";expires")[0]))


@fault("R08", on="server", kills={"REG-009"}, scenarios=["two_phones"])
def question_clears(agent: Any) -> None:
    """A REGISTER without Contact removes every binding."""

    def cleared(update: Callable[..., Any], request: Any, user: Any) -> None:
        if not request.message.has("Contact"):
            user.bindings.clear()
        update(request, user)

    instead_of(agent.registrar, "_update", cleared)


@fault("R09", on="server", kills={"REG-010"}, scenarios=["two_phones"])
def nothing_is_removed(agent: Any) -> None:
    """Signing off removes nothing."""
    instead_of(agent.registrar, "_remove", lambda *_: None)


@fault("R10", on="server", kills={"REG-011"}, scenarios=["overtaken"])
def old_number_is_obeyed(agent: Any) -> None:
    """A REGISTER that is older than the last one is obeyed."""
    agent.registrar._is_stale = lambda *_: False


@fault("R11", on="server", kills={"REG-012"}, seen="Asterisk contact_expiration_check_interval",
       scenarios=["never_called"])  # fmt: skip
def expired_binding_lingers(agent: Any) -> None:
    """A binding is used for half a minute after its time, until a sweep finds it."""
    instead_of(agent.registrar, "_bind", _later(30.0))


@fault("R12", on="server", kills={"REG-013"}, scenarios=["as_long_as_was_granted"])
def binding_dies_early(agent: Any) -> None:
    """A binding is forgotten ten seconds before its time."""
    instead_of(agent.registrar, "_bind", _later(-10.0))


@fault("R13", on="phone", kills={"REG-014"}, scenarios=["lost_link"])
def waits_for_the_timer(agent: Any) -> None:
    """The phone shows the loss only when its REGISTER has timed out after 32 s."""
    agent.registration.patience = 3600.0


@fault("R14", on="phone", kills={"REG-014"}, scenarios=["first_registration_fails"])
def failure_is_not_shown(agent: Any) -> None:
    """The display never says that there is no connection."""
    instead_of(agent.registration, "_show", lambda show, lost: show(False))


@fault("R15", on="phone", kills={"REG-015"}, scenarios=["not_stormed"])
def registers_all_the_time(agent: Any) -> None:
    """An unanswered REGISTER is followed by another one five seconds later."""
    registration = agent.registration

    async def and_again(register: Callable[..., Any]) -> Any:
        loop = asyncio.get_running_loop()
        loop.call_later(5.0, lambda: registration._under_way and registration._do(registration.register()))
        return await register()

    instead_of(registration, "register", and_again)


@fault("R16", on="phone", kills={"REG-016"}, scenarios=["not_stormed"])
def comes_back_too_late(agent: Any) -> None:
    """After a failure the phone waits for ten minutes."""
    agent.registration.retry = (1200.0, 1200.0)


@fault("R17", on="phone", kills={"REG-017"}, scenarios=["first_registration_fails"])
def refused_password_again(agent: Any) -> None:
    """A password that was refused is sent again every second."""

    def not_settled(settle: Callable[..., Any], answer: Any) -> None:
        settle(answer)
        agent.registration._again_after(1.0)

    instead_of(agent.registration, "_settle", not_settled)


@fault("R18", on="phone", kills={"REG-017"}, scenarios=["stale_nonce"])
def stale_nonce_is_final(agent: Any) -> None:
    """A stale nonce is taken for a wrong password."""
    instead_of(agent.agent.credentials, "learn", lambda learn, answer: "stale" not in _asks(answer) and learn(answer))


@fault("R19", on="server", kills={"REG-018"}, scenarios=["somebody_elses"])
def anybody_may_register_anything(agent: Any) -> None:
    """Whoever proves to be anybody may register any number."""
    tamper_answers(agent, "REGISTER", [403, 404], lambda d: _line(d, "SIP/2.0 200 OK"))


@fault("R20", on="server", kills={"REG-019"}, scenarios=["next_user"])
def forwarding_is_inherited(agent: Any) -> None:
    """The new owner of an extension inherits its forwarding."""
    left: list[Any] = []

    def remembered(dismiss: Callable[..., Any], number: str) -> None:
        left.append(agent.directory.users[number].features)
        dismiss(number)

    def inherited(hire: Callable[..., Any], *given: Any) -> Any:
        user = hire(*given)
        user.features = left.pop()
        return user

    instead_of(agent.extensions, "dismiss", remembered)
    instead_of(agent.extensions, "hire", inherited)


@fault("R21", on="phone", kills={"REG-020"}, scenarios=MINUTE)
def leaves_without_a_word(agent: Any) -> None:
    """The phone is switched off without taking its binding away."""

    async def silent(unregister: Callable[..., Any]) -> int:
        agent.registration.close()
        return 200

    instead_of(agent.registration, "unregister", silent)


@fault("R22", on="server", kills={"REG-021"}, scenarios=["kept_alive"], lab={"transport": "tcp"})
def pings_are_ignored(agent: Any) -> None:
    """No ping is answered."""
    transport = agent.endpoint.transports[0]
    instead_of(transport, "send", lambda send, payload, to: None if payload == PONG else send(payload, to))


@fault("R23", on="phone", kills={"REG-021"}, scenarios=["dead_flow"], lab={"transport": "tcp"})
def dead_flow_goes_unnoticed(agent: Any) -> None:
    """A ping without a pong is no reason for anything."""
    agent.registration.keep_alive.on_dead = lambda: None


@fault("R24", on="server", kills={"REG-022"}, scenarios=["kept_alive"])
def stun_is_ignored(agent: Any) -> None:
    """No Binding request is answered."""
    instead_of(agent.endpoint, "_arrived_keep_alive", lambda *_: None)


@fault("R25", on="phone", kills={"REG-022"}, scenarios=["kept_alive"])
def flow_timer_is_ignored(agent: Any) -> None:
    """The phone gives signs of life when it likes, not as often as the server asks."""
    instead_of(agent.registration.keep_alive, "start", lambda start, bound=0.0: start(0.0))


@fault("R26", on="phone", kills={"REG-023"}, scenarios=["flow_over"])
def instance_is_drawn_anew(agent: Any) -> None:
    """After a restart the phone is another instance."""

    def another(draft: Draft) -> Draft:
        mark = f"urn:uuid:{draft.get('Call-ID')[:8]}-0000-4000-8000-000000000000"
        return _contacts(draft, lambda c: re.sub("urn:uuid:[0-9a-f-]+", mark, c))

    tamper_requests(agent, "REGISTER", another)


@fault("R27", on="server", kills={"REG-024"}, scenarios=["watched_registration"])
def version_stands_still(agent: Any) -> None:
    """Every document has version 0."""

    def frozen(draft: Draft) -> Draft:
        draft.body = re.sub(rb'(<reginfo[^>]* version=")\d+', rb"\g<1>0", draft.body)
        return draft

    tamper_requests(agent, "NOTIFY", frozen)


@fault("R28", on="server", kills={"REG-025", "REG-026"}, scenarios=["one_binding"])
def binding_is_doubled(agent: Any) -> None:
    """A binding made again is listed twice."""
    tamper_answers(agent, "REGISTER", OK, lambda d: d.add("Contact", d.get("Contact")) if d.has("Contact") else d)


@fault("R29", on="server", kills={"REG-027"}, scenarios=["signed_off_is_not_called"])
def signed_off_phone_is_called(agent: Any) -> None:
    """A binding that was taken away is listed no more, and called all the same."""
    gone: set[str] = set()

    def kept(_: Callable[..., Any], user: Any, binding: Any) -> None:
        gone.add(f"<{binding.contact}>")

    def unlisted(bindings: Callable[..., Any], user: Any) -> list[tuple[str, str]]:
        return [row for row in bindings(user) if row[1].partition(";")[0] not in gone]

    instead_of(agent.registrar, "_remove", kept)
    instead_of(agent.registrar, "_bindings", unlisted)


def _later(seconds: float) -> Callable[..., Any]:
    """Moves the end of a binding's time, behind the back of whoever was told of it."""

    def moved(bind: Callable[..., Any], user: Any, binding: Any, now: float) -> None:
        bind(user, binding, now)
        until = binding.expires_at + seconds
        asyncio.get_running_loop().call_later(0.0005, lambda: setattr(binding, "expires_at", until))

    return moved


def _line(draft: Draft, line: str) -> Draft:
    draft.start_line = line
    return draft


def _contacts(draft: Draft, change: Callable[[str], str]) -> Draft:
    draft.headers = [(n, change(v) if n == "Contact" else v) for n, v in draft.headers]
    return draft


def _asks(answer: Any) -> str:
    return ", ".join(answer.texts("WWW-Authenticate"))
