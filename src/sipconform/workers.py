"""Judges several batches of parts at once, in worker processes beside this one.

A worker is sent the packets of some parts, correlates and judges them, and sends back what the judge said, every
message by its number. The same code meets the same packets, so the findings and their order are those of one process;
what a worker cannot do is done here. Workers are forks: they know the checks, and end when this process does, however
it ends.
"""

from __future__ import annotations

import gc
import pickle
import signal
import sys
from collections import Counter, deque
from collections.abc import Generator, Iterable, Mapping
from contextlib import suppress
from itertools import chain
from multiprocessing import get_context
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Thread
from typing import NamedTuple

from sipconform.checks.catalogue import Check, Finding, Level, Side, Verdict
from sipconform.checks.judge import Judgement, judge
from sipconform.sip.fault import Span
from sipconform.trace.correlate import correlate
from sipconform.trace.packet import Address, Note, Observation, Packet
from sipconform.trace.trace import Trace, WireMessage

ENOUGH = 500
"""Messages sent at a time, in whole parts: many a part is one short call."""

AT_ONCE = 2
"""Batches a worker may have."""

WAITING = 32
"""Batches kept for one before them that takes longer."""

Judged = tuple[Trace, Judgement]


class Evidence(NamedTuple):
    """What a trace is made of."""

    packets: list[Packet]
    observations: list[Observation]
    notes: list[Note]
    keep_alives: list[Packet]
    start_ns: int
    end_ns: int


class Told(NamedTuple):
    """A finding, its messages by their numbers and its check by its id."""

    verdict: Verdict
    of: int | None
    expected: str
    observed: str
    at: Span | None
    also: tuple[int, ...]
    party: Address | None
    level: Level | None
    check: str | None
    side: Side


Said = tuple[dict[str, int], list[Told], int]
"""A judgement on its way: passes by check id, findings, how many were provoked."""


def judge_several(traces: Iterable[Trace], checks: Mapping[str, Check], count: int) -> Generator[Judged, None, None]:
    """Each trace with its judgement, in the order of the traces, by `count` processes: this one judges what finds no
    worker free. Whoever closes the generator, or is interrupted in it, leaves no process behind."""
    workers: list[_Worker] = []
    ahead: deque[Trace] = deque()
    waiting: deque[_Batch] = deque()
    try:
        for trace in traces:
            ahead.append(trace)
            while sum(len(t.messages) for t in ahead) >= ENOUGH:
                free = _free(workers)
                if free is None and len(workers) < count - 1:
                    workers.append(free := _Worker(checks, workers))
                batch = _Batch(ahead if free else [ahead.popleft()])
                waiting.append(batch)
                if free is None:
                    batch.judge(checks)
                else:
                    free.begin(batch)
                    ahead = deque()
            while waiting and (waiting[0].ready or len(waiting) > WAITING):
                yield from waiting.popleft().result(checks)
        waiting.extend(_Batch([trace]) for trace in ahead)
        while waiting:
            yield from waiting.popleft().result(checks)
    finally:
        for worker in workers:
            worker.end()


class _Batch:
    """Some traces and, once they are there, their judgements."""

    def __init__(self, traces: Iterable[Trace]) -> None:
        self.traces = list(traces)
        self.said: list[Said] | None = None  # by a worker
        self.judged: list[Judged] | None = None
        self.worker: _Worker | None = None

    @property
    def ready(self) -> bool:
        return self.said is not None or self.judged is not None

    def judge(self, checks: Mapping[str, Check]) -> None:
        self.judged = [(trace, judge(trace, checks)) for trace in self.traces]

    def result(self, checks: Mapping[str, Check]) -> list[Judged]:
        """Waited for where a worker has it; judged here where that worker was lost."""
        while self.worker is not None:
            self.worker.listen()
        if self.said is not None:
            pairs = zip(self.traces, self.said, strict=True)
            return [(trace, _restored(said, trace, checks)) for trace, said in pairs]
        if self.judged is None:
            self.judge(checks)
        return self.judged or []


def _free(workers: list[_Worker]) -> _Worker | None:
    """A worker that can be given a batch."""
    return next((worker for worker in workers if worker.is_free()), None)


