"""A line key is taken before anything is dialled on it, and by one phone only."""

import asyncio

import pytest

from sipconform.lab.actor import NotSupportedError
from sipconform.lab.line_phone import LinePhone
from sipconform.lab.line_scenes import all_show, at_work, outside, talking
from sipconform.lab.profile import Profile


@pytest.mark.rows("A3", "A5")
async def test_a_phone_calls_out_on_the_line(manager: LinePhone, assistant: LinePhone, customer: LinePhone) -> None:
    """The manager lifts the receiver: the key is taken and the assistant's turns red. He dials, the customer's phone
    rings and the assistant sees that a call is being made; the customer answers, and both keys show a call."""
    await at_work(manager, assistant)
    await outside(customer)
    assert await manager.seize() == 200, "the line could not be seized"
    await manager.shows_line(1, "seized", mine=True)
    await assistant.shows_line(1, "seized")
    calling = asyncio.ensure_future(manager.dial_on_line(customer.user))
    await customer.shows(call="ringing")
    await manager.shows_line(1, "progressing", mine=True)
    await assistant.shows_line(1, "progressing")
    await customer.answer()
    assert await calling == 200, "the call was not answered"
    await manager.shows_line(1, "active", mine=True)
    await assistant.shows_line(1, "active")
    await customer.hang_up()
    await all_show(1, "idle", manager, assistant)


async def test_the_receiver_is_put_back(manager: LinePhone, assistant: LinePhone) -> None:
    """The manager lifts the receiver and puts it back without having dialled: the key is free again at once."""
    await at_work(manager, assistant)
    assert await manager.seize() == 200, "the line could not be seized"
    await assistant.shows_line(1, "seized")
    await manager.put_back()
    await all_show(1, "idle", manager, assistant, within=1)


async def test_a_seizure_runs_out(manager: LinePhone, assistant: LinePhone, profile: Profile) -> None:
    """The manager lifts the receiver and does not dial. After the time that was granted the key is free again, and
    the assistant can have it."""
    await at_work(manager, assistant)
    assert await manager.seize() == 200, "the line could not be seized"
    await assistant.shows_line(1, "seized")
    await all_show(1, "idle", manager, assistant, within=profile.shared_line.seize_expires + 10)
    await asyncio.sleep(2)
    assert await assistant.seize(1) == 200, "the line is not free again"
    await assistant.put_back()


async def test_a_seizure_lives_on_in_its_call(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, profile: Profile
) -> None:
    """The manager dials just before his seizure runs out, and the customer takes a while to answer: the key stays
    taken all the time."""
    await at_work(manager, assistant)
    await outside(customer)
    assert await manager.seize() == 200, "the line could not be seized"
    await asyncio.sleep(max(0.0, profile.shared_line.seize_expires - 2))
    calling = asyncio.ensure_future(manager.dial_on_line(customer.user))
    await customer.shows(call="ringing")
    await asyncio.sleep(5)
    await assistant.shows_line(1, "progressing")
    await customer.answer()
    assert await calling == 200, "the call was not answered"
    await asyncio.sleep(2)
    await customer.hang_up()
    await all_show(1, "idle", manager, assistant)


@pytest.mark.race("who lifts first")
async def test_two_lift_the_receiver_at_once(manager: LinePhone, assistant: LinePhone) -> None:
    """The manager and the assistant take the same key in the same instant: one gets it, the other is refused."""
    await at_work(manager, assistant)
    answers = await asyncio.gather(manager.seize(1), assistant.seize(1))
    assert sorted(answer < 300 for answer in answers) == [False, True], f"both were answered {answers}"
    winner, loser = (manager, assistant) if answers[0] < 300 else (assistant, manager)
    await winner.shows_line(1, "seized", mine=True)
    await loser.shows_line(1, "seized")
    await winner.put_back()
    await all_show(1, "idle", manager, assistant)


async def test_a_key_in_use_cannot_be_seized(manager: LinePhone, assistant: LinePhone, customer: LinePhone) -> None:
    """A key that rings, talks or holds belongs to a call: nobody can seize it, and trying changes nothing."""
    await at_work(manager, assistant)
    await outside(customer)
    await talking(customer, manager, assistant)
    assert await assistant.seize(1) >= 400, "a key with a call on it was seized"
    await assistant.shows_line(1, "active")
    assert await manager.hold_line() == 200, "the hold was refused"
    await assistant.shows_line(1, "held")
    assert await assistant.seize(1) >= 400, "a key with a held call was seized"
    await assistant.shows_line(1, "held")
    await customer.hang_up()
    await all_show(1, "idle", manager, assistant)


