import random

import pytest

from sipconform.agents.credentials import CredentialStore
from sipconform.sip import digest
from sipconform.sip.compose import Draft
from sipconform.sip.message import Message


def challenge(*values: str, status: int = 401) -> Message:
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    rows = "".join(f"{name}: {value}\r\n" for value in values)
    return Message(f"SIP/2.0 {status} X\r\n{rows}\r\n".encode())


def digest_of(nonce: str, algorithm: str = "MD5", more: str = "") -> str:
    return f'Digest realm="r", nonce="{nonce}", algorithm={algorithm}, qop="auth"{more}'


def store() -> CredentialStore:
    return CredentialStore("ann", "secret", random.Random(1))


def authorised(known: CredentialStore, header: str = "Authorization") -> str:
    draft = Draft.request("REGISTER", "sip:example.com")
    known.authorise(draft)
    return draft.get(header)


def test_nothing_is_said_before_a_challenge() -> None:
    assert authorised(store()) == ""


@pytest.mark.parametrize(("status", "header"), [(401, "Authorization"), (407, "Proxy-Authorization")])
def test_a_challenge_is_answered_and_the_nonce_counted(status: int, header: str) -> None:
    known = store()
    assert known.learn(challenge(digest_of("n"), status=status))
    for count in (1, 2):
        given = digest.parse_credentials(authorised(known, header))
        assert given
        assert (given.username, given.nonce, given.nc) == ("ann", "n", count)
        assert digest.verify(given, "REGISTER", "secret", b"")
        assert not digest.verify(given, "REGISTER", "wrong", b"")


def test_the_first_challenge_that_can_be_answered_is() -> None:
    known = store()
    assert known.learn(
        challenge('Basic realm="r"', digest_of("x", "SHA-1024"), digest_of("n", "SHA-256"), digest_of("m"))
    )
    assert 'nonce="n"' in authorised(known)


def test_without_a_usable_challenge_it_gives_up() -> None:
    assert not store().learn(challenge())
    assert not store().learn(challenge("Digest", 'Basic realm="r"'))


def test_credentials_that_were_refused_are_not_tried_again_unless_only_the_nonce_was_stale() -> None:
    known = store()
    assert known.learn(challenge(digest_of("n")))
    assert not known.learn(challenge(digest_of("n")))
    assert known.learn(challenge(digest_of("n", more=", stale=true")))
    assert known.learn(challenge(digest_of("m")))


def test_the_password_is_in_no_text() -> None:
    assert "secret" not in repr(store())
