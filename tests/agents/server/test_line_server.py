"""The line server's own decisions, on the simulated network with phones that do as they are told."""

import asyncio
from typing import Any

import pytest

from sipconform.agents.call import Leg
from sipconform.agents.faults.tampering import tamper_requests
from sipconform.agents.phone.phone import Phone
from sipconform.agents.requests import ServerRequest
from sipconform.agents.server.lines import Line, Location, Rules
from sipconform.agents.server.server import Server
from sipconform.agents.user_agent import Account
from sipconform.features import call_park
from sipconform.features.appearance import State
from sipconform.features.call_park import NOBODY, Parked
from sipconform.sip.compose import Draft
from sipconform.trace.packet import Address
from tests.agents.world import DOMAIN, SERVER, World, play

DESKS = ("2001", "2001-2", "2001-3")


async def line_server(world: World, places: tuple[Location, ...] = (), **rules: Any) -> tuple[Server, Line]:
    """A server on which 2001 is a line with three places."""
    server = await world.server()
    for user in DESKS[1:]:
        server.directory.add(user, "pw2001", primary="2001")
    return server, server.lines.add("2001", places or [Location(user) for user in DESKS], Rules(**rules))


async def desk(world: World, number: int, *, follow: bool = True) -> Phone:
    """The phone on a place of the line, registered, and following it."""
    user = DESKS[number - 1]
    account = Account(user, DOMAIN, "pw2001", "2001")
    place = Address(f"10.0.0.{10 + number}", 5060)
    phone = Phone(await world.endpoint(place, f"desk {number}"), account, SERVER)
    await phone.start()
    if follow:
        assert await phone.line.join() == 200
    return phone


async def outsider(world: World) -> Phone:
    phone = await world.phone("2002")
    await phone.start()
    return phone


async def answered(caller: Phone, number: str, phone: Phone, index: int = 1) -> None:
    calling = asyncio.ensure_future(caller.calls.dial(number))
    await asyncio.sleep(0.5)
    await phone.line.press(index)
    assert (await calling).status == 200
    await asyncio.sleep(0.5)


def test_only_one_of_many_gets_a_slot() -> None:
    async def story(world: World) -> None:
        _, line = await line_server(world)
        phones = [await desk(world, n) for n in (1, 2, 3)]
        for _ in range(200):
            answers = await asyncio.gather(*(phone.line.seize(1) for phone in phones))
            assert sorted(answers) == [200, 480, 480]
            await phones[answers.index(200)].line.release()
        await asyncio.sleep(1)
        assert all(slot.state is State.IDLE for slot in line.slots.values())
        assert all(phone.line.told.busy == [] for phone in phones)

    play(story)


def test_a_place_that_may_not_call_is_refused() -> None:
    async def story(world: World) -> None:
        await line_server(world, (Location("2001", originates=False), Location("2001-2")))
        assert await (await desk(world, 1)).line.seize() == 403
        assert await (await desk(world, 2)).line.seize() == 200

    play(story)


def test_a_place_that_is_not_active_has_no_line() -> None:
    async def story(world: World) -> None:
        await line_server(world, (Location("2001"), Location("2001-2", active=False)))
        phone = await desk(world, 2, follow=False)
        assert await phone.line.join() == 403

    play(story)


def test_one_call_at_a_time_where_the_rule_says_so() -> None:
    async def story(world: World) -> None:
        await line_server(world, multiple_call_arrangement=False)
        first, second = await desk(world, 1), await desk(world, 2)
        caller = await outsider(world)
        await answered(caller, "2001", first)
        assert await second.line.seize() == 480
        assert await first.line.seize() == 200
        await first.line.release()
        third = Phone(await world.endpoint(Address("10.0.0.40", 5060), "x"), Account("2002", DOMAIN, "pw2002"), SERVER)
        assert (await third.calls.dial("2001")).status == 486

    play(story)


