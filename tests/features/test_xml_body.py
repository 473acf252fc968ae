"""Hostile XML is refused with a reason and a place, honest XML is read whatever its charset."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.features.xml_body import LARGEST_BODY, XmlBody, child_named, encode, escape, read_xml, text_of
from sipconform.sip.fault import Fault

BOMB = b'<?xml version="1.0"?><!-- a --><!DOCTYPE b [<!ENTITY l "lol"><!ENTITY m "&l;&l;&l;&l;&l;&l;">]><b>&m;</b>'


def fault(body: bytes) -> Fault:
    found = read_xml(body)
    assert isinstance(found, Fault)
    return found


def test_doctype_is_refused_and_its_place_told() -> None:
    found = fault(BOMB)
    assert found.rule == "a body carries no DOCTYPE"
    assert BOMB[found.span.start : found.span.end] == b"<!DOCTYPE"


def test_doctype_is_refused_in_utf_16_too() -> None:
    assert fault('<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a><a/>'.encode("utf-16")).rule == (
        "a body carries no DOCTYPE"
    )


def test_the_word_doctype_in_a_comment_offends_nobody() -> None:
    assert isinstance(read_xml(b"<!-- <!DOCTYPE a> --><a><!-- <!DOCTYPE a> --></a>"), XmlBody)


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b"", "not empty"),
        (b" \r\n", "not empty"),
        (b"<a>" + b"x" * LARGEST_BODY + b"</a>", "our own bound"),
        (b"<a>" * 400 + b"</a>" * 400, "depth"),
        (b"<a>&x;</a>", "Entity"),
        (b"<a/><a/>", "Extra content"),
        (b'<?xml version="1.0"? encoding="UTF-8"?><a/>', "well-formed"),
        (b'<?xml version="1.0" encoding="UTF-8"?><a>\xff</a>', "decode under the declared charset UTF-8"),
        (b'<?xml version="1.0" encoding="x-private"?><a/>', "charset this reader knows"),
        (b"<a>\xff</a>", "encoding"),
    ],
)
def test_what_cannot_be_read_says_why(body: bytes, rule: str) -> None:
    assert rule in fault(body).rule


def test_only_the_declaration_declares_a_charset() -> None:
    found = read_xml(b'<!-- <?xml version="1.0" encoding="UTF-16"?> --><a/>')
    assert isinstance(found, XmlBody)
    assert found.charset is None


def test_a_syntax_error_points_at_its_octet() -> None:
    body = b"<a>\r\n<b>&</b></a>"
    assert fault(body).span.start == body.index(b"&") + 1


@pytest.mark.parametrize("charset", ["UTF-8", "ISO-8859-1", "US-ASCII", "UTF-16", "windows-1252"])
@pytest.mark.parametrize("text", ["Zoë", "号码", "a & b < \"c\" > 'd'", "one\r\ntwo"])
def test_text_survives_every_charset(charset: str, text: str) -> None:
    document = read_xml(encode([f"<a>{escape(text)}</a>"], charset))
    assert isinstance(document, XmlBody)
    assert (text_of(document.root), document.charset) == (text, charset)


def test_characters_xml_forbids_are_replaced() -> None:
    assert escape("a\x00b\ud800c\ufffe") == "a\ufffdb\ufffdc\ufffd"


def test_a_path_of_names_that_breaks_off_is_none() -> None:
    document = read_xml(b'<a xmlns="urn:x"><b><c>deep</c></b></a>')
    assert isinstance(document, XmlBody)
    found = child_named(document.root, "b", "c")
    assert found is not None
    assert text_of(found) == "deep"
    assert child_named(document.root, "c", "b") is None


@given(st.one_of(st.binary(max_size=200), st.text(alphabet='<>/?!-[]&;"ab =\n', max_size=80).map(str.encode)))
def test_reading_never_raises(body: bytes) -> None:
    assert isinstance(read_xml(body), XmlBody | Fault)


@given(st.text(max_size=40))
def test_any_text_makes_a_readable_document(text: str) -> None:
    assert isinstance(read_xml(encode([f"<a>{escape(text)}</a>"], "ISO-8859-1")), XmlBody)
