"""uaCSTA as 3CX speaks it: the server calls the phone, and both tell each other of Do Not Disturb by INFO."""

import asyncio

import pytest

from sipconform.lab.actors import Phone, Server
from sipconform.lab.coded import needs_codes, needs_features
from sipconform.lab.profile import Profile

pytestmark = [pytest.mark.profile("3cx"), pytest.mark.rows("B10")]
DOCUMENTS = "application/csta+xml"
SIGNAL = "signal;handling=required"


async def test_the_server_opens_a_session(phone: Phone, server: Server) -> None:
    """The phone has registered: the server calls it, asks for its status and starts a monitor. The phone does not
    ring."""
    await _session(phone, server)
    await phone.shows(call="idle", missed=0)


@pytest.mark.race("whether a state is told before it changes")
@pytest.mark.parametrize("form", ["event", "set"])
@pytest.mark.parametrize("edition", [3, 4, 5])
async def test_dnd_at_the_server_reaches_the_phone(
    phone: Phone, server: Server, form: str, edition: int, profile: Profile
) -> None:
    """Do Not Disturb is switched at the server, on and off: told by an event, or asked for as a service, in whichever
    edition of CSTA. The phone follows and tells nothing back but what it did."""
    needs_features(profile, "dnd")
    await _session(phone, server, form=form, edition=edition)
    await server.set_dnd(phone.user, True)
    await phone.shows(dnd=True)
    await server.set_dnd(phone.user, False)
    await phone.shows(dnd=False)
    await server.has(phone.user, dnd=False)


@pytest.mark.race("whether a state is told before it changes")
async def test_dnd_pressed_on_the_phone_reaches_the_server(phone: Phone, server: Server, profile: Profile) -> None:
    """The user presses Do Not Disturb: the phone sends an event with the monitor's reference."""
    needs_features(profile, "dnd")
    await _session(phone, server)
    for on in (True, False):
        await phone.set_dnd(on)
        await server.has(phone.user, dnd=on)
        await phone.shows(dnd=on)


@pytest.mark.race("whether a state is told before it changes")
@pytest.mark.profile("broadsoft")
@pytest.mark.parametrize("form", ["event", "set"])
async def test_forwards_go_both_ways(phone: Phone, server: Server, form: str, profile: Profile) -> None:
    """All three forwards, set at the server and on the phone."""
    needs_features(profile, "cfu", "cfb", "cfna")
    await _session(phone, server, form=form)
    for kind in ("cfu", "cfb", "cfna"):
        await server.forward(phone.user, kind, "2002")
        await phone.shows(**{kind: "2002"})
        await phone.stop_forward(kind)
        await server.has(phone.user, **{kind: ""})


async def test_the_phone_tells_its_state_when_asked(phone: Phone, server: Server, profile: Profile) -> None:
    """The server asks what Do Not Disturb and the forwards are set to."""
    needs_features(profile, "dnd")
    await _session(phone, server)
    assert await server.ask_phone(phone.user, "GetDoNotDisturb") == "GetDoNotDisturbResponse", "DND was not told"
    assert await server.ask_phone(phone.user, "GetForwarding") == "GetForwardingResponse", "forwards were not told"


async def test_every_edition_is_understood(phone: Phone, server: Server, profile: Profile) -> None:
    """The server asks the same in three editions of CSTA, within one session."""
    needs_features(profile, "dnd")
    await _session(phone, server)
    for edition in (3, 4, 5):
        answer = await server.ask_phone(phone.user, "GetDoNotDisturb", edition=edition)
        assert answer == "GetDoNotDisturbResponse", f"edition {edition} got {answer}"


async def test_what_the_phone_does_not_know_is_refused(phone: Phone, server: Server, profile: Profile) -> None:
    """A service it does not have, another device's state, a monitor that is not: each is answered by an error."""
    needs_features(profile, "dnd")
    await _session(phone, server)
    assert await server.ask_phone(phone.user, "SnapshotDevice") == "CSTAErrorCode", "an unknown service was taken"
    wrong = await server.ask_phone(phone.user, "SetDoNotDisturb", device="sip:9999@example.com", doNotDisturbOn=True)
    assert wrong == "CSTAErrorCode", "a change of another device was taken"
    await phone.shows(dnd=False)
    stale = await server.ask_phone(phone.user, "MonitorStop", monitorCrossRefID="4711")
    assert stale == "CSTAErrorCode", "the end of a monitor that never was was taken"


@pytest.mark.race("whether a state is told before it changes")
async def test_a_phone_that_cannot_apply_still_answers(phone: Phone, server: Server, profile: Profile) -> None:
    """Some phones take the INFO and do nothing: they answer properly all the same, and show what they did before."""
    needs_features(profile, "dnd")
    await phone.cannot_apply()
    await _session(phone, server)
    await server.set_dnd(phone.user, True)
    assert await server.ask_phone(phone.user, "GetDoNotDisturb") == "GetDoNotDisturbResponse", "no answer"
    await phone.shows(dnd=False)


async def test_a_body_nobody_agreed_on_is_refused(phone: Phone, server: Server) -> None:
    """An INFO with a type nobody agreed on, that must be handled: 415, with what would be taken."""
    await _session(phone, server)
    status = await server.send_to_session(phone.user, "text/x-nonsense", "nonsense", SIGNAL)
    assert status == 415, f"a body of an unknown type got {status}"


