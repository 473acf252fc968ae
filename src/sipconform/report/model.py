"""What a report is told: plain data, no pytest, no asyncio, no formatting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sipconform.checks.catalogue import Check, Finding, Level, Side, Verdict, catalogue
from sipconform.compare.difference import Comparison
from sipconform.trace.packet import Note, Observation
from sipconform.trace.trace import Trace

SCHEMA = 1
"""Of findings.jsonl and run.json. Grows only when a reader of the old one would be misled."""


class Arrangement(StrEnum):
    """Who of the two sides is ours."""

    BOTH_OURS = "both ours"
    SERVER_UNDER_TEST = "server under test"
    PHONE_UNDER_TEST = "phone under test"
    WATCHED = "watched"
    CAPTURE = "capture"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of findings.jsonl: a finding told in words, without its messages.

    Its texts are masked and legible already: whoever writes lines need not clean them again.
    """

    check: str | None  # None: the scenario's own verdict, when no check's finding tells it
    verdict: Verdict
    level: Level | None
    side: Side | None
    party: str | None  # the address accused
    clause: str
    scenario: str | None  # None for a bare capture
    capture: str
    frames: tuple[int, ...] = ()
    expected: str = ""
    observed: str = ""
    message: str = ""  # a full sentence
    count: int = 1  # how many times; more than one for passes only
    deviation: str | None = None  # why the profile expects this failure
    side_guessed: bool = False  # nobody said and nothing showed which side the party is

    @property
    def counts_against(self) -> bool:
        """A device violates a MUST, and the profile did not say that it would."""
        violated = self.verdict is Verdict.FAIL and self.level is Level.MUST
        return violated and self.side is not Side.SUITE and self.deviation is None

    def facts(self) -> dict[str, Any]:
        """The line as it stands in findings.jsonl (docs/findings.md). What a scenario expects weighs as a MUST does."""
        told = {"schema": SCHEMA} | {name: getattr(self, name) for name in _LINE}
        if self.side is Side.EITHER:
            told["side"] = None  # a check of both sides that accuses neither
        if self.check is None:
            unsure = self.verdict in (Verdict.COULD_NOT_RUN, Verdict.INCONCLUSIVE)
            told |= {"level": Level.MUST, "side": Side.SUITE if unsure else None, "clause": "the scenario"}
        return told


_LINE = tuple(one.name for one in fields(Line))


class Beside(NamedTuple):
    """A run laid beside its reference. No verdict depends on it."""

    reference: str  # its name
    comparison: Comparison
    command: str  # that compares them again


class Told(NamedTuple):
    """What findings are counted by."""

    check: str
    verdict: Verdict
    level: Level | None
    side: Side | None
    party: str | None
    expected: bool  # the profile expects this failure


class Defect(NamedTuple):
    """What makes two places the same defect: whose, which checks, and in which header field or part."""

    verdict: Verdict
    level: Level | None  # of the check that weighs most
    side: Side | None
    party: str | None
    checks: tuple[str, ...]  # the one that weighs most first
    part: str  # "Subscription-State", "body"; "" where no bytes are pointed at
    expected: bool  # by the profile
    counts_against: bool  # as its lines do
    guessed: bool = False  # the side

    @property
    def weighs(self) -> bool:
        """Whether a clause demands or advises otherwise."""
        return self.level in (Level.MUST, Level.SHOULD)

    @property
    def whose(self) -> str:
        """ "server", "phone (side guessed)"."""
        return f"{self.side or 'sender'}{' (side guessed)' if self.guessed else ''}"


