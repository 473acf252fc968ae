"""How a server answers the call to a code, and what the phone makes of it."""

import asyncio

import pytest

from sipconform.lab.actors import Phone, Server
from sipconform.lab.coded import begun_code, code, needs_codes, nothing_on, unknown_code
from sipconform.lab.profile import Profile

pytestmark = pytest.mark.profile("broadworks-fac")
REFUSALS = range(400, 700)
ESCAPES = {
    "upper case": {"*": "%2A", "#": "%23"},
    "lower case": {"*": "%2a", "#": "%23"},
    "digits too": {"#": "%23", **{digit: f"%3{digit}" for digit in "0123456789"}},
}


async def test_a_prompt_that_never_ends_is_hung_up(phone: Phone, server: Server, profile: Profile) -> None:
    """The server accepts the code and never says goodbye: within half a minute the phone hangs up by itself."""
    needs_codes(profile, "dnd")
    await server.answer_codes("endless")
    await phone.start()
    await phone.set_dnd(True)
    await phone.shows(dnd=True)
    await asyncio.sleep(22)


async def test_the_server_ends_the_call(phone: Phone, profile: Profile) -> None:
    """The user dials a code by hand and listens: when all is said it is the server that says goodbye."""
    dialled = code(profile, "dnd")
    await phone.start()
    await phone.hear_out(dialled, within=40.0)


async def test_an_announcement_before_an_error_proves_nothing(phone: Phone, server: Server, profile: Profile) -> None:
    """The server says what it has done in an early dialog and then refuses the call, as an IMS may. The change took
    place; the phone cannot know and does not show it."""
    needs_codes(profile, "dnd")
    await server.answer_codes("early-prompt")
    await phone.start()
    await phone.set_dnd(True)
    await server.has(phone.user, dnd=True)
    await phone.shows(dnd=False)


@pytest.mark.parametrize("shape", ["prompt", "early-prompt"])
async def test_the_prompt_is_heard(phone: Phone, server: Server, shape: str, profile: Profile) -> None:
    """The server speaks, in the call or before it refuses it: the phone hears a voice, though nobody listens."""
    await server.answer_codes(shape)
    await phone.start()
    await phone.dial_code(code(profile, "dnd"))
    await phone.shows(prompt=True)
    await server.has(phone.user, dnd=True)


async def test_a_server_that_takes_no_audio_is_understood(phone: Phone, server: Server, profile: Profile) -> None:
    """The server accepts the code and refuses the audio stream: there is nothing to hear, and the code is done."""
    needs_codes(profile, "dnd")
    await server.answer_codes("mute")
    await phone.start()
    await phone.set_dnd(True)
    await server.has(phone.user, dnd=True)
    await phone.shows_too(dnd=True)


async def test_a_code_given_up_while_the_prompt_plays_is_done_once(
    phone: Phone, server: Server, profile: Profile
) -> None:
    """The server says in an early dialog what it has done, and the user hangs up before it has ended: what the code
    means was done, once."""
    await server.answer_codes("early-prompt", prompt=20.0)
    await phone.start()
    dialling = asyncio.ensure_future(phone.dial_code(code(profile, "dnd")))
    await phone.shows(prompt=True)
    await phone.hang_up()
    assert await dialling == 487, "the call was settled before it was given up"
    await server.has(phone.user, dnd=True)


@pytest.mark.parametrize("shape", ["busy", "declined", "not-found", "incomplete", "unavailable"])
async def test_a_refused_code_changes_nothing(phone: Phone, server: Server, shape: str, profile: Profile) -> None:
    """The server refuses the code. The phone does not show what has not happened; it may try again a few times, with
    pauses, where the answer says that it may help."""
    needs_codes(profile, "dnd")
    await server.answer_codes(shape)
    await phone.start()
    await phone.set_dnd(True)
    await server.has(phone.user, dnd=False)
    await phone.shows_too(dnd=False)


async def test_a_code_nobody_knows_is_refused(phone: Phone, server: Server, profile: Profile) -> None:
    """The user dials a code the server does not have."""
    nobodys = unknown_code(profile)
    await phone.start()
    assert await phone.dial_code(nobodys) in REFUSALS, "the server took a code it does not have"
    await server.has(phone.user, **nothing_on(profile))


async def test_a_code_begun_but_not_finished_is_refused(phone: Phone, server: Server, profile: Profile) -> None:
    """The code of a forward wants a number, and there is none."""
    begun = begun_code(profile)
    await phone.start()
    assert await phone.dial_code(begun) in REFUSALS, "the server took a code without its number"
    await server.has(phone.user, cfu="")


async def test_a_user_who_may_not_is_refused(phone: Phone, server: Server, profile: Profile) -> None:
    """The administrator does not let the user switch features from his phone."""
    needs_codes(profile, "dnd")
    await server.refuse_changes(phone.user)
    await phone.start()
    await phone.set_dnd(True)
    await server.has(phone.user, dnd=False)
    await phone.shows_too(dnd=False)


async def test_two_presses_in_quick_order_keep_their_order(phone: Phone, server: Server, profile: Profile) -> None:
    """The user presses the key twice within a moment: on, then off again."""
    needs_codes(profile, "dnd")
    await phone.start()
    await asyncio.gather(phone.set_dnd(True), phone.set_dnd(False))
    await server.has(phone.user, dnd=False)
    await phone.shows_too(dnd=False)


@pytest.mark.parametrize("escapes", sorted(ESCAPES))
async def test_an_escaped_code_is_the_same_code(phone: Phone, server: Server, escapes: str, profile: Profile) -> None:
    """A star may be written %2A, and digits too: it is the same code (RFC 3261 §19.1.4)."""
    dialled = code(profile, "dnd")
    user = "".join(ESCAPES[escapes].get(character, character) for character in dialled)
    await phone.start()
    await phone.dial_code(dialled, uri=f"sip:{user}@{phone.account.domain}")
    await server.has(phone.user, dnd=True)


async def test_a_code_acts_for_who_proves_to_send_it(
    phone: Phone, other_phone: Phone, server: Server, profile: Profile
) -> None:
    """The call to the code says in From that it comes from somebody else: whoever proved himself is meant."""
    await phone.start()
    await other_phone.start()
    await phone.dial_code(code(profile, "dnd"), sender=f"<{other_phone.account.aor}>")
    await server.has(other_phone.user, dnd=False)


async def test_a_code_during_a_call_leaves_the_call_alone(
    phone: Phone, other_phone: Phone, server: Server, profile: Profile
) -> None:
    """The user presses Do Not Disturb while he talks: the call goes on as it was."""
    needs_codes(profile, "dnd")
    await phone.start()
    await other_phone.start()
    calling = asyncio.ensure_future(phone.dial(other_phone.user))
    await other_phone.shows(call="ringing")
    await other_phone.answer()
    assert await calling == 200, "the call was not answered"
    await phone.set_dnd(True)
    await server.has(phone.user, dnd=True)
    await phone.shows(call="active", missed=0)
    await phone.shows_too(dnd=True)
    await phone.hang_up()
    await other_phone.shows(call="idle")
