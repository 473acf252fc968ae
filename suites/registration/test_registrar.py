"""What a registrar grants, refuses, lists and forgets."""

import asyncio

import pytest

from sipconform.lab.actors import Phone, Server


@pytest.mark.rows("C1")
async def test_a_registration_that_is_too_brief(phone: Phone, server: Server) -> None:
    """The phone asks for less time than the server will give. The server says how much it takes (or grants less than
    that all the same), and the phone asks for as much."""
    await server.demand_expires(60)
    status = await phone.register_for(30)
    assert status == 200, f"the phone did not come to terms with the registrar: {status}"
    await phone.shows(registered=True)


@pytest.mark.rows("C1")
async def test_two_phones_of_one_user(phone: Phone, second_phone: Phone) -> None:
    """A user has two phones: both bindings are listed, asking changes neither, and signing one off leaves the other.
    In the end all are removed at once."""
    await phone.start(sync=False)
    await second_phone.start(sync=False)
    known = await phone.query_bindings()
    assert len(known) >= 2, "two phones are registered"
    assert await phone.query_bindings() == known, "asking has changed the bindings"
    await second_phone.stop()
    assert len(await phone.query_bindings()) == len(known) - 1, "one phone has signed off, the others are left"
    await phone.sign_out_everywhere()
    assert await phone.query_bindings() == [], "nobody is left"


@pytest.mark.rows("C2")
async def test_a_phone_that_has_signed_off_is_not_called(phone: Phone, other_phone: Phone) -> None:
    """A user goes home, and his phone signs off in good order. A call to him is refused as not available; nobody's
    phone rings, and surely not the one he has left."""
    await phone.start(sync=False)
    await other_phone.start(sync=False)
    await phone.sign_out_everywhere()
    await asyncio.sleep(2)
    status = await other_phone.dial(phone.user)
    assert status in (404, 480), f"a call to a phone that has signed off got {status}"
    await phone.shows(call="idle", missed=0)


@pytest.mark.rows("C1")
async def test_somebody_elses_number(phone: Phone, other_phone: Phone) -> None:
    """A phone tries to register a colleague's number, and a number of another domain. The registrar refuses."""
    await phone.start(sync=False)
    status = await phone.register_as(other_phone.user)
    assert status >= 400, f"a colleague's number was registered: {status}"
    status = await phone.register_as(phone.user, domain="elsewhere.example")
    assert status >= 400, f"a number of another domain was registered: {status}"


@pytest.mark.rows("C3", "C4")
async def test_an_extension_goes_to_the_next_user(
    phone: Phone, other_phone: Phone, second_phone: Phone, server: Server
) -> None:
    """A user who has forwarded all calls is deleted, and the next new user gets his extension. The forwarding is
    gone, and so is the old phone: nobody is called until the new user signs in, and then he is called himself."""
    await phone.start(sync=False)
    await other_phone.start(sync=False)
    await server.forward(phone.user, "cfu", other_phone.user)
    await server.dismiss(phone.user)
    number = await server.hire()
    assert number == phone.user, f"the number that was free is {phone.user}, the new user got {number}"
    status = await other_phone.dial(number)
    assert status in (404, 480), f"the new user has not signed in yet, and a call to him got {status}"
    await second_phone.start(sync=False)
    calling = asyncio.ensure_future(other_phone.dial(number))
    await second_phone.shows(call="ringing", forwarded_by="")
    await second_phone.answer()
    assert await calling == 200, "the new user could not be called"
    await other_phone.hang_up()
    await second_phone.shows(call="idle")


@pytest.mark.rows("C4")
async def test_a_forwarded_extension(phone: Phone, other_phone: Phone, caller: Phone, server: Server) -> None:
    """The extension's forwarding is switched on at the server and takes effect: a call to it rings elsewhere."""
    await phone.start(sync=False)
    await other_phone.start(sync=False)
    await caller.start(sync=False)
    await server.forward(phone.user, "cfu", other_phone.user)
    calling = asyncio.ensure_future(caller.dial(phone.user))
    await other_phone.shows(call="ringing", forwarded_by=phone.user)
    await other_phone.answer()
    assert await calling == 200, "the forwarded call was not answered"
    await caller.hang_up()
    await other_phone.shows(call="idle")


@pytest.mark.rows("C2")
async def test_a_reboot_leaves_one_binding(phone: Phone, other_phone: Phone) -> None:
    """The phone restarts without signing off and registers anew, with another Call-ID: there is one binding, and a
    call rings once."""
    await phone.start(sync=False)
    await other_phone.start(sync=False)
    assert await phone.reboot() == 200, "the phone could not register after its restart"
    calling = asyncio.ensure_future(other_phone.dial(phone.user))
    await phone.shows(call="ringing")
    await phone.answer()
    assert await calling == 200, "the phone could not be called after its restart"
    await other_phone.hang_up()
    await phone.shows(call="idle")


@pytest.mark.rows("C1")
async def test_a_watched_registration(phone: Phone, second_phone: Phone) -> None:
    """A phone watches what the registrar knows of its user: another phone of his signs in, and signs off."""
    await phone.start(sync=False)
    await phone.watch_registration()
    await second_phone.start(sync=False)
    await phone.shows(reg_event="registered")
    await second_phone.stop()
    await phone.shows(reg_event="unregistered")
    await phone.stop()


@pytest.mark.race("whether a refresh falls into the watch")
@pytest.mark.profile("brightpattern")
@pytest.mark.rows("C1", "C2")
async def test_a_watched_expiry(phone: Phone, second_phone: Phone) -> None:
    """One phone watches, the other one is unplugged: when its time is over the registrar tells that it has expired."""
    await phone.start(sync=False)
    await phone.watch_registration()
    await second_phone.start(sync=False)
    await second_phone.unplug()
    await phone.shows(within=35, reg_event="expired")
    await phone.stop()


@pytest.mark.rows("C1")
async def test_two_times_in_one_registration(phone: Phone) -> None:
    """The Contact asks for two minutes and the header field for an hour: the Contact counts."""
    status = await phone.register_with(contact=120, header=3600)
    assert status == 200, f"the registration was refused: {status}"
    await phone.shows(registered=True)


@pytest.mark.rows("C1")
async def test_an_overtaken_registration(phone: Phone) -> None:
    """A REGISTER that would sign the phone off was overtaken on its way by a newer one: it is refused, and the phone
    stays registered."""
    await phone.start(sync=False)
    known = await phone.query_bindings()
    status = await phone.register_late()
    assert status >= 400, f"an overtaken REGISTER was obeyed: {status}"
    assert await phone.query_bindings() == known, "the binding is gone"
