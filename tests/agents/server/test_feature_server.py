"""The feature server: what it takes from phones, whom it tells, and what outlives a restart."""

from __future__ import annotations

import pytest

from sipconform.agents.phone.phone import Phone
from sipconform.agents.server import storage
from sipconform.agents.server.feature_server import LARGEST_REQUEST
from sipconform.agents.server.server import Server
from sipconform.agents.user_agent import Account
from sipconform.features.feature_body import read_body
from sipconform.features.feature_event import CONTENT_TYPE, EVENT, NAMESPACE, SetDoNotDisturb, SetForwarding
from sipconform.features.feature_state import FeatureState, Forward, ForwardType
from sipconform.trace.packet import Address
from tests.agents.world import SERVER, STRANGER, World, later, play, request

SET = SetDoNotDisturb(True).to_xml()
ANOTHER = Address("10.0.0.3", 5060)


async def synchronised(world: World) -> tuple[Server, Phone]:
    server, phone = await world.server(), await world.phone()
    phone.features.on = True
    await phone.start()
    await later(lambda: phone.features.subscriber.active, 1)
    return server, phone


async def ask(phone: Phone, body: bytes, kind: str = CONTENT_TYPE) -> int:
    answer = await phone.features.subscriber.ask_within([("Content-Type", kind)], body)
    return answer.status if answer is not None else 408


@pytest.mark.parametrize(
    ("body", "kind", "status", "done"),
    [
        (SET, CONTENT_TYPE, 200, True),
        (SET, "text/plain", 415, False),
        (SET[:-5], CONTENT_TYPE, 400, False),
        (b"<SetDoNotDisturb/>", CONTENT_TYPE, 200, False),
        (b"<SomethingElse/>", CONTENT_TYPE, 200, False),
        (SET.replace(NAMESPACE.encode(), b"urn:lamps"), CONTENT_TYPE, 200, False),
        (SET.replace(f' xmlns="{NAMESPACE}"'.encode(), b""), CONTENT_TYPE, 200, True),
        (SET.replace(b"<SetDo", b"<!DOCTYPE a><SetDo", 1), CONTENT_TYPE, 400, False),
        (SET + b" " * LARGEST_REQUEST, CONTENT_TYPE, 413, False),
    ],
)
def test_what_it_takes_from_a_phone(body: bytes, kind: str, status: int, done: bool) -> None:
    async def story(world: World) -> None:
        server, phone = await synchronised(world)
        assert await ask(phone, body, kind) == status
        await later(lambda: phone.features.shown.dnd is done, 1)
        assert server.user("2001").features.dnd is done

    play(story)


def test_policy_refuses_by_telling_the_truth() -> None:
    async def story(world: World) -> None:
        server, phone = await synchronised(world)
        server.user("2001").barred = True
        before = len(world.requests("NOTIFY"))
        assert await ask(phone, SET) == 200
        await later(lambda: len(world.requests("NOTIFY")) == before + 1, 1)
        assert b"<doNotDisturbOn>false<" in world.requests("NOTIFY")[-1].content

    play(story)


def test_what_the_administrator_has_not_given_cannot_be_taken() -> None:
    async def story(world: World) -> None:
        server, phone = await synchronised(world)
        server.user("2001").features = FeatureState(dnd=False)
        assert await ask(phone, SetForwarding(ForwardType.BUSY, True, "2050").to_xml()) == 200
        await later(lambda: b"<doNotDisturbOn>false<" in world.requests("NOTIFY")[-1].content, 1)
        assert server.user("2001").features == FeatureState(dnd=False)

    play(story)


def test_the_locations_of_a_user_share_his_features() -> None:
    async def story(world: World) -> None:
        server, phone = await synchronised(world)
        server.directory.add("2001_home", primary="2001")
        account = Account("2001_home", "example.com", "pw2001", auth_user="2001")
        home = Phone(await world.endpoint(ANOTHER, "home"), account, SERVER)
        home.features.on = True
        assert await home.start() == 200
        await later(lambda: home.features.subscriber.active, 1)
        await home.press_dnd(True)
        await later(lambda: phone.features.shown.dnd and home.features.shown.dnd, 1)

    play(story)


