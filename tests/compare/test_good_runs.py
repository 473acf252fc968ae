"""Two good runs of one scenario compare clean, whatever the seed and the weather."""

from itertools import combinations

import pytest

from sipconform.compare.comparison import compare
from sipconform.lab.stage import Ending
from tests.compare.runs import FOUL, good, play, scenario, scenarios

SCENARIOS = 50  # spread over all suites; the captures shipped are compared for every scenario elsewhere
RUNS = 5  # of each, the first in fair weather: ten pairs
PLAYED = [known.id for known in scenarios()[:: max(1, len(scenarios()) // SCENARIOS)]][:SCENARIOS]


@pytest.mark.parametrize("name", PLAYED)
def test_any_two_good_runs_compare_clean(name: str) -> None:
    runs = [good(name)]
    for seed in range(100, 100 + RUNS - 1):
        ending, trace = play(scenario(name), seed, FOUL)
        if ending is Ending.PLAYED:  # foul weather may end a call, and that run is no good one
            runs.append(trace)
    for run, reference in combinations(runs, 2):
        assert [tuple(found[:5]) for found in compare(run, reference).differences] == []


def test_enough_pairs_are_compared() -> None:
    assert len(PLAYED) * RUNS * (RUNS - 1) // 2 >= 500
