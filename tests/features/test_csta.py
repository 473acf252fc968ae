"""uaCSTA documents of every edition are read by local name, and written as the samples have them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.features.csta import (
    DOCUMENTS,
    CstaDocument,
    csta,
    error,
    forwarding_response,
    parse_csta,
    resulting_state,
)
from sipconform.features.feature_state import FeatureState, Forward, ForwardType
from sipconform.sip.fault import Fault


def read(body: bytes) -> CstaDocument:
    found = parse_csta(body)
    assert isinstance(found, CstaDocument), found
    return found


def test_an_event_is_written_as_the_sample_has_it() -> None:
    event = csta("DoNotDisturbEvent", monitorCrossRefID=7, device="sip:2001@pbx.example.com", doNotDisturbOn=True)
    assert event.to_xml().decode().split("\r\n") == [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<DoNotDisturbEvent xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3">',
        "  <monitorCrossRefID>7</monitorCrossRefID>",
        "  <device><deviceIdentifier>sip:2001@pbx.example.com</deviceIdentifier></device>",
        "  <doNotDisturbOn>true</doNotDisturbOn>",
        "</DoNotDisturbEvent>",
    ]


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), max_size=20).map(str.strip)


@given(st.sampled_from(sorted(DOCUMENTS)), st.sampled_from([3, 4, 5]), st.data())
def test_what_is_written_reads_the_same(name: str, edition: int, data: st.DataObject) -> None:
    names = [path.partition("/")[0] for path in DOCUMENTS[name] if path != "forwardingList"]
    fields = {key: data.draw(texts) for key in names}
    document = CstaDocument(name, fields, edition)
    assert read(document.to_xml()) == document
    assert document.known


def test_order_and_foreign_elements_do_not_matter() -> None:
    body = b"""<c:DoNotDisturbEvent xmlns:c="http://www.ecma-international.org/standards/ecma-323/csta/ed5">
      <c:doNotDisturbOn>1</c:doNotDisturbOn><x/><c:device> sip:1@h </c:device>
      <c:monitorCrossRefID>7</c:monitorCrossRefID></c:DoNotDisturbEvent>"""
    event = read(body)
    assert (event.on, event.device, event.cross_reference, event.edition) == (True, "sip:1@h", "7", 5)


def test_a_namespace_that_is_no_edition_is_told() -> None:
    assert read(b'<MakeCall xmlns="urn:x"/>').edition is None
    assert not read(b"<MakeCall/>").known


def test_forwarding_is_asked_and_answered() -> None:
    state = FeatureState(
        forwards={
            ForwardType.BUSY: Forward(True, "tel:2052"),
            ForwardType.NO_ANSWER: Forward(False, "", 3),
        }
    )
    assert read(forwarding_response(state).to_xml()).forwards == state.forwards
    request = csta("SetForwarding", forwardingType="forwardNoAns", activateForward=True, forwardDN="1", ringCount=4)
    told = read(request.to_xml())
    assert (told.forward_type, told.on, told.forward_to, told.rings) == (ForwardType.NO_ANSWER, True, "1", 4)


def test_an_error_names_its_category() -> None:
    told = read(csta("CSTAErrorCode", operation="invalidDeviceID").to_xml())
    assert (told.fields, told.on, told.device) == ({"operation": "invalidDeviceID"}, None, "")


@pytest.mark.parametrize("body", [b"", b"<a", b"<!DOCTYPE a><SetDoNotDisturb/>"])
def test_what_is_no_document_is_a_fault(body: bytes) -> None:
    assert isinstance(parse_csta(body), Fault)


@given(st.binary(max_size=100))
def test_reading_never_raises(body: bytes) -> None:
    found = parse_csta(b"<SetForwarding><forwardingList>" + body + b"</forwardingList></SetForwarding>")
    assert isinstance(found, CstaDocument | Fault)


def test_an_error_is_a_category_with_its_value() -> None:
    document = read(error("operation", 5, "invalidDeviceID").to_xml())
    assert (document.name, document.edition, document.fields) == ("CSTAErrorCode", 5, {"operation": "invalidDeviceID"})


ALL_OFF = FeatureState.assigned()
BUSY = ForwardType.BUSY


@pytest.mark.parametrize(
    ("document", "after"),
    [
        (csta("SetDoNotDisturb", doNotDisturbOn=True), ALL_OFF.with_dnd(True)),
        (csta("DoNotDisturbEvent", doNotDisturbOn=True), ALL_OFF.with_dnd(True)),
        (csta("DoNotDisturbEvent", doNotDisturbOn="maybe"), None),
        (csta("GetDoNotDisturb"), None),
        (
            csta("ForwardingEvent", forwardingType=BUSY.value, forwardStatus=True, forwardTo="tel:2050"),
            ALL_OFF.with_forward(BUSY, Forward(True, "2050")),
        ),
        (csta("SetForwarding", forwardingType=BUSY.value, activateForward=True), None),
        (csta("SetForwarding", forwardingType="forwardSideways", activateForward=False), None),
    ],
)
def test_the_state_after_a_document(document: CstaDocument, after: FeatureState | None) -> None:
    assert resulting_state(ALL_OFF, document) == after


def test_a_feature_that_is_not_assigned_stays_so() -> None:
    bare = FeatureState(None, {})
    assert resulting_state(bare, csta("SetDoNotDisturb", doNotDisturbOn=True)) is None
    words = {"forwardingType": BUSY.value, "forwardDN": "1"}
    assert resulting_state(bare, csta("SetForwarding", 3, activateForward=True, **words)) is None
