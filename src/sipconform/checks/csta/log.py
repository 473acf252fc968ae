"""What was said in one uaCSTA session, sorted once: a night has thousands of INFOs, and each question is one look."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import lru_cache
from itertools import accumulate

from sipconform.features.csta import CONTENT_TYPE, CstaDocument, parse_csta
from sipconform.sip.fault import Fault
from sipconform.trace.packet import Address
from sipconform.trace.trace import Dialog, Trace, Transaction, WireMessage

LATER = 5_000_000_000  # nanoseconds within which the answer to a service may follow in an INFO of its own


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


class Log:
    """One session's dialog."""

    def __init__(self, trace: Trace, dialog: Dialog) -> None:
        self._trace = trace
        self._documents: dict[int, CstaDocument] = {}  # by the number of the message that carries it
        self._infos: dict[tuple[Address, str], list[tuple[int, CstaDocument]]] = {}
        self._references: list[tuple[int, str]] = []
        self._starts: list[WireMessage] = []
        self._end: int | None = None  # the number of the first message that stops the monitor or the session
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
            self._note_course(request, told.name if told is not None else "")
            self._read(transaction.final)
        for number, told in self._documents.items():
            if told.name == "MonitorStartResponse":
                self._references.append((number, told.cross_reference))
        for infos in self._infos.values():
            infos.sort(key=_first)
        self._references.sort()
        self._starts.sort(key=lambda request: request.number)
        self._newest = {client: _newest(sorted(sent)) for client, sent in orders.items()}

    def _note_course(self, request: WireMessage, name: str) -> None:
        if name == "MonitorStart":
            self._starts.append(request)
        if (name == "MonitorStop" or request.method == "BYE") and self._end is None:
            self._end = request.number

    def _read(self, message: WireMessage | None) -> CstaDocument | None:
        told = document(message) if message is not None else None
        if message is not None and told is not None:
            self._documents[message.number] = told
        return told

    def document(self, message: WireMessage | None) -> CstaDocument | None:
        """The document a request or a final answer of the session carries."""
        return self._documents.get(message.number) if message is not None else None

    def reference(self, at: WireMessage) -> str:
        """The cross reference of the monitor in force at a message; "" where none was seen."""
        before = bisect_right(self._references, at.number, key=_first)
        return self._references[before - 1][1] if before else ""

    def ended_by(self, at: WireMessage) -> bool:
        """Whether its monitor was stopped, or the session ended, up to a message."""
        return self._end is not None and self._end <= at.number

    def next_start(self, after: WireMessage) -> WireMessage | None:
        """The next request for a monitor after a message."""
        at = bisect_right(self._starts, after.number, key=lambda request: request.number)
        return self._starts[at] if at < len(self._starts) else None

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


def _first(row: tuple[int, object]) -> int:
    return row[0]


def _newest(sent: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Message numbers, each with the greatest CSeq sent up to there."""
    return list(zip((number for number, _ in sent), accumulate((cseq for _, cseq in sent), max), strict=True))
