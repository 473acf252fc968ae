from hypothesis import given
from hypothesis import strategies as st

from sipconform.compare.align import lay_out, pair_conversations
from sipconform.compare.story import Conversation, tell_story
from tests.compare.talk import subscription, trace


def _letter(word: str | None) -> str:
    return (word or "")[0]


WORDS = st.lists(st.sampled_from(["a1", "a2", "b1", "b2"]), max_size=12)


@given(WORDS, WORDS)
def test_everything_is_laid_out_once_and_in_order(run: list[str], reference: list[str]) -> None:
    pairs = list(lay_out(run, reference, str, _letter))
    assert [a for a, _ in pairs if a is not None] == run
    assert [b for _, b in pairs if b is not None] == reference
    assert all(a is None or b is None or a[0] == b[0] for a, b in pairs)


def test_the_same_stands_beside_the_same() -> None:
    assert list(lay_out(["a1", "a2"], ["a2"], str, _letter)) == [("a1", None), ("a2", "a2")]


def test_what_is_said_twice_stands_beside_the_other_the_first_time() -> None:
    once, twice = ["a1", "a2", "a3", "a4"], ["a1", "a3", "a3", "a4"]
    beside = [("a1", "a1"), ("a2", None), ("a3", "a3"), (None, "a3"), ("a4", "a4")]
    assert list(lay_out(once, twice, str, _letter)) == beside
    assert list(lay_out(twice, once, str, _letter)) == [(b, a) for a, b in beside]


def conversations(*states: str) -> list[Conversation]:
    said = [one for at, info in enumerate(states) for one in subscription(f"c{at}", info=info, at=10 * at)]
    return tell_story(trace(*said)).conversations


def test_of_several_conversations_of_one_kind_the_most_alike_are_paired() -> None:
    run, reference = conversations("on", "off"), conversations("off", "on")

    def says(conversation: Conversation) -> list[bytes]:
        return [e.request.body for e in conversation.exchanges if e.request is not None]

    assert list(pair_conversations(run, reference, says)) == [(run[0], reference[1]), (run[1], reference[0])]
    alone = list(pair_conversations(run, reference[:1], says))
    assert alone == [(run[0], reference[0]), (run[1], None)]
