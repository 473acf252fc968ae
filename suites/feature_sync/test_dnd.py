"""Do Not Disturb kept equal on phone and server by SUBSCRIBE and NOTIFY of `as-feature-event`."""

import pytest

from sipconform.lab.actor import NotSupportedError
from sipconform.lab.actors import Phone, Server
from sipconform.lab.profile import Profile


@pytest.mark.rows("B1")
async def test_without_synchronisation_the_phone_acts_alone(phone: Phone, profile: Profile) -> None:
    """The switch is off, as it is by default. The user presses Do Not Disturb: the phone shows it at once and
    sends nothing to the server."""
    if not profile.sync.obeys_switch:
        raise NotSupportedError(f"phones of {profile.vendor} synchronise whatever the switch says")
    await phone.start(sync=False)
    await phone.set_dnd(True)
    await phone.shows(dnd=True)


@pytest.mark.rows("B2")
async def test_the_full_state_arrives_after_registration(phone: Phone, server: Server) -> None:
    """Do Not Disturb was switched on at the server before the phone came up. Once registered the phone subscribes
    and the first NOTIFY tells it the state of every feature."""
    await server.set_dnd(phone.user, True)
    await phone.start()
    await phone.synchronised()
    await phone.shows(dnd=True)


@pytest.mark.rows("B3")
async def test_dnd_switched_at_the_server_reaches_the_phone(phone: Phone, server: Server) -> None:
    """The user switches Do Not Disturb on in the portal, and off again. Each time the server sends a NOTIFY, the
    phone answers 200 and follows. It sends nothing back."""
    await phone.start()
    await phone.synchronised()
    await server.set_dnd(phone.user, True)
    await phone.shows(dnd=True)
    await server.set_dnd(phone.user, False)
    await phone.shows(dnd=False)


@pytest.mark.rows("B3")
async def test_dnd_pressed_on_the_phone_reaches_the_server(phone: Phone, server: Server) -> None:
    """The user presses Do Not Disturb on the phone, and again. Each time the phone sends a SUBSCRIBE with the
    wanted state, the server answers 200 and confirms by NOTIFY; only then does the display change."""
    await phone.start()
    await phone.synchronised()
    await phone.set_dnd(True)
    await phone.shows(dnd=True)
    await phone.set_dnd(False)
    await phone.shows(dnd=False)


@pytest.mark.rows("B3", "B11")
async def test_both_phones_of_the_user_show_the_same(phone: Phone, second_phone: Phone, server: Server) -> None:
    """The user has two phones. Pressing the key on one is shown by the other as well."""
    await phone.start()
    await second_phone.start()
    await phone.synchronised()
    await phone.set_dnd(True)
    await phone.shows(dnd=True)
    await second_phone.shows(dnd=True)


@pytest.mark.rows("B2")
async def test_the_phone_signs_off_in_good_order(phone: Phone) -> None:
    """The phone is switched off: it ends its subscription with `Expires: 0`, gets the last NOTIFY, and unregisters."""
    await phone.start()
    await phone.synchronised()
    await phone.stop()
