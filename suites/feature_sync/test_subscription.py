"""The life of a feature subscription: begun, refused, refreshed, fetched, ended, run out (RFC 6665)."""

import pytest

from sipconform.lab.actor import NotSupportedError
from sipconform.lab.actors import Phone, Server
from sipconform.lab.clock import Clock

EVENT = {"Event": "as-feature-event"}
TAKEN_OR_TOO_BRIEF = (*range(200, 300), 423)


@pytest.mark.rows("B2")
async def test_the_subscription_is_refreshed(phone: Phone, server: Server, clock: Clock) -> None:
    """The phone refreshes its subscription before it runs out, again and again: after hours it still follows. The
    server asks now and then whether it is there."""
    await phone.start()
    await phone.synchronised()
    for seconds in (3590, 60, 5350):
        await clock.passes(seconds)
        assert await server.probe(phone.user, "OPTIONS") == 200, "OPTIONS was not answered 200"
    await server.set_dnd(phone.user, True)
    await phone.shows(dnd=True)
    await server.forward(phone.user, "cfu", "2050")
    await phone.shows(cfu="2050")


@pytest.mark.rows("B2")
async def test_a_state_that_overtakes_the_answer_is_shown(phone: Phone, server: Server) -> None:
    """The first NOTIFY arrives before the 200 to SUBSCRIBE, as datagrams may: the phone takes it."""
    await server.set_dnd(phone.user, True)
    await server.be_overtaken()
    await phone.start()
    await phone.synchronised()
    await phone.shows(dnd=True)


@pytest.mark.rows("B2")
async def test_a_refresh_brings_the_whole_state(phone: Phone, server: Server) -> None:
    """A refresh without body asks for everything again."""
    await phone.start()
    await phone.synchronised()
    await server.forward(phone.user, "cfu", "2050")
    await phone.shows(cfu="2050")
    await phone.refresh_sync()
    await phone.shows(cfu="2050", dnd=False)


@pytest.mark.rows("B2")
async def test_a_change_renews_the_subscription(phone: Phone, clock: Clock) -> None:
    """A key pressed long after the subscription began also renews it."""
    await phone.start()
    await phone.synchronised()
    await clock.passes(1200)
    await phone.set_dnd(True)
    await phone.shows(dnd=True)


@pytest.mark.rows("B2")
async def test_a_brief_subscription_is_refused_or_granted(phone: Phone) -> None:
    """Somebody asks for a subscription of one second: too brief, or granted as asked; never silently longer."""
    await phone.start()
    await phone.synchronised()
    status = await phone.probe("SUBSCRIBE", headers={**EVENT, "Expires": "1"})
    assert status in TAKEN_OR_TOO_BRIEF, f"a subscription of one second got {status}"


@pytest.mark.rows("B2")
async def test_a_phone_that_asks_too_little_asks_again(phone: Phone) -> None:
    """The phone is set to subscribe for five seconds. The server names its minimum and the phone takes it."""
    await phone.subscribe_for(5)
    await phone.start()
    await phone.synchronised()
    await phone.shows(dnd=False)


@pytest.mark.rows("B2")
async def test_the_state_is_fetched_once(phone: Phone) -> None:
    """A SUBSCRIBE with `Expires: 0` outside any dialog brings the state once, and no subscription."""
    await phone.start()
    await phone.synchronised()
    status = await phone.probe("SUBSCRIBE", headers={**EVENT, "Expires": "0"})
    assert status in range(200, 300), f"fetching the state got {status}"


@pytest.mark.rows("B2")
async def test_a_first_number_other_than_one_is_as_good(phone: Phone) -> None:
    """A dialog may begin with any CSeq number (RFC 3261 §8.1.1.5)."""
    await phone.start()
    await phone.synchronised()
    status = await phone.probe("SUBSCRIBE", headers={**EVENT, "Expires": "600", "CSeq": "4711 SUBSCRIBE"})
    assert status in range(200, 300), f"a subscription that begins with CSeq 4711 got {status}"


