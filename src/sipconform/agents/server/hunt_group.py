"""Hunt groups: a call to the group's number rings the softphone lines of all members at once; the first answer wins.

What is documented (estos UCServer, Sammelgruppe): ring-all and nothing else, softphone lines only, no opting out, the
group shown as "forwarded by", the others told who answered. Which header fields carry that is not documented;
History-Info, Diversion and Reason are the standard's means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sipconform.agents.call import Leg
from sipconform.agents.requests import ServerRequest
from sipconform.agents.server.call_server import CallServer, Incoming, Session, Target
from sipconform.features.diversion import write_diversion, write_history

Telling = Literal["both", "history-info", "diversion", "conflicting", "none"]
REASONS: Mapping[str, str] = {  # the ways servers tell the others that one has answered (RFC 3326)
    "named": 'SIP;cause=200;text="Call completed elsewhere, answered by {winner}"',
    "canonical": 'SIP;cause=200;text="Call completed elsewhere"',
    "no-text": "SIP;cause=200",
    "other-text": 'SIP;cause=200;text="Anderswo angenommen"',
    "spaced": 'SIP ;cause=200 ;text="Call completed elsewhere"',
    "q850": "Q.850;cause=26",
    "none": "",
}
SOMEBODY_ELSE = "699"  # who Diversion names in a request whose two header fields conflict


@dataclass(slots=True)
class Group:
    """`desk_only` are members whose only line is a hardware telephone: the group never rings them."""

    number: str
    members: tuple[str, ...]
    name: str = ""
    desk_only: frozenset[str] = frozenset()

    @property
    def softphones(self) -> tuple[str, ...]:
        return tuple(member for member in self.members if member not in self.desk_only)


@dataclass(eq=False, repr=False)
class HuntGroups:
    """`decline_ends_all`: a 6xx of one member refuses the call for all, as a forking proxy would (RFC 3261 §16.7
    step 6); a ring-all PBX lets the others ring on."""

    calls: CallServer
    groups: dict[str, Group] = field(default_factory=dict)
    reason: str = "named"  # a key of REASONS
    telling: Telling = "both"
    decline_ends_all: bool = False
    ring_seconds: float = 60.0
    alert_info: str = ""
    as_proxy: bool = False  # the caller hears a second answer too, as from a forking proxy

    def __post_init__(self) -> None:
        self.calls.intercept(self._take)

    @property
    def domain(self) -> str:
        return self.calls.authentication.directory.domain

    def add(self, group: Group) -> None:
        """Raises ValueError for a number that is a user's line already."""
        if self.calls.authentication.directory.find(group.number):
            raise ValueError(f"{group.number} is a user's line: a group needs a number of its own")
        self.groups[group.number] = group

    def _take(self, incoming: Incoming) -> bool:
        group = self.groups.get(incoming.dialled)
        if group is None:
            return False
        session = self.session(incoming)
        if targets := self._targets(group, incoming):
            session.ring(targets, self.ring_seconds)
        else:
            session.caller.reject(480)
            session._over()
        return True

    def session(self, incoming: Incoming) -> GroupSession:
        """The session of a new call to a group, before anybody is rung."""
        caller = Leg.offered(self.calls.agent, incoming.request)
        session = GroupSession(self.calls.agent, caller, incoming.identity, groups=self)
        self.calls.sessions.append(session)
        session.on_over = self.calls.sessions.remove
        return session

    def _targets(self, group: Group, incoming: Incoming) -> list[Target]:
        """Every softphone line of every member who is signed in, but the caller's own. A member's Do Not Disturb and
        forwards do not count: nobody can leave the group."""
        now = asyncio.get_running_loop().time()
        directory = self.calls.authentication.directory
        users = [directory.find(name) for name in group.softphones if name != incoming.caller.name]
        return [
            Target(contact, f"<sip:{user.name}@{self.domain}>", self._told(group, user.name))
            for user in users
            if user is not None
            for contact in user.contacts(now)
        ]

    def _told(self, group: Group, member: str) -> tuple[tuple[str, str], ...]:
        by, to = f"sip:{group.number}@{self.domain}", f"sip:{member}@{self.domain}"
        history = ("History-Info", ", ".join(write_history(by, to, "unconditional")))
        other = f"sip:{SOMEBODY_ELSE}@{self.domain}" if self.telling == "conflicting" else by
        diversion = ("Diversion", write_diversion(other, "unconditional", group.name))
        few = {"history-info": (history,), "diversion": (diversion,), "none": ()}
        told = few.get(self.telling, (history, diversion))
        return (*told, ("Alert-Info", self.alert_info)) if self.alert_info else told


@dataclass(eq=False, repr=False)
class GroupSession(Session):
    """A session whose losers are told in the way the group is set to."""

    groups: HuntGroups = field(kw_only=True)

    def _won(self, branch: Leg) -> None:
        winner = branch.dialog.remote.partition("sip:")[2].partition("@")[0]
        self.cancel_reason = REASONS[self.groups.reason].format(winner=winner)
        super()._won(branch)
        if self.groups.as_proxy and self.caller.invite is not None:
            second_answer(self.caller, self.caller.invite)

    def _lost(self, branch: Leg) -> None:
        if branch.status < 600 or self.groups.decline_ends_all:
            super()._lost(branch)
        elif all(other.state == "ended" for other in self.branches) and self.caller.state == "ringing":
            self._failed(486)


class OtherFork(ServerRequest):
    """The caller's INVITE as another fork behind a proxy would have it: a To tag and a transaction of its own."""

    @property
    def key(self) -> tuple[str, str, str]:
        branch, sent_by, method = super().key
        return branch, f"{sent_by} {self.to_tag}", method


def second_answer(caller: Leg, request: ServerRequest) -> None:
    """A 200 of another dialog to the same INVITE: two have answered at once behind a forking proxy."""
    endpoint = request.endpoint
    fork = OtherFork(endpoint, request.message, request.packet, request.transport)
    endpoint.servers[fork.key] = fork
    Leg.offered(caller.agent, fork).accept(caller.local_sdp)
