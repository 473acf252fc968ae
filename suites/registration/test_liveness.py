"""A softphone registers every 15 s, the server forgets it after 30 s, and a loss is shown within 15 s."""

import asyncio
import contextlib

import pytest

from sipconform.lab.actor import NotSupportedError
from sipconform.lab.actors import Phone, Server

pytestmark = pytest.mark.profile("brightpattern")


async def clean(phone: Phone) -> None:
    """A registrar may remember phones of earlier days; who can, takes them away."""
    with contextlib.suppress(NotSupportedError):
        await phone.sign_out_everywhere()


@pytest.mark.rows("C1")
async def test_a_quiet_minute(phone: Phone) -> None:
    """The phone stays signed in for more than a minute. It refreshes its registration every 15 s and signs off."""
    await phone.start(sync=False)
    await asyncio.sleep(65)
    await phone.shows(registered=True, lost=False)
    await phone.stop()
    await phone.shows(registered=False)


@pytest.mark.rows("C1", "C2")
async def test_a_lost_link_is_shown_and_mended(phone: Phone, other_phone: Phone, server: Server) -> None:
    """The cable is pulled: within 15 s the phone says that it has lost the connection, and 30 s after the last refresh
    it is called no more. The cable is plugged in again: within 30 s the phone is registered and can be called."""
    await phone.start(sync=False)
    await other_phone.start(sync=False)
    await phone.lose_link()
    await phone.shows(within=17, lost=True, registered=False)
    await asyncio.sleep(22)
    status = await other_phone.dial(phone.user)
    assert status in (404, 480), f"a phone that has long been gone was called: {status}"
    await phone.regain_link()
    await phone.shows(within=30, registered=True, lost=False)
    calling = asyncio.ensure_future(other_phone.dial(phone.user))
    await phone.shows(call="ringing")
    await phone.answer()
    assert await calling == 200, "the phone could not be called again"
    await other_phone.hang_up()
    await phone.shows(call="idle")


@pytest.mark.rows("C1")
async def test_a_registrar_that_says_nothing_is_not_stormed(phone: Phone) -> None:
    """The link is gone for five minutes. The phone tries again now and then, never twice at once, and not all the
    time."""
    await phone.start(sync=False)
    await phone.lose_link()
    await asyncio.sleep(300)
    await phone.shows(lost=True)
    await phone.regain_link()
    await phone.shows(within=30, registered=True)


@pytest.mark.rows("C1")
async def test_the_first_registration_fails(phone: Phone) -> None:
    """The user mistypes the password. The phone says that there is no connection, and does not ask again and again
    with what was refused."""
    await phone.mistype_password()
    status = await phone.try_to_start()
    assert status in (401, 403), f"a wrong password got {status}"
    await phone.shows(lost=True, registered=False)
    await asyncio.sleep(40)


@pytest.mark.rows("C2")
async def test_a_binding_lives_as_long_as_was_granted(phone: Phone, other_phone: Phone) -> None:
    """The phone falls silent without signing off. Shortly before its time is over it is still called; a second after,
    it is not."""
    await clean(phone)
    await phone.start(sync=False)
    await other_phone.start(sync=False)
    await phone.lose_link()
    await asyncio.sleep(26)
    await phone.regain_link()
    calling = asyncio.ensure_future(other_phone.dial(phone.user))
    await phone.shows(call="ringing")
    await other_phone.hang_up()
    await calling


@pytest.mark.rows("C2")
async def test_an_expired_binding_is_never_called(phone: Phone, other_phone: Phone) -> None:
    """The phone is unplugged for good. Thirty-two seconds later a call to it is refused as not available."""
    await clean(phone)
    await phone.start(sync=False)
    await other_phone.start(sync=False)
    await phone.unplug()
    await asyncio.sleep(32)
    status = await other_phone.dial(phone.user)
    assert status in (404, 480), f"a call to a phone that is gone got {status}"


@pytest.mark.rows("C1")
async def test_a_stale_nonce_is_no_wrong_password(phone: Phone, server: Server) -> None:
    """The server no longer honours the nonce it gave out. The phone takes the new one and stays registered."""
    await phone.start(sync=False)
    await server.expire_nonces()
    await asyncio.sleep(20)
    await phone.shows(registered=True, lost=False)
