"""Faults of phones that dial feature codes and of servers that take them (feature sync sheet §6)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from sipconform.agents.call import Leg
from sipconform.agents.faults import fault
from sipconform.agents.faults.tampering import instead_of, is_request, tamper, tamper_answers, tamper_requests
from sipconform.agents.server.code_server import SHAPES
from sipconform.features.feature_code import CodeTable, Feature, apply_code
from sipconform.sip.compose import Draft

Status = Awaitable[int]
OVER = range(200, 700)


# -- the phone's key ------------------------------------------------------------------------------------------


@fault("FC01", on="phone", kills={"FC-001"}, scenarios=["broadworks_dnd"])
def pressed_once_dialled_twice(agent: Any) -> None:
    """Each press is dialled twice, though the first call was accepted."""

    async def twice(dial: Callable[[str], Status], code: str) -> int:
        await dial(code)
        return await dial(code)

    instead_of(agent.codes, "_dial_patiently", twice)


@fault("M49", on="phone", kills={"FC-006"}, seen="Huawei eSpace thread", scenarios=["broadworks_dnd"])
def blank_off_code(agent: Any) -> None:
    """The code for off is blank: the phone calls the empty user, and do not disturb cannot be switched off."""

    async def press(original: Callable[[str | None], Status], code: str | None) -> int:
        if code != "*79":
            return await original(code)
        return int(await agent.codes.dial("", f"sip:{agent.account.domain}"))

    instead_of(agent.codes, "_press", press)


@fault("FC49", on="phone", kills={"FC-001"}, scenarios=["broadworks_dnd"])
def off_code_is_never_dialled(agent: Any) -> None:
    """The code for off is blank, and nothing is sent at all."""

    async def press(original: Callable[[str | None], Status], code: str | None) -> int:
        return 0 if code == "*79" else await original(code)

    instead_of(agent.codes, "_press", press)


@fault("M50", on="phone", kills={"FC-002"}, seen="a template for Fanvil's X4", scenarios=["broadworks_dnd"])
def every_forward_dials_the_same_code(agent: Any) -> None:
    """Forwards on busy and on no answer dial the codes of the unconditional one."""
    table = agent.codes.table
    right = [code for code in table.codes if code.feature not in (Feature.CFB, Feature.CFNA)]
    unconditional = [code for code in right if code.feature is Feature.CFU]
    wrong = [replace(code, feature=kind) for kind in (Feature.CFB, Feature.CFNA) for code in unconditional]
    agent.codes.table = CodeTable((*right, *wrong), table.others)


@fault("M51", on="phone", kills={"FC-002"}, seen="FusionPBX issue 6342", scenarios=["broadworks_dnd"])
def dnd_dials_the_code_of_a_forward(agent: Any) -> None:
    """The key for do not disturb dials the code that ends the unconditional forward."""

    async def press(original: Callable[[str | None], Status], code: str | None) -> int:
        return await original("*73" if code == "*78" else code)

    instead_of(agent.codes, "_press", press)


@fault("FC04", on="phone", kills={"FC-004"}, scenarios=["without_separators"])
def number_loses_a_digit(agent: Any) -> None:
    """The last digit of the number is lost behind a separator."""
    _dials(agent, lambda code: code[:-1] if code.startswith("*72") else code)


@fault("FC05", on="phone", kills={"FC-005"}, scenarios=["huawei_ims_forwards"])
def suffix_left_out(agent: Any) -> None:
    """The hash at the end of a code is never sent."""
    _dials(agent, lambda code: code.rstrip("#"))


@fault("FC17", on="phone", kills={"FC-017"}, scenarios=["broadworks_dnd"])
def dial_plan_adds_a_prefix(agent: Any) -> None:
    """The dial plan puts a 0 for an outside line before everything."""
    _dials(agent, lambda code: f"0{code}")


def _dials(agent: Any, bend: Callable[[str], str]) -> None:
    async def dial(original: Callable[..., Status], code: str, *rest: Any) -> Any:
        return await original(bend(code), *rest)

    instead_of(agent.codes, "_dial", dial)


@fault("FC12", on="phone", kills={"FC-012"}, scenarios=["refused_code"])
def never_gives_up(agent: Any) -> None:
    """A refused code is dialled again at once, ten times."""
    agent.codes.tries, agent.codes.pause = 10, 0.1


@fault("FC18", on="phone", kills={"FC-018"}, scenarios=["quick_order"])
def last_press_is_dialled_first(agent: Any) -> None:
    """A press waits a moment before it is dialled, unless another comes."""
    late: list[float] = [1.5, 0.0]

    async def press(original: Callable[[str | None], Status], code: str | None) -> int:
        await asyncio.sleep(late.pop(0) if late else 0)
        return await original(code)

    instead_of(agent.codes, "_press", press)


@fault("FC10", on="phone", kills={"FC-010", "FC-011"}, scenarios=["refused_code", "proves_nothing"])
def display_follows_the_key(agent: Any) -> None:
    """The display shows what was pressed, whatever the server answers."""

    async def press(original: Callable[[bool], Status], on: bool) -> int:
        status = await original(on)
        agent.features.show(agent.features.shown.with_dnd(on))
        return status

    instead_of(agent.codes, "press_dnd", press)


# -- the phone's call -----------------------------------------------------------------------------------------


@fault("M47", on="phone", kills={"FC-003"}, seen="sofia-sip issue 293, Teams", scenarios=["huawei_ims_dnd"])
def raw_hash(agent: Any) -> None:
    """A hash goes out as it is."""

    def raw(draft: Draft) -> Draft:
        draft.start_line = draft.start_line.replace("%23", "#")
        return draft.set("To", draft.get("To").replace("%23", "#"))

    tamper_requests(agent, "INVITE", raw)


@fault("FC07", on="phone", kills={"FC-007"}, scenarios=["broadworks_dnd"])
def offer_without_media(agent: Any) -> None:
    """The offer has no stream in it, for there is nobody to hear the prompt."""
    offer = b"v=0\r\no=- 1 1 IN IP4 10.0.1.11\r\ns=-\r\nc=IN IP4 10.0.1.11\r\nt=0 0\r\n"
    _edit_codes(agent, lambda d: d.with_body("application/sdp", offer))


@fault("FC07b", on="phone", kills={"FC-007"}, scenarios=["takes_no_audio"])
def lost_without_audio(agent: Any) -> None:
    """A 200 that refuses the audio stream is more than the phone can bear: it never acknowledges it."""
    tamper(agent, lambda d: is_request(d, "ACK") and "*" not in d.start_line, lambda d: None)


def _edit_codes(agent: Any, edit: Callable[[Draft], Draft]) -> None:
    tamper(agent, lambda d: is_request(d, "INVITE") and ";tag=" not in d.get("To"), edit)


@fault("FC08", on="phone", kills={"FC-008"}, scenarios=["never_ends"])
def never_hangs_up(agent: Any) -> None:
    """The phone listens to a prompt for as long as it lasts."""
    agent.codes.longest = 3600.0


@fault("FC08b", on="phone", kills={"FC-008"}, scenarios=["broadworks_dnd"])
def refuses_to_be_hung_up(agent: Any) -> None:
    """The server's BYE is answered 481."""
    tamper_answers(agent, "BYE", [200], lambda d: replace(d, start_line="SIP/2.0 481 Call Does Not Exist"))


