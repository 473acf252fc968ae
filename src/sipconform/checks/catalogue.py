"""How a check is declared, what it finds, and where all of them are listed.

A check is a pure function over a trace: no socket, no clock, no agent. It yields one `Finding` for every place
in the evidence where its question applies; none at all means *not applicable*.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from sipconform.sip.fault import Span

if TYPE_CHECKING:
    from sipconform.trace.packet import Address
    from sipconform.trace.trace import Trace, WireMessage


class Level(StrEnum):
    """How strongly the clause asks; only a MUST fails a run by default."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"
    INFO = "INFO"


class Verdict(StrEnum):
    """After ISO/IEC 9646: pass, fail, inconclusive; and three ways of not having been judged."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not-applicable"
    NOT_SUPPORTED = "not-supported"
    COULD_NOT_RUN = "could-not-run"


class Side(StrEnum):
    """Whose it is."""

    SERVER = "server"
    PHONE = "phone"
    NETWORK = "network"
    SUITE = "suite"
    EITHER = "either"  # in a check's declaration only: whoever sent the message


MUST, SHOULD, MAY, INFO = Level.MUST, Level.SHOULD, Level.MAY, Level.INFO
SERVER, PHONE, EITHER = Side.SERVER, Side.PHONE, Side.EITHER


@dataclass(slots=True, eq=False)
class Finding:
    """One answer to one check's question, with its evidence.

    `of` is the message that shows it (for something that is missing: the message that asked for it), `also`
    further messages, `at` the offending bytes of `of`, `party` the address accused. The judge fills in what
    the catalogue knows: check id, level, side and clause.
    """

    verdict: Verdict
    of: WireMessage | None = None
    expected: str = ""
    observed: str = ""
    at: Span | None = None
    also: tuple[WireMessage, ...] = ()
    party: Address | None = None
    level: Level | None = None
    check: Check | None = None
    side: Side = Side.EITHER

    @property
    def frames(self) -> list[int]:
        """The capture's frame numbers that show it, ascending, without repetition."""
        messages = (self.of, *self.also) if self.of is not None else self.also
        return sorted({frame for message in messages for frame in message.packet.frames})


PASSED = Finding(Verdict.PASS)
"""What `finding(…, ok=True)` gives: passes are counted, not kept, or a night of calls would not fit in memory."""


def finding(
    of: WireMessage | None,
    ok: bool,
    *,
    expected: str = "",
    observed: str = "",
    at: Span | str | None = None,
    also: Iterable[WireMessage] = (),
    party: Address | None = None,
    level: Level | None = None,
    verdict: Verdict = Verdict.FAIL,
) -> Finding:
    """A pass when `ok`; else a failure (or another `verdict`) that accuses `party`, by default the sender of `of`.

    `at` is the place of the offending bytes in `of`, or the name of the header field that stands there.
    `level` lowers (or raises) the check's own level for this one observation, where the sheet distinguishes.
    """
    if ok:
        return PASSED
    if isinstance(at, str):
        at = of.span(at) if of is not None else None
    return Finding(verdict, of, expected, observed, at, tuple(also), party or (of.source if of else None), level)


type_of_check = Callable[["Trace"], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Check:
    """One question of the catalogue. The id is stable, never reused, never positional."""

    id: str
    asks: str
    level: Level
    on: Side
    clause: str
    ask: type_of_check = field(repr=False, compare=False)

    @property
    def family(self) -> str:
        """The id's prefix: SIP, SUB, REG, FS, …"""
        return self.id.partition("-")[0]

    @property
    def explanation(self) -> str:
        """The function's docstring: why the clause exists and which freedom it leaves."""
        return (self.ask.__doc__ or "").strip()


_catalogue: dict[str, Check] = {}
FAMILIES = (
    "sip_core",
    "subscription",
    "registration",
    "feature_sync",
    "hunt_group",
    "feature_code",
    "csta",
    "shared_line",
    "hotspot",
)


def check(id: str, *, level: Level, on: Side, clause: str, asks: str) -> Callable[[type_of_check], type_of_check]:
    """Enters the decorated function into the catalogue. A second use of an id is a programming error."""

    def enter(function: type_of_check) -> type_of_check:
        if id in _catalogue:
            raise ValueError(f"check {id} is declared twice: {_catalogue[id].ask.__name__}, {function.__name__}")
        _catalogue[id] = Check(id, asks, level, on, clause, function)
        return function

    return enter


def catalogue() -> dict[str, Check]:
    """Every check by id, in the order of the ids. Families are imported when first asked for."""
    for family in FAMILIES:
        importlib.import_module(f"sipconform.checks.{family}")
    return dict(sorted(_catalogue.items()))
