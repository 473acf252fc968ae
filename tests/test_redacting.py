from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.checks.judge import judge
from sipconform.redacting import Redactor
from sipconform.shipped import shipped
from sipconform.trace.capture import read_capture
from sipconform.trace.packet import Address, Note, Observation, Packet
from sipconform.trace.parts import traces
from tests.support import SHARED_CAPTURES, require_captures

REAL = sorted(path.relative_to(SHARED_CAPTURES).as_posix() for path in SHARED_CAPTURES.glob("*/*.pcap"))

MESSAGE = (
    b"INVITE sip:+4930123456@sip.telco.com SIP/2.0\r\nVia: SIP/2.0/UDP 8.8.4.4:5060;branch=z9hG4bK1\r\n"
    b'From: "J\xc3\xbcrgen Muster" <sip:2001@sip.telco.com>;tag=1\r\nTo: Erika <tel:+4930123456>\r\n'
    b"Call-ID: abc@8.8.4.4\r\nCSeq: 200 INVITE\r\n"
    b'Authorization: Digest username="2001", realm="sip.telco.com", nonce="n", uri="sip:sip.telco.com",'
    b' response="0123456789abcdef0123456789abcdef"\r\nContact: <sip:2001:geheim99@10.0.0.7>\r\n'
    b"Content-Type: application/sdp\r\nContent-Length: 63\r\n\r\n"
    b"v=0\r\no=juergen 1 1 IN IP4 8.8.4.4\r\ns=Muster\r\nc=IN IP4 8.8.4.4\r\n"
)
GIVEN_AWAY = (
    b"4930123456", b"telco", b"8.8.4.4", b"Muster", b"\xc3\xbc", b"2001", b"Erika", b"0123456789abcdef", b"geheim",
    b"juergen",
)  # fmt: skip


def verdicts(evidence: list[Packet | Observation | Note]) -> Counter[tuple[object, ...]]:
    told: Counter[tuple[object, ...]] = Counter()
    for trace in traces(evidence):
        judgement = judge(trace)
        told.update((f.check.id if f.check else "", f.verdict, f.level, f.side) for f in judgement.findings)
        told.update({("passed", check): count for check, count in judgement.passed.items()})
    return told


@pytest.mark.parametrize("name", REAL)
def test_a_redacted_capture_judges_the_same(name: str) -> None:
    evidence = list(read_capture(require_captures() / name))
    redacted = list(Redactor(b"key").redact(evidence))
    packets = [item for item in evidence if isinstance(item, Packet)]
    again = [item for item in redacted if isinstance(item, Packet)]
    assert [len(packet.payload) for packet in again] == [len(packet.payload) for packet in packets]
    assert verdicts(list(redacted)) == verdicts([item for item in evidence if not isinstance(item, Note)])


def test_nothing_that_was_to_go_is_left_and_the_lengths_stay() -> None:
    redacted = Redactor(b"key").message(MESSAGE)
    assert len(redacted) == len(MESSAGE)
    assert [gone for gone in GIVEN_AWAY if gone in redacted] == []
    for stays in (b"CSeq: 200 INVITE", b"10.0.0.7", b".com", b"tag=1", b"z9hG4bK1", b"Call-ID: abc@", b'realm="'):
        assert stays in redacted


def test_one_text_has_one_stand_in_and_another_key_another() -> None:
    first, second = Redactor(b"key"), Redactor(b"key")
    assert first.user("2001") == second.user("2001") != Redactor(b"other").user("2001")
    assert len({first.user(str(number)) for number in range(2000, 2100)}) == 100


@pytest.mark.parametrize(
    ("user", "kept"), [("*78", "*78"), ("*57*2002#", "*57*"), ("%2321%23", "%2321%23"), ("anonymous", "anonymous")]
)
def test_feature_codes_stay_and_the_number_behind_them_goes(user: str, kept: str) -> None:
    redacted = Redactor(b"key").user(user)
    assert redacted.startswith(kept)
    assert len(redacted) == len(user)
    assert "2002" not in redacted


@pytest.mark.parametrize(
    ("host", "reserved"),
    [("8.8.8.8", "0."), ("80.1.2.3", "10."), ("203.1.113.9", "2"), ("2a00:1450:4001:81b::200e", "3fff:0")],
)
def test_public_addresses_become_reserved_ones_of_the_same_length(host: str, reserved: str) -> None:
    redacted = Redactor(b"key").address(Address(host, 5060)).host
    assert redacted != host
    assert len(redacted) == len(host)
    assert redacted.startswith(reserved)


@pytest.mark.parametrize("host", ["10.1.2.3", "192.168.0.1", "127.0.0.1", "fe80::1", "192.0.2.1", "a.invalid"])
def test_private_and_reserved_addresses_stay(host: str) -> None:
    assert Redactor(b"key").host(host) == host


def test_what_was_observed_names_the_stand_ins() -> None:
    redactor = Redactor(b"key")
    redactor.message(MESSAGE)
    told = Observation(1, "phone", "belief", {"2001.dnd": True, "number": "2001", "at": "8.8.4.4:5060", "n": [1]})
    (redacted,) = redactor.redact([told])
    user = redactor.user("2001")
    assert isinstance(redacted, Observation)
    assert redacted.what == {f"{user}.dnd": True, "number": user, "at": f"{redactor.host('8.8.4.4')}:5060", "n": [1]}


@given(st.binary(max_size=400))
def test_whatever_comes_is_as_long_as_before(payload: bytes) -> None:
    assert len(Redactor(b"key").message(payload)) == len(payload)
    assert len(Redactor(b"key").message(MESSAGE[:200] + payload)) == 200 + len(payload)


def test_captures_of_ours_judge_the_same() -> None:
    for capture in sorted(shipped("captures").glob("*.pcapng"))[:12]:
        evidence = list(read_capture(capture))
        assert verdicts(list(Redactor(b"key").redact(evidence))) == verdicts(evidence), capture.name
