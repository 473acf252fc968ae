"""What outlives a power cut of the server, and what does not."""

import json

import pytest

from sipconform.agents.server.directory import Directory
from sipconform.agents.server.storage import Storage, restart
from sipconform.features.feature_state import FeatureState, Forward, ForwardType
from tests.agents.pair import Pair, play

STATES = [
    FeatureState(),
    FeatureState(None, {}),
    FeatureState(True, {ForwardType.NO_ANSWER: Forward(True, "2002", 4), ForwardType.BUSY: Forward(False, "größe")}),
]


def directory() -> Directory:
    made = Directory("example.com")
    made.add("2001", "pw")
    return made


@pytest.mark.parametrize("state", STATES)
def test_what_was_saved_is_restored_to_the_letter_through_json(state: FeatureState) -> None:
    before, after = directory(), directory()
    before.users["2001"].features = state
    Storage(after).restore(json.loads(json.dumps(Storage(before).save())))
    assert after.users["2001"].features == state


def test_a_user_who_has_left_is_not_brought_back() -> None:
    after = directory()
    Storage(after).restore({"2999": {"dnd": True, "forwards": {}}})
    assert after.find("2999") is None


def test_after_a_restart_the_features_are_there_and_the_subscriptions_gone() -> None:
    async def story(pair: Pair) -> None:
        phone = await pair.phone("2001")
        phone.features.on = True
        assert await phone.start() == 200
        pair.server.features.set_dnd(pair.server.user("2001"), True)
        assert list(pair.server.features.notifier.of("2001"))
        restart(pair.server)
        assert list(pair.server.features.notifier.of("2001")) == []
        assert pair.server.user("2001").features.dnd is True

    play(story)
