from collections import Counter
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.agents.faults import all_faults
from sipconform.checks.judge import judge
from sipconform.killing import scenarios_for
from sipconform.lab.settings import LabSettings, Weather
from sipconform.lab.stage import Stage
from sipconform.redacting import Redactor
from sipconform.shipped import shipped
from sipconform.sip.stun import REQUEST, StunMessage, binding_answer, mapped_address, parse_stun
from sipconform.trace.capture import read_capture
from sipconform.trace.packet import Address, Note, Observation, Packet
from sipconform.trace.parts import traces
from tests.compare.runs import LONG
from tests.support import SHARED_CAPTURES, require_captures

PLACES = Address("10.0.0.7", 5060), Address("10.0.0.1", 5060)

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
    ("user", "kept"),
    [
        ("*78", "*78"),
        ("*57*2002#", "*57*"),
        ("%2321%23", "%2321%23"),
        ("anonymous", "anonymous"),
        ("**2002", "**"),
        ("*8", "*8"),
        ("*722002", "*72"),
        ("*4*2002", "*4*"),
        ("**09", "**09"),
    ],
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


HEAD = (
    "INVITE sip:4930111222@pbx.firma.de SIP/2.0\r\nVia: SIP/2.0/UDP 91.12.13.14:5060;branch=z9hG4bK1\r\n"
    "Call-ID: c1\r\nCSeq: 1 INVITE\r\n"
)


def redacted(*rows: str, kind: str = "", body: str | bytes = b"") -> bytes:
    octets = body.encode() if isinstance(body, str) else body
    every = [*rows, *([f"Content-Type: {kind}"] if kind else []), f"Content-Length: {len(octets)}", "", ""]
    message = (HEAD + "\r\n".join(every)).encode() + octets
    told = Redactor(b"key").message(message)
    assert len(told) == len(message)
    return told


ROWS = [  # a header field, and what of it tells of somebody
    ("From: Anna Meier <sip:4930777888@pbx.firma.de>;tag=x", ("Anna", "Meier", "777888", "firma")),
    ("From:\r\n Anna Mueller <sip:1@pbx.firma.de>;tag=x", ("Mueller",)),
    ("P-Called-Party-ID: Anna Schulze <sip:1@pbx.firma.de>", ("Schulze",)),
    ("Diversion: Otto Erster <sip:1@a.de>;reason=no-answer, Otto Zweiter <sip:2@a.de>", ("Erster", "Zweiter")),
    ('Call-Info: <http://bilder.firma.de/annapic.jpg>;purpose=icon;name="Vorname"', ("bilder", "annapic", "Vorname")),
    ('Warning: 399 warnhost "User Meier 0176998877 unknown"', ("warnhost", "Meier", "0176998877")),
    ('Reason: SIP;cause=200;text="Answered by Meier"', ("Meier",)),
    ("History-Info: <sip:x@a.de?Reason=SIP%3Btext%3D%22Meier%22&From=%3Csip%3A0301234567%40b.de%3E>;index=1",
     ("Meier", "0301234567")),
    ("Via: SIP/2.0/UDP annas-macbook.local;branch=z9hG4bK2;received=8.8.4.4", ("anna", "macbook", "8.8.4.4")),
    ("Contact: <sip:u@91.12.13.14;maddr=maddrhost.firma.de>", ("maddrhost",)),
    ("From: <tel:0309998887;phone-context=kontext.firma.de>;tag=q", ("0309998887", "kontext")),
    ("P-Charging-Vector: icid-value=abc;icid-generated-at=icid.firma.de;orig-ioi=ioi.firma.de", ("ioi.firma", "firma")),
    ("User-Agent: Yealink SIP-T46S 66.85.0.5 805ec0a1b2c3", ("805ec0a1b2c3",)),
    ('Contact: <sip:u@91.12.13.14>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-805EC0D1E2F3>"', ("805EC0D1E2F3",)),
    ('Authorization: Digest Username=meier,Realm="firma.de",nonce="x",response="0123456789abcdef0123456789abcdee"',
     ("meier", "firma", "0123456789abcdef")),
    ("Authorization: Basic YW5uYTpnZWhlaW0=", ("YW5uYTpnZWhlaW0",)),
    ("Identity: eyJhbGciOiJFUzI1NiJ9.jwt.sig;info=<https://cert.firma.de/c.pem>", ("eyJhbGci", "cert.firma")),
    ("From: <sip:%61nna%6d@pbx.firma.de>;tag=q", ("%61nna",)),
    ("Subject: Meier kommt", ("Meier", "kommt")),
    ("User-to-User: 7575696d65696572;encoding=hex", ("7575696d65696572",)),
    ("P-Asserted-Identity: <pres:meier@firma.de>", ("meier",)),
    ("X-Unheard-Of: Zimmer von Anna, 0176998877", ("Zimmer", "Anna", "0176998877")),
]  # fmt: skip


