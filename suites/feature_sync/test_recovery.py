"""Things that go wrong between phone and server, and how both come to show the truth again."""

import asyncio

import pytest

from sipconform.lab.actors import Phone, Server
from sipconform.lab.clock import Clock

EVENT = {"Event": "as-feature-event"}
SET = {**EVENT, "Expires": "3600", "Content-Type": "application/x-as-feature-event+xml"}
DND = (
    '<?xml version="1.0" encoding="UTF-8"?><SetDoNotDisturb xmlns="http://www.ecma-international.org/standards/ecma-323'
    '/csta/ed3"><device/><doNotDisturbOn>true</doNotDisturbOn></SetDoNotDisturb>'
)


@pytest.mark.rows("B3", "B11")
async def test_a_key_pressed_after_the_server_restarted(phone: Phone, server: Server) -> None:
    """The server restarts and has forgotten all subscriptions. The user presses the key: 481, so the phone subscribes
    anew, is told the state the server has kept, and asks for the change once more."""
    await phone.start()
    await phone.synchronised()
    await server.forward(phone.user, "cfu", "2050")
    await phone.shows(cfu="2050")
    await server.restart()
    await phone.set_dnd(True)
    await phone.shows(dnd=True, cfu="2050")


@pytest.mark.rows("B2")
async def test_the_state_outlives_a_restart(phone: Phone, server: Server) -> None:
    """The server restarts. With its next refresh the phone finds out, subscribes anew, and is told what it knew."""
    await phone.start()
    await phone.synchronised()
    await phone.set_dnd(True)
    await phone.shows(dnd=True)
    await server.restart()
    await phone.refresh_sync()
    await phone.shows(dnd=True)


@pytest.mark.rows("B2")
async def test_a_lost_subscription_is_begun_anew(phone: Phone, server: Server, clock: Clock) -> None:
    """The server has restarted and the phone's refresh is answered 481: within a minute it is back, and follows. The
    server asks now and then whether it is there."""
    await phone.start()
    await phone.synchronised()
    await server.restart()
    await phone.refresh_sync()
    for seconds in (50, 20):
        await clock.passes(seconds)
        assert await server.probe(phone.user, "OPTIONS") == 200, "OPTIONS was not answered 200"
    await server.set_dnd(phone.user, True)
    await phone.shows(dnd=True)


@pytest.mark.rows("B3")
async def test_a_challenged_change_is_asked_for_again(phone: Phone, server: Server) -> None:
    """The server takes the old nonce no more when the user presses the key: the phone repeats the whole request with
    the new one, and the change is made once."""
    await phone.start()
    await phone.synchronised()
    await server.expire_nonces()
    await phone.set_dnd(True)
    await phone.shows(dnd=True)


@pytest.mark.rows("B3")
async def test_a_change_refused_by_policy(phone: Phone, server: Server, clock: Clock) -> None:
    """The administrator does not let the user change features from the phone. The server says what is true, and the
    display goes by that."""
    await phone.start()
    await phone.synchronised()
    await server.refuse_changes(phone.user)
    await phone.set_dnd(True)
    await clock.passes(2)
    await phone.forward("cfu", "2050")
    await clock.passes(6)
    await phone.shows(dnd=False, cfu="", pending=False)


@pytest.mark.rows("B2")
@pytest.mark.parametrize("assigned", ["dnd", "cfna", "dnd cfu", "nothing"])
async def test_features_that_are_not_assigned(phone: Phone, server: Server, assigned: str) -> None:
    """The user has not every feature. Only those he has are told, and where there is none an empty NOTIFY says so."""
    await server.assign(phone.user, *assigned.replace("nothing", "").split())
    await phone.start()
    await phone.synchronised()
    await phone.shows(dnd=False, cfu="")


@pytest.mark.rows("B3", "B4", "B11")
async def test_a_minute_after_a_change(phone: Phone, second_phone: Phone, server: Server, clock: Clock) -> None:
    """The user asks for this and that on one of his phones, and for the same again; the portal changes something too. A
    minute after each, when nothing can be under way any more, both phones are there and show it."""
    await phone.start()
    await second_phone.start()
    await phone.synchronised()
    await second_phone.synchronised()
    await clock.passes(5)
    for _ in range(2):
        await phone.set_dnd(True)
        await told_by_now(server, phone, clock)
    await phone.forward("cfb", "2053")
    await told_by_now(server, phone, clock)
    await phone.forward("cfna", "2056")
    await told_by_now(server, phone, clock)
    await server.forward(phone.user, "cfu", "2057")
    await told_by_now(server, phone, clock)
    for each in (phone, second_phone):
        await each.shows(dnd=True, cfb="2053", cfna="2056", cfu="2057")


async def told_by_now(server: Server, phone: Phone, clock: Clock) -> None:
    """Waits until nobody can be told late any more, and asks whether the phone is there."""
    for seconds in (20, 20):
        await clock.passes(seconds)
        assert await server.probe(phone.user, "OPTIONS") == 200, "OPTIONS was not answered 200"


