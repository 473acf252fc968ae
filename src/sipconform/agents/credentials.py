"""How an agent answers challenges (RFC 3261 §22.2, RFC 7616 §3.4, RFC 8760 §2.4)."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from sipconform.sip import digest
from sipconform.sip.compose import Draft
from sipconform.sip.fault import Fault
from sipconform.sip.message import Message

ANSWERS = {"WWW-Authenticate": "Authorization", "Proxy-Authenticate": "Proxy-Authorization"}


@dataclass(slots=True)
class _Session:
    """One challenge in use: every further request with its nonce counts on."""

    challenge: digest.Challenge
    count: int = 0


@dataclass(eq=False, repr=False)
class CredentialStore:
    """The challenges learned so far, one of each kind, answered for one user."""

    user: str
    password: str = field(repr=False)
    random: random.Random
    _sessions: dict[str, _Session] = field(default_factory=dict)

    def learn(self, answer: Message) -> bool:
        """Takes up the first challenge we can answer, which is the one the server prefers (RFC 8760 §2.4).
        False when there is none, or when these very credentials were refused (RFC 3261 §22.1)."""
        header = "WWW-Authenticate" if answer.status == 401 else "Proxy-Authenticate"
        offered = [digest.parse_challenge(text) for text in answer.texts(header)]
        usable = [c for c in offered if not isinstance(c, Fault) and _can_be_answered(c)]
        if not usable:
            return False
        known = self._sessions.get(header)
        if known is not None and known.challenge.nonce == usable[0].nonce and not usable[0].stale:
            return False
        self._sessions[header] = _Session(usable[0])
        return True

    def authorise(self, draft: Draft) -> None:
        """Writes what was learned into a request; a request before the first challenge goes out bare."""
        method, uri, _ = draft.start_line.split(" ", 2)
        for header, session in self._sessions.items():
            session.count += 1
            credentials = digest.answer(
                session.challenge,
                method,
                uri,
                self.user,
                self.password,
                cnonce=f"{self.random.getrandbits(64):016x}",
                count=session.count,
                body=draft.body,
            )
            if credentials:
                draft.set(ANSWERS[header], str(credentials))


def _can_be_answered(challenge: digest.Challenge) -> bool:
    known = challenge.algorithm.removesuffix("-SESS") in digest.HASHES
    return known and challenge.scheme.lower() == "digest" and "nonce" in challenge.params
