"""No check without a fault (DESIGN, law 3): each fault goes through the scenarios that can show it, simulated.

What is wanted of a catalogue: the honest agents give no finding; every check is failed by some fault; every fault is
caught by the checks it names.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec

from sipconform.agents.faults import Fault, all_faults
from sipconform.checks.catalogue import Finding, Verdict, catalogue
from sipconform.judging import judge_capture
from sipconform.lab.scenarios import Known, known_scenarios
from sipconform.lab.settings import LabSettings
from sipconform.lab.stage import Ending, Played, Stage


@dataclass(frozen=True, slots=True)
class Seen:
    """What one scenario showed: its ending, and the checks that failed, each with one observation. `broken` are the
    checks that raised an exception: a defect of ours, never a kill."""

    scenario: str
    ending: Ending
    sentence: str
    failed: dict[str, str]
    broken: frozenset[str] = frozenset()


@dataclass(slots=True)
class Matrix:
    """The result. `caught`: fault → the checks it failed. `honest`: what was found where nothing was seeded."""

    caught: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    honest: list[Seen] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)  # checks that raised an exception on what a fault did

    def escaped(self, faults: Iterable[Fault]) -> dict[str, set[str]]:
        """Faults that are not caught by checks they name, and which."""
        missing = {fault.id: set(fault.kills) - self.caught.get(fault.id, set()) for fault in faults}
        return {name: checks for name, checks in missing.items() if checks}

    def survivors(self, checks: Iterable[str]) -> list[str]:
        """Checks that no fault makes fail."""
        killed = set().union(*self.caught.values()) if self.caught else set()
        return [check for check in checks if check not in killed]


def play_once(scenario: Known, fault: Fault | None = None, settings: LabSettings | None = None) -> Seen:
    """One scenario on the simulated network, judged."""
    settings = settings or LabSettings()
    settings.network, settings.profile = "simulated", settings.profile or scenario.profile
    for name, value in (fault.lab if fault else {}).items():
        setattr(settings, name, getattr(msgspec.convert({name: value}, LabSettings), name))
    with tempfile.TemporaryDirectory() as folder:
        capture = Path(folder) / "capture.pcapng"
        played = _played(scenario, Stage(settings, capture, (fault,) if fault else ()), fault)
        findings = [f for _, judgement in judge_capture(capture) for f in judgement.findings]
    broken = frozenset(f.check.id for f in findings if f.check and f.verdict is Verdict.COULD_NOT_RUN)
    return Seen(scenario.id, played.ending, played.sentence, _failed(findings), broken)


def _played(scenario: Known, stage: Stage, fault: Fault | None) -> Played:
    try:
        return stage.play(scenario.play)
    except Exception as error:
        if fault is None:
            raise
        # A fault may break our own agents in ways no honest peer would; what is on the wire is judged all the same.
        return Played(Ending.FAILED, f"{type(error).__name__}: {error}")


def _failed(findings: list[Finding]) -> dict[str, str]:
    failed: dict[str, str] = {}
    for found in findings:
        if found.check is not None and found.verdict is Verdict.FAIL:
            failed.setdefault(found.check.id, f"{found.side} {found.party}: {found.observed} (wanted {found.expected})")
    return failed


def scenarios_for(fault: Fault) -> list[Known]:
    """Those that can show it, its own words first."""
    known = known_scenarios()
    if not fault.scenarios:
        return list(known)
    return [s for s in known if any(word in s.id for word in fault.scenarios)]


def try_fault(name: str) -> tuple[str, set[str], set[str]]:
    """Plays scenarios until every check the fault names has failed: the fault, what failed, what broke."""
    fault = all_faults()[name]
    caught: set[str] = set()
    broken: set[str] = set()
    for scenario in scenarios_for(fault):
        seen = play_once(scenario, fault)
        caught |= set(seen.failed)
        broken |= seen.broken
        if fault.kills <= caught:
            break
    return name, caught, broken


def try_honestly(at: int, settings: LabSettings | None = None) -> Seen:
    """Plays one scenario with nothing seeded."""
    return play_once(known_scenarios()[at], settings=settings)


def kill_matrix(
    faults: Sequence[Fault], *, processes: int = 2, progress: Callable[[str], None] | None = None
) -> Matrix:
    """The whole matrix for these faults; the honest runs are those of every scenario."""
    matrix = Matrix()
    with ProcessPoolExecutor(processes) as pool:
        matrix.honest = [
            seen
            for seen in pool.map(partial(try_honestly, settings=None), range(len(known_scenarios())))
            if seen.failed or seen.broken or seen.ending not in (Ending.PLAYED, Ending.NOT_SUPPORTED)
        ]
        for name, caught, broken in pool.map(try_fault, [fault.id for fault in faults]):
            matrix.caught[name] |= caught
            matrix.broken |= broken
            if progress:
                progress(name)
    return matrix


def checks_of(family: str = "") -> list[str]:
    """The ids of the catalogue, of one family if it is named."""
    return [check.id for check in catalogue().values() if not family or check.family == family]
