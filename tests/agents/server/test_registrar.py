"""The registrar: what it binds, for how long, and whom it does not believe (RFC 3261 §10.3)."""

import pytest

from sipconform.sip.message import Message
from tests.agents.world import SERVER, Stranger, World, later, play, request

OPEN: tuple[str, ...] = ()  # no algorithm: everybody is believed
CONTACT = "<sip:2001@10.0.0.9:5060>"


class Asking:
    """A stranger who registers, one request after the other."""

    def __init__(self, stranger: Stranger) -> None:
        self.stranger, self.number = stranger, 0

    async def register(self, contact: str = CONTACT, expires: str = "", seq: int = 0, call: str = "c") -> Message:
        self.number += 1
        asked = request(
            "REGISTER",
            branch=f"z9hG4bK{self.number}",
            call=call,
            seq=seq or self.number,
            Contact=contact,
            Expires=expires,
        )
        self.stranger.say(asked)
        await later(lambda: len(self.stranger.packets) == self.number, 1)
        return self.stranger.heard[-1]


@pytest.mark.parametrize(
    ("contact", "expires", "status", "told"),
    [
        (CONTACT, "", 200, [f"{CONTACT};expires=3600"]),
        (CONTACT, "60", 200, [f"{CONTACT};expires=60"]),
        (f"{CONTACT};expires=90", "60", 200, [f"{CONTACT};expires=90"]),
        (CONTACT, "99999", 200, [f"{CONTACT};expires=7200"]),
        (CONTACT, "nonsense", 200, [f"{CONTACT};expires=3600"]),
        (CONTACT, "5", 423, []),
        ("", "", 200, []),
        (CONTACT, "0", 200, []),
        ("*", "0", 200, []),
        ("*", "60", 400, []),
        (f"*, {CONTACT}", "0", 400, []),
        ('"open <sip:x', "60", 400, []),
        ("<sip:>", "60", 400, []),
    ],
)
def test_it_grants_what_is_asked_within_its_bounds(contact: str, expires: str, status: int, told: list[str]) -> None:
    async def story(world: World) -> None:
        await world.server(OPEN)
        answer = await Asking(await world.stranger()).register(contact, expires)
        assert answer.status == status
        assert answer.texts("Contact") == told
        assert answer.text("Min-Expires") == ("10" if status == 423 else "")
        assert answer.has("Date") == (status == 200)

    play(story)


def test_an_expired_binding_is_not_given_out() -> None:
    async def story(world: World) -> None:
        server = await world.server(OPEN)
        asking = Asking(await world.stranger())
        await asking.register(expires="60")
        assert server.user("2001").contacts(10) == ["sip:2001@10.0.0.9:5060"]
        await later(lambda: True, 70)
        assert (await asking.register("")).texts("Contact") == []

    play(story)


def test_an_older_number_of_the_same_call_changes_nothing() -> None:
    async def story(world: World) -> None:
        await world.server(OPEN)
        asking = Asking(await world.stranger())
        await asking.register(expires="600", seq=5)
        assert (await asking.register(expires="0", seq=4)).status == 500
        assert (await asking.register(expires="0", seq=1, call="after a restart")).texts("Contact") == []

    play(story)


def test_an_older_number_removes_nothing_at_all() -> None:
    async def story(world: World) -> None:
        await world.server(OPEN)
        asking = Asking(await world.stranger())
        await asking.register(expires="600", seq=5)
        assert (await asking.register("*", "0", seq=4)).status == 500
        assert len((await asking.register("")).texts("Contact")) == 1

    play(story)


def test_a_binding_that_is_over_is_not_compared_with() -> None:
    async def story(world: World) -> None:
        await world.server(OPEN)
        asking = Asking(await world.stranger())
        await asking.register(expires="60", seq=5)
        await later(lambda: True, 70)
        assert (await asking.register(expires="60", seq=1)).status == 200

    play(story)


@pytest.mark.parametrize(
    "spelled", ["<sip:%75@Phone.Example;transport=UDP>", "<sip:u@phone.example;transport=udp;x=1>"]
)
def test_one_uri_is_one_binding_however_it_is_spelled(spelled: str) -> None:
    async def story(world: World) -> None:
        server = await world.server(OPEN)
        asking = Asking(await world.stranger())
        first = "<sip:u@phone.example;transport=udp>"
        await asking.register(first, "600")
        assert (await asking.register(spelled, "300")).texts("Contact") == [f"{first};expires=300"]
        assert (await asking.register(spelled, "0")).texts("Contact") == []
        assert server.user("2001").bindings == {}

    play(story)