@fault("FC09", on="phone", kills={"FC-009"}, scenarios=["broadworks_dnd"])
def has_no_credentials_for_codes(agent: Any) -> None:
    """The call to a code carries no credentials, nor is it made again when they are asked for."""

    async def ask(original: Callable[..., Any], draft: Draft, *rest: Any, **named: Any) -> Any:
        if not is_request(draft, "INVITE"):
            return await original(draft, *rest, **named)
        known, agent.agent.credentials = agent.agent.credentials, None
        asking = asyncio.ensure_future(original(draft, *rest, **named))
        await asyncio.sleep(0)
        agent.agent.credentials = known
        return await asking

    instead_of(agent.agent, "ask", ask)


@fault("FC13", on="phone", kills={"FC-013"}, scenarios=["leaves_the_call_alone"])
def code_puts_the_call_on_hold(agent: Any) -> None:
    """To dial a code the phone first puts the running call on hold."""

    async def dial(original: Callable[..., Status], *given: Any) -> Any:
        for leg in agent.calls.legs:
            leg.spawn(agent.calls.hold(leg))
        return await original(*given)

    instead_of(agent.codes, "_dial", dial)


@fault("FC14", on="phone", kills={"FC-014"}, scenarios=["so_many_seconds"])
def timer_of_any_length(agent: Any) -> None:
    """The timer of a forward on no answer is counted in seconds of the user's liking."""
    _dials(agent, lambda code: code.replace("**20#", "**17#"))


