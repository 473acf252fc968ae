import inspect
from collections import Counter

import pytest

from sipconform.lab.profile import list_profiles
from sipconform.lab.scenarios import Known, known_scenarios
from tests.support import PROJECT

ALL = known_scenarios()


def test_there_are_scenarios_of_every_feature_and_none_twice() -> None:
    assert {"feature_sync", "registration", "sip_core", "calls", "shared_line", "hunt_group"} <= {
        s.feature for s in ALL
    }
    assert [name for name, count in Counter(s.id for s in ALL).items() if count > 1] == []


def test_no_two_files_of_the_suites_share_a_name() -> None:
    """pytest cannot collect both of them in one run."""
    names = Counter(path.name for path in (PROJECT / "suites").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("scenario", ALL, ids=lambda scenario: scenario.id)
def test_a_scenario_tells_its_story_and_names_a_profile_there_is(scenario: Known) -> None:
    assert inspect.getdoc(scenario.play)
    assert scenario.profile in list_profiles()


def test_the_cases_of_one_story_are_scenarios_of_their_own() -> None:
    cases = [s for s in ALL if s.name.startswith("test_the_server_refuses_an_extension_nobody_knows[")]
    assert len(cases) == 3
    assert all(list(inspect.signature(case.play).parameters) == ["phone"] for case in cases)
