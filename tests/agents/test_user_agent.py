"""The manners of a user agent: what it refuses, and how (RFC 3261 §8.2, §12.2, §21.4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.agents.user_agent import Account, UserAgent
from sipconform.sip.compose import Draft
from sipconform.trace.packet import Address
from tests.agents.world import PHONE, SERVER, World, later, play, request


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (request("OPTIONS"), 200),
        (request("OPTIONS").replace("SIP/2.0\r\nVia", "SIP/3.0\r\nVia"), 505),
        (request("OPTIONS", CSEQ="x OPTIONS"), 400),
        (request("OPTIONS", From="<sip:2001@example.com>"), 400),
        (request("OPTIONS", CSEQ="1 INVITE"), 400),
        (request("OPTIONS", Require="nobody-knows"), 420),
        (request("OPTIONS", to_tag="nobody"), 481),
        (request("BYE"), 481),
        (request("NOTIFY", Event="dialog"), 481),
        (request("SUBSCRIBE", Event="nobody-knows"), 489),
        (request("SUBSCRIBE"), 489),
        (request("MESSAGE"), 405),
        (request("JUGGLE"), 501),
    ],
)
def test_a_request_is_answered_as_the_rules_say(asked: str, status: int) -> None:
    async def story(world: World) -> None:
        await world.server()
        stranger = await world.stranger()
        stranger.say(asked)
        await later(lambda: stranger.statuses[:1] == [status])
        answer = stranger.heard[0]
        assert answer.to_tag
        assert (answer.call_id, answer.from_tag, answer.branch) == (
            "c",
            "" if "From: <sip:2001@example.com>\r" in asked else "s",
            "z9hG4bK1",
        )
        for code, header in ((405, "Allow"), (420, "Unsupported"), (489, "Allow-Events")):
            assert answer.has(header) or answer.status != code

    play(story)


def test_options_tells_what_it_can() -> None:
    async def story(world: World) -> None:
        await world.server()
        stranger = await world.stranger()
        stranger.say(request("OPTIONS"))
        await later(lambda: stranger.statuses == [200])
        assert {"INVITE", "REGISTER", "SUBSCRIBE", "BYE"} <= set(stranger.heard[0].allow)
        assert "as-feature-event" in stranger.heard[0].allow_events

    play(story)


def test_a_copy_that_came_another_way_is_refused() -> None:
    async def story(world: World) -> None:
        await world.server()
        stranger = await world.stranger()
        stranger.say(request("OPTIONS", branch="z9hG4bKa"))
        stranger.say(request("OPTIONS", branch="z9hG4bKb"))
        await later(lambda: sorted(stranger.statuses) == [200, 482])

    play(story)


def draft(uri: str = "sip:x@192.0.2.7", to: str = "<sip:x>", *routes: str) -> Draft:
    made = Draft.request("OPTIONS", uri)
    made.add("To", to)
    for route in routes:
        made.add("Route", route)
    return made


@pytest.mark.parametrize(
    ("made", "hop"),
    [
        (draft(), PHONE),
        (draft(to="<sip:x>;tag=1"), Address("192.0.2.7", 5060)),
        (draft("sip:x@[2001:db8::1]:5070", "<sip:x>;tag=1"), Address("2001:db8::1", 5070)),
        (
            draft("sip:x@192.0.2.7", "<sip:x>", "<sip:192.0.2.8:5061;lr>", "<sip:192.0.2.9;lr>"),
            Address("192.0.2.8", 5061),
        ),
        (draft("sip:x@192.0.2.7", "<sip:x>", f"<sip:{SERVER};lr>", "<sip:192.0.2.9;lr>"), Address("192.0.2.9", 5060)),
    ],
)
def test_the_next_hop_is_route_then_proxy_then_target(made: Draft, hop: Address) -> None:
    async def story(world: World) -> None:
        agent = UserAgent(await world.endpoint(SERVER), proxy=PHONE)
        assert agent.next_hop(made) == hop

    play(story)


def test_nobody_is_asked_at_a_telephone_number() -> None:
    async def story(world: World) -> None:
        agent = UserAgent(await world.endpoint(SERVER))
        with pytest.raises(ValueError, match="tel:123"):
            agent.next_hop(draft("tel:123"))

    play(story)


def test_a_challenge_is_answered_once_with_the_next_number() -> None:
    async def story(world: World) -> None:
        await world.server()
        agent = UserAgent(await world.endpoint(PHONE), Account("2001", "example.com", "wrong"), SERVER)
        answer = await agent.ask(agent.new_request("REGISTER", "sip:example.com", "<sip:2001@example.com>"))
        assert answer is not None
        assert answer.status == 401
        assert [(m.cseq_number, m.has("Authorization")) for m in world.requests("REGISTER")] == [(1, False), (2, True)]

    play(story)


rows = st.sampled_from(
    [
        "Via: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKx",
        "From: <sip:2001@example.com>;tag=1",
        "To: <sip:2001@example.com>",
        "To: <sip:2002@example.com>;tag=9",
        "Call-ID: z",
        "CSeq: 1 INVITE",
        "CSeq: 4294967296 REGISTER",
        "Contact: *",
        "Contact: <sip:a@10.0.0.9>;expires=-1",
        'Contact: ÿ"',
        "Expires: 99999999999999",
        "Expires: 0",
        "Event: dialog",
        "Event: ;",
        "Event: as-feature-event",
        "Content-Type: application/x-as-feature-event+xml",
        "Content-Length: -5",
        "Authorization: Digest",
        'Authorization: Digest username="2001",nonce="",uri=x,response=y',
        "Require: ,",
        "Route: <>",
    ]
)
hostile = st.builds(
    lambda method, lines, body: "\r\n".join([f"{method} sip:2001@example.com SIP/2.0", *lines, "", body]),
    st.sampled_from(
        ["INVITE", "REGISTER", "SUBSCRIBE", "NOTIFY", "PUBLISH", "OPTIONS", "ACK", "CANCEL", "BYE", "INFO"]
    ),
    st.lists(rows, max_size=10),
    st.sampled_from(["", "<SetDoNotDisturb/>", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "\0"]),
)


@given(st.lists(hostile, max_size=6))
def test_the_server_survives_whatever_comes_and_still_serves(hostile: list[str]) -> None:
    async def story(world: World) -> None:
        server, stranger = await world.server(), await world.stranger()
        for payload in hostile:
            stranger.say(payload)
        stranger.say(request(call="the honest one"))
        await later(lambda: any(m.status == 200 and m.call_id == "the honest one" for m in stranger.heard), 200)
        server.close()

    play(story)
