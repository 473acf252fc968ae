"""Two good runs of one scenario compare clean, whatever the seed and the weather; those of a race may say that the
course is another."""

from itertools import permutations

import pytest

from sipconform.compare.comparison import compare
from sipconform.lab.scenarios import known_scenarios
from sipconform.lab.stage import Ending, race_of
from sipconform.trace.trace import Trace
from tests.compare.runs import FOUL, LONG, good, play, scenario, scenarios

SCENARIOS = 50  # spread over all suites; the captures shipped are compared for every scenario elsewhere
RUNS = 4  # of each, the first in fair weather: twelve pairs
PLAYED = [known.id for known in scenarios()[:: max(1, len(scenarios()) // SCENARIOS)]][:SCENARIOS]
RACES = [known.id for known in known_scenarios() if race_of(known.play) and known.name not in LONG]


def good_runs(name: str) -> list[Trace]:
    runs = [good(name)]
    for seed in range(100, 100 + RUNS - 1):
        ending, trace = play(scenario(name), seed, FOUL)
        if ending is Ending.PLAYED:  # foul weather may end a call, and that run is no good one
            runs.append(trace)
    return runs


@pytest.mark.parametrize("name", PLAYED)
def test_any_two_good_runs_compare_clean(name: str) -> None:
    for run, reference in permutations(good_runs(name), 2):
        assert [tuple(found[:5]) for found in compare(run, reference).differences] == []


@pytest.mark.parametrize("name", RACES)
def test_two_good_runs_of_a_race_compare_clean_or_took_two_courses(name: str) -> None:
    for run, reference in permutations(good_runs(name), 2):
        result = compare(run, reference)
        assert not result.differences or result.doubted
        assert result.doubted == bool(result.reservations)


def test_enough_pairs_are_compared() -> None:
    assert len(PLAYED) * RUNS * (RUNS - 1) >= 500
