"""Challenges that our requests meet at the live peer: which can be answered, and why the others cannot."""

from __future__ import annotations

from sipconform.replay.parties import Parties
from sipconform.replay.script import Step
from sipconform.sip.digest import HASHES, Challenge, parse_challenge
from sipconform.sip.fault import Fault
from sipconform.sip.message import Message
from sipconform.trace.trace import Transaction

CHALLENGES = (401, 407)
_HEADERS = {401: "WWW-Authenticate", 407: "Proxy-Authenticate"}


class Challenges:
    """Each is answered once: the same password does not get better by repetition."""

    def __init__(self, parties: Parties) -> None:
        self._parties = parties
        self._met: set[tuple[Transaction, int]] = set()
        self._why: dict[Transaction, str] = {}

    def take(self, step: Step, answer: Message) -> bool:
        """Whether the step's request is to be made again with credentials; not where the recording was refused too."""
        final = step.transaction.final
        if answer.status not in CHALLENGES or (final is not None and final.status in CHALLENGES):
            return False
        store, met = self._parties.store(step), (step.transaction, answer.status)
        if store is None:
            self._why[step.transaction] = "give --account USER:PASSWORD"
        elif met in self._met:
            self._why[step.transaction] = f"the password of {store.user} was not taken; give --account USER:PASSWORD"
        elif not store.learn(answer):
            self._why[step.transaction] = _unanswerable(answer)
        else:
            self._met.add(met)
            return True
        return False

    def why_not(self, transaction: Transaction) -> str:
        """Why a request was not made again, "" where it has met no challenge."""
        why = self._why.get(transaction, "")
        return f" ({why})" if why else ""


def _unanswerable(answer: Message) -> str:
    offered = [parse_challenge(text) for text in answer.texts(_HEADERS[answer.status])]
    read = [one for one in offered if isinstance(one, Challenge) and one.nonce]
    if not read:
        faults = [one.rule for one in offered if isinstance(one, Fault)]
        return (
            "its challenge cannot be read" + (f": {faults[0]}" if faults else "") if offered else "without a challenge"
        )
    unknown = [one.algorithm for one in read if one.algorithm.removesuffix("-SESS") not in HASHES]
    if unknown:
        return f"it asks for {unknown[0]}, which cannot be done here"
    return "the challenge is the one that was answered"