async def test_the_other_key_is_taken_instead(manager: LinePhone, assistant: LinePhone) -> None:
    """The manager lifts the receiver on one key, then on another: the first is free again."""
    await at_work(manager, assistant)
    assert await manager.seize(1) == 200, "the line could not be seized"
    await assistant.shows_line(1, "seized")
    if await manager.seize(2) < 300:
        await assistant.shows_line(2, "seized")
        await assistant.shows_line(1, "idle", within=30)
        await manager.put_back()
    await all_show(2, "idle", manager, assistant, within=20)
    await all_show(1, "idle", manager, assistant, within=20)


@pytest.mark.parametrize("status", [302, 486, 603])
async def test_a_call_out_is_refused(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, status: int
) -> None:
    """The customer does not want the call: the key is free again at once, on every phone."""
    await at_work(manager, assistant)
    await outside(customer)
    calling = asyncio.ensure_future(manager.dial_on_line(customer.user))
    await customer.shows(call="ringing")
    await customer.reject(status)
    assert await calling >= 300, "a refused call was answered"
    await all_show(1, "idle", manager, assistant)


async def test_the_manager_gives_up_calling(manager: LinePhone, assistant: LinePhone, customer: LinePhone) -> None:
    """The customer does not answer and the manager hangs up: the key is free again at once."""
    await at_work(manager, assistant)
    await outside(customer)
    calling = asyncio.ensure_future(manager.dial_on_line(customer.user))
    await customer.shows(call="ringing")
    await assistant.shows_line(1, "progressing")
    await manager.hang_up_line(1)
    assert await calling == 487, "the call was not cancelled"
    await all_show(1, "idle", manager, assistant, within=2)
    await customer.shows(call="idle")


async def test_a_number_that_is_nobodys(manager: LinePhone, assistant: LinePhone) -> None:
    """The manager dials a number that does not exist: he is told so, and the key is free again."""
    await at_work(manager, assistant)
    assert await manager.dial_on_line("9999") >= 400, "a number of nobody was answered"
    await all_show(1, "idle", manager, assistant, within=2)


async def test_two_calls_side_by_side(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, second_customer: LinePhone, profile: Profile
) -> None:
    """The manager talks on the first key when a second call comes in; the assistant answers it on the second key.
    The first call ends, and the second key still shows its call."""
    if not profile.shared_line.multiple_call_arrangement:
        raise NotSupportedError("this dialect has one call at a time on a line")
    await at_work(manager, assistant)
    await outside(customer, second_customer)
    await talking(customer, manager, assistant)
    await asyncio.sleep(5)
    await talking(second_customer, assistant, manager, index=2)
    await asyncio.sleep(5)
    await manager.hang_up_line(1)
    await all_show(1, "idle", manager, assistant)
    await assistant.shows_line(2, "active", mine=True)
    await manager.shows_line(2, "active")
    await second_customer.hang_up()
    await all_show(2, "idle", manager, assistant)


@pytest.mark.parametrize(
    "words",
    [
        "<sip:{host}>;answer-after=0, <sip:{host}>;appearance-index=1",
        "<sip:{host}>;purpose=icon;appearance-index=1;x=y",
        "<sip:{host}> ; APPEARANCE-INDEX = 1",
    ],
)
async def test_the_index_is_found_among_other_words(manager: LinePhone, assistant: LinePhone, words: str) -> None:
    """`Call-Info` says other things too, in any order and spelling: the index is found all the same."""
    await at_work(manager, assistant)
    assert await manager.seize(1, words.format(host=manager.account.domain)) == 200, "the index was not found"
    await assistant.shows_line(1, "seized")
    await manager.put_back()
    await all_show(1, "idle", manager, assistant)


