"""What hangs on which of two messages arrives first is no defect of the one who lost."""

from dataclasses import replace

from sipconform.compare.comparison import compare
from sipconform.compare.difference import Comparison
from sipconform.trace.packet import Observation
from sipconform.trace.trace import Trace
from tests.compare.runs import FOUL, good, play, scenario
from tests.compare.talk import subscription, trace

RACE = "hunt_group/test_two_answer_at_once"
SEEDS = range(100, 104)


def said_of(race: str, *, dnd: str = "off") -> Trace:
    made = trace(*subscription(info=f"dnd={dnd}"))
    made.observations.append(Observation(1, "lab", "race", {"race": race}))
    return made


def test_another_course_of_a_race_is_no_proof_and_its_differences_are_told() -> None:
    result = compare(said_of("who presses first", dnd="on"), said_of("who presses first"))
    assert result.doubted
    assert [found.what for found in result.differences] == ["body line 1"]
    assert "who presses first" in result.reservations[0]


def test_the_same_course_of_a_race_compares_clean() -> None:
    result = compare(said_of("who presses first"), said_of("who presses first"))
    assert (result.doubted, result.differences, result.reservations) == (False, [], [])


def test_a_run_that_is_no_race_answers_for_its_differences() -> None:
    for reference in (trace(*subscription()), said_of("who answers first")):
        result = compare(said_of("who presses first", dnd="on"), reference)
        assert result.differences
        assert (result.doubted, result.reservations) == (False, [])


def in_bad_weather() -> list[Trace]:
    return [play(scenario(RACE), seed, FOUL)[1] for seed in SEEDS]


def winners(result: Comparison) -> list[tuple[str, str]]:
    return [(found.run, found.reference) for found in result.ignored if found.rule == "exchanged"]


def test_the_loser_may_have_won_in_the_reference() -> None:
    runs = [compare(run, good(RACE)) for run in in_bad_weather()]
    assert [run.differences for run in runs] == [[]] * len(runs)
    assert {pair for run in runs for pair in winners(run)} == {("phone 2", "phone 3")}


def test_nobody_is_exchanged_where_there_is_no_race() -> None:
    run = next(run for run in in_bad_weather() if winners(compare(run, good(RACE))))
    calm = [
        replace(each, observations=[o for o in each.observations if o.kind != "race"]) for each in (run, good(RACE))
    ]
    assert compare(*calm).differences
