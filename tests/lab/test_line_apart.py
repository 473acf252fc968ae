"""The four stories of the shared line, with the server and with every phone in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sipconform.checks.judge import Judgement
from sipconform.lab.scenarios import Known, known_scenarios
from sipconform.lab.settings import LabSettings, PhoneSettings, ServerSettings
from tests.lab.apart import free_port, judged, program

STORIES = [s for s in known_scenarios() if s.id in {
    "shared_line/test_the_manager_rejects_and_the_assistant_goes_on_ringing",
    "shared_line/test_the_assistant_holds_and_the_manager_takes_over",
    "shared_line/test_the_manager_holds_privately_and_nobody_takes_over",
    "shared_line/test_the_assistant_joins_the_call_to_take_notes",
}]  # fmt: skip
PEOPLE = {"manager": ("2100", ""), "assistant": ("2100-2", "2100"), "customer": ("2200", "")}

TAKE_TIME = {"INV-003", "INV-004", "SCA-002", "SCA-061", "SCA-063", "SCA-109"}
"""Asked when nothing has happened for seconds, or within a moment: a matter of who is how fast."""


@pytest.fixture(scope="module")
def server_apart() -> Iterator[LabSettings]:
    """Our server as a program; the phones are the laboratory's."""
    with program("serve", "--listen", "127.0.0.1:0") as begun:
        server = ServerSettings(kind="remote", address=begun.address, control=begun.control)
        yield LabSettings(server=server, under_test="server", profile="broadsoft")


@pytest.fixture(scope="module")
def phones_apart() -> Iterator[LabSettings]:
    """Every phone is a program, and calls a server of the laboratory."""
    place = f"127.0.0.1:{free_port()}"
    phones: dict[str, PhoneSettings] = {}
    with ExitStack() as running:
        for name, (user, auth_user) in PEOPLE.items():
            account = ("--user", f"{user}:pw{auth_user or user}", "--auth-user", auth_user)
            begun = running.enter_context(program("phone", "--server", place, *account))
            phones[name] = PhoneSettings(kind="remote", control=begun.control)
        server = ServerSettings(address=place)
        yield LabSettings(server=server, phones=phones, under_test="phone", profile="broadsoft")


@pytest.mark.parametrize("apart", ["server_apart", "phones_apart"])
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_a_story_is_told_as_if_all_were_beside_us(
    story: Known, apart: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """It is played to its end, lamps and audio as they should be, nobody is accused, and as much is asked."""
    result = judged(story.play, request.getfixturevalue(apart), tmp_path / "apart.pcapng")
    simulated = LabSettings(network="simulated", profile="broadsoft")
    together = judged(story.play, simulated, tmp_path / "together.pcapng")
    assert _asked_of_lines(result) >= _asked_of_lines(together) - TAKE_TIME


def _asked_of_lines(judgement: Judgement) -> set[str]:
    return {id_ for id_ in judgement.asked if id_.startswith(("SCA-", "INV-"))}


def test_the_stories_are_there() -> None:
    assert len(STORIES) == 4
