"""A person as driver: what is asked, what the answers mean, and what is seen on the wire and not believed."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from sipconform.lab.actor import Actor, BeliefError, CouldNotRunError, NotSupportedError
from sipconform.lab.drivers import operator as module
from sipconform.lab.drivers.operator import ORDERS, RESULTS, SERVER_ORDERS, SUBSCRIPTIONS, Operator, Wire
from sipconform.lab.drivers.terminal import Terminal
from sipconform.lab.sightings import Sightings
from sipconform.trace.packet import Address, Packet

PHONE, SERVER = Address("192.0.2.9", 5060), Address("192.0.2.5", 5060)
T = TypeVar("T")


class Typed(io.StringIO):
    """A terminal at which the answers are already typed."""

    def isatty(self) -> bool:
        return True


def terminal(*answers: str) -> Terminal:
    return Terminal(Typed("".join(f"{a}\n" for a in answers)), io.StringIO())


def asked(terminal: Terminal) -> str:
    assert isinstance(terminal.prompts, io.StringIO)
    return terminal.prompts.getvalue()


class Desk:
    """A phone on a desk, what it sends, and who sits before it."""

    def __init__(self, *answers: str) -> None:
        self.terminal = terminal(*answers)
        self.sightings = Sightings({str(SERVER)})
        wire = Wire(self.sightings, "2001", lambda: "", set, "restart it")
        self.driver = Operator("phone 2001", self.terminal, wire)
        self._number = 0

    def sends(self, method: str, status: int = 0, **headers: str) -> None:
        """A request of the phone, and its answer unless the status is 0."""
        self._number += 1
        rows = [
            f"Via: SIP/2.0/UDP {PHONE};branch=z9hG4bK{self._number}",
            "From: <sip:2001@192.0.2.5>;tag=a",
            "To: <sip:2001@192.0.2.5>",
            "Call-ID: c",
            f"CSeq: {self._number} {method}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        text = "\r\n".join([f"{method} sip:192.0.2.5 SIP/2.0", *rows, "", ""])
        self.sightings.packet(Packet(0, PHONE, SERVER, "udp", text.encode()))
        if status:
            self.sightings.packet(
                Packet(0, SERVER, PHONE, "udp", "\r\n".join([f"SIP/2.0 {status} X", *rows, "", ""]).encode())
            )


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SEEN_WITHIN", "ANSWERED_WITHIN", "LITTLE"):
        monkeypatch.setattr(module, name, 0.0)


def run(doing: Callable[[], Awaitable[T]]) -> T:
    async def all_of_it() -> T:
        return await doing()

    return asyncio.run(all_of_it())


def test_an_order_names_the_key_and_the_device() -> None:
    desk = Desk("")
    run(lambda: desk.driver.do("set_dnd", on=True))
    assert "Switch Do Not Disturb on on phone 2001, then press Enter" in asked(desk.terminal)
    assert desk.terminal.steps, "what was asked belongs in the report"


@pytest.mark.parametrize(
    ("active", "told"),
    [
        (True, "Switch the busy forward of 2001 on at the server, to 2002, "),
        (False, "Switch the busy forward of 2001 off at"),
    ],
)
def test_a_portal_is_told_whose_feature_it_is(active: bool, told: str) -> None:
    there = terminal("")
    driver = Operator("the server", there, server=True)
    to = "2002" if active else ""
    run(lambda: driver.do("forward", user="2001", kind="cfb", active=active, to=to, rings=None))
    assert told in asked(there)
    with pytest.raises(NotSupportedError):
        run(lambda: driver.do("restart"))


def test_what_cannot_be_done_is_not_supported() -> None:
    desk = Desk("s")
    with pytest.raises(NotSupportedError, match="could not: Put the call on hold"):
        run(lambda: desk.driver.do("hold"))


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("probe", {"method": "OPTIONS"}),
        ("hold", {"style": "inactive"}),
        ("hold_line", {"private": False, "style": "sendonly", "late": True}),
        ("dial", {"number": "1", "by_proxy": True}),
        ("reject", {"status": 603}),
        ("seize", {"index": 0, "call_info": ""}),
        ("dial_code", {"code": "*78", "uri": "tel:*78", "sender": ""}),
    ],
)
def test_what_no_key_does_is_not_supported(verb: str, arguments: dict[str, Any]) -> None:
    desk = Desk("")
    with pytest.raises(NotSupportedError, match="by hand"):
        run(lambda: desk.driver.do(verb, **arguments))


@pytest.mark.parametrize("verb", sorted(ORDERS))
def test_every_order_can_be_given_without_its_details(verb: str) -> None:
    desk = Desk("")
    if verb in RESULTS:
        desk.sends(RESULTS[verb][0], 200, Event=RESULTS[verb][1])
    told = run(lambda: desk.driver.do(verb))
    assert told == (200 if verb in RESULTS else None)
    assert "{" not in asked(desk.terminal)


@pytest.mark.parametrize("verb", sorted(SERVER_ORDERS))
def test_so_can_every_order_at_a_portal(verb: str) -> None:
    there = terminal("")
    run(lambda: Operator("the server", there, server=True).do(verb))
    assert "{" not in asked(there)


def test_rows_of_codes_are_read_out() -> None:
    desk = Desk("")
    run(lambda: desk.driver.do("set_codes", rows=[("dnd", "on", "*78"), ("dnd", "off", "*79")]))
    assert "dnd on *78, dnd off *79" in asked(desk.terminal)


def test_without_a_terminal_nobody_is_asked() -> None:
    driver = Operator("phone 2001", Terminal(io.StringIO("\n"), io.StringIO()))
    with pytest.raises(NotSupportedError, match="nobody is at a terminal"):
        run(lambda: driver.do("hang_up"))


def test_a_terminal_that_is_closed_is_no_answer() -> None:
    desk = Desk()
    with pytest.raises(NotSupportedError, match="the terminal was closed"):
        run(lambda: desk.driver.do("hang_up"))


# -- what is seen and not believed --------------------------------------------------------------------------


def test_a_phone_that_did_not_register_has_not_started_whatever_is_said() -> None:
    desk = Desk("")
    with pytest.raises(CouldNotRunError, match="no REGISTER of phone 2001 was seen: restart it"):
        run(lambda: desk.driver.do("start", sync=True))


@pytest.mark.parametrize(("answers", "status"), [([401, 200], 200), ([401], 401), ([403], 403), ([0], 408)])
def test_how_it_started_tells_the_wire(answers: list[int], status: int) -> None:
    desk = Desk("")
    for answer in answers:
        desk.sends("REGISTER", answer)
    assert run(lambda: desk.driver.do("start", sync=True)) == status


def test_a_second_start_is_a_second_registration() -> None:
    desk = Desk("", "")
    desk.sends("REGISTER", 200)
    assert run(lambda: desk.driver.do("start", sync=True)) == 200
    desk.sends("REGISTER", 200, Expires="0")
    with pytest.raises(CouldNotRunError, match="no REGISTER"):
        run(lambda: desk.driver.do("start", sync=True))


@pytest.mark.parametrize(("verb", "package"), SUBSCRIPTIONS.items())
def test_a_subscription_needs_nobody_to_tell_of_it(verb: str, package: str) -> None:
    desk = Desk()
    desk.sends("SUBSCRIBE", 489, Event=f"{package};id=1")
    assert run(lambda: desk.driver.do(verb)) == 489
    with pytest.raises(CouldNotRunError, match=f"did not subscribe to {package}"):
        run(lambda: Desk().driver.do(verb))


def test_a_call_ends_as_the_wire_says() -> None:
    desk = Desk("")
    desk.sends("INVITE", 486)
    assert run(lambda: desk.driver.do("dial", number="2002")) == 486


def test_a_key_that_answers_asks_for_nothing() -> None:
    desk = Desk("")
    assert run(lambda: desk.driver.do("press_line", index=1)) == 0


def test_at_a_server_of_others_nothing_is_seen() -> None:
    driver = Operator("phone 2001", terminal(""))
    with pytest.raises(NotSupportedError, match="its server is not ours"):
        run(lambda: driver.do("start", sync=True))


def test_what_a_person_does_not_say_into_a_phone_is_no_hindrance() -> None:
    assert run(lambda: Desk().driver.do("speak", hertz=400)) is None


def test_whether_it_is_registered_tells_the_wire() -> None:
    desk = Desk()
    desk.sends("REGISTER", 200)
    run(lambda: Actor("phone", desk.driver).shows(registered=True))
    desk.sends("REGISTER", 200, Contact="<sip:2001@192.0.2.9>;expires=0")
    run(lambda: Actor("phone", desk.driver).shows(registered=False))


# -- what the display shows ---------------------------------------------------------------------------------


def test_the_display_is_what_the_person_says() -> None:
    run(lambda: Actor("phone", Desk("y").driver).shows(dnd=True))
    with pytest.raises(BeliefError, match="something else than on"):
        run(lambda: Actor("phone", Desk("n").driver).shows(within=0.0, dnd=True))


def test_a_display_that_cannot_be_seen_is_not_supported() -> None:
    with pytest.raises(NotSupportedError, match="nobody can tell"):
        run(lambda: Actor("phone", Desk("s").driver).shows(dnd=True))


@pytest.mark.parametrize(("said", "shown"), [("y", True), ("n", False)])
def test_of_a_line_key_its_lamp_is_asked_for_once(said: str, shown: bool) -> None:
    desk, wanted = Desk(said), {"line.2": "held, theirs", "lamp.2": "slow green"}
    run(lambda: desk.driver.inspect(wanted))
    assert (desk.driver.beliefs == wanted) is shown
    assert len(desk.terminal.steps) == 1
    assert "Is the lamp of line key 2 on phone 2001 slow green?" in asked(desk.terminal)


def test_two_questions_wait_for_each_other() -> None:
    there = terminal("one", "two")

    async def both() -> list[str]:
        return list(await asyncio.gather(there.ask("first"), there.ask("second")))

    assert asyncio.run(both()) == ["one", "two"]
    assert asked(there) == "\n>>> first: \n>>> second: "
