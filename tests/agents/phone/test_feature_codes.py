"""Codes at our phone: what a press dials, how often, and what the display makes of the answer."""

from __future__ import annotations

import asyncio

import pytest

from sipconform.agents.call import Leg
from sipconform.agents.faults.tampering import tamper_answers
from sipconform.agents.phone.phone import Phone
from sipconform.agents.server.call_server import Incoming
from sipconform.features.feature_code import CodeTable, UriForm
from sipconform.features.feature_state import Forward, ForwardType
from sipconform.sip.message import Message
from sipconform.sip.offer_answer import compose_audio
from sipconform.sip.sdp import Origin, Sdp
from tests.agents.pair import Pair, play

TABLE = CodeTable.of(
    [
        ("dnd", "on", "*56#"),
        ("dnd", "off", "#56#"),
        ("cfna", "on", "**61*{number}**{seconds}#"),
        ("cfna", "on", "**61*{number}#"),
    ]
)


async def _signed_in(pair: Pair) -> tuple[Phone, list[str]]:
    """A phone that dials codes, and the Request-URIs of the codes its server was called with."""
    phone = await pair.phone("2001")
    pair.server.codes.table = phone.codes.table = TABLE
    phone.mode = "feature-code"
    assert await phone.start() == 200
    dialled: list[str] = []

    def take(incoming: Incoming) -> bool:
        dialled.append(incoming.request.message.request_uri)
        return False

    pair.server.calls._interceptors.insert(0, take)
    return phone, dialled


def test_a_press_is_dialled_and_shown_once_accepted() -> None:
    async def story(pair: Pair) -> None:
        phone, dialled = await _signed_in(pair)
        assert await phone.codes.press_dnd(True) == 200
        assert phone.features.shown.dnd is True
        assert await phone.codes.press_dnd(False) == 200
        assert phone.features.shown.dnd is False
        assert dialled == ["sip:*56%23@10.0.0.1", "sip:%2356%23@10.0.0.1"]

    play(story)


@pytest.mark.parametrize(
    ("shape", "calls"), [("declined", 1), ("not-found", 1), ("busy", 3), ("unavailable", 3), ("early-prompt", 1)]
)
def test_a_refusal_is_not_shown_and_tried_again_only_where_it_may_help(shape: str, calls: int) -> None:
    async def story(pair: Pair) -> None:
        phone, dialled = await _signed_in(pair)
        pair.server.codes.shape = shape
        assert await phone.codes.press_dnd(True) >= 400
        assert phone.features.shown.dnd is False
        assert len(dialled) == calls

    play(story)


def test_without_a_code_nothing_is_dialled() -> None:
    async def story(pair: Pair) -> None:
        phone, dialled = await _signed_in(pair)
        assert await phone.codes.set_forward(ForwardType.BUSY, Forward(True, "2002")) == 0
        assert await phone.codes.set_forward(ForwardType.NO_ANSWER, Forward(True, "sip:bob@example.com")) == 0
        assert dialled == []

    play(story)


@pytest.mark.parametrize(
    ("rings", "code"), [(4, "**61*2002**20#"), (1, "**61*2002**5#"), (20, "**61*2002#"), (None, "**61*2002#")]
)
def test_a_timer_is_said_where_the_code_can_say_it(rings: int | None, code: str) -> None:
    async def story(pair: Pair) -> None:
        phone, dialled = await _signed_in(pair)
        assert await phone.codes.set_forward(ForwardType.NO_ANSWER, Forward(True, "2002", rings)) == 200
        assert dialled == [f"sip:{code.replace('#', '%23')}@10.0.0.1"]

    play(story)


@pytest.mark.parametrize(
    ("form", "uri"),
    [
        ("dialstring", "sip:*56%23;phone-context=10.0.0.1@10.0.0.1;user=dialstring"),
        ("tel", "tel:*56%23;phone-context=10.0.0.1"),
    ],
)
def test_the_form_of_the_uri_is_a_setting(form: UriForm, uri: str) -> None:
    async def story(pair: Pair) -> None:
        phone, dialled = await _signed_in(pair)
        phone.codes.form = form
        assert await phone.codes.press_dnd(True) == 200
        assert dialled == [uri]

    play(story)


