import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from sipconform.report.legible import duration, flowing, isolated, legible, pieces, ranges, shortened, width_of, wrapped


def test_what_cannot_be_seen_is_spelled_out() -> None:
    assert legible("a\x00b\x1b[31m") == "a\\x00b\\x1b[31m"
    assert legible("\u202egnp.exe") == "\\u202egnp.exe"
    assert legible(b"caf\xe9".decode("utf-8", "surrogateescape")) == "caf\\xe9"
    assert legible("\ud800") == "\\ud800"
    assert legible("\U000e0041") == "\\U000e0041"


def test_ordinary_text_of_any_script_stays() -> None:
    text = "Größe\t勿扰 مشغول 📞\n"
    assert legible(text) == text


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_any_text_becomes_legal_xml(text: str) -> None:
    element = ET.Element("a")
    element.text = legible(text)
    assert ET.fromstring(ET.tostring(element, encoding="utf-8")).text == (legible(text) or None)


@given(st.binary())
def test_pieces_lose_nothing(raw: bytes) -> None:
    text = raw.decode("utf-8", "surrogateescape")
    assert "".join(shown for _, shown in pieces(text)) == legible(text)


def test_what_was_cut_off_is_seen_to_be() -> None:
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdefg", 6) == "abcde…"


def test_a_docstring_keeps_its_paragraphs_and_not_its_line_breaks() -> None:
    story = "A number that\n    says much.\n\n    And\n      more.\n    "
    assert flowing(story) == "A number that says much.\n\nAnd more."
    assert flowing("") == ""


def test_frames_in_a_row_are_told_as_a_range() -> None:
    assert ranges([1, 2, 3, 7, 9, 10]) == "1–3, 7, 9–10"
    assert ranges([1, 3, 5, 7], most=2) == "1, 3 …"
    assert ranges([]) == ""


def test_a_duration_is_told_in_the_unit_one_would_say() -> None:
    assert [duration(seconds) for seconds in (0.0004, 0.25, 1.5, 150, 7200)] == [
        "0 ms",
        "250 ms",
        "1.5 s",
        "2.5 min",
        "2.0 h",
    ]


def test_words_from_right_to_left_do_not_move_what_stands_around_them() -> None:
    said = "from \u05d3\u05d5\u05d3 \u05db\u05d4\u05df 5 to \u05d0"
    assert isolated(said) == "from \u2067\u05d3\u05d5\u05d3 \u05db\u05d4\u05df\u2069 5 to \u2067\u05d0\u2069"
    assert isolated("Gr\u00f6\u00dfe \u738b") == "Gr\u00f6\u00dfe \u738b"


def test_lines_are_broken_between_words_and_within_those_that_are_too_long() -> None:
    assert wrapped("one two three", 8, 3) == ["one two", "three"]
    assert wrapped("x" * 20, 8, 3) == ["x" * 8, "x" * 8, "x" * 4]
    assert wrapped("one two three four", 5, 2) == ["one", "two …"]
    assert wrapped("", 8, 3) == [""]


def test_a_chinese_character_takes_two_columns() -> None:
    assert width_of("王2") == 3
    assert wrapped("王小明王小明", 4, 3) == ["王小", "明王", "小明"]


@given(st.text(), st.integers(2, 20))
def test_no_line_is_wider_than_it_may_be(text: str, columns: int) -> None:
    lines = wrapped(text, columns, 3)
    assert len(lines) <= 3
    assert all(width_of(line.removesuffix(" …")) <= columns for line in lines)
