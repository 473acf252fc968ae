"""What the parties call themselves: product and version from User-Agent and Server (RFC 3261 §20.35 and §20.41)."""

from __future__ import annotations

from collections.abc import Sequence

from sipconform.report.legible import shortened
from sipconform.report.model import Run, ScenarioResult
from sipconform.trace.trace import Trace, WireMessage

LONGEST = 80
_ANSWERED_BY_THE_SERVER = frozenset({"REGISTER", "SUBSCRIBE", "PUBLISH"})


def learn_products(result: ScenarioResult, trace: Trace) -> None:
    """Adds what the messages of one trace tell; the first word of a party counts."""
    known = result.products
    for message in trace.messages:
        name = message.text("User-Agent") or message.text("Server")
        if name and _speaks_for_itself(message, trace):
            known.setdefault(str(trace.party(message.source)), shortened(name, LONGEST))


def _speaks_for_itself(message: WireMessage, trace: Trace) -> bool:
    """A proxy passes on what others have written: its own are answers that only a server gives."""
    if message.is_request:
        return len(message.values("Via")) == 1
    return message.method in _ANSWERED_BY_THE_SERVER or trace.party(message.source) not in trace.servers


def products(run: Run) -> list[tuple[str, Sequence[str]]]:
    """Every product of a run with the addresses it was met at, in order of appearance."""
    met: dict[str, dict[str, None]] = {}
    for result in run.scenarios:
        for address, product in result.products.items():
            met.setdefault(product, {})[address] = None
    return [(product, list(addresses)) for product, addresses in met.items()]
