import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.report import secrets
from sipconform.report.secrets import Mask

DIGEST = b'Authorization: Digest username="2001", realm="r", nonce="n", uri="sip:r", response="%s", algorithm=MD5\r\n'
HASH = b"6629fae49393a05397450978507c4ef1"


def test_a_digest_response_is_masked_in_place() -> None:
    raw = DIGEST % HASH
    masked = Mask().raw(raw)
    assert masked == DIGEST % (b"*" * len(HASH))


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ('RESPONSE = "abc"', 'RESPONSE = "***"'),
        ('response="abc', 'response="***'),
        ("response=" + "f" * 32 + ",", "response=" + "*" * 32 + ","),
        ('rspauth="abc"', 'rspauth="***"'),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic ************"),
        ("<sip:alice:geheim@example.com>", "<sip:alice:******@example.com>"),
        ("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:Zm9v|2^20", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:****|2^20"),
        ("<password>geheim</password>", "<password>******</password>"),
        ("sipconform run --password geheim dnd", "sipconform run --password ****** dnd"),
        ("sipconform run --auth-password=geheim", "sipconform run --auth-password=******"),
    ],
)
def test_what_the_syntax_calls_a_secret(text: str, masked: str) -> None:
    assert Mask().text(text) == masked


INNOCENT = ["<sip:192.0.2.1:5060;lr>", "sip:2001@host:5060", "200 response to INVITE", "response=yes"]


@pytest.mark.parametrize("text", INNOCENT)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Mask().text(text) == text


def test_a_known_password_goes_wherever_it_stands_but_an_extension_stays() -> None:
    mask = Mask(["hunter2!", "2001"])
    assert mask.text("dialled hunter2! from 2001") == "dialled ******** from 2001"


def test_facts_are_masked_by_name_and_by_value() -> None:
    facts = Mask(["hunter2!"]).facts({"SIP_PASSWORD": "x", "argv": ["hunter2!", 5], "nul": "\x00"})
    assert facts == {"SIP_PASSWORD": "********", "argv": ["********", 5], "nul": "\\x00"}


@given(st.binary())
def test_masking_keeps_every_offset(raw: bytes) -> None:
    assert len(Mask(["secret-word"]).raw(raw)) == len(raw)


CRUMBS = st.sampled_from(
    ["Response", "RSPAUTH", "=", " ", ":", '"', "a" * 16, "author\u0131zation", "Authorization", "basic", "Bearer", "x",
     "sip:", "SIPS:", "@", ";", "a=crypto:", "inline:", "Pa\u017f\u017fword", "passWD", "passphrase", "SECRET", "--",
     "\r\n", "\xe9"]
)  # fmt: skip


@given(st.lists(CRUMBS, max_size=12).map("".join))
def test_the_quick_look_overlooks_no_secret(text: str) -> None:
    assert Mask().text(text) == secrets._SECRET.sub(secrets._stars, text)


def test_a_hostile_text_is_looked_through_once() -> None:
    """Were it looked through from every `sip:` to its end, this would take minutes."""
    assert Mask().text("sip:a:" * 100_000) == "sip:a:" * 100_000
