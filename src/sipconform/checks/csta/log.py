"""What was said in one uaCSTA session, sorted once: a night has thousands of INFOs, and each question is one look."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate
from math import inf
from typing import NamedTuple

from sipconform.features.csta import CONTENT_TYPE, CstaDocument, parse_csta
from sipconform.sip.fault import Fault
from sipconform.trace.packet import Address
from sipconform.trace.trace import Dialog, Trace, Transaction, WireMessage

LATER = 5_000_000_000  # nanoseconds within which the answer to a service may follow in an INFO of its own
CHALLENGES = (401, 407)
GONE = (408, 481)


@lru_cache(maxsize=1024)
def document(message: WireMessage) -> CstaDocument | None:
    """The document a message carries, None for no document or one that cannot be read."""
    if not message.content or not is_csta(message):
        return None
    found = parse_csta(message.content)
    return None if isinstance(found, Fault) else found


def is_csta(message: WireMessage) -> bool:
    """Whether a message says that it carries a document."""
    kind = message.content_type
    return not isinstance(kind, Fault) and kind.type == CONTENT_TYPE


class Monitor(NamedTuple):
    """A cross reference, who gave it, and the numbers of the message that did and of the one that stopped it."""

    reference: str
    giver: Address
    since: int
    until: float = inf


class Log:
    """One session's dialog."""

    def __init__(self, trace: Trace, dialog: Dialog) -> None:
        self._trace = trace
        self._documents: dict[int, CstaDocument] = {}  # by the number of the message that carries it
        self._infos: dict[tuple[Address, str], list[tuple[int, CstaDocument]]] = {}
        self._starts: list[WireMessage] = []
        self._stops: list[tuple[int, Address, str]] = []
        self._used: dict[Address, int] = {}  # the number of the last message by which a party took part
        self.bye: Transaction | None = None
        orders: dict[Address, list[tuple[int, int]]] = {}
        for transaction in dialog.transactions:
            request = transaction.request
            if request is None:
                continue
            orders.setdefault(transaction.client, []).append((request.number, request.cseq_number))
            told = self._read(request)
            if told is not None:
                key = trace.party(request.source), told.name
                self._infos.setdefault(key, []).append((request.packet.time_ns, told))
            self._read(transaction.final)
            self._note_course(transaction, request, told)
        for infos in self._infos.values():
            infos.sort(key=_first)
        self._starts.sort(key=lambda request: request.number)
        self._newest = {client: _newest(sorted(sent)) for client, sent in orders.items()}
        self.monitors = tuple(self._monitors(dialog))

    def _note_course(self, transaction: Transaction, request: WireMessage, told: CstaDocument | None) -> None:
        asker, asked = self._trace.party(request.source), self._trace.party(request.destination)
        if told is not None and told.name == "MonitorStart":
            self._starts.append(request)
        if told is not None and told.name == "MonitorStop" and not self._is_refused(request):
            self._stops.append((request.number, asked, told.cross_reference))
        if request.method == "BYE":
            self.bye = self.bye or transaction
            return
        self._used[asker] = max(self._used.get(asker, -1), request.number)
        if transaction.final is not None and transaction.succeeded:
            self._used[asked] = max(self._used.get(asked, -1), transaction.final.number)

    def _monitors(self, dialog: Dialog) -> Iterator[Monitor]:
        for message in dialog.messages:
            told = self._documents.get(message.number)
            if told is not None and told.name == "MonitorStartResponse" and told.cross_reference:
                giver = self._trace.party(message.source)
                ends = (n for n, at, which in self._stops if n > message.number and _stops(at, which, giver, told))
                yield Monitor(told.cross_reference, giver, message.number, min(ends, default=inf))

    def _read(self, message: WireMessage | None) -> CstaDocument | None:
        told = document(message) if message is not None else None
        if message is not None and told is not None:
            self._documents[message.number] = told
        return told

    def document(self, message: WireMessage | None) -> CstaDocument | None:
        """The document a request or a final answer of the session carries."""
        return self._documents.get(message.number) if message is not None else None

    def given(self, by: Address) -> frozenset[str]:
        """The cross references one side has given, of monitors that still run or have been stopped."""
        return frozenset(m.reference for m in self.monitors if m.giver == by)

    def is_monitored(self, party: Address, at: WireMessage) -> bool:
        """Whether somebody monitors a party after a message, and the session is up."""
        ended = self.bye is not None and self.bye.request is not None and self.bye.request.number <= at.number
        return not ended and any(m.giver == party and m.since <= at.number < m.until for m in self.monitors)

    def knows_all_monitors(self, of: Address) -> bool:
        """Whether every monitor that was asked of a party, and not refused, was seen to get its reference."""
        wanted = [r for r in self._starts if self._trace.party(r.destination) == of and not self._is_refused(r)]
        return len(wanted) <= sum(m.giver == of for m in self.monitors)

    def _is_refused(self, request: WireMessage) -> bool:
        final = request.transaction.final if request.transaction is not None else None
        told = self.document(final)
        return final is not None and (final.status >= 300 or (told is not None and told.name == "CSTAErrorCode"))

    def next_start(self, after: WireMessage) -> WireMessage | None:
        """The next request for a monitor after a message."""
        at = bisect_right(self._starts, after.number, key=lambda request: request.number)
        return self._starts[at] if at < len(self._starts) else None

    def says_nothing(self, transaction: Transaction) -> bool:
        """Whether the answer to a request says nothing of what was asked: it was challenged, or overtaken, or the
        session was gone. A party that goes on using a session it called gone has answered the request itself."""
        final = transaction.final
        if final is not None and final.status in GONE:
            return self._used.get(self._trace.party(final.source), -1) <= final.number
        return (final is not None and final.status in CHALLENGES) or self.is_overtaken(transaction)

    def is_overtaken(self, transaction: Transaction) -> bool:
        """Whether a request was refused as out of order while a newer one was under way (RFC 3261 §12.2.2)."""
        request, final = transaction.request, transaction.final
        if request is None or final is None or final.status != 500:
            return False
        sent = self._newest[transaction.client]
        before = bisect_left(sent, final.number, key=_first)
        return before > 0 and sent[before - 1][1] > request.cseq_number

    def answer_by_info(self, told: CstaDocument, final: WireMessage) -> CstaDocument | None:
        """The answer to a document that came in an INFO of its own, soon before or after the 2xx without it."""
        at, party = final.packet.time_ns, self._trace.party(final.source)
        found: list[tuple[int, CstaDocument]] = []
        for name in (f"{told.name}Response", "CSTAErrorCode"):
            infos = self._infos.get((party, name), [])
            first = bisect_left(infos, at - LATER, key=_first)
            found += [info for info in infos[first : first + 1] if info[0] <= at + LATER]
        return min(found, key=_first)[1] if found else None


def _stops(at: Address, which: str, giver: Address, started: CstaDocument) -> bool:
    """Whether a request stops a monitor; one that names none may mean any."""
    return at == giver and which in (started.cross_reference, "")


def _first(row: tuple[int, object]) -> int:
    return row[0]


def _newest(sent: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Message numbers, each with the greatest CSeq sent up to there."""
    return list(zip((number for number, _ in sent), accumulate((cseq for _, cseq in sent), max), strict=True))