@pytest.mark.parametrize(("row", "gone"), ROWS)
def test_of_a_header_field_nothing_is_told_that_is_no_word_of_the_protocol(row: str, gone: tuple[str, ...]) -> None:
    told = redacted(row)
    assert [word for word in gone if word.encode() in told] == []
    assert told.count(b"\r\n") == redacted("X: y" + "\r\n " * row.count("\r\n")).count(b"\r\n")


def test_what_protocols_say_stays() -> None:
    rows = ['Reason: Q.850;cause=16;text="Call completed elsewhere"', "Subscription-State: active;expires=3600"]
    rows += ["Call-Info: <sip:10.0.0.1>;appearance-index=1;appearance-state=active", "Supported: 100rel, timer"]
    told = redacted(*rows, "P-Asserted-Identity: <sip:anonymous@anonymous.invalid>")
    for row in (*rows, "sip:anonymous@anonymous.invalid"):
        assert row.encode() in told


BODIES: list[tuple[str, str | bytes, tuple[str, ...]]] = [
    ("application/sdp", "v=0\r\no=annao 1 1 IN IP4 ohost.firma.de\r\ns=Besprechung\r\ne=a@firma.de (Anna Meier)\r\n"
     "c=IN IP4 chost.firma.de\r\nk=clear:schluessel\r\na=ice-pwd:wortwort\r\na=tool:haus\r\n"
     "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewky\r\n"
     "a=candidate:1 1 UDP 2130706431 91.12.13.99 4000 typ host\r\na=rtcp:4001 IN IP4 rhost.firma.de\r\n",
     ("annao", "ohost", "Besprechung", "Meier", "chost", "schluessel", "wortwort", "haus", "WVNfX19z", "91.12.13.99",
      "rhost")),
    ("multipart/mixed;boundary=b1", "--b1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n"
     "o=anna 1 1 IN IP4 91.12.13.77\r\ns=Runde\r\n"
     "--b1\r\nContent-Type: application/pidf+xml\r\n\r\n<presence><note>zuhause</note></presence>\r\n--b1--",
     ("anna", "91.12.13.77", "Runde", "zuhause")),
    ("message/sipfrag", "INVITE sip:4711@pbx.firma.de SIP/2.0\r\nFrom: Meier <sip:1@a.de>\r\n", ("4711", "Meier")),
    ("text/plain", "Ruf Meier an: 0171234567", ("Meier", "0171234567")),
    ("application/xml",
     "<r><device>774711</device><aor>Meier</aor><name><![CDATA[Anna]]></name><u id='0175555444'/></r>",
     ("774711", "Meier", "Anna", "0175555444")),
    ("application/xml", '<?xml version="1.0"?><name>Meier</name>'.encode("utf-16"), ("M\0e\0i\0e\0r",)),
    ("application/json", '{"displayName":"Meier","number":"0301112223"}', ("Meier", "0301112223")),
    ("text/vcard", "BEGIN:VCARD\r\nFN:Meier\r\nTEL:+49305554443\r\n", ("Meier", "49305554443")),
    ("application/octet-stream", "YjY0bWVpZXIgZ2VoZWlt", ("YjY0bWVpZXI",)),
    ("application/dtmf-relay", "Signal=7\r\nDuration=160\r\n", ("Signal=7",)),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "body", "gone"), BODIES, ids=[kind for kind, _, _ in BODIES])
def test_of_a_body_only_its_shape_is_told(kind: str, body: str | bytes, gone: tuple[str, ...]) -> None:
    told = redacted(kind=kind, body=body)
    assert [word for word in gone if word.encode() in told] == []


def test_a_document_keeps_its_words_and_its_counts() -> None:
    said = "<Event><device>sip:2001@10.0.0.1</device><forwardStatus>true</forwardStatus><ringCount>20</ringCount>"
    told = redacted(kind="application/x-as-feature-event+xml", body=said)
    assert b"<forwardStatus>true</forwardStatus><ringCount>20</ringCount>" in told


