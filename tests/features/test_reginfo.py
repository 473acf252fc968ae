"""Registration state documents: written and read back, and judged against the schema's words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.features.reginfo import (
    NAMESPACE,
    ContactEvent,
    RegContact,
    RegInfo,
    Registration,
    RegistrationState,
    parse_reginfo,
)
from sipconform.sip.fault import Fault

words = st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1, max_size=12)
numbers = st.none() | st.integers(0, 2**32 - 1)
contacts = st.builds(
    RegContact,
    words,
    words,
    st.sampled_from(["active", "terminated"]),
    st.sampled_from(ContactEvent).map(str),
    numbers,
    numbers,
    words | st.just(""),
    numbers,
)
registrations = st.builds(
    Registration, words, words, st.sampled_from(RegistrationState).map(str), st.lists(contacts, max_size=3).map(tuple)
)
documents = st.builds(RegInfo, st.integers(0, 99), st.booleans(), st.lists(registrations, max_size=3).map(tuple))


@given(documents)
def test_what_is_written_reads_the_same_and_without_fault(document: RegInfo) -> None:
    read = parse_reginfo(document.to_xml())
    assert read == document
    assert isinstance(read, RegInfo)
    assert read.faults == ()


def test_a_registrars_document_is_read_whatever_its_prefix() -> None:
    read = parse_reginfo(
        f"""<r:reginfo xmlns:r="{NAMESPACE}" version="3" state="partial"><r:registration aor="sip:a@h" id="1"
        state="terminated"><r:contact id="2" state="terminated" event="expired" expires="0" q="1.0">
        <r:uri> sip:a@192.0.2.1 </r:uri><r:display-name>A</r:display-name></r:contact></r:registration>
        </r:reginfo>""".encode()
    )
    contact = RegContact("2", "sip:a@192.0.2.1", "terminated", "expired", 0)
    assert read == RegInfo(3, False, (Registration("sip:a@h", "1", "terminated", (contact,)),))


def test_what_a_real_registrar_sent_is_read(shared_captures: Path) -> None:
    raw = (shared_captures / "kamailio" / "events-mwi-reg.pcap").read_bytes()
    read = [parse_reginfo(body) for body in re.findall(rb"<reginfo.*?</reginfo>", raw, re.DOTALL)]
    states = [document.registrations[0].state for document in read if isinstance(document, RegInfo)]
    assert states == ["active", "active", "terminated", "terminated"]
    assert not any(document.faults for document in read if isinstance(document, RegInfo))


@pytest.mark.parametrize(
    ("spoil", "by", "rule"),
    [
        (NAMESPACE, "urn:other", "namespace"),
        ('version="1"', 'version="one"', "version"),
        ('state="full"', 'state="whole"', "full or partial"),
        ('aor="sip:a@h"', 'aor=""', "aor"),
        ('id="1" state="active"', 'id="1" state="alive"', "one of three"),
        ("<uri>sip:a@192.0.2.1</uri>", "", "uri"),
        ('id="2" state="active"', 'id="2" state="init"', "one of two"),
        ('event="registered"', 'event="born"', "one of nine"),
    ],
)
def test_departures_from_the_schema_are_reported(spoil: str, by: str, rule: str) -> None:
    contact = RegContact("2", "sip:a@192.0.2.1", expires=30)
    body = RegInfo(1, True, (Registration("sip:a@h", "1", "active", (contact,)),)).to_xml().decode()
    assert spoil in body
    read = parse_reginfo(body.replace(spoil, by).encode())
    assert isinstance(read, RegInfo)
    (fault,) = read.faults
    assert rule in fault.rule


@pytest.mark.parametrize("body", [b"", b"<a/>", b"<reginfo", b"<!DOCTYPE a><reginfo/>"])
def test_what_is_no_reginfo_document_is_a_fault(body: bytes) -> None:
    assert isinstance(parse_reginfo(body), Fault)


@given(st.binary(max_size=100))
def test_reading_never_raises(body: bytes) -> None:
    parse_reginfo(b"<reginfo>" + body + b"</reginfo>")
    parse_reginfo(b"<reginfo version='" + body + b"'/>")