@pytest.mark.parametrize(("policy", "status"), [("reject", 403), ("barge", 200)])
def test_a_private_hold_pressed_elsewhere(policy: str, status: int) -> None:
    async def story(world: World) -> None:
        _, line = await line_server(world, private_press=policy)
        first, second = await desk(world, 1), await desk(world, 2)
        await answered(await outsider(world), "2001", first)
        assert await first.line.hold(private=True) == 200
        assert await second.line.take(1) == status
        await asyncio.sleep(1)
        assert line.slots[1].state is (State.HELD_PRIVATE if status == 403 else State.BRIDGE_HELD)
        assert await first.line.resume() == 200
        await asyncio.sleep(1)
        assert line.slots[1].state is (State.ACTIVE if status == 403 else State.BRIDGE_ACTIVE)

    play(story)


def test_the_last_to_leave_ends_the_call() -> None:
    async def story(world: World) -> None:
        _, line = await line_server(world)
        first, second = await desk(world, 1), await desk(world, 2)
        caller = await outsider(world)
        await answered(caller, "2001", first)
        assert await second.line.take(1) == 200
        await asyncio.sleep(1)
        first.line.legs[1].hang_up()
        await asyncio.sleep(1)
        assert line.snapshot().state(1) == State.ACTIVE
        assert caller.calls.legs
        second.line.legs[1].hang_up()
        await asyncio.sleep(1)
        assert line.snapshot().state(1) == State.IDLE
        assert not caller.calls.legs

    play(story)


def test_a_phone_that_has_forgotten_its_line_begins_anew() -> None:
    """It answers 481 to what it is told, and only then asks to be told: what it was doing is over."""

    async def story(world: World) -> None:
        _, line = await line_server(world)
        first, second = await desk(world, 1), await desk(world, 2)
        await answered(await outsider(world), "2001", first)
        first.line.subscriber.close()
        assert await second.line.seize(2) == 200  # the first phone is told, and knows nothing of it
        await asyncio.sleep(1)
        assert line.snapshot().state(1) == State.ACTIVE
        assert await first.line.join() == 200
        await asyncio.sleep(1)
        assert line.snapshot().busy == [2]

    play(story)


def test_every_change_is_told_once_and_in_order() -> None:
    async def story(world: World) -> None:
        await line_server(world)
        first, second = await desk(world, 1), await desk(world, 2)
        told: list[str] = []
        second.line.on_change = lambda: told.append(second.line.told.state(1))
        await answered(await outsider(world), "2001", first)
        await first.line.hold()
        await first.line.resume()
        first.line.legs[1].hang_up()
        await asyncio.sleep(1)
        assert [state for state, before in zip(told, ["", *told], strict=False) if state != before] == [
            "alerting", "active", "held", "active", "idle",
        ]  # fmt: skip

    play(story)


def test_bad_weather_leaves_nothing_behind() -> None:
    async def story(world: World) -> None:
        _, line = await line_server(world)
        first, second = await desk(world, 1), await desk(world, 2)
        caller = await outsider(world)
        for phone in (first, second, first):
            await asyncio.sleep(40)
            calling = asyncio.ensure_future(caller.calls.dial("2001"))
            await asyncio.sleep(8)
            if 1 in phone.line.legs:
                await phone.line.press(1)
            await calling
            for leg in list(caller.calls.legs):
                leg.hang_up()
        await asyncio.sleep(120)
        assert all(slot.state is State.IDLE for slot in line.slots.values())
        assert first.line.told.busy == second.line.told.busy == []

    play(story, loss=0.1, duplicate=0.05, reorder=0.1)


def test_only_who_follows_the_line_seizes_where_the_rule_says_so() -> None:
    async def story(world: World) -> None:
        await line_server(world, seizes_unsubscribed=False)
        first, second = await desk(world, 1), await desk(world, 2, follow=False)
        assert await second.line.seize() == 480
        assert await first.line.seize() == 200
        await second.line.join()
        assert await second.line.seize() == 200

    play(story)


