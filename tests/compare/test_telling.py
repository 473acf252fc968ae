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