async def test_elements_in_any_order_are_understood(phone: Phone, server: Server, profile: Profile) -> None:
    """The elements stand in another order, one more stands among them, and the type has a parameter."""
    needs_features(profile, "dnd")
    await _session(phone, server)
    body = (
        '<SetDoNotDisturb xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed4">'
        f"<doNotDisturbOn>true</doNotDisturbOn><extra>1</extra><device>{phone.user}</device></SetDoNotDisturb>"
    )
    status = await server.send_to_session(phone.user, f"{DOCUMENTS}; charset=utf-8", body, SIGNAL)
    assert status == 200, f"a request in another order got {status}"
    await phone.shows(dnd=True)


async def test_what_the_phone_tells_in_any_order_is_understood(phone: Phone, server: Server, profile: Profile) -> None:
    """The other way round: the phone's event has its elements in another order and one more, its type a charset."""
    needs_features(profile, "dnd")
    await _session(phone, server)
    status = await phone.tell_oddly(True)
    assert status == 200, f"an event in another order got {status}"
    await server.has(phone.user, dnd=True)


async def test_info_outside_a_session_is_refused(phone: Phone, server: Server) -> None:
    """An INFO that belongs to no session is answered 481, on both sides."""
    await _session(phone, server)
    headers = {"Content-Type": DOCUMENTS, "To": f"<{phone.account.aor}>;tag=never-heard-of"}
    assert await phone.probe("INFO", headers=headers) == 481, "the server took an INFO of no session"
    assert await server.probe(phone.user, "INFO", headers=headers) == 481, "the phone took an INFO of no session"


async def test_a_stranger_opens_no_session(phone: Phone, other_phone: Phone, server: Server) -> None:
    """Somebody who is not the server calls the phone for a session: he is refused."""
    await phone.set_mode("csta")
    await phone.start()
    await other_phone.start()
    status = await other_phone.call_for_session(phone)
    assert status in range(400, 700), f"a stranger's session got {status}"


async def test_the_session_is_ended_in_good_order(phone: Phone, server: Server, profile: Profile) -> None:
    """The server stops its monitor and says BYE. What the user presses then is told to nobody."""
    needs_features(profile, "dnd")
    await _session(phone, server)
    await server.end_csta(phone.user)
    await phone.shows(monitored=False)
    await phone.set_dnd(True)
    await server.has(phone.user, dnd=False)


async def test_the_session_is_kept_fresh(phone: Phone, server: Server, profile: Profile) -> None:
    """The server renews the session by re-INVITE before it lapses."""
    needs_features(profile, "dnd")
    await _session(phone, server, refresh=5.0)
    await asyncio.sleep(12)
    await server.set_dnd(phone.user, True)
    await phone.shows(dnd=True)


@pytest.mark.race("whether a state is told before it changes")
async def test_a_phone_that_starts_anew_gets_a_new_session(phone: Phone, server: Server, profile: Profile) -> None:
    """The phone signs off and on again: the server opens another session with another monitor."""
    needs_features(profile, "dnd")
    await _session(phone, server)
    await phone.stop()
    await phone.shows(monitored=False)
    await phone.start()
    await phone.shows(monitored=True)
    await server.set_dnd(phone.user, True)
    await phone.shows(dnd=True)


async def test_a_session_is_no_call(phone: Phone, other_phone: Phone, server: Server, profile: Profile) -> None:
    """Do Not Disturb is on when the session is opened, and the phone still takes ordinary calls beside it when it is
    off."""
    needs_features(profile, "dnd")
    await server.set_dnd(phone.user, True)
    await _session(phone, server)
    await phone.shows(dnd=True)
    await server.set_dnd(phone.user, False)
    await phone.shows(dnd=False)
    await other_phone.start()
    calling = asyncio.ensure_future(other_phone.dial(phone.user))
    await phone.shows(call="ringing")
    await phone.answer()
    assert await calling == 200, "the call was not answered"
    await other_phone.hang_up()
    await phone.shows(call="idle", monitored=True)


@pytest.mark.rows("B11")
async def test_code_session_and_subscription_agree(
    phone: Phone, second_phone: Phone, server: Server, profile: Profile
) -> None:
    """One phone of the user is in a session, another dials codes. Whoever changes, both and the server agree, and
    nobody tells back what he was told."""
    needs_codes(profile, "dnd")
    await _session(phone, server)
    await second_phone.set_mode("feature-code")
    await second_phone.start()
    await second_phone.set_dnd(True)
    await server.has(phone.user, dnd=True)
    await phone.shows(dnd=True)
    await phone.set_dnd(False)
    await server.has(phone.user, dnd=False)


@pytest.mark.race("whether a state is told before it changes")
@pytest.mark.rows("B11")
async def test_session_and_subscription_agree(
    phone: Phone, second_phone: Phone, server: Server, profile: Profile
) -> None:
    """One phone of the user is in a session, another subscribes to the feature state."""
    needs_features(profile, "dnd")
    await second_phone.set_mode("subscribe")
    await second_phone.start()
    await second_phone.synchronised()
    await _session(phone, server)
    await phone.set_dnd(True)
    await second_phone.shows(dnd=True)
    await second_phone.set_dnd(False)
    await phone.shows(dnd=False)
    await server.has(phone.user, dnd=False)


async def _session(phone: Phone, server: Server, form: str = "event", edition: int = 3, refresh: float = 900.0) -> None:
    """The phone registers, and the server has its session with a monitor."""
    await server.offer_csta(form=form, edition=edition, refresh=refresh)
    await phone.set_mode("csta")
    await phone.start()
    await phone.shows(monitored=True)
