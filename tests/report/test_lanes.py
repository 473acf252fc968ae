"""State lanes: from one NOTIFY to the next, drawn as the lamps of the seed's phones."""

from __future__ import annotations

from lxml import etree

from sipconform.report.lanes import MOST_LANES, Lanes
from sipconform.trace.packet import Address, Packet
from sipconform.trace.trace import WireMessage


def notify(*values: str, event: str = "call-info") -> WireMessage:
    rows = "".join(f"Call-Info: <sip:as>;{value}\r\n" for value in values)
    text = f"NOTIFY sip:a@10.0.0.2 SIP/2.0\r\nEvent: {event}\r\n{rows}Content-Length: 0\r\n\r\n"
    here, there = Address("10.0.0.1", 5060), Address("10.0.0.2", 5060)
    return WireMessage(Packet(0, here, there, "udp", text.encode(), (1,)))


IDLE = "appearance-index=*;appearance-state=idle"


def drawn(lanes: Lanes) -> etree._Element:
    return etree.fromstring(lanes.svg(900, 500))


def test_nothing_is_drawn_where_no_line_is_shared() -> None:
    lanes = Lanes()
    lanes.see(notify(IDLE, event="presence"), 40)
    assert lanes.width == 0


def test_a_state_lasts_until_the_next_notify() -> None:
    lanes = Lanes()
    lanes.see(notify("appearance-index=1;appearance-state=active", IDLE), 100)
    lanes.see(notify("appearance-index=1;appearance-state=held", IDLE), 200)
    lanes.see(notify(IDLE), 300)
    paths = drawn(lanes).findall("path")
    assert [(p.get("class"), p.get("d")) for p in paths] == [
        ("lamp red steady", "M900 100V200"),
        ("lamp red slow", "M900 200V300"),
        ("lamp off steady", "M900 300V500"),
    ]


def test_the_same_state_told_again_is_one_segment() -> None:
    lanes = Lanes()
    for y in (100, 150, 200):
        lanes.see(notify("appearance-index=1;appearance-state=alerting", IDLE), y)
    assert len(drawn(lanes).findall("path")) == 1


def test_appearances_beyond_the_sixth_are_counted() -> None:
    lanes = Lanes()
    lanes.see(notify(*(f"appearance-index={i};appearance-state=active" for i in range(1, 10)), IDLE), 10)
    svg = lanes.svg(900, 500)
    assert svg.count("<path") == MOST_LANES
    assert "and 3 more appearances" in svg


def test_a_hostile_state_is_only_text() -> None:
    lanes = Lanes()
    lanes.see(notify('appearance-index=1;appearance-state="<script>alert(1)</script>"', IDLE), 10)
    assert "<script" not in lanes.svg(900, 500)
