"""Known answers: RFC 2617 §3.5, RFC 7616 §3.9.1, and §3.9.2 as its erratum 4897 corrects it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.sip.digest import (
    HASHES,
    Challenge,
    Credentials,
    answer,
    expected_response,
    hash_a1,
    parse_challenge,
    parse_credentials,
    verify,
)
from sipconform.sip.fault import Fault

NONCE_7616 = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
CNONCE_7616 = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def credentials(text: str) -> Credentials:
    read = parse_credentials(text)
    assert isinstance(read, Credentials)
    return read


def challenge(text: str) -> Challenge:
    read = parse_challenge(text)
    assert isinstance(read, Challenge)
    return read


def test_rfc_2617_example() -> None:
    given_ = credentials(
        'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
        'uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b", '
        'response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    assert verify(given_, "GET", "Circle Of Life")
    assert not verify(given_, "GET", "Circle of Life")
    assert not verify(given_, "POST", "Circle Of Life")
    assert given_.faults == []


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_rfc_7616_example(algorithm: str, response: str) -> None:
    offered = Challenge.of("http-auth@example.org", NONCE_7616, algorithm=algorithm, qop="auth, auth-int")
    given_ = answer(offered, "GET", "/dir/index.html", "Mufasa", "Circle of Life", cnonce=CNONCE_7616)
    assert isinstance(given_, Credentials)
    assert given_.response == response
    assert (given_.qop, given_.nc) == ("auth", 1)
    assert verify(given_, "GET", "Circle of Life")


@pytest.mark.skipif("SHA-512-256" not in HASHES, reason="this Python's TLS library lacks SHA-512-256")
def test_rfc_7616_example_of_sha_512_256() -> None:
    nonce = "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK"
    offered = Challenge.of("api@example.org", nonce, algorithm="SHA-512-256")
    cnonce = "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v"
    given_ = answer(offered, "GET", "/doe.json", "J\u00e4s\u00f8n Doe", "Secret, or not?", cnonce=cnonce)
    assert isinstance(given_, Credentials)
    assert given_.response == "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"


@pytest.mark.parametrize("algorithm", ["", "md5", "MD5-sess", "SHA-256", "SHA-256-sess"])
@pytest.mark.parametrize("qop", ["", "auth", "auth-int", "auth-int,auth"])
def test_an_answer_verifies(algorithm: str, qop: str) -> None:
    offered = challenge(str(Challenge.of('r"e', "n", algorithm=algorithm, qop=qop, opaque="o", stale=True)))
    assert offered.stale
    given_ = answer(offered, "INVITE", "sip:a@b", 'u\\"x', "p", cnonce="c", count=11, body=b"x")
    assert isinstance(given_, Credentials)
    read = credentials(str(given_))
    assert read == given_
    assert read.faults == []
    assert (read.username, read.realm, read.opaque) == ('u\\"x', 'r"e', "o")
    assert read.nc == (11 if qop else 0)
    assert verify(read, "INVITE", "p", b"x")
    assert not verify(read, "INVITE", "q", b"x")
    assert verify(read, "INVITE", "p", b"y") is (qop != "auth-int")


def test_session_key_is_made_of_both_nonces() -> None:
    one, other = (
        Credentials(challenge(f'Digest realm="r", nonce="n", cnonce="{c}", algorithm=MD5-sess').params)
        for c in ("1", "2")
    )
    a1 = hash_a1("MD5-sess", "u", "r", "p")
    assert isinstance(a1, str)
    assert expected_response(one, "INVITE", a1) != expected_response(other, "INVITE", a1)


def test_unknown_algorithm_or_quality_is_a_fault() -> None:
    strange = Challenge.of("r", "n", algorithm="SHA-7")
    vague = Challenge.of("r", "n", qop="auth-ng")
    assert isinstance(answer(strange, "A", "b", "u", "p", cnonce="c"), Fault)
    assert isinstance(answer(vague, "A", "b", "u", "p", cnonce="c"), Fault)
    assert not verify(credentials('Digest username="u", algorithm=SHA-7, response="x"'), "A", "p")
    assert not verify(credentials('Digest username="u", qop=auth-ng, response="x"'), "A", "p")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ('Digest username=u, realm="r", nonce="n", uri="x", response="y"', "username is a quoted string"),
        ('Digest username="u", nonce="n", uri="x", response="y"', "realm is there"),
        ('Basic username="u", realm="r", nonce="n", uri="x", response="y"', "the scheme is Digest"),
        (
            'Digest username="u", realm="r", nonce="n", uri="x", response="y", qop=auth',
            "cnonce and nc go with qop",
        ),
        (
            'Digest username="u", realm="r", nonce="n", uri="x", response="y", qop=auth, cnonce="c", nc=1',
            "nc is eight hexadecimal digits",
        ),
        (
            'Digest username="u", realm="r", nonce="n", uri="x", response="y", nc=00000001',
            "nc goes with qop only",
        ),
    ],
)
def test_faults(text: str, rule: str) -> None:
    assert rule in [fault.rule for fault in credentials(text).faults]


@pytest.mark.parametrize("text", ["", 'realm="r"', 'Digest realm="open'])
def test_unreadable(text: str) -> None:
    assert isinstance(parse_challenge(text), Fault)


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_text_is_read(scheme: str, params: str) -> None:
    read = parse_credentials(f"{scheme} {params}")
    if isinstance(read, Credentials):
        assert isinstance(read.faults, list)
        assert verify(read, "INVITE", "p") in (True, False)
