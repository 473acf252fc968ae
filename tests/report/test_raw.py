from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from sipconform.report.legible import legible
from sipconform.report.raw import Marked, excerpt_html, raw_html
from sipconform.sip.fault import Span


def test_the_offending_bytes_are_marked() -> None:
    assert raw_html(b"a<b>c", [Marked(Span(1, 4), "SIP-1")]) == 'a<mark title="SIP-1">&lt;b&gt;</mark>c'


def test_marks_may_overlap_and_each_byte_says_whose_it_is() -> None:
    shown = raw_html(b"abcd", [Marked(Span(0, 3), "A"), Marked(Span(2, 4), "B")])
    assert shown == '<mark title="A">ab</mark><mark title="A, B">c</mark><mark title="B">d</mark>'


def test_an_empty_span_says_that_something_is_missing() -> None:
    assert "missing here" in raw_html(b"abc", [Marked(Span(3, 3), "A")])


def test_octets_that_are_no_text_are_told_from_backslashes() -> None:
    assert raw_html(b"\\x00\x00") == '\\x00<span class="esc">\\x00</span>'


def test_a_huge_message_shows_what_offends_and_says_what_it_leaves_out() -> None:
    raw = b"x" * 1_000_000 + b"HERE" + b"y" * 1_000_000
    shown = raw_html(raw, [Marked(Span(1_000_000, 1_000_004), "A")])
    assert '<mark title="A">HERE</mark>' in shown
    assert "bytes before this are in the capture" in shown
    assert len(shown) < 15_000


def test_an_excerpt_is_the_marked_line_and_its_neighbours() -> None:
    raw = b"one\r\ntwo\r\nthree\r\nfour\r\nfive\r\n"
    assert excerpt_html(raw, Marked(Span(10, 15), "A")) == 'two\n<mark title="A">three</mark>\nfour'


def test_words_from_right_to_left_stand_apart_and_are_copied_as_they_were_sent() -> None:
    name = 'From: "\u0645\u062d\u0645\u062f \u0639\u0644\u064a" <sip:1@x>;tag=5'
    shown = raw_html(name.encode())
    assert "&quot;<bdi>\u0645\u062d\u0645\u062f \u0639\u0644\u064a</bdi>&quot; &lt;sip:1@x&gt;;tag=5" in shown
    assert "".join(map(str, html.fragment_fromstring(f"<pre>{shown}</pre>").itertext())) == name


@given(st.binary(max_size=300), st.integers(0, 300), st.integers(0, 300))
def test_no_bytes_become_elements(raw: bytes, start: int, length: int) -> None:
    shown = raw_html(raw, [Marked(Span(start, start + length), "A")])
    tree = html.fragment_fromstring(f"<pre>:{shown}</pre>")
    assert {element.tag for element in tree} <= {"mark", "span", "bdi"}
    text = "".join(map(str, tree.itertext())).removeprefix(":").replace("⟵ missing here", "")
    if start > len(raw) or not length:
        assert text == legible(raw.decode("utf-8", "surrogateescape").replace("\r\n", "\n"))
