"""How both sides take what is odd, stale, unknown or meant for somebody else (RFC 3261 §8, §12)."""

import asyncio

import pytest

from sipconform.lab.actor import NotSupportedError
from sipconform.lab.actors import Phone, Server

REFUSALS = range(400, 700)


async def test_the_server_tells_what_it_can(phone: Phone) -> None:
    """The phone asks the server with OPTIONS what it can do."""
    await phone.start(sync=False)
    assert await phone.probe("OPTIONS", uri=f"sip:{phone.account.domain}") == 200, "OPTIONS was not answered 200"


async def test_the_phone_tells_what_it_can(phone: Phone, server: Server) -> None:
    """The server asks the phone with OPTIONS what it can do."""
    await phone.start(sync=False)
    assert await server.probe(phone.user, "OPTIONS") == 200, "OPTIONS was not answered 200"


@pytest.mark.parametrize("method", ["OPTIONS", "SUBSCRIBE", "INVITE"])
async def test_the_server_refuses_an_extension_nobody_knows(phone: Phone, method: str) -> None:
    """A request that requires an extension the server cannot know is refused, naming it."""
    await phone.start(sync=False)
    status = await phone.probe(method, headers={"Require": "x-nobody-knows-this"})
    assert status == 420, f"a request with an unknown Require got {status}"


async def test_the_phone_refuses_an_extension_nobody_knows(phone: Phone, server: Server) -> None:
    """The same, with the phone asked."""
    await phone.start(sync=False)
    status = await server.probe(phone.user, "OPTIONS", headers={"Require": "x-nobody-knows-this"})
    assert status == 420, f"a request with an unknown Require got {status}"


async def test_methods_that_are_not_served_are_refused(phone: Phone, server: Server) -> None:
    """A method the other side does not serve is refused with 405 and a list of those it does, or with 501."""
    await phone.start(sync=False)
    assert await phone.probe("PUBLISH") in (405, 501, 489), "the server took a PUBLISH"
    assert await server.probe(phone.user, "PUBLISH") in (405, 501, 489), "the phone took a PUBLISH"
    assert await server.probe(phone.user, "FROBNICATE") in (405, 501), "the phone took a method that does not exist"


async def test_a_body_of_the_wrong_type_is_refused_or_ignored(phone: Phone) -> None:
    """A SUBSCRIBE within the dialog carries a body of a type nobody agreed on. The server refuses it and says what
    it would take, or answers 2xx and leaves everything as it is."""
    await phone.start()
    await phone.synchronised()
    headers = {"Event": "as-feature-event", "Content-Type": "text/x-nonsense", "Expires": "3600"}
    status = await phone.probe("SUBSCRIBE", "sync", headers=headers, body="nonsense")
    assert status < 300 or status in (400, 415, 489), f"a body of an unknown type got {status}"
    await phone.shows(dnd=False)


async def test_a_dialog_nobody_knows_is_answered_481(phone: Phone, server: Server) -> None:
    """A request comes for a dialog the other side has never heard of."""
    await phone.start(sync=False)
    strange = {"To": f"<{phone.account.aor}>;tag=never-heard-of"}
    assert await phone.probe("BYE", headers=strange) == 481, "the server took a BYE for an unknown dialog"
    assert await server.probe(phone.user, "BYE", headers=strange) == 481, "the phone took a BYE for an unknown dialog"


async def test_an_overtaken_request_is_refused(phone: Phone, other_phone: Phone) -> None:
    """In a call a request arrives that is older than one already answered: it is not carried out."""
    await _call(phone, other_phone)
    assert await phone.hold() == 200, "the hold was refused"
    status = await phone.probe("INFO", "call", cseq=1)
    assert status == 500, f"a request with an old CSeq number got {status}"
    await phone.hang_up()
    await other_phone.shows(call="idle")


async def test_a_request_in_short_form_is_understood(phone: Phone) -> None:
    """Header names may be written in their one-letter forms."""
    await phone.start(sync=False)
    call_id = "short-form-probe"
    headers = {"i": call_id, "k": "timer"}
    status = await phone.probe("OPTIONS", uri=f"sip:{phone.account.domain}", headers=headers, leave_out=["Call-ID"])
    assert status in (200, 400), f"OPTIONS in short form got {status}"


