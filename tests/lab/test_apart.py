"""Either side in a process of its own, driven over the driver interface, is judged as it is beside us."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from sipconform.checks.judge import Judgement
from sipconform.lab.scenarios import known_scenarios
from sipconform.lab.settings import LabSettings, PhoneSettings, ServerSettings
from tests.lab.apart import free_port, judged, program

BOTH_WAYS = (
    "test_dnd_switched_at_the_server_reaches_the_phone",
    "test_dnd_pressed_on_the_phone_reaches_the_server",
    "test_a_forward_set_on_the_phone_reaches_the_server[cfna]",
)
PLAYED = [
    *(("broadsoft", name) for name in BOTH_WAYS),
    ("broadsoft", "test_an_overtaken_state_is_not_shown"),
    ("broadsoft", "test_an_unknown_package_is_refused"),
    *(("metaswitch", name) for name in BOTH_WAYS[1:]),
    *(("fortinet", name) for name in BOTH_WAYS[1:]),
    ("fortinet", "test_whatever_the_switch_says[False]"),
]
Together = Callable[[str, str], set[str]]
CROSSING = {"FS-111"}  # asked where a wish crosses the first NOTIFY, which is a matter of who is faster


def features_asked(name: str, settings: LabSettings, folder: Path) -> set[str]:
    """The checks of feature synchronisation that found something to judge in a scenario."""
    scenario = next(s for s in known_scenarios() if s.id == f"feature_sync/{name}")
    judgement: Judgement = judged(scenario.play, settings, folder / "capture.pcapng")
    return {id_ for id_ in judgement.asked if id_.startswith(("FS-", "SUB-"))} - CROSSING


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Together:
    """What is asked where both sides are in our own process."""

    @cache
    def asked(profile: str, name: str) -> set[str]:
        return features_asked(name, LabSettings(profile=profile), tmp_path_factory.mktemp("together"))

    return asked


@pytest.mark.parametrize(("profile", "name"), PLAYED)
def test_the_server_apart(profile: str, name: str, together: Together, tmp_path: Path) -> None:
    with program("serve", "--listen", "127.0.0.1:0", "--profile", profile) as begun:
        server = ServerSettings(kind="remote", address=begun.address, control=begun.control)
        settings = LabSettings(profile=profile, server=server, under_test="server")
        assert features_asked(name, settings, tmp_path) == together(profile, name)


@pytest.mark.parametrize(("profile", "name"), PLAYED)
def test_the_phone_apart(profile: str, name: str, together: Together, tmp_path: Path) -> None:
    place = f"127.0.0.1:{free_port()}"
    with program("phone", "--server", place, "--user", "2001:pw2001", "--profile", profile) as begun:
        phone = PhoneSettings(
            kind="remote", user="2001", password="pw2001", address=begun.address, control=begun.control
        )
        server = ServerSettings(address=place)
        settings = LabSettings(profile=profile, server=server, phones={"phone": phone}, under_test="phone")
        assert features_asked(name, settings, tmp_path) == together(profile, name)
