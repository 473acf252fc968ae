"""The first sentence of a report: whether anything is wrong, how much of it, whose, and how much was tested at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sipconform.checks.catalogue import Verdict
from sipconform.report.defects import Broken
from sipconform.report.legible import counted, seen
from sipconform.report.model import Run

_UNTESTED = (Verdict.NOT_SUPPORTED, Verdict.NOT_APPLICABLE)


def title(run: Run) -> str:
    """What was tested; of many captures their number, for their names stand below."""
    if len(run.scenarios) > 1 and all(result.bare for result in run.scenarios):
        return f"{len(run.scenarios):,} captures"
    return run.device or run.id


def headline(run: Run, offences: Sequence[Broken]) -> tuple[Verdict, str]:
    """The kind of verdict that colours it, and the sentence."""
    if not run.scenarios:
        return Verdict.COULD_NOT_RUN, "Nothing was run."
    failed = sum(result.failed or bool(result.failing()) for result in run.scenarios)
    if failed:
        return Verdict.FAIL, f"{_of_all(run, failed)} failed{_defects(offences)}."
    if run.unexpected_passes:
        return Verdict.FAIL, "An expected deviation did not show: the profile is out of date."
    return _nothing_failed(run)


def _nothing_failed(run: Run) -> tuple[Verdict, str]:
    counts = Counter(result.verdict or Verdict.PASS for result in run.scenarios)
    tested = counts[Verdict.PASS] + counts[Verdict.FAIL]  # what failed as the profile expects was tested
    others = [verdict for verdict in counts if verdict not in (Verdict.PASS, Verdict.FAIL)]
    left = ", ".join(f"{counts[verdict]:,} {verdict.value.replace('-', ' ')}" for verdict in others)
    if not tested:
        verdict = Verdict.NOT_SUPPORTED if set(others) <= set(_UNTESTED) else Verdict.INCONCLUSIVE
        return verdict, f"Nothing was tested: {left}."
    if not left:
        return Verdict.INCONCLUSIVE if run.interrupted else Verdict.PASS, "No MUST was violated."
    if set(others) <= set(_UNTESTED):
        return Verdict.PASS, f"No MUST was violated in what was tested: {_of_all(run, tested)}; {left}."
    return Verdict.INCONCLUSIVE, f"No MUST was violated, but only {_of_all(run, tested)} could be judged; {left}."


def _of_all(run: Run, count: int) -> str:
    things = "capture" if all(result.bare for result in run.scenarios) else "scenario"
    return f"{count:,} of {counted(len(run.scenarios), things)}"


def _defects(offences: Sequence[Broken]) -> str:
    """ ": 1 defect of the server, seen in 28 NOTIFYs"."""
    against = [one for one in offences if one.defect.counts_against]
    if not against:
        return ""
    sides = Counter(str(one.defect.side or "sender") for one in against)
    if len(sides) == 1:
        whose = f" of the {next(iter(sides))}"
        whose += " (side guessed)" if all(one.defect.guessed for one in against) else ""
    else:
        whose = " (" + ", ".join(f"{count} of the {side}" for side, count in sides.most_common()) + ")"
    kinds: Counter[str] = sum((one.kinds for one in against), Counter())
    return f": {counted(len(against), 'defect')}{whose}, seen {seen(kinds)}"
