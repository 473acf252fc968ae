"""uaCSTA at our server: whom it calls, what it tells, and what it takes from a phone."""

from __future__ import annotations

import asyncio

import pytest

from sipconform.agents.csta import HEADERS, INFO_HEADERS
from sipconform.agents.phone.phone import Phone
from sipconform.agents.server.csta_server import CstaSession, Form
from sipconform.agents.user_agent import Headers
from sipconform.features.csta import CstaDocument, csta, error, parse_csta
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
            (csta("RequestSystemStatus", 4), "RequestSystemStatusResponse"),
            (csta("MakeCall", 4), "CSTAErrorCode"),
            (csta("SetForwarding", 4, forwardingType="forwardImmediate", activateForward=True), "CSTAErrorCode"),
        ]:
            said = await _asked(phone, service.to_xml())
            assert said.status == 200
            document = parse_csta(said.content)
            assert getattr(document, "name", document) == answer
        assert pair.server.user("2001").features.dnd is True

    play(story)


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ([], b"", 200),
        ([("Content-Type", "text/plain"), ("Content-Disposition", "signal;handling=optional")], b"hello", 200),
        ([("Content-Type", "text/plain")], b"hello", 415),
        (INFO_HEADERS, b"<broken", 400),
    ],
)
def test_bodies_that_are_no_documents(headers: Headers, body: bytes, status: int) -> None:
    async def story(pair: Pair) -> None:
        phone, session = await _session(pair)
        assert phone.csta.leg is not None
        answer = await phone.csta.leg.ask("INFO", headers, body)
        assert answer is not None
        assert answer.status == status
        assert answer.has("Accept") is (status == 415)
        assert session.leg.state == "active"

    play(story)


def test_a_phone_may_renew_the_session_and_ask_who_is_there() -> None:
    async def story(pair: Pair) -> None:
        phone, session = await _session(pair)
        assert phone.csta.leg is not None
        hello = csta("RequestSystemStatus", 5).to_xml()
        assert await phone.csta.leg.reinvite(hello, HEADERS) == 200
        assert b"RequestSystemStatusResponse" in phone.csta.leg.remote_sdp
        for leg in (phone.csta.leg, session.leg):
            answer = await leg.ask("OPTIONS")
            assert answer is not None
            assert answer.status == 200

    play(story)


async def _answers_by_info(pair: Pair) -> Phone:
    """A phone that answers every service with an empty 200, and a moment later with an INFO of its own."""
    phone = await pair.phone("2001")
    phone.mode, pair.server.csta.on = "csta", True
    respond = phone.csta._response

    def late(document: CstaDocument) -> CstaDocument | None:
        answer = respond(document)
        if answer is not None and phone.csta.leg is not None:
            phone.csta.leg.spawn(_follows(phone, answer))
        return None

    phone.csta._response = late  # type: ignore[method-assign]
    return phone


async def _follows(phone: Phone, answer: CstaDocument) -> None:
    await asyncio.sleep(0.2)
    said = await _asked(phone, answer.to_xml())
    assert (said.status, said.content) == (200, b"")


def test_the_answer_to_a_service_may_follow_by_info() -> None:
    async def story(pair: Pair) -> None:
        phone = await _answers_by_info(pair)
        assert await phone.start() == 200
        session = pair.server.csta.of("2001")[0]
        await asyncio.sleep(1)
        assert session.reference == phone.csta.monitor == "1"
        told = await session.ask(csta("GetDoNotDisturb"))
        assert told is not None
        assert told.on is False
        refused = await session.ask(csta("MakeCall"))
        assert refused is not None
        assert refused.name == "CSTAErrorCode"
        pair.server.features.set_dnd(pair.server.user("2001"), True)
        await asyncio.sleep(1)
        assert phone.features.shown.dnd is True

    play(story)


def test_a_service_that_is_never_answered_is_not_waited_for_for_ever() -> None:
    async def story(pair: Pair) -> None:
        phone, session = await _session(pair)
        phone.csta._response = lambda document: None  # type: ignore[method-assign]
        assert await session.ask(csta("GetDoNotDisturb")) is None

    play(story)


@pytest.mark.parametrize("form", ["event", "set"])
def test_a_phone_without_monitors_is_told_by_services_alone(form: Form) -> None:
    async def story(pair: Pair) -> None:
        phone = await pair.phone("2001")
        phone.mode, pair.server.csta.on, pair.server.csta.form = "csta", True, form
        phone.csta._start_monitor = lambda edition: error("operation", edition)  # type: ignore[method-assign]
        assert await phone.start() == 200
        await asyncio.sleep(1)
        pair.server.features.set_dnd(pair.server.user("2001"), True)
        await asyncio.sleep(1)
        assert phone.features.shown.dnd is (form == "set")

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