@pytest.mark.race("which change arrives first")
@pytest.mark.rows("B11")
async def test_opposite_changes_at_once(phone: Phone, second_phone: Phone, server: Server) -> None:
    """Both phones of the user press the key, to opposite effect, in the same moment. Whoever wins, both show the
    same in the end."""
    await phone.start()
    await second_phone.start()
    await phone.synchronised()
    await second_phone.synchronised()
    await asyncio.gather(phone.set_dnd(True), second_phone.set_dnd(False))
    await asyncio.gather(server.set_dnd(phone.user, False), phone.set_dnd(True))
    await phone.set_dnd(True)
    await phone.shows(dnd=True)
    await second_phone.shows(dnd=True)


@pytest.mark.rows("B11")
async def test_two_quick_changes_at_the_server(phone: Phone, server: Server) -> None:
    """The portal switches on and off again at once: what the phone is told last is what the server has stored."""
    await phone.start()
    await phone.synchronised()
    for on in (True, False, True, False):
        await server.set_dnd(phone.user, on)
    await phone.shows(dnd=False)


@pytest.mark.rows("B3")
async def test_the_same_value_again(phone: Phone) -> None:
    """The user asks for what already holds: the server confirms it like any other change."""
    await phone.start()
    await phone.synchronised()
    await phone.set_dnd(True)
    await phone.shows(dnd=True)
    await phone.set_dnd(True)
    await phone.shows(dnd=True)


@pytest.mark.rows("B3")
async def test_the_phone_of_another_user_is_not_told(phone: Phone, other_phone: Phone, clock: Clock) -> None:
    """Changes of one user are nobody else's business."""
    await phone.start()
    await other_phone.start()
    await phone.synchronised()
    await clock.passes(8)
    for on in (True, False, True):
        await phone.set_dnd(on)
        await phone.shows(dnd=on)
    await other_phone.shows(dnd=False)


@pytest.mark.rows("B3")
async def test_nobody_changes_the_features_of_another(phone: Phone, other_phone: Phone) -> None:
    """A user tries to subscribe to, and to change, the features of a colleague, with his own password, in his own
    name and in the other's; and to change them by subscribing to his own in the other's name. He is refused and nothing
    changes."""
    await phone.start()
    await other_phone.start()
    await phone.synchronised()
    await other_phone.synchronised()
    headers = {**SET, "From": f"<{other_phone.account.aor}>;tag=intruder"}
    assert await phone.probe("SUBSCRIBE", uri=other_phone.account.aor, headers=SET, body=DND) >= 400
    assert await phone.probe("SUBSCRIBE", uri=other_phone.account.aor, headers=headers, body=DND) >= 400
    assert await phone.probe("SUBSCRIBE", headers=headers, body=DND) >= 400
    await other_phone.shows(dnd=False)


@pytest.mark.rows("B3")
async def test_a_subscription_that_begins_with_a_change(phone: Phone) -> None:
    """A SUBSCRIBE that opens a subscription already asks for a change: done or not, what is told is the truth."""
    await phone.start()
    await phone.synchronised()
    status = await phone.probe("SUBSCRIBE", headers=SET, body=DND)
    assert status < 500, f"a first SUBSCRIBE with a change got {status}"


@pytest.mark.rows("B2")
async def test_a_phone_without_power_learns_the_state_anew(phone: Phone, server: Server, clock: Clock) -> None:
    """The user switches Do Not Disturb on at the phone, the portal switches it off again. Then the phone's power fails.
    When it is back it shows what the server says, and asks for nothing by itself."""
    await phone.start()
    await phone.synchronised()
    await phone.set_dnd(True)
    await phone.shows(dnd=True)
    await server.set_dnd(phone.user, False)
    await phone.shows(dnd=False)
    await phone.power_cycle()
    await clock.passes(5)
    await phone.shows(dnd=False)


@pytest.mark.rows("B3")
async def test_an_overtaken_state_is_not_shown(phone: Phone, server: Server) -> None:
    """An old NOTIFY arrives after a newer one: the phone refuses it and keeps showing the newer state."""
    await phone.start()
    await phone.synchronised()
    await server.set_dnd(phone.user, True)
    await phone.shows(dnd=True)
    headers = {**EVENT, "Subscription-State": "active;expires=600", "Content-Type": SET["Content-Type"]}
    old = DND.replace("SetDoNotDisturb", "DoNotDisturbEvent").replace(">true<", ">false<")
    status = await server.probe(phone.user, "NOTIFY", "sync", cseq=1, headers=headers, body=old)
    assert status == 500, f"a NOTIFY with an old CSeq number got {status}"
    await phone.shows(dnd=True)


@pytest.mark.rows("B3")
async def test_a_call_is_left_to_the_server(phone: Phone, server: Server) -> None:
    """With synchronisation on, Do Not Disturb and forwards are done by the server. A call the server lets through all
    the same makes the phone ring."""
    await phone.start()
    await phone.synchronised()
    await phone.set_dnd(True)
    await phone.shows(dnd=True)
    calling = asyncio.ensure_future(server.probe(phone.user, "INVITE"))
    await phone.shows(call="ringing")
    await phone.reject()
    assert await calling in range(400, 700)