def test_a_refreshed_seizure_lasts() -> None:
    async def story(world: World) -> None:
        _, line = await line_server(world)
        phone = await desk(world, 1)
        assert await phone.line.seize(1) == 200
        await asyncio.sleep(10)
        assert await phone.line.keep_seizing() == 200
        states = []
        for wait in (10, 6):
            await asyncio.sleep(wait)
            states.append(line.slots[1].state)
        assert states == [State.SEIZED, State.IDLE]
        assert await phone.line.keep_seizing() == 408, "there is no seizure any more"

    play(story)


def test_a_parked_caller_is_told_to_who_asked() -> None:
    async def story(world: World) -> None:
        server, line = await line_server(world)
        first, second = await desk(world, 1), await desk(world, 2, follow=False)
        second.line.subscriber.accept = call_park.CONTENT_TYPE
        await second.line.join()
        rosa = Parked("sip:2002@example.com", "Rosa")
        server.lines.park(line, rosa)
        await asyncio.sleep(1)
        assert (first.line.parked, second.line.parked) == (NOBODY, rosa)
        await second.line.leave()
        await asyncio.sleep(1)
        assert server.lines._told_of_parks == set()

    play(story)


def test_an_acknowledgement_may_be_late() -> None:
    async def story(world: World) -> None:
        _, line = await line_server(world)
        phone, callee = await desk(world, 1), await outsider(world)
        phone.line.ack_after = 5.0
        calling = asyncio.ensure_future(phone.line.dial("2002"))
        await asyncio.sleep(1)
        callee.calls.answer(callee.calls.legs[-1])
        assert await calling == 200
        await asyncio.sleep(40)
        assert line.slots[1].state is State.ACTIVE

    play(story)


async def two_lines(world: World) -> tuple[Line, Line, Phone, Phone, Phone]:
    """A line with two phones, and another with one."""
    server, line = await line_server(world)
    other = server.lines.add("2002", [Location("2002")])
    first, second = await desk(world, 1), await desk(world, 2)
    callee = await outsider(world)
    assert await callee.line.join() == 200
    return line, other, first, second, callee


def test_a_call_between_two_lines_has_a_slot_on_each() -> None:
    async def story(world: World) -> None:
        line, other, first, second, callee = await two_lines(world)
        other.slot(1).caller = Leg(callee.agent)  # type: ignore[union-attr]  # so that the indexes differ
        calling = asyncio.ensure_future(first.line.dial("2002"))
        await asyncio.sleep(1)
        assert (line.slots[1].state, other.slots[2].state) == (State.PROGRESSING, State.ALERTING)
        await callee.line.press(2)
        assert await calling == 200
        await asyncio.sleep(1)
        assert (second.line.told.state(1), callee.line.told.state(2)) == ("active", "active")
        assert await first.line.hold() == 200
        await asyncio.sleep(1)
        assert (line.slots[1].state, other.slots[2].state) == (State.HELD, State.ACTIVE)
        assert await second.line.press(1) == 200
        await asyncio.sleep(1)
        assert (line.slots[1].state, other.slots[2].state) == (State.ACTIVE, State.ACTIVE)
        callee.calls.legs[-1].hang_up()
        await asyncio.sleep(1)
        assert (line.slots[1].state, other.slots[2].state) == (State.IDLE, State.IDLE)
        assert second.calls.legs == []

    play(story)


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_a_call_between_two_lines_that_is_not_answered_leaves_nothing(who: str) -> None:
    async def story(world: World) -> None:
        line, other, first, _, callee = await two_lines(world)
        calling = asyncio.ensure_future(first.line.dial("2002"))
        await asyncio.sleep(1)
        if who == "caller":
            first.line.legs[1].hang_up()
        else:
            callee.calls.legs[-1].reject(486)
        assert await calling == (487 if who == "caller" else 486)
        await asyncio.sleep(1)
        assert (line.slots[1].state, other.slots[1].state) == (State.IDLE, State.IDLE)

    play(story)


def test_a_line_is_busy_to_its_own_phones() -> None:
    async def story(world: World) -> None:
        line, _, _, second, _ = await two_lines(world)
        assert await second.line.dial("2001") == 486
        await asyncio.sleep(1)
        assert line.slots[1].state is State.IDLE

    play(story)


