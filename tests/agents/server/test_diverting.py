"""How a forwarded call tells who forwarded it."""

from sipconform.agents.server.diverting import Diverted, told
from sipconform.features.diversion import by_diversion, by_history
from sipconform.sip.headers import diversion, history_info

TWICE = [Diverted("2001", "2002", "unconditional"), Diverted("2002", "sip:2050@other.example", "user-busy")]


def test_the_latest_diversion_is_on_top() -> None:
    values = [value for name, value in told(TWICE, "example.com", "diversion") if name == "Diversion"]
    entries = [entry for entry in map(diversion.parse, values) if entry]
    latest = by_diversion(entries)
    assert latest is not None
    assert (latest.party.uri_text, latest.reason) == ("sip:2002@example.com", "user-busy")
    assert len(entries) == 2


def test_history_leads_from_the_first_target_to_the_last() -> None:
    values = [value for name, value in told(TWICE, "example.com", "history-info") if name == "History-Info"]
    entries = [entry for entry in map(history_info.parse, values) if entry]
    assert [entry.index for entry in entries] == ["1", "1.1", "1.1.1"]
    latest = by_history(entries)
    assert latest is not None
    assert (latest.party.uri_text.partition(";")[0], latest.reason) == ("sip:2002@example.com", "user-busy")
    assert "sip:2050@other.example" in values[-1]


def test_both_or_none() -> None:
    assert {name for name, _ in told(TWICE, "example.com", "both")} == {"Diversion", "History-Info"}
    assert told(TWICE, "example.com", "none") == []
    assert told([], "example.com", "both") == []
