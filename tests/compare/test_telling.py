"""What is read once for all messages that are written alike must not be told of one that means something else."""

import pytest

from sipconform.compare.comparison import compare
from tests.compare.talk import Said, answer, call, request, trace


def told(run: list[Said], reference: list[Said]) -> set[str]:
    return {found.what for found in compare(trace(*run), trace(*reference)).differences}


def changed(old: str, new: str) -> list[Said]:
    said = [(at, who, text.replace(old, new)) for at, who, text in call()]
    assert said != call()
    return said


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("m=audio 4000 ", "m=audio 0 ", "body audio 1 is"),
        ("m=audio 4000 ", "m=audio 99999 ", "body streams"),
        ("o=- 1 1 IN IP4", "o=- one 1 IN IP4", "body malformed: o= is user, session id, version, network and address"),
    ],
)
def test_a_number_of_ones_own_is_free_only_as_long_as_it_is_one(old: str, new: str, place: str) -> None:
    assert place in told(changed(old, new), call())


@pytest.mark.parametrize("port", [1, 9_999, 50_000, 59_999, 60_000, 65_535])
def test_any_port_is_as_good_as_another(port: int) -> None:
    assert told(changed("m=audio 4000 ", f"m=audio {port} "), call()) == set()


@pytest.mark.parametrize("tag", ["tag = t1", "tag=t1;x=y", "TAG=t1"])
def test_a_tag_is_known_however_it_is_written(tag: str) -> None:
    differing = told(changed(";tag=t1", f";{tag}"), call())
    assert differing == ({"To"} if "x=y" in tag else set())


@pytest.mark.parametrize("branch", ["branch=z9hG4bKc1BYE2", "BRANCH=z9hG4bKc1BYE2"])
def test_the_same_value_means_another_thing_where_another_request_brought_it_up(branch: str) -> None:
    """An OPTIONS that borrows the branch of the BYE before it, as no honest one does."""
    said = call()
    borrowed = request("OPTIONS", 3, tag="t1", branch="own")
    asked = [borrowed.replace("branch=z9hG4bKown", branch), borrowed]
    both = [[*said, (6.0, "phone", ask), (6.1, "server", answer(ask, 200))] for ask in asked]
    assert "Via" in told(*both)


def credentials(nonce: str, name: str = "2001", realm: str = "lab") -> str:
    return (
        f'Digest username="{name}", realm="{realm}", nonce="{nonce}", uri="sip:192.0.2.1", '
        f'response="{32 * "a"}", algorithm=MD5'
    )


def registered(first: str, stale: str = "", nonce: str = "n2", realm: str = "lab") -> list[Said]:
    """A REGISTER, challenged and repeated with credentials; `first`: those it came with at first."""
    asked = [
        request("REGISTER", seq, "Contact: <sip:2001@192.0.2.10:5060>", *([f"Authorization: {said}"] if said else []))
        for seq, said in ((1, first), (2, credentials(nonce, realm=realm)))
    ]
    challenge = f'WWW-Authenticate: Digest realm="{realm}", nonce="{nonce}", algorithm=MD5{stale}'
    granted = answer(asked[1], 200, "Contact: <sip:2001@192.0.2.10:5060>;expires=60")
    refused = answer(asked[0], 401, challenge, reason="Unauthorized")
    return [(0, "phone", asked[0]), (0.1, "server", refused), (0.2, "phone", asked[1]), (0.3, "server", granted)]


def test_a_nonce_that_was_too_old_is_as_good_as_none() -> None:
    assert told(registered(credentials("n1"), ", stale=true"), registered("")) == set()
    assert told(registered(""), registered(credentials("n1"), ", stale=true")) == set()
    assert "Authorization" in told(registered(credentials("n1")), registered(""))


def test_a_realm_is_a_matter_of_the_laboratory_and_has_to_be_the_one_that_was_asked_for() -> None:
    assert told(registered("", realm="theirs"), registered("")) == set()
    other = [(at, who, text.replace('username="2001", realm="lab"', 'username="2001", realm="x"'))
             for at, who, text in registered("")]  # fmt: skip
    assert told(other, registered("")) == {"Authorization"}


def replacing(call_id: str, field: str) -> list[Said]:
    """A call, and another that is to take its place."""
    first = [(at, who, text.replace("Call-ID: c1", f"Call-ID: {call_id}")) for at, who, text in call()[:4]]
    ask = request("INVITE", 1, f"Replaces: {field}", "Contact: <sip:2001@192.0.2.10:5060>", call="c2")
    return [*first, (3.0, "phone", ask), (3.1, "server", answer(ask, 486, reason="Busy Here"))]


@pytest.mark.parametrize(
    ("field", "differing"),
    [
        ("other;to-tag=t1;from-tag=fc1", set()),
        ("other;from-tag=fc1;to-tag=t1", set()),
        ("other;to-tag=fc1;from-tag=fc1;early-only", {"Replaces"}),
        ("other;to-tag=t9;from-tag=fc1", {"Replaces"}),
        ("nobody;to-tag=t1;from-tag=fc1", {"Replaces"}),
    ],
)
def test_a_dialog_is_named_by_what_is_known_of_it(field: str, differing: set[str]) -> None:
    assert told(replacing("other", field), replacing("c1", "c1;to-tag=t1;from-tag=fc1")) == differing
