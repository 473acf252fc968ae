"""Findings in full sentences: who did what, what was asked, what was seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sipconform.checks.catalogue import Check, Finding, Level, Side, Verdict
from sipconform.report.legible import counted, in_frames, legible, seen, shortened
from sipconform.report.model import Defect, Line, ScenarioResult, Told
from sipconform.report.secrets import Mask

TEXT_LIMIT = 2000
"""Characters of one expected or observed: a megabyte header must not become a megabyte sentence."""

_OUTCOME = {
    Verdict.FAIL: "{who} does not satisfy {check}: {asks}",
    Verdict.INCONCLUSIVE: "Whether {who} satisfies {check} cannot be told: {asks}",
    Verdict.NOT_SUPPORTED: "{who} does not support what {check} asks: {asks}",
    Verdict.COULD_NOT_RUN: "{check} could not be judged on {who}: {asks}",
    Verdict.NOT_APPLICABLE: "{check} does not apply to {who}: {asks}",
    Verdict.PASS: "{who} satisfies {check}: {asks}",
}


class Teller:
    """Turns findings of one run into lines. `deviations` are the profile's, check id to reason."""

    def __init__(self, checks: Mapping[str, Check], deviations: Mapping[str, str], mask: Mask) -> None:
        self.checks = checks
        self.deviations = deviations
        self.mask = mask

    def line(self, finding: Finding, result: ScenarioResult, *, guessed: bool = False) -> Line:
        """One finding that is no pass. `guessed`: which side it accuses is no more than likely."""
        check, of = finding.check, finding.of
        quoted = self.mask.secrets_in(of.raw) if of is not None else ()
        expected, observed = (self._clean(text, Mask(quoted)) for text in (finding.expected, finding.observed))
        side = finding.side if finding.side is not Side.EITHER else (check.on if check else None)
        failed = finding.verdict is Verdict.FAIL
        return Line(
            check=check.id if check else None,
            verdict=finding.verdict,
            level=finding.level or (check.level if check else None),
            side=side,
            party=str(finding.party) if finding.party else None,
            clause=check.clause if check else "",
            scenario=None if result.bare else self._clean(result.id),
            capture=self._clean(result.capture),
            frames=tuple(finding.frames),
            expected=expected,
            observed=observed,
            message=_sentence(finding, check, _who(side, finding.party, guessed), expected, observed),
            deviation=self.deviations.get(check.id) if check and failed else None,
            side_guessed=guessed,
        )

    def quiet(self, check_id: str, verdict: Verdict, count: int, result: ScenarioResult) -> Line:
        """A check that passed `count` times, or did not apply."""
        check = self.checks.get(check_id)
        asks = check.asks if check else "a check this catalogue does not know"
        how = f"passed {count} time{'s' * (count != 1)}" if verdict is Verdict.PASS else "did not apply"
        return Line(
            self._clean(check_id), verdict, check.level if check else None, check.on if check else None, None,
            check.clause if check else "", None if result.bare else self._clean(result.id),
            self._clean(result.capture), message=self._clean(f"{check_id} {how}: {asks}."), count=count,
        )  # fmt: skip

    def quiet_lines(self, result: ScenarioResult) -> Iterator[Line]:
        """What passed, and what had nothing to judge."""
        for check_id, count in sorted(result.passed.items()):
            yield self.quiet(check_id, Verdict.PASS, count, result)
        told = set(result.passed) | {told.check for told in result.tally}
        for check_id in sorted(set(result.not_applicable) - told):
            yield self.quiet(check_id, Verdict.NOT_APPLICABLE, 0, result)

    def own_line(self, result: ScenarioResult) -> Line | None:
        """The scenario's own verdict, when no line of a check tells it."""
        verdict = result.verdict or Verdict.PASS
        told_by_check = any(t.verdict is verdict and t.level is Level.MUST for t in result.tally)
        if verdict is Verdict.PASS or told_by_check or (result.bare and verdict is Verdict.NOT_APPLICABLE):
            return None
        return Line(
            None, verdict, None, None, None, "", None if result.bare else self._clean(result.id),
            self._clean(result.capture), message=self._clean(result.sentence), deviation=result.deviation or None,
        )  # fmt: skip

    def _clean(self, text: str, quoted: Mask | None = None) -> str:
        """Masked, legible and of bounded length; `quoted` masks the secrets of the message that is spoken of."""
        text = self.mask.text(text)
        return shortened(legible(quoted.text(text) if quoted else text), TEXT_LIMIT)


def told(line: Line) -> Told:
    """What the line counts as."""
    return Told(line.check or "", line.verdict, line.level, line.side, line.party, line.deviation is not None)