class _Worker:
    """One process, and the batches it has: the one it is at, and the next, so that it need not wait."""

    def __init__(self, checks: Mapping[str, Check], before: list[_Worker]) -> None:
        self._batches: deque[_Batch] = deque()
        context = get_context("fork")
        self._ours, theirs = context.Pipe()
        foreign = [self._ours, *(worker._ours for worker in before)]
        self._process = context.Process(target=_work, args=(theirs, foreign, checks), daemon=True)
        signals = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # until the worker ignores it
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, signals)
            theirs.close()

    def begin(self, batch: _Batch) -> None:
        batch.worker = self
        self._batches.append(batch)
        try:
            self._ours.send([_evidence(trace) for trace in batch.traces])
        except OSError:
            self._lost()

    def is_free(self) -> bool:
        """Whether it can be given a batch; takes what it has to say. Never waits."""
        while self._batches and self._ours.poll():
            self.listen()
        return len(self._batches) < AT_ONCE and not self._ours.closed

    def listen(self) -> None:
        """Waits for what it says of its first batch; if it is lost, its batches stay without."""
        try:
            said = self._ours.recv()
        except (EOFError, OSError):
            self._lost()
        else:
            batch = self._batches.popleft()
            batch.said, batch.worker = said, None

    def _lost(self) -> None:
        self._ours.close()
        while self._batches:
            self._batches.popleft().worker = None

    def end(self) -> None:
        self._ours.close()
        self._process.kill()
        self._process.join()
        self._process.close()


def _evidence(trace: Trace) -> Evidence:
    packets = [message.packet for message in trace.messages]
    return Evidence(packets, trace.observations, trace.notes, trace.keep_alives, trace.start_ns, trace.end_ns)


def _restored(said: Said, trace: Trace, checks: Mapping[str, Check]) -> Judgement:
    passed, findings, provoked = said
    messages = trace.messages
    judgement = Judgement(Counter(passed), provoked=provoked)
    for told in findings:
        restored = Finding(told.verdict, None, told.expected, told.observed, told.at, (), told.party, told.level)
        restored.of = messages[told.of] if told.of is not None else None
        restored.also = tuple(messages[number] for number in told.also)
        restored.check = checks[told.check] if told.check is not None else None
        restored.side = told.side
        judgement.findings.append(restored)
    return judgement


# -- in the worker ------------------------------------------------------------------------------------------


def _work(pipe: Connection, foreign: Iterable[Connection], checks: Mapping[str, Check]) -> None:
    """A worker's life: until the other end of its pipe is closed, which the system does when nobody else can."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches it too; its parent decides
    gc.freeze()  # what was there before is shared with the parent as long as nobody touches it
    for connection in foreign:
        connection.close()
    sys.setswitchinterval(0.0002)  # seconds: the sender waits for each piece of a batch to be taken
    received: SimpleQueue[bytes | None] = SimpleQueue()
    Thread(target=_receive, args=(pipe, received), daemon=True).start()
    try:
        while (batch := received.get()) is not None:
            pipe.send([_said(evidence, checks) for evidence in pickle.loads(batch)])
    except OSError:
        pipe.close()


def _receive(pipe: Connection, received: SimpleQueue[bytes | None]) -> None:
    """Takes what comes while the worker judges or tells, so that no two wait for each other."""
    with suppress(EOFError, OSError):
        while True:
            received.put(pipe.recv_bytes())
    received.put(None)


def _said(evidence: Evidence, checks: Mapping[str, Check]) -> Said:
    trace = correlate(chain(evidence.packets, evidence.observations, evidence.notes))
    trace.keep_alives, trace.start_ns, trace.end_ns = evidence.keep_alives, evidence.start_ns, evidence.end_ns
    judged = judge(trace, checks)
    said = dict(judged.passed), [_told(found, trace) for found in judged.findings], judged.provoked
    trace.let_go()
    return said


def _told(found: Finding, trace: Trace) -> Told:
    """Raises ValueError for a message that is not the trace's."""
    return Told(
        found.verdict, _number(found.of, trace) if found.of is not None else None, found.expected, found.observed,
        found.at, tuple(_number(message, trace) for message in found.also), found.party, found.level,
        found.check.id if found.check is not None else None, found.side,
    )  # fmt: skip


def _number(message: WireMessage, trace: Trace) -> int:
    if trace.messages[message.number] is not message:
        raise ValueError("a finding shows a message that is not in its trace")
    return message.number
