"""Whether somebody who said nothing would have been heard.

A line may be down between a device and the tap, and over a broken stream nothing can be sent. So silence is a fault
only where the hop is seen to carry what the silent party says: afterwards, and where no message of his marks the
beginning of the silence, before it as well.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from sipconform.checks.evidence import GIVE_UP, once_per_trace, said_by
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace, WireMessage

NEAR = 2 * GIVE_UP  # seconds for which a line that carried something is taken to hold


def said_on(trace: Trace, hop: WireMessage, speaker: Address, start_ns: int, until_ns: int) -> Sequence[WireMessage]:
    """What a party said within a span of time on the hop of a message: between its ends, by stream on its connection.

    The end of the span is left out, its beginning is not.
    """
    ends = {trace.party(hop.source), trace.party(hop.destination)}
    listener = next(iter(ends - {trace.party(speaker)}), speaker)
    said = _by_hop(trace).get((trace.party(speaker), listener), [])
    span = said[bisect_left(said, start_ns, key=_time) : bisect_left(said, until_ns, key=_time)]
    if hop.transport == "udp":
        return span
    connection = {hop.source, hop.destination}
    return [m for m in span if {m.source, m.destination} == connection]


def _time(message: WireMessage) -> int:
    return message.packet.time_ns


@once_per_trace
def _by_hop(trace: Trace) -> dict[tuple[Address, Address], list[WireMessage]]:
    """What was said, by who said it to whom."""
    found: dict[tuple[Address, Address], list[WireMessage]] = {}
    for message in trace.messages:
        found.setdefault((trace.party(message.source), trace.party(message.destination)), []).append(message)
    return found


def speaks_again(trace: Trace, hop: WireMessage, speaker: Address, after_ns: int) -> bool:
    """Whether a party is heard on a hop after a moment, however much later."""
    return bool(said_on(trace, hop, speaker, after_ns + 1, trace.end_ns + 1))


def would_be_heard(trace: Trace, hop: WireMessage, speaker: Address, start_ns: int, until_ns: int) -> bool:
    """Whether the line held all through a span of time that no message begins: the speaker is heard within a minute
    before its end, or in it, and within a minute after it. A connection that is used later has held in any case."""
    if hop.transport != "udp":
        return speaks_again(trace, hop, speaker, until_ns)
    near = round(NEAR * 1e9)
    before = said_on(trace, hop, speaker, start_ns - near, until_ns)
    return bool(before) and bool(said_on(trace, hop, speaker, until_ns, until_ns + near))


def is_there(trace: Trace, party: Address, start_ns: int, until_ns: int) -> bool:
    """Whether a party is heard within a span of time, and hears: it answers, or is answered."""
    said = said_by(trace, party)
    span = said[bisect_left(said, start_ns, key=_time) : bisect_left(said, until_ns, key=_time)]
    return any(m.transaction is not None and m.transaction.responses for m in span)


def is_there_around(trace: Trace, party: Address, moment_ns: int, within: float = NEAR) -> bool:
    """Whether a party is heard within so many seconds before a moment and after it: then it was neither off nor cut
    off."""
    near = round(within * 1e9)
    return is_there(trace, party, moment_ns - near, moment_ns) and is_there(trace, party, moment_ns, moment_ns + near)