@dataclass(slots=True)
class ScenarioResult:
    """One scenario that ran (or could not), or one bare capture that was judged.

    `verdict` None, or a pass, is concluded from the findings; any other verdict stays as stated. `findings`
    are those that are no pass. `passed` counts by check id. Evidence (`traces`, `findings`) may also be handed
    to `RunFolder.take` piece by piece, which keeps memory flat however long the capture.
    """

    id: str  # for a bare capture the file's name
    title: str = ""
    story: str = ""  # the scenario's docstring
    feature: str = ""  # the folder of suites/ it stands in
    rows: list[str] = field(default_factory=list)  # requirement rows: "B3"
    bare: bool = False  # a capture judged, no scenario
    verdict: Verdict | None = None
    sentence: str = ""  # whose fault, in one sentence
    duration_s: float = 0.0
    traces: list[Trace] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    passed: dict[str, int] = field(default_factory=dict)
    not_applicable: list[str] = field(default_factory=list)
    capture: str = ""  # relative to the run folder, or as given on the command line
    capture_sha256: str = ""
    observations: list[Observation] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)  # what an operator was asked to do
    reproduce: str = ""
    error: str = ""  # why it could not run
    beside: Beside | None = None  # its reference, where there is one
    deviation: str = ""  # why the profile expects that this story does not go as told

    # What the run folder adds while it writes.
    tally: Counter[Told] = field(default_factory=Counter)
    defects: dict[Defect, Counter[str]] = field(default_factory=dict)  # in how many messages of each kind
    shown: list[Line] = field(default_factory=list)
    products: dict[str, str] = field(default_factory=dict)  # address: what it calls itself
    differs: int = 0  # in so many places from its reference
    messages: int = 0
    times: list[int] = field(default_factory=list)  # nanoseconds since the epoch: of the first message and the last
    taken: bool = False  # the evidence came piece by piece

    @property
    def failed(self) -> bool:
        """It failed, and the profile did not say that it would."""
        return self.verdict is Verdict.FAIL and not self.deviation

    @property
    def covers_s(self) -> float:
        """Seconds from its first message to its last."""
        return (self.times[-1] - self.times[0]) / 1e9 if self.times else 0.0

    def failing(self, *, expected: bool = False) -> int:
        """How many MUSTs a device violates, by default those that no profile expects."""
        return sum(n for told, n in self._violations() if told.side is not Side.SUITE and told.expected is expected)

    @property
    def own_failings(self) -> set[str]:
        """The MUSTs that an agent of ours violates which is not under test: what came of it accuses nobody."""
        return {told.check for told, _ in self._violations() if told.side is Side.SUITE and not told.expected}

    def _violations(self) -> Iterator[tuple[Told, int]]:
        return (
            (told, n) for told, n in self.tally.items() if told.verdict is Verdict.FAIL and told.level is Level.MUST
        )


@dataclass(slots=True)
class Run:
    """What was done, against what, and what came of it."""

    id: str
    started: datetime
    command: str
    arrangement: Arrangement
    profile: str = ""
    device: str = ""  # what was tested, in free words
    environment: dict[str, str] = field(default_factory=dict)
    scenarios: list[ScenarioResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    expected_deviations: dict[str, str] = field(default_factory=dict)  # check id: reason, from the profile
    deviation_stories: dict[str, tuple[str, ...]] = field(default_factory=dict)  # … : words of scenarios that show it
    checks: Mapping[str, Check] = field(default_factory=catalogue, repr=False)
    secrets: list[str] = field(default_factory=list, repr=False)  # the lab's passwords, to be masked
    interrupted: bool = False
    duration_s: float = 0.0

    @property
    def unexpected_passes(self) -> list[str]:
        """Checks the profile expects to fail that passed somewhere and failed nowhere, in a run that could show it."""
        told = [told for result in self.scenarios for told in result.tally]
        failed = {t.check for t in told if t.verdict is Verdict.FAIL}
        passed = {t.check for t in told if t.verdict is Verdict.PASS}
        return sorted(check for check in self.expected_deviations if check in passed - failed and self._was_due(check))

    def _was_due(self, check: str) -> bool:
        words = self.deviation_stories.get(check, ())
        played = [r.id for r in self.scenarios if r.verdict in (Verdict.PASS, Verdict.FAIL)]
        return not words or any(word in scenario for word in words for scenario in played)

    @property
    def exit_code(self) -> int:
        """0 all well, 1 a device violates a MUST or an expected deviation passed, 2 something was not judged."""
        verdicts = {result.verdict for result in self.scenarios}
        if self.unexpected_passes or any(r.failed or r.failing() for r in self.scenarios):
            return 1
        unjudged = {Verdict.INCONCLUSIVE, Verdict.COULD_NOT_RUN} & verdicts
        played = [result for result in self.scenarios if not result.bare]
        in_vain = played and all(result.verdict is Verdict.NOT_APPLICABLE for result in played)
        return 2 if unjudged or in_vain or self.interrupted or not self.scenarios else 0