def test_octets_behind_a_request_are_not_read() -> None:
    async def story(world: World) -> None:
        server, phone = await synchronised(world)
        phone.agent.endpoint.tampers.append(lambda draft: [draft.to_bytes() + b"\0\0"])
        assert await ask(phone, SET) == 200
        assert server.user("2001").features.dnd is True

    play(story)


def test_a_request_that_comes_again_after_a_restart_is_new() -> None:
    async def story(world: World) -> None:
        server, stranger = await world.server(()), await world.stranger()
        asked = request("SUBSCRIBE", Event=EVENT, Expires="600", Contact=f"<sip:2001@{STRANGER}>")
        stranger.say(asked)
        await later(lambda: 200 in stranger.statuses, 1)
        storage.restart(server)
        stranger.say(asked)
        await later(lambda: [s for s in stranger.statuses if s] == [200, 200], 1)

    play(story)


def test_out_of_order_it_answers_500() -> None:
    async def story(world: World) -> None:
        server, phone = await synchronised(world)
        server.features.out_of_order = True
        assert await ask(phone, SET) == 500
        assert server.user("2001").features.dnd is False

    play(story)


def test_every_phone_of_the_user_is_told_what_changed() -> None:
    async def story(world: World) -> None:
        server, phone = await synchronised(world)
        second = await world.phone(place=ANOTHER)
        second.features.on = True
        await second.start()
        await later(lambda: second.features.subscriber.active, 1)
        before = len(world.requests("NOTIFY"))
        server.features.set_forward(server.user("2001"), ForwardType.NO_ANSWER, Forward(True, "2050", 4))
        await later(lambda: second.features.shown == phone.features.shown, 1)
        told = world.requests("NOTIFY")[before:]
        assert len(told) == 2
        assert all(n.content.count(b"<forwardingType>") == 1 for n in told)
        assert phone.features.shown.forward(ForwardType.NO_ANSWER) == Forward(True, "2050", 4)

    play(story)


def test_another_users_features_are_not_to_be_had() -> None:
    async def story(world: World) -> None:
        server, phone = await synchronised(world)
        draft = phone.agent.new_request("SUBSCRIBE", "sip:2002@example.com", "<sip:2002@example.com>")
        for name, value in (("Contact", phone.agent.contact), ("Event", "as-feature-event"), ("Expires", "60")):
            draft.add(name, value)
        answer = await phone.agent.ask(draft.with_body(CONTENT_TYPE, SET))
        assert answer is not None
        assert answer.status == 403
        assert server.user("2002").features.dnd is False

    play(story)


@pytest.mark.parametrize("packaging", ["multipart", "single"])
def test_features_not_assigned_are_not_told(packaging: str) -> None:
    async def story(world: World) -> None:
        server, phone = await world.server(), await world.phone()
        server.features.packaging = packaging  # type: ignore[assignment]
        server.user("2001").features = FeatureState(None, {})
        phone.features.on = True
        await phone.start()
        await later(lambda: len(world.requests("NOTIFY")) == 1, 1)
        assert world.requests("NOTIFY")[0].content == b""

    play(story)


@pytest.mark.parametrize("packaging", ["multipart", "single"])
def test_a_fetch_is_answered_with_the_whole_state_in_one_notify(packaging: str) -> None:
    async def story(world: World) -> None:
        server, phone = await synchronised(world)
        server.features.packaging = packaging  # type: ignore[assignment]
        before = len(world.requests("NOTIFY"))
        aor = phone.account.aor
        fetch = phone.agent.new_request("SUBSCRIBE", aor, f"<{aor}>")
        for name, value in (("Contact", phone.agent.contact), ("Event", EVENT), ("Expires", "0")):
            fetch.add(name, value)
        await phone.agent.ask(fetch)
        await later(lambda: len(world.requests("NOTIFY")) > before, 1)
        (told,) = world.requests("NOTIFY")[before:]
        assert told.text("Subscription-State").startswith("terminated")
        assert len(read_body(told.text("Content-Type"), told.content)) == 4

    play(story)


def test_a_restart_keeps_the_features_and_nothing_else() -> None:
    async def story(world: World) -> None:
        server, phone = await synchronised(world)
        await ask(phone, SetForwarding(ForwardType.NO_ANSWER, True, "2050", 4).to_xml())
        before = server.user("2001").features
        storage.restart(server)
        assert server.user("2001").features == before
        assert server.features.notifier.subscriptions == []
        assert await ask(phone, SET) == 481

    play(story)
