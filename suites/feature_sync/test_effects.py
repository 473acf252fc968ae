"""What the state means for calls: refused when not to be disturbed, forwarded to the number that was set."""

import asyncio

import pytest

from sipconform.lab.actors import Phone, Server

REFUSED = (480, 486, 600, 603)
ONE_RING_AND_MORE = 15.0  # seconds
SETTLED = 2.5  # seconds after which nobody can say that the call had crossed the change


async def everybody(*phones: Phone) -> None:
    for phone in phones:
        await phone.start()
        await phone.synchronised()
    await asyncio.sleep(0.3)


async def answered_by(called: Phone, target: Phone, caller: Phone, within: float = 5.0) -> None:
    """The caller dials one phone's number and the other one rings and answers."""
    await asyncio.sleep(SETTLED)
    calling = asyncio.ensure_future(caller.dial(called.user))
    await target.shows(call="ringing", within=within)
    await target.answer()
    assert await calling == 200, "the forwarded call was not answered"
    await asyncio.sleep(SETTLED)
    await caller.hang_up()
    await target.shows(call="idle")


@pytest.mark.rows("B3", "B11")
async def test_do_not_disturb_refuses_calls(phone: Phone, caller: Phone) -> None:
    """The user presses Do Not Disturb: who calls is refused and the phone does not ring. Switched off, it rings."""
    await everybody(phone, caller)
    await phone.set_dnd(True)
    await phone.shows(dnd=True)
    await asyncio.sleep(SETTLED)
    status = await caller.dial(phone.user)
    assert status in REFUSED, f"a call to a user who is not to be disturbed got {status}"
    await asyncio.sleep(SETTLED)
    await phone.set_dnd(False)
    await phone.shows(dnd=False)
    await asyncio.sleep(SETTLED)
    calling = asyncio.ensure_future(caller.dial(phone.user))
    await phone.shows(call="ringing")
    await phone.answer()
    assert await calling == 200, "the call was not answered"
    await caller.hang_up()


@pytest.mark.rows("B4", "B11")
async def test_a_forward_takes_every_call(phone: Phone, other_phone: Phone, caller: Phone, server: Server) -> None:
    """The user forwards all calls to a colleague, from the phone and then from the portal: the colleague's phone rings
    and not the user's. Switched off, the user's phone rings again."""
    await everybody(phone, other_phone, caller)
    await phone.forward("cfu", other_phone.user)
    await phone.shows(cfu=other_phone.user)
    await answered_by(phone, other_phone, caller)
    await server.stop_forward(phone.user, "cfu")
    await phone.shows(cfu="")
    await answered_by(phone, phone, caller)


@pytest.mark.rows("B4", "B11")
@pytest.mark.parametrize("form", ["sip", "tel"])
async def test_a_forward_to_a_uri_is_followed(phone: Phone, other_phone: Phone, caller: Phone, form: str) -> None:
    """The user writes the colleague's address, not just the number, as the target of a forward: the call reaches the
    colleague all the same."""
    target = other_phone.account.aor if form == "sip" else f"tel:{other_phone.user}"
    await everybody(phone, other_phone, caller)
    await phone.forward("cfu", target)
    await phone.shows(cfu=target)
    await answered_by(phone, other_phone, caller)


@pytest.mark.rows("B4", "B11")
async def test_a_forward_that_leads_nowhere(phone: Phone, caller: Phone) -> None:
    """The user forwards all calls to an address of a domain nobody knows the way to: the caller is refused, and the
    phone does not ring."""
    await everybody(phone, caller)
    await phone.forward("cfu", "sip:2050@elsewhere.invalid")
    await phone.shows(cfu="sip:2050@elsewhere.invalid")
    await asyncio.sleep(SETTLED)
    status = await caller.dial(phone.user)
    assert status in range(400, 700), f"a call that leads nowhere got {status}"
    await phone.shows(call="idle")


@pytest.mark.rows("B4", "B11")
async def test_a_forward_takes_calls_when_busy(phone: Phone, other_phone: Phone, caller: Phone) -> None:
    """The user forwards calls on busy. The phone rings, the user presses busy, and the colleague's phone rings."""
    await everybody(phone, other_phone, caller)
    await phone.forward("cfb", other_phone.user)
    await phone.shows(cfb=other_phone.user)
    await asyncio.sleep(SETTLED)
    calling = asyncio.ensure_future(caller.dial(phone.user))
    await phone.shows(call="ringing")
    await phone.reject()
    await other_phone.shows(call="ringing")
    await other_phone.answer()
    assert await calling == 200, "the forwarded call was not answered"
    await caller.hang_up()


@pytest.mark.rows("B4", "B11")
async def test_a_forward_takes_calls_nobody_answers(phone: Phone, other_phone: Phone, caller: Phone) -> None:
    """The user forwards calls after one ring. Nobody answers, the phone stops ringing and the colleague's rings."""
    await everybody(phone, other_phone, caller)
    await phone.forward("cfna", other_phone.user, 1)
    await phone.shows(cfna=other_phone.user, rings=1)
    await answered_by(phone, other_phone, caller, ONE_RING_AND_MORE)
    await phone.shows(call="idle")