def test_flows_of_one_uri_are_told_apart_and_one_of_them_is_called() -> None:
    async def story(world: World) -> None:
        server = await world.server(OPEN)
        asking = Asking(await world.stranger())
        one, two = (f'{CONTACT};reg-id={n};+sip.instance="<urn:uuid:1>"' for n in (1, 2))
        await asking.register(one, "600", call="one")
        assert len((await asking.register(two, "600", call="two")).texts("Contact")) == 2
        assert len(server.user("2001").contacts(0)) == 1
        left = (await asking.register(two, "0", call="two")).texts("Contact")
        assert len(left) == 1
        assert "reg-id=1" in left[0]

    play(story)


def test_an_hour_is_not_too_brief() -> None:
    async def story(world: World) -> None:
        server = await world.server(OPEN)
        server.registrar.min_expires = 7200
        asking = Asking(await world.stranger())
        assert (await asking.register(expires="3599")).status == 423
        assert (await asking.register(expires="3600")).texts("Contact") == [f"{CONTACT};expires=3600"]

    play(story)


@pytest.mark.parametrize("contact", ["<tel:+4930123>", "<mailto:a@example.com>"])
def test_what_cannot_be_called_is_kept_and_not_called(contact: str) -> None:
    async def story(world: World) -> None:
        server = await world.server(OPEN)
        answer = await Asking(await world.stranger()).register(contact, "600")
        assert answer.texts("Contact") == [f"{contact};expires=600"]
        assert server.user("2001").contacts(0) == []

    play(story)


def test_all_bindings_are_removed_at_once() -> None:
    async def story(world: World) -> None:
        server = await world.server(OPEN)
        asking = Asking(await world.stranger())
        await asking.register()
        await asking.register("<sip:elsewhere@10.0.0.8>")
        assert len(server.user("2001").bindings) == 2
        assert (await asking.register("*", "0")).texts("Contact") == []

    play(story)


def test_another_domain_is_not_served() -> None:
    async def story(world: World) -> None:
        await world.server(OPEN)
        stranger = await world.stranger()
        stranger.say(request("REGISTER", To="<sip:2001@elsewhere.example>", Contact=CONTACT))
        await later(lambda: stranger.statuses == [404])

    play(story)


def test_strangers_are_challenged_with_every_algorithm_known_or_not() -> None:
    async def story(world: World) -> None:
        await world.server()
        stranger = await world.stranger()
        for number, user in enumerate(("2001", "nobody")):
            name = f"<sip:{user}@example.com>"
            stranger.say(request("REGISTER", branch=f"z9hG4bK{number}", call=user, From=f"{name};tag=s", To=name))
        await later(lambda: stranger.statuses == [401, 401])
        for answer in stranger.heard:
            assert [c.partition("algorithm=")[2].partition(",")[0] for c in answer.texts("WWW-Authenticate")] == [
                "SHA-256",
                "MD5",
            ]

    play(story)


def test_a_user_may_not_register_another() -> None:
    async def story(world: World) -> None:
        server, phone = await world.server(), await world.phone()
        assert await phone.registration.register() == 200
        assert await phone.registration.register_as("2002") in (401, 403)
        assert server.user("2002").bindings == {}

    play(story)


def test_a_nonce_used_up_or_forgotten_is_stale_and_the_phone_comes_back() -> None:
    async def story(world: World) -> None:
        server, phone = await world.server(), await world.phone()
        assert await phone.registration.register() == 200
        server.authentication.expire_nonces()
        assert await phone.registration.register() == 200
        replayed = next(p.payload for p in world.tap.packets if b"Authorization" in p.payload)
        stranger = await world.stranger()
        stranger.say(replayed.replace(b"branch=z9hG4bK", b"branch=z9hG4bKother"), SERVER)
        await later(lambda: True)
        assert world.tap.packets[-1].payload.startswith((b"SIP/2.0 401", b"SIP/2.0 482"))

    play(story)
