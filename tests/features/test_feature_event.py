"""The four documents of as-feature-event: written as the package orders, read as forgivingly as it asks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.features.feature_event import (
    NAMESPACE,
    Device,
    Document,
    DoNotDisturbEvent,
    ForwardingEvent,
    SetDoNotDisturb,
    SetForwarding,
    UnknownDocument,
    apply,
    changed,
    full_state,
    parse_document,
)
from sipconform.features.feature_state import FeatureState, Forward, ForwardType
from sipconform.features.schema import validate
from sipconform.sip.fault import Fault

NO_ANSWER = ForwardType.NO_ANSWER
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp", "Cn"]), max_size=20)
numbers = st.none() | texts.map(str.strip)
rings = st.none() | st.integers(1, 100)
on = st.booleans()
kinds = st.sampled_from(ForwardType)
documents = st.one_of(
    st.builds(SetDoNotDisturb, on, numbers),
    st.builds(DoNotDisturbEvent, on, numbers),
    st.builds(SetForwarding, kinds, on, numbers, rings, numbers),
    st.builds(ForwardingEvent, kinds, on, numbers, rings, numbers),
)


def read(body: bytes) -> Document:
    found = parse_document(body)
    assert not isinstance(found, Fault | UnknownDocument), found
    return found


def test_a_document_is_written_as_the_package_shows_it() -> None:
    event = ForwardingEvent(NO_ANSWER, on=True, to="2099", rings=3, device="sip:2001@example.com")
    assert event.to_xml().decode().split("\r\n") == [
        '<?xml version="1.0" encoding="ISO-8859-1"?>',
        f'<ForwardingEvent xmlns="{NAMESPACE}">',
        "  <device>sip:2001@example.com</device>",
        "  <forwardingType>forwardNoAns</forwardingType>",
        "  <forwardStatus>true</forwardStatus>",
        "  <forwardTo>2099</forwardTo>",
        "  <ringCount>3</ringCount>",
        "</ForwardingEvent>",
    ]


@given(documents, st.sampled_from(["ISO-8859-1", "UTF-8"]))
def test_what_is_written_reads_the_same(document: Document, encoding: str) -> None:
    written = document.to_xml(encoding)
    assert parse_document(written) == document
    if document.device is not None:
        assert validate(written) == []


def test_reading_forgives_order_prefix_space_and_comments_and_tells_the_judge() -> None:
    body = b"""<?xml version="1.0" encoding="UTF-8"?>
    <c:SetForwarding xmlns:c="urn:other"><c:ringCount> 4 </c:ringCount><c:forwardDN>20<!-- x -->54</c:forwardDN>
    <c:forwardingType> forwardNoAns </c:forwardingType><c:activateForward> true </c:activateForward>
    <c:device><c:notKnown/></c:device></c:SetForwarding>"""
    request = read(body)
    assert request == SetForwarding(NO_ANSWER, on=True, to="2054", rings=4, device="")
    assert request.facts is not None
    assert (request.facts.namespace, request.facts.is_csta) == ("urn:other", False)
    assert request.facts.charset == "UTF-8"
    assert request.facts.device is Device.NOT_KNOWN
    assert request.facts.texts["ringCount"] == " 4 "
    assert request.facts.elements == (
        "ringCount", "forwardDN", "forwardingType", "activateForward", "device",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("inside", "kind", "value"),
    [
        (b"", Device.ABSENT, None),
        (b"<device/>", Device.EMPTY, ""),
        (b"<device>7659366</device>", Device.TEXT, "7659366"),
        (b"<device><notKnown/></device>", Device.NOT_KNOWN, ""),
        (b"<device><deviceIdentifier>2001</deviceIdentifier></device>", Device.OTHER, "2001"),
    ],
)
def test_every_form_of_device_is_told_apart(inside: bytes, kind: Device, value: str | None) -> None:
    event = read(b"<DoNotDisturbEvent>" + inside + b"<doNotDisturbOn>true</doNotDisturbOn></DoNotDisturbEvent>")
    assert event.facts is not None
    assert (event.facts.device, event.device, event.facts.namespace) == (kind, value, "")


@pytest.mark.parametrize(("text", "value"), [("true", True), ("0", False), (" 1 ", True), ("True", None), ("", None)])
def test_only_xs_booleans_say_anything(text: str, value: bool | None) -> None:
    body = f"<SetDoNotDisturb><doNotDisturbOn>{text}</doNotDisturbOn></SetDoNotDisturb>"
    assert read(body.encode()).on is value


@pytest.mark.parametrize("text", ["", "0", "101", "-1", "three", "1e1", "²", "9" * 5000])
def test_an_illegal_ring_count_says_nothing(text: str) -> None:
    body = f"<ForwardingEvent><ringCount>{text}</ringCount></ForwardingEvent>"
    event = read(body.encode())
    assert isinstance(event, ForwardingEvent)
    assert event.rings is None
    assert event.facts is not None
    assert event.facts.texts["ringCount"] == text


@pytest.mark.parametrize(("edition", "csta"), [("ed3", True), ("ed5", True), ("edition", False), ("", False)])
def test_the_namespace_of_any_csta_edition_is_known(edition: str, csta: bool) -> None:
    body = SetDoNotDisturb(True).to_xml().replace(b"ed3", edition.encode())
    facts = read(body).facts
    assert facts is not None
    assert facts.is_csta is csta


def test_another_root_is_unknown_but_not_a_fault() -> None:
    found = parse_document(b'<AgentReadyEvent xmlns="urn:x"><device>1</device></AgentReadyEvent>')
    assert isinstance(found, UnknownDocument)
    assert found.facts.root == "AgentReadyEvent"


@pytest.mark.parametrize("body", [b"", b"<SetDoNotDisturb>", b"<!DOCTYPE a><SetDoNotDisturb/>"])
def test_what_is_no_document_is_a_fault(body: bytes) -> None:
    assert isinstance(parse_document(body), Fault)


@pytest.mark.parametrize(
    ("spoil", "by"),
    [
        ("csta/ed3", "csta/ed4"),
        ("<device/>", ""),
        ("true", "yes"),
        ("forwardBusy", "forwardAlways"),
        ("ringCount>3<", "ringCount>101<"),
        ("forwardDN", "forwardTo"),
        (' xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3"', ""),
    ],
)
def test_the_schema_finds_what_reading_forgives(spoil: str, by: str) -> None:
    body = SetForwarding(ForwardType.BUSY, on=True, to="2053", rings=3).to_xml().decode()
    assert spoil in body
    assert validate(body.encode()) == []
    assert validate(body.replace(spoil, by).encode()) != []


def test_the_schema_wants_the_order_of_the_package() -> None:
    body = f'<SetDoNotDisturb xmlns="{NAMESPACE}"><doNotDisturbOn>true</doNotDisturbOn><device/></SetDoNotDisturb>'
    assert validate(body.encode()) != []
    assert validate(b"<a") != []


STATE = FeatureState.assigned().with_forward(NO_ANSWER, Forward(active=True, to="2099", rings=4))


@pytest.mark.parametrize(
    ("request_", "after"),
    [
        (SetForwarding(NO_ANSWER, on=False), Forward(to="2099", rings=4)),
        (SetForwarding(NO_ANSWER, on=False, to=""), Forward(rings=4)),
        (SetForwarding(NO_ANSWER, on=True, to="2055"), Forward(active=True, to="2055", rings=4)),
        (SetForwarding(NO_ANSWER, on=True, to="2055", rings=3), Forward(active=True, to="2055", rings=3)),
        (SetForwarding(NO_ANSWER, on=True, to=""), Forward(active=True, to="2099", rings=4)),
        (SetForwarding(NO_ANSWER, on=None, to="2055"), Forward(active=True, to="2099", rings=4)),
    ],
)
def test_a_request_changes_what_it_says_and_nothing_else(request_: SetForwarding, after: Forward) -> None:
    assert apply(STATE, request_) == STATE.with_forward(NO_ANSWER, after)


def test_a_ring_count_belongs_to_no_answer_alone() -> None:
    after = apply(STATE, SetForwarding(ForwardType.BUSY, on=True, to="2052", rings=3))
    assert after.forward(ForwardType.BUSY) == Forward(active=True, to="2052")


def test_unreadable_documents_change_nothing() -> None:
    for document in (SetDoNotDisturb(None), DoNotDisturbEvent(None), ForwardingEvent(None, on=True)):
        assert apply(STATE, document) == STATE


states = st.builds(
    FeatureState,
    st.none() | on,
    st.dictionaries(kinds, st.builds(Forward, on, st.sampled_from(["", "2050", "+15555550123", "a&<b"]))),
)


@given(states)
def test_the_full_state_told_to_an_empty_phone_is_the_state(state: FeatureState) -> None:
    told = FeatureState()
    for event in full_state(state):
        told = apply(told, read(event.to_xml()))
    assert told == state


@given(states, states)
def test_the_changed_features_carry_one_state_into_the_other(before: FeatureState, after: FeatureState) -> None:
    told = before
    for event in changed(before, after):
        told = apply(told, event)
    assert all(event in full_state(told) for event in full_state(after))
    assert changed(after, after) == []


@given(st.binary(max_size=120))
def test_parsing_never_raises(body: bytes) -> None:
    assert parse_document(b"<ForwardingEvent>" + body + b"</ForwardingEvent>") is not None
    assert validate(body) != []
