"""uaCSTA at our phone: from whom it takes a session, and how it answers whatever comes in one."""

from __future__ import annotations

import pytest

from sipconform.agents.call import Leg
from sipconform.agents.csta import HEADERS, INFO_HEADERS
from sipconform.agents.phone.phone import Phone
from sipconform.agents.server.csta_server import CstaSession
from sipconform.features.csta import CONTENT_TYPE, CstaDocument, csta, parse_csta
from sipconform.features.feature_state import Forward, ForwardType
from tests.agents.pair import Pair, play


async def _session(pair: Pair) -> tuple[Phone, CstaSession]:
    phone = await pair.phone("2001")
    phone.mode = "csta"
    pair.server.csta.on = True
    assert await phone.start() == 200
    (session,) = pair.server.csta.of("2001")
    await session.tell()
    assert session.reference == phone.csta.monitor == "1"
    return phone, session


async def _called(phone: Phone, by: Pair, body: bytes, content_type: str = CONTENT_TYPE) -> Leg:
    leg = Leg(by.server.agent, content_type=content_type)
    leg.call(phone.agent.contact.strip("<>"), "<sip:2001@10.0.0.1>", body, HEADERS, "<sip:csta@10.0.0.1>")
    await leg.outcome()
    return leg


@pytest.mark.parametrize("edition", [3, 4, 5])
def test_services_are_answered_in_the_edition_they_were_asked_in(edition: int) -> None:
    async def story(pair: Pair) -> None:
        phone, session = await _session(pair)
        for service, answer in [
            (csta("SetDoNotDisturb", edition, device="2001", doNotDisturbOn=True), "SetDoNotDisturbResponse"),
            (csta("GetDoNotDisturb", edition), "GetDoNotDisturbResponse"),
            (csta("GetForwarding", edition, device="tel:2001"), "GetForwardingResponse"),
            (csta("RequestSystemStatus", edition), "RequestSystemStatusResponse"),
            (csta("MonitorStart", edition, monitorObject="sip:2001@elsewhere"), "MonitorStartResponse"),
        ]:
            said = await session.ask(service)
            assert (said and said.name, said and said.edition) == (answer, edition)
        assert phone.features.shown.dnd is True

    play(story)


@pytest.mark.parametrize(
    "service",
    [
        csta("SnapshotDevice"),
        csta("SetDoNotDisturb", device="sip:2002@10.0.0.1", doNotDisturbOn=True),
        csta("MonitorStop", monitorCrossRefID="77"),
        CstaDocument("SetDoNotDisturb", {"device": "2001", "doNotDisturbOn": "TRUE"}),
        csta("SetForwarding", device="2001", forwardingType="forwardImmediate", activateForward=True),
    ],
)
def test_what_it_cannot_do_is_an_error_and_changes_nothing(service: CstaDocument) -> None:
    async def story(pair: Pair) -> None:
        phone, session = await _session(pair)
        said = await session.ask(service)
        assert said is not None
        assert said.name == "CSTAErrorCode"
        assert phone.features.shown.dnd is False
        assert phone.csta.monitor == "1"

    play(story)


@pytest.mark.parametrize("device", ["2001@10.0.0.1", "sip:2001", "N<2001>", "<sip:2001@10.0.0.1>", "sips:2001@x", ""])
def test_a_device_is_named_in_many_ways(device: str) -> None:
    async def story(pair: Pair) -> None:
        phone, session = await _session(pair)
        said = await session.ask(csta("SetDoNotDisturb", device=device, doNotDisturbOn=True))
        assert said is not None
        assert said.name == "SetDoNotDisturbResponse"
        assert phone.features.shown.dnd is True

    play(story)


@pytest.mark.parametrize(
    ("content_type", "body", "disposition", "status"),
    [
        ("text/plain", b"hello", "signal;handling=required", 415),
        ("text/plain", b"hello", "signal;handling=optional", 200),
        (CONTENT_TYPE, b"<broken", "signal;handling=required", 400),
        (CONTENT_TYPE, b"", "signal", 200),
    ],
)
def test_bodies_that_are_no_documents(content_type: str, body: bytes, disposition: str, status: int) -> None:
    async def story(pair: Pair) -> None:
        _, session = await _session(pair)
        headers = [("Content-Type", content_type), ("Content-Disposition", disposition)]
        answer = await session.leg.ask("INFO", headers, body)
        assert answer is not None
        assert answer.status == status
        assert answer.has("Accept") is (status == 415)

    play(story)


def test_a_phone_that_has_no_sessions_says_what_it_takes() -> None:
    async def story(pair: Pair) -> None:
        phone = await pair.phone("2001")
        await phone.start()
        leg = await _called(phone, pair, csta("RequestSystemStatus").to_xml())
        assert leg.status == 415
        assert phone.calls.legs == []

    play(story)


def test_a_new_session_takes_the_place_of_the_old() -> None:
    async def story(pair: Pair) -> None:
        phone, session = await _session(pair)
        leg = await _called(phone, pair, csta("RequestSystemStatus").to_xml())
        assert leg.status == 200
        answer = parse_csta(leg.remote_sdp)
        assert isinstance(answer, CstaDocument)
        assert answer.name == "RequestSystemStatusResponse"
        await session.leg.settled()
        assert session.leg.state == "ended"
        assert phone.csta.connected

    play(story)


def test_a_phone_that_cannot_apply_refuses_services_and_takes_events() -> None:
    async def story(pair: Pair) -> None:
        phone, session = await _session(pair)
        phone.csta.applies = False
        said = await session.ask(csta("SetDoNotDisturb", device="2001", doNotDisturbOn=True))
        assert said is not None
        assert said.name == "CSTAErrorCode"
        event = csta("DoNotDisturbEvent", monitorCrossRefID="1", doNotDisturbOn=True)
        answer = await session.leg.ask("INFO", INFO_HEADERS, event.to_xml())
        assert answer is not None
        assert (answer.status, answer.content) == (200, b"")
        assert phone.features.shown.dnd is False

    play(story)


def test_what_is_pressed_is_shown_at_once_and_told() -> None:
    async def story(pair: Pair) -> None:
        phone, _ = await _session(pair)
        await phone.press_dnd(True)
        await phone.set_forward(ForwardType.BUSY, Forward(True, "2002"))
        books = pair.server.user("2001").features
        assert books == phone.features.shown
        assert (books.dnd, books.forward(ForwardType.BUSY)) == (True, Forward(True, "2002"))

    play(story)
