"""The synchronisation switch of the phone: off as it is by default, and turned while the phone runs."""

import pytest

from sipconform.lab.actor import NotSupportedError
from sipconform.lab.actors import Phone, Server
from sipconform.lab.clock import Clock
from sipconform.lab.profile import Profile


def goes_by_the_switch(profile: Profile, wanted: bool) -> None:
    """Some makes synchronise whatever the switch says: these stories are not about them, or about none but them."""
    if profile.sync.obeys_switch is not wanted:
        raise NotSupportedError(f"phones of {profile.vendor} go by another setting")


@pytest.mark.rows("B1")
async def test_switched_off_while_running(phone: Phone, server: Server, clock: Clock, profile: Profile) -> None:
    """The user turns the switch off: the phone ends its subscription, and from then on acts alone."""
    goes_by_the_switch(profile, True)
    await phone.start()
    await phone.synchronised()
    await phone.switch_sync(False)
    await clock.passes(5)
    await phone.set_dnd(True)
    await phone.shows(dnd=True)
    await server.forward(phone.user, "cfu", "2050")
    await clock.passes(5)


@pytest.mark.rows("B1")
async def test_switched_off_for_good(phone: Phone, server: Server, clock: Clock, profile: Profile) -> None:
    """The switch has been off for a minute: what changes at the server is not told to the phone, though it is there."""
    goes_by_the_switch(profile, True)
    await phone.start()
    await phone.synchronised()
    await phone.switch_sync(False)
    await clock.passes(60)
    await server.forward(phone.user, "cfu", "2050")
    assert await server.probe(phone.user, "OPTIONS") == 200, "OPTIONS was not answered 200"


@pytest.mark.rows("B2")
async def test_switched_on_while_running(phone: Phone, server: Server, profile: Profile) -> None:
    """The phone has been acting alone. The user turns the switch on: the server's state counts."""
    goes_by_the_switch(profile, True)
    await server.forward(phone.user, "cfu", "2050")
    await phone.start(sync=False)
    await phone.switch_sync(True)
    await phone.synchronised()
    await phone.shows(cfu="2050", dnd=False)


@pytest.mark.rows("B1")
async def test_a_change_at_the_server_is_not_seen_by_a_phone_alone(
    phone: Phone, server: Server, clock: Clock, profile: Profile
) -> None:
    """The switch is off and stays off: for half a minute the phone says nothing of features to the server."""
    goes_by_the_switch(profile, True)
    await phone.start(sync=False)
    await server.set_dnd(phone.user, True)
    await phone.forward("cfu", "2050")
    await clock.passes(30)


@pytest.mark.rows("B6")
@pytest.mark.profile("fortinet")
@pytest.mark.parametrize("sync", [False, True])
async def test_whatever_the_switch_says(phone: Phone, server: Server, profile: Profile, sync: bool) -> None:
    """With this make, state is kept equal through the feature-code setting, with the synchronisation switch on or
    off: a change at the server reaches the phone, and one on the phone the server."""
    goes_by_the_switch(profile, False)
    await phone.start(sync=sync)
    await phone.synchronised()
    await server.set_dnd(phone.user, True)
    await phone.shows(dnd=True)
    await phone.set_dnd(False)
    await phone.shows(dnd=False)
    await server.forward(phone.user, "cfb", "2050")
    await phone.shows(cfb="2050")
    await phone.forward("cfna", "2051", 3)
    await phone.shows(cfna="2051")