async def test_a_request_that_comes_twice_is_taken_once(phone: Phone, server: Server) -> None:
    """A proxy on the way has forked a request and both copies reach the same phone: the second is refused."""
    await phone.start(sync=False)
    await server.probe(phone.user, "OPTIONS", copies=2)


async def test_a_refused_call_is_acknowledged(phone: Phone, other_phone: Phone) -> None:
    """The called user refuses: the caller hears busy, and the refusal is acknowledged on every hop. He tries once more,
    and is refused again."""
    await phone.start(sync=False)
    await other_phone.start(sync=False)
    for _ in range(2):
        calling = asyncio.ensure_future(phone.dial(other_phone.user))
        await other_phone.shows(call="ringing")
        await other_phone.reject()
        assert await calling in REFUSALS, "the refusal did not reach the caller"
        await phone.shows(call="idle")


async def test_a_phone_that_is_gone_is_given_up(phone: Phone, other_phone: Phone) -> None:
    """The called phone's cable was pulled. The server tries it for as long as the standard says and then gives up,
    and so does the caller."""
    await phone.start(sync=False)
    await other_phone.start(sync=False)
    await other_phone.unplug()
    calling = asyncio.ensure_future(phone.dial(other_phone.user))
    assert await calling in REFUSALS, "the caller was left waiting"


@pytest.mark.race("whose hold arrives first")
async def test_both_sides_hold_at_once(phone: Phone, other_phone: Phone) -> None:
    """Both users press hold in the same moment: neither offer may be accepted while the other is open, and in the
    end the call still lives."""
    await _call(phone, other_phone)
    await asyncio.gather(phone.hold(), other_phone.hold())
    await phone.hang_up()
    await other_phone.shows(call="idle")


@pytest.mark.race("whether the answer comes before the second offer")
async def test_a_second_offer_is_put_off(phone: Phone, other_phone: Phone) -> None:
    """A second re-INVITE comes before the first was answered: it is refused, to be tried again later."""
    await _call(phone, other_phone)
    holding = asyncio.ensure_future(phone.hold())
    await asyncio.sleep(0)
    status = await phone.probe("INVITE", "call", headers={"Content-Type": "application/sdp"})
    assert status in (200, 491, 500), f"a second re-INVITE got {status}"
    await holding
    await phone.hang_up()
    await other_phone.shows(call="idle")


async def test_the_way_over_a_proxy_is_kept(phone: Phone, other_phone: Phone, server: Server) -> None:
    """A proxy on the way has asked to stay on it: what the server sends later in the call goes by that proxy."""
    if not server.driver.ours:
        raise NotSupportedError("the phone plays its own proxy, which only our server lets it do")
    await phone.start(sync=False)
    await other_phone.start(sync=False)
    calling = asyncio.ensure_future(phone.dial(other_phone.user, by_proxy=True))
    await other_phone.shows(call="ringing")
    await other_phone.answer()
    assert await calling == 200, "the call was not answered"
    await other_phone.hang_up()
    await phone.shows(call="idle")


async def test_a_late_request_finds_no_call(phone: Phone, other_phone: Phone) -> None:
    """The called user hung up, and two seconds later a request still comes for that call: it is answered 481."""
    await _call(phone, other_phone)
    await phone.remember_call()
    await phone.hang_up()
    await other_phone.shows(call="idle")
    await asyncio.sleep(2)
    assert await phone.probe("INFO", "past call") == 481, "a request for a call that is over was not answered 481"


async def test_a_lost_dialog_is_given_up(phone: Phone, other_phone: Phone, server: Server) -> None:
    """The server has lost the call, after a restart say: the phone hears so when it presses hold, and gives up."""
    await _call(phone, other_phone)
    await server.forget_calls()
    assert await phone.hold() == 481, "a hold in a call the server has forgotten was not answered 481"
    await phone.shows(call="idle")


async def _call(caller: Phone, called: Phone) -> None:
    await caller.start(sync=False)
    await called.start(sync=False)
    calling = asyncio.ensure_future(caller.dial(called.user))
    await called.shows(call="ringing")
    await called.answer()
    assert await calling == 200, "the call was not answered"