def _sentence(finding: Finding, check: Check | None, who: str, expected: str, observed: str) -> str:
    name = f"{check.id} ({check.clause})" if check else "the scenario"
    asks = check.asks if check else "what the scenario expects"
    said = _OUTCOME[finding.verdict].format(who=who, check=name, asks=asks).rstrip(".")
    if expected:
        said += f"; expected {expected}"
    if observed:
        said += f"; observed {observed}"
    said += in_frames(finding.frames)
    return said[:1].upper() + said[1:] + "."


def _who(side: Side | None, party: object, guessed: bool = False) -> str:
    if side is Side.SUITE:
        who = "the suite's own agent" if party else "the suite itself"
    else:
        who = f"the {side}" if side and side is not Side.EITHER else "the sender"
    return (f"{who} {party}" if party else who) + (" (side guessed)" if guessed else "")


def conclude(result: ScenarioResult, checks: Mapping[str, Check]) -> None:
    """Fills in the verdict and the sentence that the scenario left to its findings."""
    if result.verdict in (None, Verdict.PASS):
        result.verdict = _verdict(result)
    if not result.sentence:
        result.sentence = _verdict_sentence(result, checks)
    elif result.failed and (
        against := _against(result)
    ):  # the story says what went otherwise, the checks say whose it is
        result.sentence = f"{result.sentence.rstrip('.')}. {_accusation(result, against, checks)}"


def _verdict(result: ScenarioResult) -> Verdict:
    if result.error:
        return Verdict.COULD_NOT_RUN
    if result.failing():
        return Verdict.FAIL
    if result.own_failings or any(told.verdict is Verdict.COULD_NOT_RUN for told in result.tally):
        return Verdict.COULD_NOT_RUN
    if any(told.verdict is Verdict.INCONCLUSIVE and told.level is Level.MUST for told in result.tally):
        return Verdict.INCONCLUSIVE
    if result.verdict is Verdict.PASS or result.passed or any(t.verdict is Verdict.FAIL for t in result.tally):
        return Verdict.PASS
    return Verdict.NOT_APPLICABLE


def _verdict_sentence(result: ScenarioResult, checks: Mapping[str, Check]) -> str:
    if result.verdict is Verdict.FAIL and (against := _against(result)):
        return _accusation(result, against, checks)
    lesser = sum(n for told, n in result.tally.items() if told.verdict is Verdict.FAIL)
    return {
        Verdict.PASS: f"No MUST is violated{f'; {lesser} lesser or expected deviations' if lesser else ''}.",
        Verdict.FAIL: "The scenario did not see what it expects; no check accuses anybody of it.",
        Verdict.INCONCLUSIVE: _unsure(result),
        Verdict.NOT_APPLICABLE: _nothing(result),
        Verdict.NOT_SUPPORTED: "The device does not support what the scenario needs.",
        Verdict.COULD_NOT_RUN: _why_not(result),
    }[result.verdict or Verdict.PASS]


def _against(result: ScenarioResult) -> list[Defect]:
    return [defect for defect in result.defects if defect.counts_against]


def _accusation(result: ScenarioResult, against: Sequence[Defect], checks: Mapping[str, Check]) -> str:
    """Who breaks what, where, and by which words; of several defects the one that is seen most often."""
    worst = max(against, key=lambda defect: result.defects[defect].total())
    check = checks.get(worst.checks[0])
    rule = f"{worst.checks[0]} ({check.asks})" if check else worst.checks[0]
    said = f"{_who(worst.side, worst.party, worst.guessed)} breaks {rule} {seen(result.defects[worst])}"
    shown = (line for line in result.shown if line.check == worst.checks[0] and line.party == worst.party)
    observed = next((line.observed for line in shown if line.verdict is Verdict.FAIL), "")
    more = len(against) - 1
    said += f"; observed {shortened(observed, 300)}" if observed else ""
    said += f" (and {counted(more, 'more defect')})" if more else ""
    return said[:1].upper() + said[1:] + "."


def _nothing(result: ScenarioResult) -> str:
    if result.notes:
        return f"Nothing in it could be judged: {shortened(result.notes[0].text, 300).rstrip('.')}."
    return "Nothing in the evidence is what a check asks about."


def _unsure(result: ScenarioResult) -> str:
    asked = sorted({t.check for t in result.tally if t.verdict is Verdict.INCONCLUSIVE and t.level is Level.MUST})
    more = f" and {len(asked) - 3} more" if len(asked) > 3 else ""
    which = f": {', '.join(asked[:3])}{more}" if asked else ""
    return f"The evidence does not suffice for a verdict{which}."


def _why_not(result: ScenarioResult) -> str:
    if result.error:
        return f"It could not run: {shortened(result.error.strip().splitlines()[-1], 300)}"
    if result.own_failings:
        checks = ", ".join(sorted(result.own_failings)[:3])
        return f"An agent of our own that is not under test breaks {checks}: what came of it accuses nobody."
    broken = sorted({told.check for told in result.tally if told.verdict is Verdict.COULD_NOT_RUN})
    return f"The suite could not ask {', '.join(broken)}." if broken else "It could not run; no reason was recorded."
