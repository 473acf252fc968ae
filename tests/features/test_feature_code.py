"""Codes are matched, composed and put into Request-URIs the way each system has them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.features.feature_code import (
    Action,
    CodeTable,
    Feature,
    Match,
    UriForm,
    apply_code,
    dialled_string,
    request_uri,
)
from sipconform.features.feature_state import FeatureState, Forward, ForwardType

NORTH_AMERICA = CodeTable.of(
    [
        ("dnd", "on", "*78"),
        ("dnd", "off", "*79"),
        ("cfu", "on", "*72{number}"),
        ("cfu", "prompt", "*72"),
        ("cfu", "off", "*73"),
        ("cfb", "on", "*90{number}"),
        ("any", "off", "*74"),
    ],
    {"*56": "call waiting on"},
)
MMI = CodeTable.of(
    [
        ("dnd", "on", "*26#"),
        ("dnd", "off", "#26#"),
        ("cfu", "on", "**21*{number}#"),
        ("cfu", "on", "*21*{number}#"),
        ("cfu", "off", "#21#"),
        ("cfu", "query", "*#21#"),
        ("cfna", "on", "**61*{number}#"),
        ("cfna", "on", "**61*{number}**{seconds}#"),
        ("cfna", "on", "**61*{number}*{speech}*{seconds}#"),
        ("cfu", "on", "**21*{number}*{speech}#"),
        ("cfu", "off", "##21**{speech}#"),
    ]
)
YEASTAR = CodeTable.of([("cfu", "off", "*071"), ("cfu", "on", "*71{number}"), ("dnd", "off", "*07")])


@pytest.mark.parametrize(
    ("table", "dialled", "match"),
    [
        (NORTH_AMERICA, "*78", Match(Feature.DND, Action.ON)),
        (NORTH_AMERICA, "*722050", Match(Feature.CFU, Action.ON, "2050")),
        (NORTH_AMERICA, "*72+15555550101", Match(Feature.CFU, Action.ON, "+15555550101")),
        (NORTH_AMERICA, "*72", Match(Feature.CFU, Action.PROMPT)),
        (NORTH_AMERICA, "*782", None),
        (NORTH_AMERICA, "*56", None),
        (NORTH_AMERICA, "", None),
        (YEASTAR, "*071", Match(Feature.CFU, Action.OFF)),
        (YEASTAR, "*07", Match(Feature.DND, Action.OFF)),
        (MMI, "**61*2050**20#", Match(Feature.CFNA, Action.ON, "2050", 20)),
        (MMI, "**61*2050*11*20#", Match(Feature.CFNA, Action.ON, "2050", 20)),
        (MMI, "**61*2050#", Match(Feature.CFNA, Action.ON, "2050")),
        (MMI, "**21*2050*10#", Match(Feature.CFU, Action.ON, "2050")),
        (MMI, "**21*2050*13#", None),  # of telefax alone
        (MMI, "##21**11#", Match(Feature.CFU, Action.OFF)),
        (MMI, "*#21#", Match(Feature.CFU, Action.QUERY)),
        (MMI, "*26", None),
    ],
)
def test_the_longest_code_that_fits_is_meant(table: CodeTable, dialled: str, match: Match | None) -> None:
    assert table.match(dialled) == match


def test_among_codes_that_fit_the_most_literal_one_is_meant() -> None:
    table = CodeTable.of([("cfu", "on", "*7{number}"), ("cfb", "on", "*72{number}")])
    assert table.match("*722050") == Match(Feature.CFB, Action.ON, "2050")


@pytest.mark.parametrize(
    ("dialled", "incomplete"),
    [("*", True), ("**61*20", True), ("**61*2050**", True), ("**61*2050**20#", False), ("**61x", False)],
)  # fmt: skip
def test_what_could_become_a_code_is_incomplete(dialled: str, incomplete: bool) -> None:
    assert MMI.incomplete(dialled) is incomplete


@pytest.mark.parametrize(
    ("table", "wanted", "dialled"),
    [
        (NORTH_AMERICA, (Feature.DND, Action.OFF), "*79"),
        (NORTH_AMERICA, (Feature.CFU, Action.ON, "(555) 01-23"), "*725550123"),
        (NORTH_AMERICA, (Feature.CFU, Action.ON), None),
        (NORTH_AMERICA, (Feature.CFU, Action.ON, "sip:a@b"), None),
        (NORTH_AMERICA, (Feature.CFNA, Action.ON, "2050"), None),
        (NORTH_AMERICA, (Feature.CFU, Action.ON, "2050", 20), "*722050"),
        (MMI, (Feature.CFNA, Action.ON, "2050", 20), "**61*2050**20#"),
        (MMI, (Feature.CFNA, Action.ON, "2050"), "**61*2050#"),
        (CodeTable(), (Feature.DND, Action.ON), None),
    ],
)
def test_an_intent_becomes_what_is_dialled(table: CodeTable, wanted: tuple[Any, ...], dialled: str | None) -> None:
    assert table.compose(*wanted) == dialled


@given(st.from_regex(r"[0-9]{1,12}", fullmatch=True), st.integers(0, 999))
def test_what_is_composed_is_matched(number: str, seconds: int) -> None:
    dialled = MMI.compose(Feature.CFNA, Action.ON, number, seconds)
    assert dialled is not None
    assert MMI.match(dialled) == Match(Feature.CFNA, Action.ON, number, seconds)


STATE = FeatureState.assigned().with_forward(ForwardType.NO_ANSWER, Forward(True, "2099", 3))


@pytest.mark.parametrize(
    ("match", "after"),
    [
        (Match(Feature.DND, Action.TOGGLE), STATE.with_dnd(True)),
        (Match(Feature.DND, Action.QUERY), STATE),
        (
            Match(Feature.CFU, Action.ON, "2050"),
            STATE.with_forward(ForwardType.IMMEDIATE, Forward(True, "2050")),
        ),
        (Match(Feature.CFU, Action.ON), STATE),
        (Match(Feature.CFU, Action.PROMPT), STATE),
        (Match(Feature.CFB, Action.VOICEMAIL), STATE.with_forward(ForwardType.BUSY, Forward(True, "*97"))),
        (
            Match(Feature.CFNA, Action.ON, "2050", 20),
            STATE.with_forward(ForwardType.NO_ANSWER, Forward(True, "2050", 4)),
        ),
        (
            Match(Feature.ANY, Action.OFF),
            STATE.with_forward(ForwardType.NO_ANSWER, Forward(False, "2099", 3)),
        ),
        (
            Match(Feature.CFNA, Action.TOGGLE),
            STATE.with_forward(ForwardType.NO_ANSWER, Forward(False, "2099", 3)),
        ),
    ],
)
def test_a_code_changes_its_feature_alone(match: Match, after: FeatureState) -> None:
    assert apply_code(STATE, match, mailbox="*97") == after


def test_a_code_for_a_feature_not_assigned_changes_nothing() -> None:
    for match in (Match(Feature.DND, Action.ON), Match(Feature.CFU, Action.ON, "2050")):
        assert apply_code(FeatureState(), match) == FeatureState()


@pytest.mark.parametrize(
    ("form", "uri"),
    [
        ("plain", "sip:*57*2050%23@ims.example.com"),
        ("dialstring", "sip:*57*2050%23;phone-context=ims.example.com@ims.example.com;user=dialstring"),
        ("phone", "sip:*57*2050%23;phone-context=ims.example.com@ims.example.com;user=phone"),
        ("tel", "tel:*57*2050%23;phone-context=ims.example.com"),
    ],
)
def test_every_form_of_request_uri_is_written_and_read(form: UriForm, uri: str) -> None:
    assert request_uri("*57*2050#", "ims.example.com", form) == uri
    assert dialled_string(uri) == "*57*2050#"


@pytest.mark.parametrize(
    ("uri", "dialled"),
    [
        ("sip:%2a57%2A2050%23@h", "*57*2050#"),
        ("sip:#31#@h", "#31#"),
        ("tel:+1-201-555-0123", "+12015550123"),
        ("sip:h", ""),
        ("sip:5-5@h", "5-5"),
        ("sip:5-5@h;user=phone", "55"),
        ("http://h/", None),
        ("nonsense", None),
    ],
)
def test_escapes_are_undone_whatever_their_case(uri: str, dialled: str | None) -> None:
    assert dialled_string(uri) == dialled


def test_a_number_with_a_plus_needs_no_context() -> None:
    assert request_uri("+15555550101", "h", "phone") == "sip:+15555550101@h;user=phone"


@given(st.text(max_size=60))
def test_reading_never_raises(text: str) -> None:
    for table in (NORTH_AMERICA, MMI):
        table.match(text)
        table.incomplete(text)
    dialled_string(text)
    dialled_string(f"sip:{text}@h")
