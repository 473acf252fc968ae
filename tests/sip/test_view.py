from __future__ import annotations

from sipconform.sip.view import view


class Reader:
    def __init__(self) -> None:
        self.times = 0

    @view
    def answer(self) -> int | None:
        """What is read."""
        self.times += 1
        return None


def test_a_view_is_read_once() -> None:
    reader = Reader()
    assert reader.answer is None
    assert reader.answer is None
    assert reader.times == 1
    assert Reader().answer is None


def test_a_view_of_the_class_is_itself() -> None:
    assert isinstance(Reader.answer, view)
    assert Reader.answer.__doc__ == "What is read."
