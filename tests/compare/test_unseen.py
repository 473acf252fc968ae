"""What a capture cannot show is told as unknown, and accuses nobody."""

import pytest

from sipconform.compare.comparison import compare
from sipconform.trace.packet import Note
from sipconform.trace.trace import Trace
from tests.compare.talk import Said, call, subscription, trace

CUT = Note("truncated", "The file ends inside a block.", (4,))


def whole() -> list[Said]:
    later = [(at + 10, who, text) for at, who, text in call()]
    return [*subscription("s1"), *later]


def cut(said: list[Said], most: int) -> Trace:
    made = trace(*said[:most])
    made.notes.append(CUT)
    return made


@pytest.mark.parametrize("most", range(1, len(whole())))
def test_what_came_after_a_cut_is_unknown(most: int) -> None:
    for ours, theirs in ((cut(whole(), most), trace(*whole())), (trace(*whole()), cut(whole(), most))):
        result = compare(ours, theirs)
        assert result.differences == []
        assert {"after-the-capture"} == {found.rule for found in result.ignored}
        assert all(found.ignored for pair in result.pairs for row in pair.rows for found in row.differences)
        assert any("ends inside a block" in reservation for reservation in result.reservations)


def test_what_differs_before_a_cut_counts() -> None:
    other = [(at, who, text.replace("dnd=off", "dnd=on")) for at, who, text in whole()]
    assert [found.what for found in compare(cut(other, 6), trace(*whole())).differences] == ["body line 1"]


def test_what_is_missing_before_a_cut_counts() -> None:
    short = [said for at, said in enumerate(whole()) if at != 2]  # no NOTIFY, though much came afterwards
    assert {found.rule for found in compare(cut(short, 7), trace(*whole())).differences} >= {"exchange-missing"}


@pytest.mark.parametrize("missing", [2, 3])
def test_a_capture_that_begins_in_the_middle_is_laid_beside_the_rest(missing: int) -> None:
    for rest_is_run in (True, False):
        rest, all_of_it = trace(*whole()[missing:]), trace(*whole())
        result = compare(rest, all_of_it) if rest_is_run else compare(all_of_it, rest)
        assert result.differences == []
        assert "before-the-capture" in {found.rule for found in result.ignored}
        assert "begins in the middle" in result.reservations[0]


def test_what_is_said_in_the_middle_is_compared() -> None:
    rest = [(at, who, text.replace("dnd=off", "dnd=on")) for at, who, text in whole()[2:]]
    assert [found.what for found in compare(trace(*rest), trace(*whole())).differences] == ["body line 1"]


def test_where_nobody_is_seen_to_be_a_server_the_differences_prove_nothing() -> None:
    result = compare(trace(*whole()[6:]), trace(*whole()))
    assert result.differences
    assert result.doubted


def test_with_no_message_at_all_there_is_nothing_to_compare() -> None:
    for ours, theirs in ((trace(), trace(*call())), (trace(*call()), trace()), (trace(), trace())):
        result = compare(ours, theirs)
        assert (result.differences, result.doubted) == ([], True)
        assert "nothing to compare" in result.reservations[0]
