"""A phone that promises a time notices in it that its server is gone, comes back without a storm, and stays itself."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from sipconform.agents.changes import Changes
from sipconform.agents.endpoint import Endpoint
from sipconform.agents.phone.phone import Phone
from sipconform.agents.server.directory import Directory
from sipconform.agents.server.server import Server
from sipconform.agents.user_agent import Account
from sipconform.net.sockets import SocketNetwork
from sipconform.net.tap import NullTap
from sipconform.trace.packet import Address
from tests.agents.pair import Pair, play


def lively(phone: Phone) -> Phone:
    """A phone as Bright Pattern describes it."""
    registration = phone.registration
    registration.expires, registration.refresh, registration.patience = 30, 15.0, 1.8
    registration.retry = (15.0, 15.0)
    return phone


def test_an_hour_costs_a_refresh_every_fifteen_seconds() -> None:
    async def story(pair: Pair) -> None:
        phone = lively(await pair.phone("2001"))
        assert await phone.start() == 200
        first = phone.registration._cseq
        await asyncio.sleep(3600)
        assert phone.registration.registered
        assert phone.registration._cseq - first == pytest.approx(240, abs=2)

    play(story)


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_a_loss_is_shown_in_time_and_mended(protocol: str) -> None:
    async def story(pair: Pair) -> None:
        phone = lively(await pair.phone("2001"))
        await phone.start()
        pair.cut(phone)
        await asyncio.sleep(17)
        assert phone.registration.lost
        assert not phone.registration.registered
        await asyncio.sleep(100)
        pair.heal(phone)
        await asyncio.sleep(30)
        assert phone.registration.registered

    play(story, protocol)


def test_pauses_grow_and_differ() -> None:
    async def story(pair: Pair) -> None:
        registration = (await pair.phone("2001")).registration
        pauses = []
        for registration.failures in range(1, 12):
            pauses.append(registration.pause())
            most = min(1800.0, 30.0 * 2 ** (registration.failures - 1))
            assert most / 2 <= pauses[-1] <= most
        assert len({round(pause, 6) for pause in pauses}) == len(pauses)

    play(story)


def test_a_refused_password_is_not_tried_again() -> None:
    async def story(pair: Pair) -> None:
        phone = lively(await pair.phone("2001"))
        pair.server.user("2001").password = "another"
        assert await phone.start() == 401
        assert phone.registration.lost
        before = phone.registration._cseq
        await asyncio.sleep(600)
        assert phone.registration._cseq == before

    play(story)


def test_an_instance_outlives_a_restart_and_has_one_binding() -> None:
    async def story(pair: Pair) -> None:
        phone = await pair.phone("2001")
        phone.registration.outbound = True
        await phone.start()
        instance, call_id = phone.registration.instance, phone.registration._call_id
        phone.registration.restart()
        assert await phone.registration.register() == 200
        assert phone.registration.instance == instance
        assert phone.registration._call_id != call_id
        assert len(await phone.registration.query()) == 1

    play(story)


def test_somebody_elses_number_is_refused() -> None:
    async def story(pair: Pair) -> None:
        phone = await pair.phone("2001")
        await pair.phone("2002")
        await phone.start()
        assert await phone.registration.register_as("2002") == 403
        assert await phone.registration.register_as("2001", "elsewhere.example") == 404

    play(story)


def test_an_overtaken_removal_is_refused() -> None:
    async def story(pair: Pair) -> None:
        phone = await pair.phone("2001")
        await phone.start()
        assert await phone.registration.register_late(lambda _: None) >= 400
        assert len(await phone.registration.query()) == 1

    play(story)


def test_the_same_on_sockets_in_real_time() -> None:
    """Scaled down: a binding of two seconds, refreshed every second. The server vanishes, and the phone says so."""

    async def run() -> None:
        network = SocketNetwork(NullTap())
        serving, ringing = Endpoint(network, "server", random.Random(1)), Endpoint(network, "phone", random.Random(2))
        listening = await serving.listen("udp", Address("127.0.0.1", 0))
        await ringing.listen("udp", Address("127.0.0.1", 0))
        directory = Directory("127.0.0.1")
        directory.add("2001", "pw2001")
        server = Server(serving, directory)
        server.registrar.min_expires = 1
        phone = Phone(ringing, Account("2001", "127.0.0.1", "pw2001"), listening.local)
        registration, changes = phone.registration, Changes()
        registration.expires, registration.refresh, registration.patience = 2, 1.0, 0.3
        registration.on_change = changes.happened
        began = time.monotonic()
        assert await phone.start() == 200
        first = registration._cseq
        assert await changes.until(lambda: registration._cseq >= first + 2, 10), "no refresh came"
        assert time.monotonic() - began >= 1.9, "refreshes came faster than one a second"
        assert registration.registered
        server.close()
        gone = time.monotonic()
        assert await changes.until(lambda: registration.lost, 10), "the loss was never shown"
        assert time.monotonic() - gone < 5  # one period and the patience, on a machine that may be busy
        phone.close()
        await network.close()

    asyncio.run(run())
