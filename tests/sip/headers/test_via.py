from __future__ import annotations

import pytest

from sipconform.sip.fault import Fault
from sipconform.sip.grammar import Params
from sipconform.sip.headers.via import Via, parse, parse_list


def via(text: str) -> Via:
    read = parse(text)
    assert isinstance(read, Via)
    return read


def test_parts() -> None:
    read = via("SIP / 2.0 / UDP  [2001:db8::1] : 5070 ;received=192.0.2.1;rport=9;branch = z9hG4bK1")
    assert (read.protocol, read.transport) == ("SIP/2.0", "UDP")
    assert (read.host, read.port) == ("[2001:db8::1]", 5070)
    assert (read.branch, read.received, read.rport) == ("z9hG4bK1", "192.0.2.1", 9)
    assert read.faults == []
    assert str(read) == "SIP/2.0/UDP [2001:db8::1]:5070;received=192.0.2.1;rport=9;branch=z9hG4bK1"


@pytest.mark.parametrize(("params", "rport"), [("", None), (";rport", 0), (";rport=5060", 5060), (";rport=x", 0)])
def test_rport(params: str, rport: int | None) -> None:
    assert via(f"SIP/2.0/UDP a{params}").rport == rport


def test_received_without_brackets_is_legal() -> None:
    assert via("SIP/2.0/UDP a;received=2001:db8::9").faults == []


@pytest.mark.parametrize(
    "text",
    ["SIP/7.0/UDP a", "SIP/2.0/UDP exa_mple", "SIP/2.0/UDP a:0", "SIP/2.0/UDP a;;", "SIP/2.0/UDP a;branch="],
)
def test_readable_but_not_legal(text: str) -> None:
    assert via(text).faults != []


@pytest.mark.parametrize(
    "text",
    ["", "SIP/2.0 a", "SIP/2.0/UDP", "SIP/2.0/UDP a b", "SIP/2.0/UDP a:x", "SIP/2.0/UDP 2001:db8::1", ";branch=1"],
)
def test_unreadable(text: str) -> None:
    assert isinstance(parse(text), Fault)


def test_list() -> None:
    assert parse_list(["SIP/2.0/UDP a, SIP/2.0/TCP b;lr", "SIP/2.0/TLS c"]) == [
        Via("SIP/2.0", "UDP", "a"),
        Via("SIP/2.0", "TCP", "b", None, Params.of("lr")),
        Via("SIP/2.0", "TLS", "c"),
    ]
