"""A slice of a good capture is good: what is cut away accuses nobody."""

from collections import Counter
from pathlib import Path

import pytest

from sipconform.checks.catalogue import Level, Verdict
from sipconform.judging import judge_capture
from sipconform.recording import manifests
from sipconform.shipped import shipped
from sipconform.slicing import call_ids_of_parts, cut_out
from sipconform.trace.capture import read_capture
from sipconform.trace.capture_writer import CaptureWriter
from sipconform.trace.packet import Address, Observation, Packet

CAPTURES = [path.with_suffix(".pcapng") for path in manifests(shipped("captures"))]
PHONE, OTHER, SERVER = Address("10.0.1.11", 5060), Address("10.0.1.12", 5060), Address("10.0.0.1", 5060)


def evidence(path: Path) -> list[Packet | Observation]:
    return [item for item in read_capture(path) if isinstance(item, Packet | Observation)]


def accused(path: Path) -> Counter[str]:
    """The checks that fail as a MUST, and how often."""
    findings = (found for _, judgement in judge_capture(path) for found in judgement.findings)
    failed = (f for f in findings if f.verdict is Verdict.FAIL and f.level is Level.MUST)
    return Counter(found.check.id for found in failed if found.check)


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_no_slice_of_a_reference_is_accused_of_more_than_the_whole(path: Path, tmp_path: Path) -> None:
    whole, before = evidence(path), accused(path)
    parts = call_ids_of_parts(whole)
    for call_ids in [*([call_id] for part in parts for call_id in part), *(part for part in parts if len(parts) > 1)]:
        with CaptureWriter(tmp_path / "slice.pcapng") as writer:
            for item in cut_out(whole, set(call_ids)):
                writer.write(item)
        assert accused(tmp_path / "slice.pcapng") - before == Counter(), call_ids


def said(call_id: str, source: Address = PHONE) -> Packet:
    return Packet(5, source, SERVER, "udp", f"OPTIONS sip:a SIP/2.0\r\nCall-ID: {call_id}\r\n\r\n".encode())


ACTORS = {"phone": str(PHONE), "other": str(OTHER)}
LAB = Observation(1, "lab", "lab", {"actors": ACTORS, "servers": [str(SERVER)], "line": {"user": "1"}})
WANTED, BELIEVED = Observation(2, "phone", "intent", {"do": "dial"}), Observation(6, "phone", "belief", {"dnd": True})
OF_OTHER = Observation(2, "other", "intent", {"do": "dial"})
STIMULUS = Observation(4, "phone", "stimulus", {"call_id": "b", "branch": "x"})
PING = Packet(5, PHONE, SERVER, "udp", b"\r\n\r\n")


def test_what_was_wanted_and_believed_stays_with_those_whose_conversations_are_all_there() -> None:
    items: list[Packet | Observation] = [
        LAB,
        WANTED,
        OF_OTHER,
        said("a"),
        said("b"),
        PING,
        said("c", OTHER),
        STIMULUS,
        BELIEVED,
    ]
    who = LAB._replace(what={name: fact for name, fact in LAB.what.items() if name != "line"})
    assert list(cut_out(items, {"a"})) == [who, said("a"), PING]
    assert list(cut_out(items, {"a", "b"})) == [who, WANTED, said("a"), said("b"), PING, STIMULUS, BELIEVED]
    assert list(cut_out(items, {"a", "b", "c"})) == items
