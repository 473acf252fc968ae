"""One replay from beginning to end: it is captured, and the live course is compared with the recorded one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sipconform.compare.comparison import compare
from sipconform.compare.difference import Comparison
from sipconform.net.tap import CaptureTap
from sipconform.net.transport import Network, Tap
from sipconform.replay.player import Diverged, Drive, Player, Settings
from sipconform.replay.script import Side, Step, parties_of, read_cues, read_script
from sipconform.sip.message import Message
from sipconform.trace.capture import read_capture
from sipconform.trace.capture_writer import CaptureWriter
from sipconform.trace.correlate import correlate
from sipconform.trace.packet import Address, Observation, Packet
from sipconform.trace.trace import Trace

QUIET_S = 0.5
"""Seconds recorded after the last step, so that a late answer is evidence too."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`why` is empty when every step was taken. The comparison is of what crossed the wire until then."""

    taken: int
    steps: int
    why: str
    comparison: Comparison


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
    taken_for = _recorded_live(steps[0])
    with CaptureWriter(capture, comment="replayed by sipconform") as writer:
        tap = CaptureTap(writer)
        net = network(tap)
        player = Player(steps, taken_for, net, settings)
        player.cues, player.drive = read_cues(recording, side, steps), drive
        why = ""
        try:
            await player.open()
            tap.observe(_introduction(player, steps, side, net.now_ns()))
            if side == "phone":
                await player.register()
            await player.play()
        except Diverged as divergence:
            why = str(divergence)
        finally:
            player.answer_the_rest()
            await asyncio.sleep(QUIET_S)
            player.close()
            await net.close()
    played = correlate(item for item in read_capture(capture) if not _beside(item, player))
    return Outcome(player.done, len(steps), why, compare(played, _only(recording, taken_for)))


def _beside(item: object, player: Player) -> bool:
    return isinstance(item, Packet) and Message(item.payload).call_id in player.beside


def _recorded_live(step: Step) -> Address:
    transaction = step.transaction
    return transaction.server if transaction.client == step.us else transaction.client


def _introduction(player: Player, steps: list[Step], side: Side, now_ns: int) -> Observation:
    """Who is who, in the recorded order, so that the comparison names the parties alike."""
    ours = [str(player.rewriting.addresses[party]) for party in parties_of(steps)]
    peer = [str(player.settings.peer)]
    phones, servers = (ours, peer) if side == "phone" else (peer, ours)
    return Observation(now_ns, "lab", "lab", {"phones": phones, "servers": servers, "ours": ours, "under_test": peer})


def _only(recording: Trace, live: Address) -> Trace:
    """What the recording holds of the live peer's part."""
    party = recording.party
    return correlate(
        m.packet for m in recording.messages if live in (party(m.source), party(m.destination))
    )