@pytest.mark.rows("B2")
async def test_an_unknown_package_is_refused(phone: Phone) -> None:
    """An event package nobody knows gets 489, and the server says which packages it does know."""
    await phone.start()
    await phone.synchronised()
    status = await phone.probe("SUBSCRIBE", headers={"Event": "x-nobody-knows-this", "Expires": "600"})
    assert status == 489, f"an unknown event package got {status}"


@pytest.mark.rows("B2")
async def test_the_packages_are_advertised(phone: Phone) -> None:
    """The phone asks with OPTIONS what the server can do: one that takes subscriptions says to what."""
    await phone.start()
    await phone.synchronised()
    assert await phone.probe("OPTIONS", uri=f"sip:{phone.account.domain}") == 200, "OPTIONS was not answered 200"


@pytest.mark.rows("B2")
async def test_a_subscription_to_nothing_is_refused(phone: Phone) -> None:
    """A SUBSCRIBE that names no event package is not accepted."""
    await phone.start()
    await phone.synchronised()
    status = await phone.probe("SUBSCRIBE", headers={"Expires": "600"}, leave_out=["Event"])
    assert status >= 400, f"a SUBSCRIBE without Event got {status}"


@pytest.mark.rows("B2")
async def test_a_subscription_keeps_to_its_proxy(phone: Phone, server: Server) -> None:
    """A proxy on the way has asked to stay on it: the server's NOTIFYs go by that proxy."""
    if not server.driver.ours:
        raise NotSupportedError("the phone plays its own proxy, which only our server lets it do")
    await phone.start()
    await phone.synchronised()
    way = {**EVENT, "Expires": "600", "Record-Route": f"<sip:{await phone.do('where')};lr>"}
    status = await phone.probe("SUBSCRIBE", headers=way)
    assert status in range(200, 300), f"a subscription by way of a proxy got {status}"


@pytest.mark.rows("B2")
async def test_a_dialog_the_server_does_not_know_is_refused(phone: Phone) -> None:
    """A refresh comes with a tag the server never gave: 481, and the phone's own subscription lives on."""
    await phone.start()
    await phone.synchronised()
    strange = {**EVENT, "To": f"<{phone.account.aor}>;tag=never-given", "Expires": "3600"}
    assert await phone.probe("SUBSCRIBE", "sync", headers=strange) == 481, "the server took an unknown dialog"


@pytest.mark.rows("B2")
async def test_a_state_from_nowhere_is_refused(phone: Phone, server: Server) -> None:
    """A NOTIFY comes that belongs to no subscription: the phone refuses it."""
    await phone.start()
    await phone.synchronised()
    headers = {**EVENT, "Subscription-State": "active;expires=600"}
    assert await server.probe(phone.user, "NOTIFY", headers=headers) == 481, "the phone took a stray NOTIFY"
    await phone.shows(dnd=False)


@pytest.mark.rows("B2")
async def test_a_state_of_another_notifier_is_refused(phone: Phone, server: Server, clock: Clock) -> None:
    """A minute after the phone has subscribed a NOTIFY comes in that dialog from somebody who was never asked, by its
    tag: the phone refuses it."""
    await phone.start()
    await phone.synchronised()
    await clock.passes(60)
    headers = {**EVENT, "From": f"<{phone.account.aor}>;tag=another", "Subscription-State": "active;expires=600"}
    status = await server.probe(phone.user, "NOTIFY", "sync", headers=headers)
    assert status == 481, f"a NOTIFY of another notifier got {status}"
    await phone.shows(dnd=False)


@pytest.mark.rows("B2")
async def test_a_server_that_tells_nothing(phone: Phone, server: Server, clock: Clock) -> None:
    """The server accepts the subscription and tells nothing. After half a minute the phone takes it for failed, and
    begins another, in which it hears what it missed."""
    await server.set_dnd(phone.user, True)
    await server.say_nothing(True)
    await phone.start()
    await phone.synchronised()
    await clock.passes(40)
    await server.say_nothing(False)
    await clock.passes(3000)
    await phone.shows(dnd=True)