@fault("FC15", on="phone", kills={"FC-015"}, scenarios=["every_form"])
def dial_string_without_context(agent: Any) -> None:
    """A dial string does not say where it was dialled."""
    _edit_codes(agent, _without_context)


def _without_context(draft: Draft) -> Draft:
    before, found, after = draft.start_line.partition(";phone-context=")
    if found and "user=dialstring" in after:
        draft.start_line = f"{before}@{after.partition('@')[2]}"
    return draft


@fault("FC16", on="phone", kills={"FC-016"}, scenarios=["broadworks_dnd"])
def code_said_to_be_a_telephone_number(agent: Any) -> None:
    """Every Request-URI ends in user=phone."""
    agent.codes.form = "phone"


# -- the phone's two roads --------------------------------------------------------------------------------------


@fault("M37", on="phone", kills={"FS-131"}, seen="FusionPBX c7038a78d9", scenarios=["one_road"])
def both_roads_at_once(agent: Any) -> None:
    """One press sends a SUBSCRIBE with the wish and dials the code too."""

    async def press(original: Callable[[bool], Awaitable[None]], on: bool) -> None:
        await original(on)
        await agent.codes.press_dnd(on)

    instead_of(agent.features, "press_dnd", press)


# -- the server -----------------------------------------------------------------------------------------------


@fault("M48", on="server", kills={"FC-021"}, seen="linphone-android issue 662", scenarios=["huawei_ims_dnd"])
def escapes_are_not_undone(agent: Any) -> None:
    """A code is looked up as it stands in the Request-URI, %23 and all."""

    def take(original: Callable[[Any], bool], incoming: Any) -> bool:
        user = incoming.request.message.request_uri.partition(":")[2].partition("@")[0]
        if "%" in user:
            incoming.request.respond(404)
            return True
        return original(incoming)

    _takes(agent, take)


def _takes(agent: Any, decide: Callable[[Callable[[Any], bool], Any], bool]) -> None:
    """Puts a decision before that of the code server."""
    takes = agent.calls._interceptors
    original = agent.codes._take
    takes[takes.index(original)] = lambda incoming: decide(original, incoming)


@fault("M52", on="server", kills={"FC-026"}, seen="FusionPBX issue 5698", scenarios=["reaches_phones"])
def subscribers_are_not_told(agent: Any) -> None:
    """A code changes the database, and nobody who subscribes hears of it."""

    async def serve(original: Callable[..., Awaitable[None]], leg: Leg, incoming: Any, match: Any, shape: Any) -> None:
        of, agent.features.notifier.of = agent.features.notifier.of, lambda user: iter(())
        agent.features.change(incoming.caller, apply_code(incoming.caller.features, match))
        agent.features.notifier.of = of
        await original(leg, incoming, match, shape._replace(applies=False))

    instead_of(agent.codes, "_serve", serve)


@fault("FC20", on="server", kills={"FC-020"}, scenarios=["broadworks_dnd"])
def own_codes_are_unknown(agent: Any) -> None:
    """The server does not know its own code for do not disturb."""

    def take(original: Callable[[Any], bool], incoming: Any) -> bool:
        if incoming.dialled == "*78":
            incoming.request.respond(404)
            return True
        return original(incoming)

    _takes(agent, take)


@fault("FC20b", on="server", kills={"FC-020"}, scenarios=["broadworks_dnd"])
def says_done_and_does_nothing(agent: Any) -> None:
    """The prompt says that it is done; nothing is."""
    _does(agent, lambda state, match: state)


@fault("FC20c", on="server", kills={"FC-020"}, scenarios=["broadworks_dnd"])
def never_says_goodbye(agent: Any) -> None:
    """The server never ends a call to a code."""
    agent.codes.shape = "endless"


