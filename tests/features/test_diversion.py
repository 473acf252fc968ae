"""Who forwarded a call is read out of either header field, in every form seen, and written back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.features.diversion import CAUSES, REASONS, forwarded_by, write_diversion, write_history
from sipconform.sip.fault import Fault
from sipconform.sip.headers import history_info
from sipconform.sip.headers.history_info import HistoryEntry
from sipconform.sip.message import Message


def invite(*rows: str) -> Message:
    return Message("\r\n".join(["INVITE sip:201@192.0.2.21 SIP/2.0", *rows, "", ""]).encode())


@pytest.mark.parametrize(
    ("row", "party", "reason"),
    [
        (
            "History-Info: <sip:600@pbx>;index=1, <sip:201@pbx;cause=302>;index=1.1;mp=1,"
            " <sip:201@192.0.2.21>;index=1.1.1;rc=1.1",
            "sip:600@pbx",
            "unconditional",
        ),
        ("History-Info: <sip:600@pbx>;index=1, <sip:201@pbx;cause=486>;index=1.1", "sip:600@pbx", "user-busy"),
        (
            "History-Info: <sip:600@pbx?Reason=SIP%3Bcause%3D408>;index=1, <sip:201@pbx>;index=1.1",
            "sip:600@pbx?Reason=SIP%3Bcause%3D408",
            "no-answer",
        ),
        ("History-Info: <sip:600@pbx>;index=1, <sip:201@pbx>;index=2;mp=1", "sip:600@pbx", "unknown"),
        ("Diversion: <sip:600@pbx>;reason=no-answer, <sip:5@pbx>;reason=user-busy", "sip:600@pbx", "no-answer"),
        ("Diversion: <sip:600@pbx>", "sip:600@pbx", "unknown"),
    ],
)
def test_every_form_names_the_last_party_that_forwarded(row: str, party: str, reason: str) -> None:
    found = forwarded_by(invite(row))
    assert found is not None
    assert (found.party.uri_text, found.reason, found.source) == (party, reason, row.partition(":")[0])


@pytest.mark.parametrize(
    "row",
    [
        "Subject: none",
        "History-Info: <sip:201@pbx>;index=1",
        "History-Info: <sip:201@pbx>;index=1, <sip:201@192.0.2.21>;index=1.1;rc=1",
        "History-Info: <sip:201@pbx>;index=1, <sip:201@pbx>;index=1.1;mp=7",
        'Diversion: "nonsense',
    ],
)
def test_a_call_that_only_travelled_was_not_forwarded(row: str) -> None:
    assert forwarded_by(invite(row)) is None


def test_history_counts_before_diversion() -> None:
    found = forwarded_by(invite("Diversion: <sip:1@h>", "History-Info: <sip:2@h>;index=1, <sip:3@h>;index=1.1;mp=1"))
    assert found is not None
    assert found.source == "History-Info"


def test_privacy_is_told() -> None:
    for row in (
        "Diversion: <sip:1@h>;privacy=full",
        "History-Info: <sip:2@h?Privacy=history>;index=1, <sip:3@h>;index=1.1;mp=1",
    ):
        found = forwarded_by(invite(row))
        assert found is not None
        assert found.private


@pytest.mark.parametrize("reason", CAUSES)
def test_what_is_written_is_read(reason: str) -> None:
    rows = [
        "Diversion: " + write_diversion("sip:600@pbx", reason, 'Sales, "all"'),
        f"History-Info: {', '.join(write_history('sip:600@pbx', 'sip:201@pbx', reason))}",
    ]
    for row in rows:
        found = forwarded_by(invite(row))
        assert found is not None
        assert (found.party.uri_text, found.reason, found.private) == ("sip:600@pbx", reason, False)


def test_a_second_forward_goes_deeper_in_the_tree() -> None:
    first = history_info.parse_list(write_history("sip:1@h", "sip:2@h", "unconditional"))
    entries = [entry for entry in first if isinstance(entry, HistoryEntry)]
    values = write_history("sip:2@h", "sip:3@h", "user-busy", entries)
    assert values[-1] == "<sip:3@h;cause=486>;index=1.1.1;mp=1.1"
    found = forwarded_by(invite(f"History-Info: {', '.join(values)}"))
    assert found is not None
    assert (found.party.uri_text, found.reason) == ("sip:2@h;cause=302", "user-busy")
    assert not any(isinstance(entry, Fault) or entry.faults for entry in history_info.parse_list(values))


def test_every_cause_has_one_reason() -> None:
    assert {REASONS[cause] for cause in (480, 487)} == {"deflection"}
    assert len(REASONS) == sum(len(causes) for causes in CAUSES.values())


@given(st.sampled_from(["History-Info", "Diversion"]), st.text(max_size=80))
def test_reading_never_raises(name: str, value: str) -> None:
    forwarded_by(invite(f"{name}: {value}".encode("utf-8", "replace").decode()))
