"""uaCSTA at our server: whom it calls, what it tells, and what it takes from a phone."""

from __future__ import annotations

import asyncio

import pytest

from sipconform.agents.phone.phone import Phone
from sipconform.agents.server.csta_server import HEADERS, INFO_HEADERS, CstaSession, Form
from sipconform.features.csta import csta, parse_csta
from sipconform.features.feature_state import Forward, ForwardType
from sipconform.sip.message import Message
from tests.agents.pair import Pair, play


async def _session(pair: Pair, form: Form = "event") -> tuple[Phone, CstaSession]:
    phone = await pair.phone("2001")
    phone.mode = "csta"
    pair.server.csta.on, pair.server.csta.form = True, form
    assert await phone.start() == 200
    session = pair.server.csta.of("2001")[0]
    await session.tell()
    return phone, session


def test_switched_off_it_calls_nobody() -> None:
    async def story(pair: Pair) -> None:
        phone = await pair.phone("2001")
        phone.mode = "csta"
        await phone.start()
        assert pair.server.csta.sessions == {}
        assert phone.acts_alone

    play(story)


def test_a_phone_that_refuses_is_left_alone_until_it_registers_again() -> None:
    async def story(pair: Pair) -> None:
        phone = await pair.phone("2001")
        pair.server.csta.on = True
        await phone.start()
        await asyncio.sleep(1)
        assert pair.server.csta.sessions == {}
        phone.csta.on = True
        await phone.registration.register()
        await asyncio.sleep(1)
        assert phone.csta.connected

    play(story)


@pytest.mark.parametrize("form", ["event", "set"])
def test_every_change_is_told_and_none_told_back(form: Form) -> None:
    async def story(pair: Pair) -> None:
        phone, session = await _session(pair, form)
        user = pair.server.user("2001")
        pair.server.features.set_dnd(user, True)
        pair.server.features.set_forward(user, ForwardType.NO_ANSWER, Forward(True, "2002", 4))
        await session.tell()
        await asyncio.sleep(1)
        assert phone.features.shown == user.features
        told = session.leg.dialog.local_cseq
        await asyncio.sleep(5)
        assert session.leg.dialog.local_cseq == told

    play(story)


def test_what_crossed_is_settled_as_the_books_have_it() -> None:
    async def story(pair: Pair) -> None:
        phone, _ = await _session(pair)
        user = pair.server.user("2001")
        pressing = asyncio.ensure_future(phone.press_dnd(True))
        pair.server.features.set_forward(user, ForwardType.BUSY, Forward(True, "2002"))
        await pressing
        await asyncio.sleep(1)
        assert phone.features.shown == user.features

    play(story)


def test_a_phone_may_ask_for_services_too() -> None:
    async def story(pair: Pair) -> None:
        phone, _ = await _session(pair)
        for service, answer in [
            (csta("SetDoNotDisturb", 4, doNotDisturbOn=True), "SetDoNotDisturbResponse"),
            (csta("GetDoNotDisturb", 4), "GetDoNotDisturbResponse"),
            (csta("GetForwarding", 4), "GetForwardingResponse"),
            (csta("MakeCall", 4), "CSTAErrorCode"),
        ]:
            said = await _asked(phone, service.to_xml())
            assert said.status == 200
            document = parse_csta(said.content)
            assert getattr(document, "name", document) == answer
        assert pair.server.user("2001").features.dnd is True
        assert (await _asked(phone, b"<broken")).status == 415

    play(story)


async def _asked(phone: Phone, body: bytes) -> Message:
    assert phone.csta.leg is not None
    answer = await phone.csta.leg.ask("INFO", INFO_HEADERS, body)
    assert answer is not None
    return answer


def test_an_event_of_another_monitor_changes_nothing() -> None:
    async def story(pair: Pair) -> None:
        phone, _ = await _session(pair)
        event = csta("DoNotDisturbEvent", monitorCrossRefID="77", doNotDisturbOn=True)
        assert (await _asked(phone, event.to_xml())).status == 200
        assert pair.server.user("2001").features.dnd is False

    play(story)


def test_a_session_is_renewed_and_one_that_died_is_made_anew() -> None:
    async def story(pair: Pair) -> None:
        phone, session = await _session(pair)
        assert await session.leg.reinvite(csta("RequestSystemStatus").to_xml(), HEADERS) == 200
        pair.cut(phone)
        pair.server.features.set_dnd(pair.server.user("2001"), True)
        await asyncio.sleep(40)
        assert pair.server.csta.sessions == {}
        pair.heal(phone)
        await phone.registration.register()
        await asyncio.sleep(1)
        assert phone.features.shown.dnd is True

    play(story)


def test_a_stopped_session_is_over() -> None:
    async def story(pair: Pair) -> None:
        phone, session = await _session(pair)
        await session.stop()
        await session.leg.settled()
        assert pair.server.csta.sessions == {}
        assert not phone.csta.connected
        assert phone.csta.monitor == ""

    play(story)
