"""What turns templates into pages: every value masked and legible, one script that the page's own policy allows."""

from __future__ import annotations

import base64
import hashlib
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from sipconform.checks.catalogue import Verdict
from sipconform.compare.rules import COUNTING, IGNORING
from sipconform.report import glossary
from sipconform.report.differences import gist, ignored_by, in_short, in_time, kind_of, place
from sipconform.report.evidence import facts_of
from sipconform.report.legible import duration, isolated, legible, ranges, seen
from sipconform.report.secrets import Mask
from sipconform.shipped import shipped

if TYPE_CHECKING:
    from jinja2 import Environment

SYMBOLS = {
    Verdict.PASS: "✓",
    Verdict.FAIL: "✗",
    Verdict.INCONCLUSIVE: "?",
    Verdict.NOT_SUPPORTED: "⊘",
    Verdict.NOT_APPLICABLE: "–",
    Verdict.COULD_NOT_RUN: "!",
}


def rendered(name: str, mask: Mask, **given: Any) -> str:
    """A template of `reports/templates` filled in, every value masked and made legible on its way."""
    return _environment(mask).get_template(name).render(**given)


def _shown(value: object, mask: Mask) -> object:
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return isolated(legible(mask.text(str(value))))
    return "" if value is None else value


@lru_cache(maxsize=4)  # a template is compiled once for all sections of a run
def _environment(mask: Mask) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    environment = Environment(
        loader=FileSystemLoader(shipped("reports/templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # every expression passes here: nothing reaches the page that was not masked and made legible
        finalize=lambda value: _shown(value, mask),
    )
    environment.filters["duration"] = duration
    environment.globals.update({each.__name__: each for each in (gist, ignored_by, in_short, in_time, kind_of, place)})
    environment.globals.update(glossary=glossary, rows=glossary.ROWS)
    environment.globals["rules"] = {**COUNTING, **IGNORING}
    environment.globals.update(symbols=SYMBOLS, Verdict=Verdict, facts_of=facts_of, ranges=ranges, seen=seen)
    environment.filters["thousands"] = lambda number: f"{number:,}"
    return environment


@cache
def script() -> str:
    """The page's own script."""
    return (shipped("reports/templates") / "report.js").read_text(encoding="utf-8")


def script_hash() -> str:
    """For the page's own content security policy: this script and no other."""
    return base64.b64encode(hashlib.sha256(script().encode()).digest()).decode()
