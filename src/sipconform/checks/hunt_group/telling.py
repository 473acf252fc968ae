"""How a call tells that it was forwarded by the group: History-Info (RFC 7044) and Diversion (RFC 5806)."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import EITHER, INFO, MUST, PHONE, SERVER, SHOULD, Finding, check, finding
from sipconform.checks.forks import forks
from sipconform.checks.hunt_group.ringing import GUIDE
from sipconform.checks.names import name_of
from sipconform.checks.told import places
from sipconform.features.diversion import by_diversion, by_history
from sipconform.sip.fault import Fault
from sipconform.sip.headers.history_info import HistoryEntry
from sipconform.trace.trace import Trace, WireMessage

SHOWN_WITHIN = 5.0  # seconds


def told(invite: WireMessage) -> dict[str, str]:
    """Who forwarded a call, by the header field that says so."""
    history = by_history([entry for entry in invite.history_info if not isinstance(entry, Fault)])
    diversion = by_diversion([entry for entry in invite.diversion if not isinstance(entry, Fault)])
    found = {"History-Info": history, "Diversion": diversion}
    return {source: name_of(by.party) for source, by in found.items() if by is not None and not by.private}


def shown(trace: Trace, invite: WireMessage, key: str) -> object:
    """What the phone an INVITE went to said it shows for a key while it rang; None when nobody told."""
    address = str(trace.party(invite.destination))
    actors = [name for name, place in places(trace).items() if place == address]
    value: object = None
    for observation in trace.observations:
        after = (observation.time_ns - invite.packet.time_ns) / 1e9
        if observation.kind == "belief" and observation.who in actors and key in observation.what:
            if after > SHOWN_WITHIN or (value and not observation.what[key]):
                break
            value = observation.what[key]
    return value


@check(
    "HUNT-014", level=SHOULD, on=EITHER, clause=f"{GUIDE}; RFC 7044, RFC 5806",
    asks="a call to a member names the group as the one who forwarded it, and the phone shows that",
)  # fmt: skip
def group_is_shown(trace: Trace) -> Iterator[Finding]:
    """The guide promises the display; that one of these header fields carries it is inferred. Either will do."""
    for fork in forks(trace):
        if fork.group is None:
            continue
        for branch in fork.branches:
            invite = branch.request
            if invite is None:
                continue
            by = told(invite)
            ok = fork.group.number in by.values()
            expected, seen = f"History-Info or Diversion with {fork.group.number}", f"{by or 'neither'}"
            yield finding(invite, ok, expected=expected, observed=seen)
            display = shown(trace, invite, "forwarded_by")
            if by and display is not None and any(r.status == 180 for r in branch.responses):
                expected, seen = f"forwarded by {' or '.join(by.values())}", f"forwarded by {display or 'nobody'}"
                ok, party = display in by.values(), branch.server
                yield finding(invite, ok, expected=expected, observed=seen, party=party)


@check(
    "HUNT-015", level=MUST, on=SERVER, clause="RFC 7044 §9.1",
    asks="every entry of History-Info has an index, and the indexes make a tree",
)  # fmt: skip
def history_is_a_tree(trace: Trace) -> Iterator[Finding]:
    """The index says which forward followed which. An index whose parent is missing is a SHOULD, for an entity on the
    way may have taken entries away; `mp` and `rc` must name an entry that is there, under the same reserve.
    """
    for invite in trace.requests("INVITE"):
        entries = invite.history_info
        if not entries:
            continue
        at, text = invite.span("History-Info"), invite.text("History-Info")
        readable = [entry for entry in entries if isinstance(entry, HistoryEntry)]
        ok = len(readable) == len(entries) and all(e.index and not e.faults for e in readable)
        yield finding(invite, ok, expected="index=1, 1.1, … with every entry", observed=text, at=at)
        known = {entry.index for entry in readable}
        lost = [i for i in known if "." in i and i.rpartition(".")[0] not in known]
        named = [e.address.params.get(key) for e in readable for key in ("mp", "rc", "np")]
        lost += [name for name in named if name and name not in known]
        expected, seen = "the entries the indexes name", f"{', '.join(lost)} missing in {text}"
        yield finding(invite, not lost, expected=expected, observed=seen, at=at, level=SHOULD)


@check(
    "HUNT-016", level=INFO, on=PHONE, clause="RFC 7544",
    asks="where History-Info and Diversion name different parties, the phone shows History-Info's",
)  # fmt: skip
def history_counts_first(trace: Trace) -> Iterator[Finding]:
    """Recorded, not judged: RFC 7544 speaks to gateways, and phones are free to choose."""
    for invite in trace.requests("INVITE"):
        by = told(invite)
        display = shown(trace, invite, "forwarded_by") if len(set(by.values())) > 1 else None
        if display:
            seen, party = f"forwarded by {display}", invite.destination
            ok = display == by.get("History-Info")
            yield finding(invite, ok, expected=f"forwarded by {by.get('History-Info')}", observed=seen, party=party)