def test_a_phone_that_only_asks_has_not_begun_anew() -> None:
    """A SUBSCRIBE for no time, or for too little, ends neither the subscription that lives nor the call."""

    async def story(world: World) -> None:
        server, line = await line_server(world)
        first = await desk(world, 1)
        await answered(await outsider(world), "2001", first)
        for seconds, status in ((0, 200), (5, 423)):
            asks = first.agent.new_request("SUBSCRIBE", f"sip:2001@{DOMAIN}", f"<sip:2001@{DOMAIN}>")
            asks.add("Event", "call-info").add("Expires", str(seconds)).add("Contact", first.agent.contact)
            answer = await first.agent.ask(asks)
            assert answer is not None
            assert answer.status == status
            await asyncio.sleep(1)
            assert line.slots[1].state is State.ACTIVE
            assert len(list(server.lines.call_info.of("2001"))) == 1

    play(story)


def test_a_seizure_is_its_phones_however_the_contact_is_written() -> None:
    async def story(world: World) -> None:
        _, line = await line_server(world)
        first, other = await desk(world, 1), await outsider(world)
        assert await first.line.seize(1) == 200

        def with_transport(draft: Draft) -> Draft:
            return draft.set("Contact", draft.get("Contact").replace(">", ";transport=udp>"))

        tamper_requests(first, "INVITE", with_transport)
        calling = asyncio.ensure_future(first.line.dial("2002"))
        await asyncio.sleep(0.5)
        assert line.slots[1].state is State.PROGRESSING
        other.calls.answer(other.calls.legs[0])
        assert (await calling) == 200

    play(story)


def test_a_call_that_names_no_slot_takes_the_one_its_phone_has_seized() -> None:
    async def story(world: World) -> None:
        _, line = await line_server(world)
        first, _ = await desk(world, 1), await outsider(world)
        assert await first.line.seize(2) == 200
        tamper_requests(first, "INVITE", lambda draft: draft.remove("Call-Info"))
        calling = asyncio.ensure_future(first.line.dial("2002"))
        await asyncio.sleep(0.5)
        assert {index: slot.state for index, slot in line.slots.items() if not slot.free} == {2: State.PROGRESSING}
        calling.cancel()

    play(story)


def test_a_refreshed_session_leaves_a_private_hold_private() -> None:
    async def story(world: World) -> None:
        _, line = await line_server(world)
        first = await desk(world, 1)
        await answered(await outsider(world), "2001", first)
        states: list[State] = []
        for late in (False, True):
            assert await first.line.hold(private=True, late=late) == 200
            tamper_requests(first, "INVITE", lambda draft: draft.remove("Call-Info"))
            leg = first.line.legs[1]
            assert await leg.reinvite(leg.local_sdp) == 200
            states.append(line.slots[1].state)
            assert await first.line.resume() == 200
            first.endpoint.tampers.clear()
            assert await first.line.hold() == 200
            states.append(line.slots[1].state)
            assert await first.line.resume() == 200
        assert states == [State.HELD_PRIVATE, State.HELD] * 2

    play(story)


def test_a_slow_phone_is_told_what_is_and_not_what_was() -> None:
    """Its answers take half a second; meanwhile a key is taken and given back three times."""

    async def story(world: World) -> None:
        await line_server(world)
        first, second = await desk(world, 1), await desk(world, 2)
        told: list[list[int]] = []
        second.line.on_change = lambda: told.append(second.line.told.busy)
        answer = second.line.subscriber.received

        def slowly(request: ServerRequest) -> None:
            asyncio.get_running_loop().call_later(0.45, answer, request)

        second.line.subscriber.received = slowly  # type: ignore[method-assign]
        for index in (1, 2, 3):
            assert await first.line.seize(index) == 200
            await first.line.release()
        assert await first.line.seize(4) == 200
        await asyncio.sleep(1.2)
        assert told[-1] == [4]
        assert len(told) <= 3

    play(story)