def test_a_prompt_without_end_is_hung_up_and_a_second_press_does_not_wait_for_it() -> None:
    async def story(pair: Pair) -> None:
        phone, dialled = await _signed_in(pair)
        pair.server.codes.shape = "endless"
        await asyncio.gather(phone.codes.press_dnd(True), phone.codes.press_dnd(False))
        assert phone.features.shown.dnd is False
        assert len(dialled) == 2
        assert len(phone.agent.usages) == 2
        await asyncio.sleep(phone.codes.longest + 1)
        assert len(phone.agent.usages) == 0

    play(story)


def test_a_server_may_change_the_session_and_ask_who_is_there() -> None:
    async def story(pair: Pair) -> None:
        phone, _ = await _signed_in(pair)
        pair.server.codes.shape = "endless"
        assert await phone.codes.dial("*56#") == 200
        dialling = phone.codes._dialling
        assert dialling is not None
        (leg,) = [leg for leg in pair.server.agent.usages.values() if isinstance(leg, Leg)]
        before = Sdp(leg.remote_sdp).origin
        assert await leg.reinvite(compose_audio("10.0.0.1", 40_000, 1, direction="sendonly")) == 200
        after, audio = Sdp(leg.remote_sdp).origin, Sdp(leg.remote_sdp).audio
        assert isinstance(before, Origin)
        assert isinstance(after, Origin)
        assert (after.session_id, int(after.version)) == (before.session_id, int(before.version) + 1)
        assert audio is not None
        assert audio.direction == "recvonly"
        answer = await leg.ask("OPTIONS")
        assert answer is not None
        assert answer.status == 200

    play(story)


@pytest.mark.parametrize("contact", [None, "<sip:*56@pbx.example.com>", "<tel:112>"])
@pytest.mark.parametrize("form", ["plain", "tel"])
def test_an_answer_that_names_no_address_is_acknowledged_by_the_proxy(contact: str | None, form: UriForm) -> None:
    async def story(pair: Pair) -> None:
        phone, _ = await _signed_in(pair)
        phone.codes.form, pair.server.codes.shape = form, "endless"
        bend = (lambda d: d.set("Contact", contact)) if contact else (lambda d: d.remove("Contact"))
        tamper_answers(pair.server, "INVITE", [200], bend)
        acknowledged: list[Message | None] = []
        tampered = Leg._acknowledged

        def noted(leg: Leg, ack: Message | None) -> None:
            acknowledged.append(ack)
            tampered(leg, ack)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Leg, "_acknowledged", noted)
            assert await phone.codes.press_dnd(True) == 200
            await asyncio.sleep(40)
        assert len(acknowledged) == 1
        assert acknowledged[0] is not None
        assert pair.server.agent.usages == {}  # its BYE came too

    play(story)


def test_a_user_may_hear_the_server_out() -> None:
    async def story(pair: Pair) -> None:
        phone, _ = await _signed_in(pair)
        clock = asyncio.get_running_loop()
        pair.server.codes.prompt_seconds, began = 30.0, clock.time()
        assert await phone.codes.dial("*56#", listen=60.0) == 200
        assert 30 <= clock.time() - began < 31
        pair.server.codes.shape, began = "endless", clock.time()
        assert await phone.codes.dial("*56#", listen=60.0) == 200
        assert 60 <= clock.time() - began < 61

    play(story)


def test_a_phone_that_dials_codes_leaves_refusing_to_the_server() -> None:
    async def story(pair: Pair) -> None:
        phone, _ = await _signed_in(pair)
        phone.features.show(phone.features.shown.with_dnd(True))
        assert not phone.acts_alone
        phone.mode = "off"
        assert phone.acts_alone

    play(story)
