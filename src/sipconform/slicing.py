"""One conversation of a capture, or several, as a capture of its own: what is kept of the evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sipconform.checks.told import places
from sipconform.sip.message import Message
from sipconform.trace.correlate import correlate
from sipconform.trace.packet import Observation, Packet, is_keep_alive
from sipconform.trace.parts import traces
from sipconform.trace.trace import Trace

WHO = frozenset({"servers", "phones", "actors", "users", "ours", "under_test", "profile"})
"""What the lab has said of who is who; what its policies are may have been changed since by what is cut away."""


def call_ids_of_parts(evidence: Iterable[Packet | Observation]) -> list[list[str]]:
    """The Call-IDs of each part of a capture (see `trace.parts`), parts and Call-IDs in order of appearance."""
    packets = [item for item in evidence if isinstance(item, Packet)]
    parts = [list(dict.fromkeys(m.call_id for m in trace.messages)) for trace in traces(packets) if trace.messages]
    order = {call_id: at for at, call_id in enumerate(dict.fromkeys(Message(p.payload).call_id for p in packets))}
    return sorted(parts, key=lambda part: order[part[0]])


def cut_out(evidence: Sequence[Packet | Observation], call_ids: set[str]) -> Iterator[Packet | Observation]:
    """The messages of these Call-IDs, keep-alives between the same two, and what was observed that still holds.

    What was wanted of an actor and what it believed holds where all its conversations are here: else what should have
    come of the one, or led to the other, may be cut away. Of what the lab says, who is who always holds.
    """
    trace = correlate(evidence)
    if all(message.call_id in call_ids for message in trace.messages):
        yield from evidence
        return
    actors, whole = places(trace), _whole(trace, call_ids)
    pairs = {frozenset((m.source, m.destination)) for m in trace.messages if m.call_id in call_ids}
    for item in evidence:
        if isinstance(item, Packet):
            here = frozenset((item.source, item.destination)) in pairs and is_keep_alive(item.payload)
            if here or Message(item.payload).call_id in call_ids:
                yield item
        elif item.kind == "lab":
            yield item._replace(what={name: fact for name, fact in item.what.items() if name in WHO})
        elif item.kind == "network" or actors.get(item.who) in whole or item.what.get("call_id") in call_ids:
            yield item


def _whole(trace: Trace, call_ids: set[str]) -> set[str]:
    """The addresses all of whose conversations have these Call-IDs."""
    met: dict[str, set[str]] = {}
    for message in trace.messages:
        for end in (message.source, message.destination):
            met.setdefault(str(trace.party(end)), set()).add(message.call_id)
    return {end for end, called in met.items() if called <= call_ids}
