import pytest

from sipconform.compare.comparison import compare
from tests.compare.talk import Said, call, subscription, trace


def again(times: list[float]) -> list[Said]:
    """A SUBSCRIBE sent at these times after the first, then answered."""
    first, *rest = subscription()
    return [first, *[(at, "phone", first[2]) for at in times], *[(at + 40, who, text) for at, who, text in rest]]


@pytest.mark.parametrize(
    ("times", "rules"), [([0.5, 1.5], []), ([0.1], ["pace"]), ([0.5, 39.9], ["pace"]), ([39.9], ["pace"])]
)
def test_the_pace_of_retransmissions_is_watched(times: list[float], rules: list[str]) -> None:
    result = compare(trace(*again(times)), trace(*again([0.5])))
    assert [found.rule for found in result.differences if found.rule == "pace"] == rules


def test_an_answer_repeated_in_spite_of_its_ack_shows() -> None:
    said = call()
    deaf = [(2.5 + at, "server", said[2][2]) for at in range(3)]
    assert [f.rule for f in compare(trace(*said[:4], *deaf), trace(*said[:4])).differences] == ["pace"]
    assert compare(trace(*said[:4], *deaf[:2]), trace(*said[:4])).differences == []
