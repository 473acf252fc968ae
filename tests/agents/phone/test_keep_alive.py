"""Signs of life: given as often as asked, answered, and missed when the link is dead."""

from __future__ import annotations

import asyncio

import pytest

from tests.agents.pair import Pair, play


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
@pytest.mark.parametrize("bound", [0, 20])
def test_an_answered_flow_lives(protocol: str, bound: int) -> None:
    async def story(pair: Pair) -> None:
        pair.server.registrar.flow_timer = bound
        phone = await pair.phone("2001")
        phone.registration.outbound = True
        await phone.start()
        before = phone.registration._cseq
        assert phone.registration.keep_alive.bound == bound
        await asyncio.sleep(300)
        assert phone.registration.registered
        assert phone.registration._cseq == before, "a living flow needs no new registration"

    play(story, protocol)


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_a_dead_flow_is_noticed_and_replaced(protocol: str) -> None:
    async def story(pair: Pair) -> None:
        pair.server.registrar.flow_timer = 20
        phone = await pair.phone("2001")
        phone.registration.outbound = True
        await phone.start()
        pair.cut(phone)
        await asyncio.sleep(32)
        assert phone.registration.lost
        pair.heal(phone)
        await asyncio.sleep(120)
        assert phone.registration.registered

    play(story, protocol)


def test_a_phone_without_outbound_keeps_quiet() -> None:
    async def story(pair: Pair) -> None:
        phone = await pair.phone("2001")
        await phone.start()
        assert phone.registration.keep_alive._task is None

    play(story)
