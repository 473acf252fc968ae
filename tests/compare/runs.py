"""Runs of the suite's own scenarios on the simulated network, as traces to be compared."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from sipconform.agents.faults import Fault
from sipconform.comparing import load_trace
from sipconform.lab.scenarios import Known, known_scenarios
from sipconform.lab.settings import LabSettings, Weather
from sipconform.lab.stage import Ending, Stage, race_of
from sipconform.trace.trace import Trace

FAIR = Weather()
LONG = ("test_two_hundred_races", "test_thirty_five_phones_on_one_line")
FOUL = Weather(loss=0.1, duplicate=0.1, reorder=0.2)


def scenarios() -> list[Known]:
    """Those of which all good runs take the same course."""
    return [known for known in known_scenarios() if not race_of(known.play)]


def scenario(name: str) -> Known:
    return next(known for known in known_scenarios() if known.id == name)


def play(known: Known, seed: int = 1, weather: Weather = FAIR, fault: Fault | None = None) -> tuple[Ending, Trace]:
    """Plays it; a fault may break our own agents in ways no honest peer would, the wire is compared all the same."""
    settings = LabSettings(network="simulated", seed=seed, profile=known.profile, weather=weather)
    for name, value in (fault.lab if fault else {}).items():
        setattr(settings, name, msgspec.convert(value, Weather) if name == "weather" else value)
    with TemporaryDirectory() as folder:
        capture = Path(folder) / "run.pcapng"
        ending = _ending(Stage(settings, capture, (fault,) if fault else ()), known, fault)
        return ending, load_trace(capture)


def _ending(stage: Stage, known: Known, fault: Fault | None) -> Ending:
    try:
        return stage.play(known.play).ending
    except Exception:
        if fault is None:
            raise
        return Ending.FAILED


@cache
def good(name: str) -> Trace:
    """The reference: an undisturbed run with seed 1."""
    ending, trace = play(scenario(name))
    assert ending in (Ending.PLAYED, Ending.NOT_SUPPORTED), f"{name} {ending}"
    return trace