def test_one_word_is_the_same_in_every_writing() -> None:
    told = redacted('From: "anna" <sip:ANNA@pbx.firma.de>;tag=a', "To: <sip:%61nna@PBX.Firma.DE>")
    name = told.partition(b'"')[2].partition(b'"')[0]
    assert told.partition(b"<sip:")[2].startswith(name.upper() + b"@")
    assert b"<sip:%%%02X%s@" % (name[0], name[1:]) in told
    host = told.partition(name.upper() + b"@")[2].partition(b">")[0]
    assert b"@" + host.title().replace(host.title()[:3], host[:3].upper()).replace(b".De", b".DE") in told


def test_a_call_id_is_the_same_wherever_it_is_named() -> None:
    rows = (
        "Refer-To: <sip:400@pbx.firma.de?Replaces=abc%40pbx.firma.de%3Bto-tag%3D1>",
        "Replaces: abc@pbx.firma.de;to-tag=1",
    )
    told = Redactor(b"key").message((HEAD.replace("c1", "abc@pbx.firma.de") + "\r\n".join(rows) + "\r\n\r\n").encode())
    call_id = told.partition(b"Call-ID: ")[2].partition(b"\r\n")[0]
    assert call_id.startswith(b"abc@")
    assert b"firma" not in told
    assert b"Replaces: " + call_id + b";to-tag=1" in told
    assert b"?Replaces=" + call_id.replace(b"@", b"%40") + b"%3Bto-tag%3D1>" in told


def test_where_somebody_was_seen_is_told_by_his_stand_in() -> None:
    redactor = Redactor(b"key")
    question = StunMessage(REQUEST, b"twelve bytes")
    for host, stays in (("10.0.0.7", True), ("8.8.4.4", False)):
        answer = binding_answer(question, host, 5060)
        told = parse_stun(redactor.message(answer.to_bytes()))
        assert told is not None
        assert mapped_address(told) == (host if stays else redactor.host(host), 5060)
    named = StunMessage(REQUEST, b"twelve bytes", b"\x80\x22\x00\x08annas-pc").to_bytes()
    assert b"anna" not in redactor.message(named)


@given(st.binary(max_size=400))
def test_whatever_comes_is_as_long_as_before(payload: bytes) -> None:
    assert len(Redactor(b"key").message(payload)) == len(payload)
    assert len(Redactor(b"key").message(MESSAGE[:200] + payload)) == 200 + len(payload)


@pytest.mark.parametrize("capture", sorted(shipped("captures").glob("*.pcapng")), ids=lambda path: path.stem)
def test_captures_of_ours_judge_the_same(capture: Path) -> None:
    evidence = list(read_capture(capture))
    assert verdicts(list(Redactor(b"key").redact(evidence))) == verdicts(evidence), capture.name


@pytest.mark.parametrize("name", sorted(all_faults())[::17])
def test_a_fault_is_found_in_the_redacted_capture_too(name: str, tmp_path: Path) -> None:
    fault = all_faults()[name]
    known = next(known for known in scenarios_for(fault) if known.name not in LONG)
    settings = LabSettings(network="simulated", profile=known.profile)
    for option, value in fault.lab.items():
        setattr(settings, option, msgspec.convert(value, Weather) if option == "weather" else value)
    with suppress(Exception):  # a story that breaks has its evidence all the same
        Stage(settings, tmp_path / "run.pcapng", (fault,)).play(known.play)
    evidence = list(read_capture(tmp_path / "run.pcapng"))
    assert verdicts(list(Redactor(b"key").redact(evidence))) == verdicts(evidence)


def test_what_was_observed_names_nobody() -> None:
    lab = {"actors": {"phone": "10.0.0.7:5060"}, "users": {"phone": "2001"}, "codes": {"dnd": ["*78", "*57*{number}#"]}}
    said = [
        Observation(1, "lab", "lab", {**lab, "line": {"user": "2001", "locations": ["2001", "2001-10"]}}),
        Observation(2, "phone", "intent", {"do": "dial", "number": "*57*2001#"}),
        Observation(3, "phone", "belief", {"hotspots": ["SIP Hotspot Anna"], "mac": "80:5e:c0:a1:b2:c3"}),
    ]
    redactor = Redactor(b"key")
    told = [
        item.what
        for item in redactor.redact([Packet(0, *PLACES, "udp", MESSAGE), *said])
        if isinstance(item, Observation)
    ]
    user = redactor.user("2001")
    assert told[0]["line"] == {"user": user, "locations": [user, f"{user}-10"]}
    assert (told[0]["actors"], told[0]["codes"]) == (lab["actors"], lab["codes"])
    assert told[1] == {"do": "dial", "number": f"*57*{user}#"}
    assert "Anna" not in str(told[2])
    assert "5e:c0" not in str(told[2])
