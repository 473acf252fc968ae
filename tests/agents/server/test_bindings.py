"""Bindings in the course of time: granted, listed, over."""

from __future__ import annotations

import asyncio

import pytest

from tests.agents.pair import Pair, play


def test_a_binding_is_over_when_its_time_is() -> None:
    async def story(pair: Pair) -> None:
        phone = await pair.phone("2001")
        phone.registration.expires = 30
        await phone.start()
        phone.registration.close()
        loop, user = asyncio.get_running_loop(), pair.server.user("2001")
        await asyncio.sleep(29.9)
        assert len(user.contacts(loop.time())) == 1
        await asyncio.sleep(0.2)
        assert user.contacts(loop.time()) == []
        assert len(user.bindings) == 1, "nobody swept it: it is over all the same"

    play(story)


@pytest.mark.parametrize(("contact", "header", "granted"), [(120, 3600, 120), (3600, 120, 3600)])
def test_the_contacts_own_time_counts(contact: int, header: int, granted: int) -> None:
    async def story(pair: Pair) -> None:
        phone = await pair.phone("2001")
        phone.registration.expires, phone.registration.header_expires = contact, header
        await phone.start()
        assert phone.registration.granted == granted

    play(story)


def test_several_phones_of_a_user() -> None:
    async def story(pair: Pair) -> None:
        one, two = await pair.phone("2001"), await pair.phone("2001")
        await one.start()
        await two.start()
        assert len(await one.registration.query()) == 2
        await two.stop()
        assert len(await one.registration.query()) == 1
        await one.registration.unregister(everything=True)
        assert await two.registration.query() == []

    play(story)