@pytest.mark.parametrize("index", ["0", "-1", "99999999999", "1x", "", "*"])
async def test_an_index_that_is_none(manager: LinePhone, assistant: LinePhone, index: str) -> None:
    """A phone asks for a key that cannot be: it is refused, nothing is seized, and the server lives on."""
    await at_work(manager, assistant)
    words = f"<sip:{manager.account.domain}>;appearance-index={index}"
    assert await manager.seize(1, words) >= 400, f"appearance-index={index} was accepted"
    await all_show(1, "idle", manager, assistant)
    assert await assistant.seize(1) == 200, "the line does not work any more"
    await assistant.put_back()


async def test_a_stranger_cannot_seize(manager: LinePhone, customer: LinePhone) -> None:
    """Somebody who is not on the line asks for one of its keys: he is refused, and no key changes."""
    await at_work(manager)
    await outside(customer)
    assert await customer.seize_elsewhere(manager.line_number, 1) >= 400, "a stranger has seized the line"
    await manager.shows_line(1, "idle")


async def test_a_line_that_is_not_shared(customer: LinePhone) -> None:
    """A phone without a shared line asks for one: it is refused, or told that every key is idle."""
    await outside(customer)
    status = await customer.do("join_line")
    assert status >= 400 or status in (200, 202), f"call-info was answered {status}"


@pytest.mark.race("which states of the line are told before they pass")
async def test_a_phone_loses_its_power(manager: LinePhone, assistant: LinePhone, customer: LinePhone) -> None:
    """The manager's phone loses its power in a call and comes up again: it knows nothing of the call, and its key
    is free for everybody."""
    await at_work(manager, assistant)
    await outside(customer)
    await talking(customer, manager, assistant)
    await manager.restart()
    await all_show(1, "idle", assistant, manager)


async def test_a_seizure_of_nothing(manager: LinePhone, assistant: LinePhone) -> None:
    """A phone asks to seize without saying which slot: it is refused, and nothing is seized."""
    await at_work(manager, assistant)
    assert await manager.seize(1, "") >= 400, "a slot was chosen for the phone"
    await all_show(1, "idle", manager, assistant)


async def test_a_phone_is_out_of_step(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, second_customer: LinePhone
) -> None:
    """The assistant's phone calls on a key on which the manager talks, without having seized it. It is refused, or the
    call is given another key; the manager's is not disturbed."""
    await at_work(manager, assistant)
    await outside(customer, second_customer)
    await talking(customer, manager, assistant)
    calling = asyncio.ensure_future(assistant.call_on(1, second_customer.user))
    await asyncio.sleep(1)
    if second_customer.driver.beliefs.get("call") == "ringing":
        await second_customer.answer()
    await calling
    await manager.shows_line(1, "active", mine=True)
    await customer.hang_up()
    await all_show(1, "idle", manager, assistant)


async def test_a_call_beside_another(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, second_customer: LinePhone, profile: Profile
) -> None:
    """The manager talks on the first key. The assistant calls somebody: her phone takes the second key by itself."""
    if not profile.shared_line.multiple_call_arrangement:
        raise NotSupportedError("this dialect has one call at a time on a line")
    await at_work(manager, assistant)
    await outside(customer, second_customer)
    await talking(customer, manager, assistant)
    await asyncio.sleep(2)
    calling = asyncio.ensure_future(assistant.dial_on_line(second_customer.user))
    await second_customer.shows(call="ringing")
    await second_customer.answer()
    assert await calling == 200, "the call was not answered"
    await manager.shows_line(2, "active")
    await assistant.hang_up_line(2)
    await all_show(2, "idle", manager, assistant)
    await manager.shows_line(1, "active", mine=True)
    await manager.hang_up_line(1)
    await all_show(1, "idle", manager, assistant)


async def test_a_manager_dials_too_late(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, profile: Profile
) -> None:
    """The manager lifts the receiver and thinks for so long that his key is lost. Then he dials: his phone seizes a key
    again, and the call goes out."""
    await at_work(manager, assistant)
    await outside(customer)
    assert await manager.seize() == 200, "the line could not be seized"
    await assistant.shows_line(1, "seized")
    await all_show(1, "idle", manager, assistant, within=profile.shared_line.seize_expires + 10)
    await asyncio.sleep(2)
    calling = asyncio.ensure_future(manager.dial_on_line(customer.user))
    await customer.shows(call="ringing")
    await customer.answer()
    assert await calling == 200, "the call was not answered"
    await asyncio.sleep(1)
    await customer.hang_up()
    await all_show(1, "idle", manager, assistant)
