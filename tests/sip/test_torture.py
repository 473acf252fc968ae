"""RFC 4475: for every message of the RFC, what our reader makes of it.

The messages were set down again from the RFC's text. Its Content-Length figures agree with the bodies here, but for
those the RFC meant to be wrong, multi01's, and mpart01's, whose binary part is a stand-in. REBUILT names the
messages of which some octets are not certain.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sipconform.sip.headers.cseq import CSeq
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.headers.retry_after import RetryAfter
from sipconform.sip.headers.via import COOKIE
from sipconform.sip.message import Message
from sipconform.sip.uri import OtherUri, SipUri
from sipconform.sip.wellformed import flaws

MESSAGES = Path(__file__).parent / "torture"
REBUILT = {  # message: what of it is not certain
    "mpart01": "the binary part",
    "dblreq": "the empty lines between the two messages",
    "clerr": "the number of empty lines before the body",
    "trws": "the host of the Via",
}

WELL_FORMED = {
    "wsinv": "3.1.1.1",
    "intmeth": "3.1.1.2",
    "esc01": "3.1.1.3",
    "escnull": "3.1.1.4",
    "esc02": "3.1.1.5",
    "lwsdisp": "3.1.1.6",
    "longreq": "3.1.1.7",
    "dblreq": "3.1.1.8",
    "semiuri": "3.1.1.9",
    "transports": "3.1.1.10",
    "mpart01": "3.1.1.11",
    "unreason": "3.1.1.12",
    "noreason": "3.1.1.13",
    "badbranch": "3.2.1",
    "unkscm": "3.3.2",
    "novelsc": "3.3.3",
    "unksm2": "3.3.4",
    "bext01": "3.3.5",
    "invut": "3.3.6",
    "regaut01": "3.3.7",
    "bcast": "3.3.10",
    "zeromf": "3.3.11",
    "cparam01": "3.3.12",
    "cparam02": "3.3.13",
    "regescrt": "3.3.14",
    "sdp01": "3.3.15",
}

NOT_A_START_LINE = ("lines", "a request line or a status line begins the message")
FLAWED: dict[str, tuple[str, set[tuple[str, str]]]] = {
    "badinv01": (
        "3.1.2.1",
        {
            ("Via", "a parameter is named by a token, not ''"),
            ("Via", "Via is protocol/version/transport host[:port]"),
            ("Contact", "a parameter is named by a token, not ''"),
        },
    ),
    "clerr": ("3.1.2.2", {("body", "the body is as long as Content-Length says")}),
    "ncl": ("3.1.2.3", {("Content-Length", "a number has digits only")}),
    "scalar02": (
        "3.1.2.4",
        {
            ("CSeq", "a CSeq number is less than 2**31"),
            ("Max-Forwards", "a number below 256"),
            ("Expires", "a number below 4294967296"),
            ("Contact", "a number below 4294967296"),
        },
    ),
    "scalarlg": (
        "3.1.2.5",
        {("CSeq", "a CSeq number is less than 2**31"), ("Retry-After", "a number below 4294967296")},
    ),
    "quotbal": ("3.1.2.6", {("To", "an address is a URI, or a display name and a URI in angle brackets")}),
    "ltgtruri": ("3.1.2.7", {("start line", "a Request-URI is a URI")}),
    "lwsruri": ("3.1.2.8", {NOT_A_START_LINE, ("start line", "a Request-URI is a URI")}),
    "lwsstart": ("3.1.2.9", {NOT_A_START_LINE}),
    "trws": ("3.1.2.10", {NOT_A_START_LINE}),
    "escruri": ("3.1.2.11", {("start line", "a Request-URI has neither headers nor a method parameter")}),
    "baddate": ("3.1.2.12", {("Date", "a date is written as in Sat, 13 Nov 2010 23:29:00 GMT")}),
    "regbadct": ("3.1.2.13", {("Contact", "a URI with a question mark stands in angle brackets")}),
    "badaspec": ("3.1.2.14", {("To", "a URI begins with its scheme")}),
    "baddn": (
        "3.1.2.15",
        {
            ("From", "a display name that is more than tokens is quoted"),
            ("To", "a display name that is more than tokens is quoted"),
        },
    ),
    "badvers": ("3.1.2.16", {("start line", "the version is SIP/2.0"), ("Via", "Via begins with SIP/2.0")}),
    "mismatch01": ("3.1.2.17", {("CSeq", "CSeq names the method of the request")}),
    "mismatch02": ("3.1.2.18", {("CSeq", "CSeq names the method of the request")}),
    "bigcode": ("3.1.2.19", {NOT_A_START_LINE, ("start line", "a status code is between 100 and 699")}),
    "insuf": (
        "3.3.1",
        {(name, f"there is a {name}") for name in ("To", "From", "Call-ID", "Max-Forwards")},
    ),
    "multi01": (
        "3.3.8",
        {
            *((name, f"{name} stands once") for name in ("Call-ID", "CSeq", "From", "To", "Max-Forwards")),
            ("body", "the body is as long as Content-Length says"),
        },
    ),
    "mcl01": ("3.3.9", {("Content-Length", "Content-Length stands once")}),
    "inv2543": ("3.4.1", {("Max-Forwards", "there is a Max-Forwards")}),
}


def read(name: str) -> Message:
    return Message((MESSAGES / f"{name}.dat").read_bytes())


def address(value: object) -> NameAddr:
    assert isinstance(value, NameAddr)
    return value


def sip(value: object) -> SipUri:
    assert isinstance(value, SipUri)
    return value


def test_every_message_of_the_rfc_is_here() -> None:
    assert len(WELL_FORMED) + len(FLAWED) == 49
    assert {path.stem for path in MESSAGES.glob("*.dat")} == WELL_FORMED.keys() | FLAWED.keys()
    assert REBUILT.keys() <= WELL_FORMED.keys() | FLAWED.keys()


@pytest.mark.parametrize("name", WELL_FORMED)
def test_well_formed_messages_have_no_flaw(name: str) -> None:
    assert flaws(read(name)) == []


@pytest.mark.parametrize("name", FLAWED)
def test_flawed_messages_have_the_flaws_the_rfc_names(name: str) -> None:
    message = read(name)
    found = flaws(message)
    assert {(place, fault.rule) for place, fault in found} == FLAWED[name][1]
    assert all(0 <= fault.span.start <= fault.span.end <= len(message.raw) for _, fault in found)


def _wsinv(message: Message) -> None:
    assert (message.from_tag, message.to_tag, message.cseq) == ("98asjd8", "1918181833n", CSeq(9, "INVITE"))
    assert address(message.from_).display == 'J Rosenberg \\"'
    assert [via.branch for via in message.via if via] == ["390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239"]
    assert message.branch == "390skdjuw"
    assert message.max_forwards == 68
    assert message.text("Subject") == ""
    assert message.text("Newfangledheader") == "newfangled value continued newfangled value"
    assert message.text("Unknownheaderwithunusualvalue") == ";;,,;;,;"
    contact = address(message.contacts[0])
    assert contact.display == 'Quoted string ""'
    assert [contact.params.get(key) for key in ("newparam", "secondparam", "q")] == ["newvalue", "", "0.33"]
    route = sip(address(message.routes[0]).uri)
    assert route.params.get("unknown-no-value") == ""
    assert message.sdp is not None
    assert (message.sdp.faults, message.surplus) == ([], 0)


def _intmeth(message: Message) -> None:
    assert message.method == message.text("CSeq").split()[1] == "!interesting-Method0123456789_*+`.%indeed'~"
    uri = sip(message.uri)
    assert uri.user == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
    assert uri.password == "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    assert address(message.to).display == "BEL:\x07 NUL:\x00 DEL:\x7f"
    assert message.from_tag == "_token~1'+`*%!-."
    assert message.branch == f"{COOKIE}-.!%66*_+`'~"
    assert message.call_id == "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"


def _esc01(message: Message) -> None:
    assert sip(message.uri).username == "sips:user@example.com"
    assert sip(message.uri).host == "example.net"
    assert sip(address(message.to).uri).equals(SipUri("sip", "user", "example.com"))
    assert sip(address(message.from_).uri).username == "I have spaces"


def _escnull(message: Message) -> None:
    assert [sip(address(contact).uri).username for contact in message.contacts] == ["\x00", "\x00\x00"]


def _esc02(message: Message) -> None:
    assert message.method == "RE%47IST%45R"
    assert address(message.to).display == "%Z%45"
    assert len(message.contacts) == 2  # C%6Fntact is another header field


def _longreq(message: Message) -> None:
    assert len(message.via) == 34
    assert message.call_id == f"longreq.one{'really' * 20}longcallid"
    assert message.from_tag == f"12{'982' * 50}424"


def _dblreq(message: Message) -> None:
    assert message.content == b""
    assert message.surplus > 0
    second = Message(message.body[message.content_length or 0 :])
    assert (second.method, second.text("Call-ID")[:6], flaws(second)) == ("INVITE", "dblreq", [])
    assert second.sdp is not None
    assert second.sdp.faults[0].rule == "a line is a letter, = and a value"  # the RFC has "m =video"


def _semiuri(message: Message) -> None:
    assert sip(message.uri).username == "user;par=u@example.net"
    assert len(message.accept) == 6


def _transports(message: Message) -> None:
    assert [via.transport for via in message.via if via] == ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]


def _mpart01(message: Message) -> None:
    assert message.multipart is not None
    hello, binary = message.multipart.parts
    assert hello.body == b"Hello"
    assert b"\x00" in binary.body


def _unreason(message: Message) -> None:
    assert (message.status, message.reason[:19]) == (200, "= 2**3 * 5**2 но ст")


def _noreason(message: Message) -> None:
    assert (message.status, message.reason) == (100, "")


def _lwsruri(message: Message) -> None:
    assert (message.method, message.request_uri) == ("INVITE", "sip:user@example.com; lr")


def _trws(message: Message) -> None:
    assert (message.method, message.request_uri, message.version) == (
        "OPTIONS",
        "sip:remote-target@example.com",
        "SIP/2.0",
    )


def _bigcode(message: Message) -> None:
    assert message.is_response
    assert (message.status, message.method) == (0, "INVITE")


def _badbranch(message: Message) -> None:
    assert message.branch == COOKIE


def _unkscm(message: Message) -> None:
    assert message.uri == OtherUri("nobodyknowsthisscheme", "totallyopaquecontent")


def _cparam01(message: Message) -> None:
    contact = address(message.contacts[0])
    assert "unknownparam" in contact.params
    assert "unknownparam" not in sip(contact.uri).params


def _cparam02(message: Message) -> None:
    contact = address(message.contacts[0])
    assert "unknownparam" not in contact.params
    assert "unknownparam" in sip(contact.uri).params


def _regescrt(message: Message) -> None:
    assert sip(address(message.contacts[0]).uri).headers.get("route") == "%3Csip:sip.example.com%3E"


def _multi01(message: Message) -> None:
    assert message.texts("Call-ID") == ["multi01.98asdh@192.0.2.1", "multi01.98asdh@192.0.2.2"]
    assert message.cseq_number == 5


def _inv2543(message: Message) -> None:
    assert (message.from_tag, message.branch) == ("", "")
    assert message.content_length is None


def _scalarlg(message: Message) -> None:
    assert not isinstance(message.retry_after, RetryAfter)
    assert message.cseq_number == -1


@pytest.mark.parametrize(
    "look",
    [
        _wsinv, _intmeth, _esc01, _escnull, _esc02, _longreq, _dblreq, _semiuri, _transports, _mpart01, _unreason,
        _noreason, _lwsruri, _trws, _bigcode, _badbranch, _unkscm, _cparam01, _cparam02, _regescrt, _multi01,
        _inv2543, _scalarlg,
    ],
)  # fmt: skip
def test_views(look: Callable[[Message], None]) -> None:
    look(read(look.__name__.removeprefix("_")))
