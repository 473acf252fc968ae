"""One replay from beginning to end: it is captured, and the live course is compared with the recorded one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sipconform.compare.comparison import compare
from sipconform.compare.difference import Comparison
from sipconform.net.tap import CaptureTap, NullTap, TeeTap
from sipconform.net.transport import Network, Tap
from sipconform.replay.parties import request_of
from sipconform.replay.player import Player
from sipconform.replay.script import Side, Step, half_seen_in, parties_of, read_cues, read_script, title_of
from sipconform.replay.settings import Diverged, Drive, Settings
from sipconform.sip.message import Message
from sipconform.trace.capture import read_capture
from sipconform.trace.capture_writer import CaptureWriter
from sipconform.trace.correlate import correlate
from sipconform.trace.packet import Address, Note, Observation, Packet
from sipconform.trace.trace import Trace

QUIET_S = 0.5
"""Seconds recorded after the last step, so that a late answer is evidence too."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`why` is empty when every step was taken. The comparison is of what crossed the wire until then. `left_out`
    names the first message of each dialog that began before the recording."""

    taken: int
    steps: int
    why: str
    comparison: Comparison
    left_out: tuple[str, ...] = ()


async def replay(
    recording: Trace,
    side: Side,
    settings: Settings,
    network: Callable[[Tap], Network],
    capture: Path,
    *,
    live: Address | None = None,
    drive: Drive | None = None,
) -> Outcome:
    """Plays one side of a recording against `settings.peer`; `network` makes the network under the tap it is given,
    `drive` makes the peer do what it was told to do in the recording, where it can be driven.

    Raises NotPlayable for a recording that holds nothing for the side, OSError when an address is not to be had.
    """
    steps = read_script(recording, side, live)
    roles = _roles(recording, side, steps)
    with CaptureWriter(capture, comment="replayed by sipconform") as writer:
        tap, trouble = CaptureTap(writer), _Trouble()
        net = network(TeeTap(tap, trouble))
        player = Player(steps, net, settings)
        player.cues, player.drive, player.trouble = read_cues(recording, side, steps), drive, trouble.told
        why = ""
        try:
            await player.open(recording.servers if side == "server" else frozenset())
            tap.observe(roles.told(net.now_ns(), player.parties.rewriting.addresses))
            if side == "phone":
                await player.parties.register()
            await player.play()
        except Diverged as divergence:
            why = str(divergence)
        finally:
            player.answer_the_rest()
            await asyncio.sleep(QUIET_S)
            left_ns = net.now_ns()
            await player.hang_up()
            player.close()
            await net.close()
    during = (item for item in read_capture(capture) if isinstance(item, Note) or item.time_ns < left_ns)
    played = correlate(item for item in during if not _beside(item, player))
    theirs = _only(recording, roles)
    left_out = tuple(title_of(message) for message in half_seen_in(theirs).values())
    return Outcome(player.done, len(steps), why, compare(played, theirs), left_out)


def _beside(item: object, player: Player) -> bool:
    if not isinstance(item, Packet):
        return False
    return request_of(Message(item.payload)) in player.parties.beside


_OF_CONNECTIONS = ("not connected", "not sent", "connection ended", "connection given up", "stream broken")


class _Trouble(NullTap):
    """Remembers what the network said last of its connections, which may be why nothing comes."""

    def __init__(self) -> None:
        self._said: Mapping[str, object] = {}

    def observe(self, observation: Observation) -> None:
        if observation.kind == "network" and observation.what.get("event") in _OF_CONNECTIONS:
            self._said = observation.what

    def told(self) -> str:
        said = self._said
        return f"{said.get('remote')}: {said.get('event')} ({said.get('reason')})" if said else ""


@dataclass(frozen=True, slots=True)
class _Roles:
    """Who is what in the recording, so that the comparison names the parties of both sides alike."""

    live: Address
    servers: list[Address]
    phones: list[Address]

    def told(self, now_ns: int, addresses: Mapping[Address, Address]) -> Observation:
        """As the lab would tell it, of the addresses as they are now."""
        servers, phones = ([str(addresses.get(a, a)) for a in role] for role in (self.servers, self.phones))
        live = str(addresses.get(self.live, self.live))
        ours = [place for place in (*servers, *phones) if place != live]
        facts: dict[str, object] = {"servers": servers, "phones": phones, "ours": ours, "under_test": [live]}
        return Observation(now_ns, "lab", "lab", facts)


def _roles(recording: Trace, side: Side, steps: list[Step]) -> _Roles:
    live = steps[0].live
    ours = parties_of(steps)
    seen = correlate(_theirs(recording, live))
    servers = [party for party in (live, *ours) if party in seen.servers]
    servers = servers or ([live] if side == "phone" else ours)
    return _Roles(live, servers, [party for party in (live, *ours) if party not in servers])


def _theirs(recording: Trace, live: Address) -> Iterator[Packet]:
    """What the recording holds of the live peer's part."""
    party = recording.party
    return (m.packet for m in recording.messages if live in (party(m.source), party(m.destination)))


def _only(recording: Trace, roles: _Roles) -> Trace:
    told = roles.told(recording.start_ns, {})
    return correlate([told, *_theirs(recording, roles.live)])