@pytest.mark.rows("B2")
async def test_a_phone_that_forgot_is_not_told_any_more(phone: Phone, server: Server, clock: Clock) -> None:
    """The phone has lost its subscription without a word. It answers the next NOTIFY 481, and the server stops."""
    await phone.start()
    await phone.synchronised()
    await clock.passes(60)
    await phone.forget_sync()
    await server.set_dnd(phone.user, True)
    await clock.passes(5)
    await server.set_dnd(phone.user, False)


@pytest.mark.rows("B2")
async def test_a_subscription_nobody_refreshes_runs_out(phone: Phone, clock: Clock) -> None:
    """The phone has lost its subscription without a word, and nothing changes for an hour: the server ends it. The
    phone is there all the while, and asks the server what it can do."""
    await phone.start()
    await phone.synchronised()
    await clock.passes(60)
    await phone.forget_sync()
    for seconds in (3530, 60, 400):
        await clock.passes(seconds)
        assert await phone.probe("OPTIONS", uri=f"sip:{phone.account.domain}") == 200, "OPTIONS was not answered 200"


@pytest.mark.rows("B2")
@pytest.mark.parametrize("reason", ["deactivated", "timeout", "rejected", "noresource", "probation", "giveup"])
async def test_the_server_ends_the_subscription(phone: Phone, server: Server, clock: Clock, reason: str) -> None:
    """The server ends the subscription and says why. The phone comes back, later, or not, as the reason asks."""
    await phone.start()
    await phone.synchronised()
    await clock.passes(10)
    await server.end_sync(phone.user, reason)
    await clock.passes(70)


@pytest.mark.rows("B2")
async def test_a_server_that_ends_again_and_again(phone: Phone, server: Server, clock: Clock) -> None:
    """Whatever goes wrong at the server, it deactivates every subscription as soon as it is there. The phone comes
    back each time, but not in a storm."""
    await phone.start()
    await phone.synchronised()
    for _ in range(5):
        await clock.passes(7)
        await server.end_sync(phone.user, "deactivated")


@pytest.mark.rows("B2")
async def test_a_server_that_ends_at_once(phone: Phone, server: Server, clock: Clock) -> None:
    """The server deactivates every subscription within a second. The phone keeps at least some seconds between one
    beginning and the next."""
    await phone.start()
    await phone.synchronised()
    for _ in range(12):
        await clock.passes(0.8)
        await server.end_sync(phone.user, "deactivated")


@pytest.mark.rows("B2")
async def test_a_server_that_leaves_less_time(phone: Phone, server: Server, clock: Clock) -> None:
    """The server had granted an hour and now leaves two minutes, as it may by NOTIFY. The phone refreshes in time."""
    await phone.start()
    await phone.synchronised()
    await clock.passes(10)
    await server.shorten_sync(phone.user, 120)
    for seconds in (100, 40, 200):
        await clock.passes(seconds)
        assert await server.probe(phone.user, "OPTIONS") == 200, "OPTIONS was not answered 200"
    await server.set_dnd(phone.user, True)
    await phone.shows(dnd=True)
    await clock.passes(3600)


@pytest.mark.rows("B2")
async def test_many_subscriptions_from_one_contact(phone: Phone, server: Server, clock: Clock) -> None:
    """Something subscribes twenty times from the same contact and knows nothing of it afterwards. A change is not
    told twenty times to one who refused it twenty times."""
    await phone.start()
    await phone.synchronised()
    for _ in range(20):
        await phone.probe("SUBSCRIBE", headers={**EVENT, "Expires": "600"})
    await clock.passes(5)
    await server.set_dnd(phone.user, True)
    await phone.shows(dnd=True)


@pytest.mark.rows("B2")
async def test_a_server_without_the_package(phone: Phone, other_phone: Phone, server: Server, clock: Clock) -> None:
    """The administrator has switched synchronisation off at the server. The phone is refused, leaves it at that, and
    can be called as ever."""
    await server.offer_sync(False)
    await phone.start()
    await other_phone.start(sync=False)
    await clock.passes(400)
    with pytest.raises(NotSupportedError):
        await phone.synchronised()
    assert await other_phone.dial("2999") in range(400, 700), "a call to nobody was answered"
