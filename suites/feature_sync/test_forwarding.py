"""Call forwarding kept equal on phone and server: unconditional, busy and no answer, each both ways."""

import pytest

from sipconform.lab.actors import Phone, Server
from sipconform.lab.clock import Clock

KINDS = ["cfu", "cfb", "cfna"]
NUMBERS = ["2050", "+4989123456", "sip:2050@example.com", "tel:+4989123456", '2050;ext="<1>&2"', "2050 Büro"]
NOT_DISTURBED = {"dnd": False}


def rings(kind: str, count: int) -> int | None:
    """Only a forward on no answer counts rings."""
    return count if kind == "cfna" else None


@pytest.mark.rows("B4", "B5", "B6")
@pytest.mark.parametrize("kind", KINDS)
async def test_a_forward_set_at_the_server_reaches_the_phone(phone: Phone, server: Server, kind: str) -> None:
    """The user sets a forward in the portal, changes its number, and switches it off. Each time the phone follows,
    and shows nothing else changed."""
    await phone.start()
    await phone.synchronised()
    await server.forward(phone.user, kind, "2050", rings(kind, 4))
    await phone.shows(**{kind: "2050"}, **NOT_DISTURBED)
    await server.forward(phone.user, kind, "2051", rings(kind, 4))
    await phone.shows(**{kind: "2051"})
    await server.stop_forward(phone.user, kind)
    await phone.shows(**{kind: ""})


@pytest.mark.rows("B4", "B5", "B6")
@pytest.mark.parametrize("kind", KINDS)
async def test_a_forward_set_on_the_phone_reaches_the_server(phone: Phone, kind: str) -> None:
    """The user sets a forward on the phone, changes its number, and switches it off. The display follows the
    server's NOTIFY each time."""
    await phone.start()
    await phone.synchronised()
    await phone.forward(kind, "2051", rings(kind, 3))
    await phone.shows(**{kind: "2051"})
    await phone.forward(kind, "2052", rings(kind, 3))
    await phone.shows(**{kind: "2052"})
    await phone.stop_forward(kind)
    await phone.shows(**{kind: ""})


@pytest.mark.rows("B4")
async def test_the_ring_count_goes_both_ways(phone: Phone, server: Server) -> None:
    """After how many rings a call is forwarded is set in the portal and shown by the phone, then set on the phone
    and confirmed by the server."""
    await phone.start()
    await phone.synchronised()
    await server.forward(phone.user, "cfna", "2054", 4)
    await phone.shows(cfna="2054", rings=4)
    await phone.forward("cfna", "2055", 3)
    await phone.shows(cfna="2055", rings=3)
    await phone.forward("cfna", "2056")
    await phone.shows(cfna="2056")


@pytest.mark.rows("B4", "B11")
async def test_both_phones_show_the_same_forward(phone: Phone, second_phone: Phone) -> None:
    """The user has two phones: what is forwarded on one is shown by the other."""
    await phone.start()
    await second_phone.start()
    await phone.synchronised()
    await phone.forward("cfb", "2053")
    await phone.shows(cfb="2053")
    await second_phone.shows(cfb="2053")


@pytest.mark.rows("B4")
@pytest.mark.parametrize("number", NUMBERS)
async def test_a_number_comes_back_as_it_was_sent(phone: Phone, server: Server, number: str) -> None:
    """Numbers are text: digits, E.164, URIs, and whatever a user types. What the phone sends, and what the portal
    sends, arrives unchanged."""
    await phone.start()
    await phone.synchronised()
    await phone.forward("cfu", number)
    await phone.shows(cfu=number)
    await server.forward(phone.user, "cfb", number)
    await phone.shows(cfb=number)


@pytest.mark.rows("B4")
async def test_do_not_disturb_and_forwards_stand_side_by_side(phone: Phone, clock: Clock) -> None:
    """The user switches Do Not Disturb on and then sets a forward. What the server makes of it is its own affair, but
    after a refresh the phone still shows what it was told."""
    await phone.start()
    await phone.synchronised()
    await phone.set_dnd(True)
    await phone.shows(dnd=True)
    await phone.forward("cfu", "2051")
    await phone.shows(cfu="2051")
    await clock.passes(3)
    await phone.refresh_sync()
    await phone.shows(cfu="2051")
