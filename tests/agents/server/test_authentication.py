"""Who the server believes, and what it tells those it does not (RFC 3261 §22, RFC 7616, RFC 8760)."""

from __future__ import annotations

import random

import pytest

from sipconform.agents.credentials import CredentialStore
from sipconform.sip import digest
from sipconform.sip.compose import Draft
from sipconform.sip.fault import Fault
from sipconform.sip.message import Message
from tests.agents.world import DOMAIN, Stranger, World, later, play, request

CONTACT = "<sip:2001@10.0.0.9:5060>"


class Visitor:
    """A stranger who registers with what he knows."""

    def __init__(self, stranger: Stranger, user: str = "2001", password: str = "pw2001") -> None:
        self.stranger, self.number = stranger, 0
        self.known = CredentialStore(user, password, random.Random(user))

    async def register(self, authorization: str = "") -> Message:
        self.number += 1
        more = {"Authorization": authorization} if authorization else {}
        self.stranger.say(request("REGISTER", branch=f"z9hG4bK{self.number}", seq=self.number, Contact=CONTACT, **more))
        await later(lambda: len(self.stranger.packets) == self.number, 1)
        return self.stranger.heard[-1]

    def authorised(self, learned_from: Message | None = None) -> str:
        if learned_from is not None:
            self.known.learn(learned_from)
        draft = Draft.request("REGISTER", f"sip:{DOMAIN}")
        self.known.authorise(draft)
        return draft.get("Authorization")


def challenges(answer: Message) -> list[digest.Challenge]:
    read = [digest.parse_challenge(text) for text in answer.texts("WWW-Authenticate")]
    assert not any(isinstance(each, Fault) for each in read)
    return [each for each in read if not isinstance(each, Fault)]


@pytest.mark.parametrize("algorithms", [("SHA-256", "MD5"), ("MD5",), ("SHA-512-256", "SHA-256", "MD5")])
def test_every_algorithm_is_offered_in_the_order_preferred_and_any_is_taken(algorithms: tuple[str, ...]) -> None:
    async def story(world: World) -> None:
        await world.server(algorithms)
        visitor = Visitor(await world.stranger())
        refused = await visitor.register()
        assert refused.status == 401
        assert tuple(each.algorithm for each in challenges(refused)) == algorithms
        assert {each.realm for each in challenges(refused)} == {DOMAIN}
        assert not any(each.stale for each in challenges(refused))
        assert (await visitor.register(visitor.authorised(refused))).status == 200

    play(story)


@pytest.mark.parametrize(("user", "password"), [("2001", "wrong"), ("nobody", "pw2001")])
def test_known_and_unknown_users_are_refused_alike(user: str, password: str) -> None:
    async def story(world: World) -> None:
        await world.server()
        visitor = Visitor(await world.stranger(), user, password)
        refused = await visitor.register(visitor.authorised(await visitor.register()))
        assert refused.status == 401
        assert not any(each.stale for each in challenges(refused))  # the nonce was not to blame

    play(story)


def test_credentials_are_good_once() -> None:
    async def story(world: World) -> None:
        await world.server()
        visitor = Visitor(await world.stranger())
        said = visitor.authorised(await visitor.register())
        assert (await visitor.register(said)).status == 200
        again = await visitor.register(said)
        assert again.status == 401
        assert all(each.stale for each in challenges(again))  # the password was right (RFC 7616 §3.3)
        assert (await visitor.register(visitor.authorised())).status == 200  # counted on

    play(story)


def test_a_nonce_that_was_called_in_is_stale_and_the_next_one_good() -> None:
    async def story(world: World) -> None:
        server = await world.server()
        visitor = Visitor(await world.stranger())
        said = visitor.authorised(await visitor.register())
        server.authentication.expire_nonces()
        refused = await visitor.register(said)
        assert all(each.stale for each in challenges(refused))
        assert (await visitor.register(visitor.authorised(refused))).status == 200

    play(story)


@pytest.mark.parametrize(
    "said", ["Digest", "Basic MjAwMTpwdzIwMDE=", 'Digest username="2001', 'Digest username="2001", nc=zzzz', "\x01"]
)
def test_what_is_no_digest_is_challenged_like_nothing(said: str) -> None:
    async def story(world: World) -> None:
        await world.server()
        assert (await Visitor(await world.stranger()).register(said)).status == 401

    play(story)


def test_another_users_number_is_refused_and_not_challenged_again() -> None:
    async def story(world: World) -> None:
        server = await world.server()
        visitor = Visitor(await world.stranger(), "2002", "pw2002")  # the request says 2001
        assert (await visitor.register(visitor.authorised(await visitor.register()))).status == 403
        assert server.user("2001").contacts(0) == []

    play(story)
