"""A phone names its flow to the server, keeps it alive, and notices when it is dead (outbound)."""

import asyncio

import pytest

from sipconform.lab.actors import Phone, Server


@pytest.mark.rows("C1")
async def test_a_flow_is_kept_alive(phone: Phone, server: Server) -> None:
    """The server asks for a sign of life every 20 s. The phone gives one (by STUN on UDP, by an empty line on a
    stream), the server answers, and nothing else happens."""
    await server.ask_keep_alive(20)
    await phone.use_outbound()
    await phone.start(sync=False)
    await asyncio.sleep(65)
    await phone.shows(registered=True, lost=False)


@pytest.mark.rows("C1", "C2")
async def test_a_dead_flow_is_noticed(phone: Phone, server: Server) -> None:
    """The link is cut. The phone hears no answer to its sign of life, says so, and registers when the link is back."""
    await server.ask_keep_alive(20)
    await phone.use_outbound()
    await phone.start(sync=False)
    await phone.lose_link()
    try:
        await phone.shows(within=32, lost=True)
    finally:
        await phone.regain_link()
        await asyncio.sleep(120)
    await phone.shows(registered=True, lost=False)


@pytest.mark.rows("C2")
async def test_a_reboot_takes_its_flow_over(phone: Phone, server: Server) -> None:
    """The phone restarts: it calls itself the same instance as before, and the registrar has one binding of it."""
    await phone.use_outbound()
    await phone.start(sync=False)
    known = await phone.query_bindings()
    assert await phone.reboot() == 200, "the phone could not register after its restart"
    assert len(await phone.query_bindings()) == len(known), "one phone has one binding"
