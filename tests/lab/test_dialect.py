"""What a profile says comes out of the agents' mouths: every dialect that is shipped, on the wire."""

from __future__ import annotations

import pytest

from sipconform.lab.dialect import LOSS_GRACE, teach_phone, teach_server
from sipconform.lab.profile import Profile, list_profiles, load_profile
from tests.agents.world import World, play

PROFILES = list_profiles()


@pytest.mark.parametrize("name", PROFILES)
def test_every_shipped_dialect_can_be_taught_and_spoken(name: str) -> None:
    async def story(world: World) -> None:
        profile = load_profile(name)
        server, phone = await world.server(), await world.phone()
        teach_server(server, profile)
        teach_phone(phone, profile)
        assert await phone.start() == 200
        register = world.requests("REGISTER")[0]
        if profile.timing.register_expires:
            assert int(register.text("Expires")) == profile.timing.register_expires
        for subscribe in world.requests("SUBSCRIBE"):
            if subscribe.text("Event") == "as-feature-event":
                assert int(subscribe.text("Expires")) == profile.sync.expires
        assert server.user("2001").features == profile.initial_state

    play(story)


def taught(name: str) -> Profile:
    profile = load_profile(name)
    assert profile.name == name
    return profile


def test_a_phone_that_promises_when_a_loss_is_noticed_is_not_patient() -> None:
    async def story(world: World) -> None:
        phone = await world.phone()
        usual = phone.registration.patience
        teach_phone(phone, taught("broadsoft"))
        assert phone.registration.patience == usual
        teach_phone(phone, taught("brightpattern"))
        assert phone.registration.patience == LOSS_GRACE
        assert phone.registration.refresh == 15

    play(story)


def test_only_one_road_is_taken() -> None:
    async def story(world: World) -> None:
        phone = await world.phone()
        modes = []
        for name in ("broadsoft", "3cx"):
            teach_phone(phone, taught(name))
            modes.append(phone.mode)
        assert modes == ["subscribe", "feature-code"]
        assert phone.codes.table is not None

    play(story)


def test_each_user_has_a_state_of_his_own() -> None:
    async def story(world: World) -> None:
        server = await world.server()
        teach_server(server, taught("broadsoft"))
        server.features.set_dnd(server.user("2001"), True)
        assert server.user("2001").features.dnd is True
        assert server.user("2002").features.dnd is False

    play(story)