def _does(agent: Any, decide: Callable[[Any, Any], Any]) -> None:
    """Carries codes out another way: `decide` gives the state after one."""

    async def serve(original: Callable[..., Awaitable[None]], leg: Leg, incoming: Any, match: Any, shape: Any) -> None:
        user = incoming.caller
        agent.features.change(user, decide(user.features, match))
        await original(leg, incoming, match, shape._replace(applies=False))

    instead_of(agent.codes, "_serve", serve)


@fault("FC22", on="server", kills={"FC-022"}, scenarios=["longest_code"])
def shortest_code_wins(agent: Any) -> None:
    """`*72` with a number is taken for something shorter: it switches do not disturb."""
    _does(agent, lambda state, match: state.with_dnd(True))


@fault("FC23", on="server", kills={"FC-023"}, scenarios=["nobody_knows"])
def every_code_is_known(agent: Any) -> None:
    """An unknown code is accepted, and switches do not disturb on."""

    def take(original: Callable[[Any], bool], incoming: Any) -> bool:
        if agent.codes.table.match(incoming.dialled) is None and incoming.dialled.startswith("*"):
            leg = Leg.offered(agent.agent, incoming.request)
            leg.spawn(agent.codes._serve(leg, incoming, agent.codes.table.match("*78"), SHAPES["prompt"]))
            return True
        return original(incoming)

    _takes(agent, take)


@fault("FC24", on="server", kills={"FC-024"}, scenarios=["proves_to_send"])
def from_is_believed(agent: Any) -> None:
    """A code acts for whoever From names."""

    def take(original: Callable[[Any], bool], incoming: Any) -> bool:
        name = incoming.identity.partition(":")[2].partition("@")[0]
        incoming.caller = agent.directory.users.get(name, incoming.caller)
        return original(incoming)

    _takes(agent, take)


@fault("FC25", on="server", kills={"FC-025"}, scenarios=["broadworks_dnd"])
def carried_out_again(agent: Any) -> None:
    """A code is carried out, taken back and carried out again, once for each time its call was seen."""

    async def serve(original: Callable[..., Awaitable[None]], leg: Leg, incoming: Any, *rest: Any) -> None:
        for on in (True, False):
            agent.features.set_dnd(incoming.caller, on)
        await original(leg, incoming, *rest)

    instead_of(agent.codes, "_serve", serve)


@fault("FC25b", on="server", kills={"FC-025"}, scenarios=["given_up"])
def given_up_and_done_again(agent: Any) -> None:
    """A call that is given up takes its code back, and what is left of its script carries it out anew."""

    async def serve(original: Callable[..., Awaitable[None]], leg: Leg, incoming: Any, *rest: Any) -> None:
        await original(leg, incoming, *rest)
        for on in (False, True) if leg.status == 487 else ():
            agent.features.set_dnd(incoming.caller, on)

    instead_of(agent.codes, "_serve", serve)


@fault("FC27", on="server", kills={"FC-027"}, scenarios=["may_not"])
def nobody_is_barred(agent: Any) -> None:
    """What the administrator forbade is done all the same."""

    def take(original: Callable[[Any], bool], incoming: Any) -> bool:
        incoming.caller.barred = False
        return original(incoming)

    _takes(agent, take)


@fault("FC28", on="server", kills={"FC-028"}, scenarios=["every_form"])
def plain_form_only(agent: Any) -> None:
    """A code is known in a plain SIP URI and in no other form."""

    def take(original: Callable[[Any], bool], incoming: Any) -> bool:
        uri = incoming.request.message.request_uri
        if uri.startswith("tel:") or "user=" in uri:
            incoming.request.respond(404)
            return True
        return original(incoming)

    _takes(agent, take)


@fault("FC29", on="server", kills={"FC-029"}, scenarios=["twice_changes_nothing"])
def every_code_is_a_toggle(agent: Any) -> None:
    """The code for on, dialled again, switches off."""
    _does(agent, lambda state, match: state.with_dnd(not state.dnd) if match.feature is Feature.DND else state)


@fault("M45", on="phone", kills={"FS-128"}, seen="kazoo-configs issue 63, sipXcom issue 62", scenarios=["two_masters"])
def dnd_is_done_here_too(agent: Any) -> None:
    """The phone refuses calls by itself although do not disturb is the server's affair."""
    agent.calls.refuse = lambda _: 480 if agent.features.shown.dnd else 0
