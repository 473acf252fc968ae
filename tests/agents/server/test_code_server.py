"""Codes at our server: known, unknown, barred, and answered in every shape."""

from __future__ import annotations

import asyncio

import pytest

from sipconform.agents.call import SDP, Leg
from sipconform.agents.faults.tampering import tamper_requests
from sipconform.agents.phone.phone import Phone
from sipconform.agents.server.code_server import SHAPES
from sipconform.agents.server.prompt import Prompt
from sipconform.agents.server.server import Server
from sipconform.features.feature_code import CodeTable
from sipconform.features.feature_state import ForwardType
from sipconform.sip import multipart
from sipconform.sip.offer_answer import compose_audio
from sipconform.sip.sdp import Sdp
from tests.agents.pair import Pair, play

TABLE = CodeTable.of(
    [
        ("dnd", "on", "*78"),
        ("dnd", "off", "*79"),
        ("cfu", "on", "*72{number}"),
        ("cfu", "off", "*73"),
        ("cfu", "voicemail", "*70"),
    ]
)


async def _signed_in(pair: Pair) -> tuple[Server, Phone]:
    phone = await pair.phone("2001")
    pair.server.codes.table = phone.codes.table = TABLE
    phone.mode = "feature-code"
    assert await phone.start() == 200
    return pair.server, phone


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_every_shape_gives_its_status_and_changes_what_it_says(shape: str) -> None:
    async def story(pair: Pair) -> None:
        server, phone = await _signed_in(pair)
        server.codes.shape = shape
        assert await phone.codes.dial("*78") == SHAPES[shape].status
        assert server.user("2001").features.dnd is SHAPES[shape].applies
        await asyncio.sleep(server.codes.prompt_seconds)
        plays = SHAPES[shape].speaks and (SHAPES[shape].early or SHAPES[shape].status < 300)
        assert phone.codes.heard_prompt is plays

    play(story)


@pytest.mark.parametrize(("dialled", "status"), [("*7", 484), ("*72", 484), ("*99", 404), ("*722002", 200)])
def test_a_string_is_a_code_the_beginning_of_one_or_none(dialled: str, status: int) -> None:
    async def story(pair: Pair) -> None:
        server, phone = await _signed_in(pair)
        assert await phone.codes.dial(dialled) == status
        forward = server.user("2001").features.forward(ForwardType.IMMEDIATE)
        assert forward is not None
        assert forward.active is (status == 200)

    play(story)


@pytest.mark.parametrize(("dialled", "status"), [("78", 200), ("7", 404), ("2002", 404)])
def test_an_administrator_may_choose_codes_of_digits(dialled: str, status: int) -> None:
    async def story(pair: Pair) -> None:
        server, phone = await _signed_in(pair)
        server.codes.table = CodeTable.of([("dnd", "on", "78"), ("dnd", "off", "79")])
        assert await phone.codes.dial(dialled) == status
        assert server.user("2001").features.dnd is (status == 200)

    play(story)


@pytest.mark.parametrize(
    ("content_type", "handling", "status"),
    [
        ("application/x-foo", "session;handling=required", 415),
        ("application/x-foo", "session; Handling=Optional", 200),
        ("application/sdp", "session", 200),
        ("multipart/mixed;boundary=b", "session", 200),
    ],
)
def test_a_body_that_is_no_offer_is_refused_unless_it_may_be_ignored(
    content_type: str, handling: str, status: int
) -> None:
    async def story(pair: Pair) -> None:
        server, phone = await _signed_in(pair)
        body = compose_audio("10.0.1.10", 4000, 1)
        if content_type.startswith("multipart"):
            body = multipart.compose("b", ([("Content-Type", SDP)], body))
        leg = Leg(phone.agent, content_type=content_type)
        leg.call("sip:*78@10.0.0.1", "<sip:*78@10.0.0.1>", body, [("Content-Disposition", handling)])
        assert await leg.outcome() == status
        assert server.user("2001").features.dnd is (status == 200)
        assert (leg.answer is not None and leg.answer.has("Accept")) is (status == 415)
        if content_type.startswith("multipart"):
            assert Sdp(leg.remote_sdp).audio is not None
        leg.hang_up()

    play(story)


@pytest.mark.parametrize("contact", [None, "<sip:2001@phone.example.com>", "<tel:2001>"])
def test_a_caller_who_names_no_address_is_told_goodbye_where_he_called_from(contact: str | None) -> None:
    async def story(pair: Pair) -> None:
        _, phone = await _signed_in(pair)
        bend = (lambda d: d.set("Contact", contact)) if contact else (lambda d: d.remove("Contact"))
        tamper_requests(phone, "INVITE", bend)
        assert await phone.codes.dial("*78", listen=10.0) == 200
        dialled = phone.codes._dialling
        assert dialled is not None
        assert dialled.ended_by == "peer"

    play(story)


def test_without_a_table_nothing_is_taken() -> None:
    async def story(pair: Pair) -> None:
        server, phone = await _signed_in(pair)
        server.codes.table = CodeTable()
        assert await phone.codes.dial("*78") == 404
        assert server.user("2001").features.dnd is False

    play(story)


def test_who_is_barred_is_refused() -> None:
    async def story(pair: Pair) -> None:
        server, phone = await _signed_in(pair)
        server.user("2001").barred = True
        assert await phone.codes.dial("*78") == 403
        assert server.user("2001").features.dnd is False

    play(story)


def test_a_voicemail_code_forwards_to_the_mailbox() -> None:
    async def story(pair: Pair) -> None:
        server, phone = await _signed_in(pair)
        server.codes.mailbox = "9001"
        assert await phone.codes.dial("*70") == 200
        forward = server.user("2001").features.forward(ForwardType.IMMEDIATE)
        assert forward is not None
        assert forward.to == "9001"

    play(story)


@pytest.mark.parametrize("shape", ["prompt", "early-prompt"])
def test_a_call_given_up_while_the_prompt_plays_is_done_once_and_the_prompt_falls_silent(shape: str) -> None:
    async def story(pair: Pair) -> None:
        server, phone = await _signed_in(pair)
        server.codes.shape, server.codes.prompt_seconds = shape, 60.0
        changes: list[bool | None] = []
        server.features.on_change = lambda: changes.append(server.user("2001").features.dnd)
        dialling = asyncio.ensure_future(phone.codes.dial("*78"))
        await asyncio.sleep(1)
        assert phone.codes.heard_prompt
        assert phone.codes.give_up() is (shape == "early-prompt")  # after 200 there is nothing to cancel
        assert await dialling == (487 if shape == "early-prompt" else 200)
        await asyncio.sleep(phone.codes.longest + 1)
        assert changes == [True]
        assert len(server.agent.usages) == 0

    play(story)


def test_without_a_port_for_a_prompt_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(*_: object, **__: object) -> Prompt:
        raise OSError("no port is free")

    async def story(pair: Pair) -> None:
        server, phone = await _signed_in(pair)
        assert await phone.codes.dial("*78") == 503
        assert server.user("2001").features.dnd is False

    monkeypatch.setattr(Prompt, "open", refused)
    play(story)
