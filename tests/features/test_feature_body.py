"""Full state travels in one multipart body or in several single ones, and is read from whatever came."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.features.feature_body import Body, Packaging, read_body, write_event, write_full_state
from sipconform.features.feature_event import (
    CONTENT_TYPE,
    DoNotDisturbEvent,
    UnknownDocument,
    apply,
    full_state,
)
from sipconform.features.feature_state import FeatureState, Forward, ForwardType
from sipconform.features.schema import validate
from sipconform.features.xml_body import LARGEST_BODY
from sipconform.sip import multipart
from sipconform.sip.fault import Fault

STATE = FeatureState.assigned().with_forward(ForwardType.NO_ANSWER, Forward(True, "a&<b--feature-state", 3))


@pytest.mark.parametrize("packaging", ["multipart", "single"])
def test_the_full_state_arrives_in_either_packaging(packaging: Packaging) -> None:
    told = FeatureState()
    for body in write_full_state(STATE, "sip:2001@example.com", packaging=packaging):
        for part in read_body(*body):
            assert not isinstance(part.document, Fault | UnknownDocument)
            assert validate(part.content) == []
            told = apply(told, part.document)
    assert told == STATE


def test_the_multipart_form_keeps_to_the_standard() -> None:
    (body,) = write_full_state(STATE, boundary="fs-b1")
    assert body.content_type == 'multipart/mixed;boundary="fs-b1"'
    read = multipart.parse(body.content, "fs-b1")
    assert (len(read.parts), read.faults, read.preamble, read.epilogue) == (4, (), b"", b"")


def test_a_boundary_that_occurs_in_the_content_is_not_used() -> None:
    (body,) = write_full_state(STATE)
    assert body.content_type == 'multipart/mixed;boundary="feature-statex"'
    assert len(read_body(*body)) == 4


def test_one_feature_is_not_wrapped_and_none_is_an_empty_body() -> None:
    (alone,) = write_full_state(FeatureState(dnd=True))
    assert alone == write_event(DoNotDisturbEvent(True))
    assert write_full_state(FeatureState()) == [Body("", b"")]
    assert read_body("", b"") == []


ONE = DoNotDisturbEvent(True).to_xml()


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/mixed;boundary=b", b"--b\r\nContent-Type: %s\r\n\r\n%s\r\n--b--\r\n"),
        ('Multipart/Mixed; boundary="b b"', b"--b b\r\nContent-Type: %s\r\n\r\n%s\r\n--b b--"),
        ("multipart/mixed;boundary=b", b"old phones\r\n--b\r\nContent-Type: %s\r\n\r\n%s\r\n--b--\r\nbye"),
        ("multipart/mixed;boundary=b", b"--b\nContent-Type:%s\nContent-ID: <1@h>\n\n%s\n--b--\n"),
        ("multipart/mixed;boundary=b", b"--b\r\nContent-Type: %s;charset=x\r\n\r\n%s\r\n"),
        (CONTENT_TYPE.upper() + " ; charset=UTF-8", b"%.0s%s"),
    ],
)
def test_every_packaging_seen_is_read(content_type: str, body: bytes) -> None:
    (part,) = read_body(content_type, body % (CONTENT_TYPE.encode(), ONE))
    assert part.document == DoNotDisturbEvent(True)


@pytest.mark.parametrize(
    ("content_type", "body", "rule"),
    [
        ("application/sdp", ONE, "not application/sdp"),
        ("", ONE, "type/subtype"),
        ("multipart/mixed", ONE, "boundary"),
        ("multipart/mixed;boundary=b", ONE, "delimiter"),
        ("multipart/mixed;boundary=b", b"x" * (LARGEST_BODY + 1), "our own bound"),
        ("multipart/mixed;boundary=b", b"--b\r\n\r\n" + ONE + b"\r\n--b--", "not text/plain"),
        (CONTENT_TYPE, ONE + ONE, "well-formed"),
    ],
)
def test_what_is_no_feature_document_says_why(content_type: str, body: bytes, rule: str) -> None:
    (part,) = read_body(content_type, body)
    assert isinstance(part.document, Fault)
    assert rule in part.document.rule


def test_a_fault_in_a_part_points_into_the_body() -> None:
    body = b"--b\r\nContent-Type: " + CONTENT_TYPE.encode() + b"\r\n\r\n<a><b></a>\r\n--b--"
    (part,) = read_body("multipart/mixed;boundary=b", body)
    assert isinstance(part.document, Fault)
    assert part.span.start <= part.document.span.start <= part.span.end
    assert body[part.span.start : part.span.end] == part.content == b"<a><b></a>"


@given(st.text(max_size=40), st.binary(max_size=100))
def test_reading_never_raises(content_type: str, body: bytes) -> None:
    read_body(content_type, body)
    read_body(f"multipart/mixed;boundary={content_type}", body)
    read_body("multipart/mixed;boundary=b", b"--b\r\n" + body + b"\r\n--b--")


def test_parts_and_events_correspond() -> None:
    (body,) = write_full_state(STATE)
    assert [part.document for part in read_body(*body)] == full_state(STATE)
