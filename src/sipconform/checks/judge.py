"""The judge: puts every question of the catalogue to a trace and says whose each answer is."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from sipconform.checks.catalogue import INFO, PASSED, Check, Finding, Side, Verdict, catalogue
from sipconform.checks.evidence import author, is_relayed
from sipconform.trace.packet import WITHHELD, Address
from sipconform.trace.trace import Trace, WireMessage

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Judgement:
    """What the catalogue says of one trace. Passes are counted by check id, everything else is kept."""

    passed: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    provoked: int = 0  # findings left out because the suite itself sent what they accuse, on purpose

    @property
    def asked(self) -> frozenset[str]:
        """The checks that found something to judge; all others are not applicable."""
        return frozenset(self.passed) | {f.check.id for f in self.findings if f.check is not None}


def judge(trace: Trace, checks: Mapping[str, Check] | None = None) -> Judgement:
    """Asks every check (by default the whole catalogue) and attributes the answers.

    Never raises because of a check: an exception becomes a COULD_NOT_RUN finding on the suite's own side.
    """
    judgement = Judgement()
    parties = _Parties(trace)
    for asked in (catalogue() if checks is None else checks).values():
        answers = _answers(asked, trace)
        passed = answers.count(PASSED)
        for found in answers if passed < len(answers) else ():
            if found is PASSED:
                continue
            if found.verdict is Verdict.PASS:
                passed += 1
            elif parties.provoked(found):
                judgement.provoked += 1
            else:
                found.check = asked
                found.level = found.level or asked.level
                found.side = found.side if found.side is not Side.EITHER else parties.side(found, asked)
                judgement.findings.append(found)
        if passed:
            judgement.passed[asked.id] = passed
    return judgement


def side_is_guessed(trace: Trace, found: Finding) -> bool:
    """Whether the side it accuses was concluded from no more than who speaks with whom."""
    if found.check is None or found.check.on is not Side.EITHER or found.side not in (Side.SERVER, Side.PHONE):
        return False
    party = trace.party(found.party) if found.party is not None else None
    return party not in trace.servers and party not in trace.phones


def _answers(asked: Check, trace: Trace) -> list[Finding]:
    """One check's findings; those given before an exception are kept."""
    answers: list[Finding] = []
    try:
        answers.extend(asked.ask(trace))
    except Exception as error:  # a broken check must not hide what the others see
        log.exception("check %s could not run", asked.id)
        seen = f"{type(error).__name__}: {error}"
        expected = f"check {asked.id} to run"
        answers.append(Finding(Verdict.COULD_NOT_RUN, None, expected, seen, side=Side.SUITE, level=INFO))
    return answers


class _Parties:
    """Who is who, from the lab's word first and from what everybody did second."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._met: dict[Address, set[Address]] | None = None
        lab = [o.what for o in trace.observations if o.kind == "lab"]
        self._ours = _named(lab, "ours") - _named(lab, "under_test")
        stimuli = [o.what for o in trace.observations if o.kind == "stimulus"]
        self._stimuli = {(s.get("call_id"), s.get("branch")) for s in stimuli}

    def provoked(self, found: Finding) -> bool:
        """Whether a finding accuses somebody of what the suite had him do: the sender of a message he was told to send,
        or a server of its silence where it was told to say nothing."""
        if not self._stimuli:
            return False
        party = self._trace.party
        accused = found.party and party(found.party)  # by stream it sends and answers from different ports
        silenced = any((m.call_id, WITHHELD) in self._stimuli for m in _evidence(found))
        if silenced and accused in self._trace.servers:
            return True
        return any(self._is_stimulus(m) and accused in (party(m.source), None) for m in _evidence(found))

    def _is_stimulus(self, message: WireMessage) -> bool:
        if not message.is_request:
            return False
        return not self._stimuli.isdisjoint({(message.call_id, message.branch), (message.call_id, None)})

    def side(self, found: Finding, asked: Check) -> Side:
        """The side a finding accuses: ours, what the check says, or the role of the address."""
        party = self._trace.party(found.party) if found.party is not None else None
        if str(party) in self._ours or str(found.party) in self._ours:
            return Side.SUITE
        if asked.on is not Side.EITHER:
            return asked.on
        if party in self._trace.servers:
            return Side.SERVER
        if party in self._trace.phones:
            return Side.PHONE
        return self._by_role(found, party)

    def _by_role(self, found: Finding, party: Address | None) -> Side:
        """A guess where nobody said and nothing told: of two who speak with each other, the server is the one that
        speaks with more; the peer of a known phone is one too, and who wrote a NOTIFY that a proxy passed on. In doubt
        it is a phone."""
        passed_on = [m for m in _evidence(found) if m.is_request and is_relayed(m) and author(m) == party]
        if passed_on:
            return Side.SERVER if passed_on[0].method == "NOTIFY" else Side.PHONE
        peers = self._peers()
        for message in _evidence(found):
            transaction = message.transaction
            if transaction is None or party is None:
                continue
            peer = transaction.server if party == transaction.client else transaction.client
            if peer in self._trace.phones or len(peers.get(party, ())) > len(peers.get(peer, ())):
                return Side.SERVER
        return Side.PHONE

    def _peers(self) -> dict[Address, set[Address]]:
        if self._met is None:
            self._met = {}
            for transaction in self._trace.transactions:
                self._met.setdefault(transaction.client, set()).add(transaction.server)
                self._met.setdefault(transaction.server, set()).add(transaction.client)
        return self._met


def _evidence(found: Finding) -> tuple[WireMessage, ...]:
    return found.also if found.of is None else (found.of, *found.also)


def _named(lab: list[dict[str, object]], key: str) -> set[str]:
    listed = (what.get(key) for what in lab)
    return {str(text) for texts in listed if isinstance(texts, list) for text in texts}
