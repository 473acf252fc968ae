import json
from pathlib import Path

from lxml import html

from sipconform.compare.comparison import compare
from sipconform.report.compared import Chapter, told_lines, write_comparison
from sipconform.report.differences import in_time
from sipconform.report.secrets import Mask
from tests.compare.talk import subscription, trace

HOSTILE = '<script>alert(1)</script>"'


def chapter() -> Chapter:
    run = trace(*subscription(info=HOSTILE), change=lambda text: text.replace("Max-Forwards: 70", "Max-Forwards: 69"))
    return Chapter("a scenario", "run.pcapng", "reference.pcapng", compare(run, trace(*subscription())))


def test_the_page_stands_alone_and_shows_what_differs(tmp_path: Path) -> None:
    page = write_comparison(tmp_path / "new" / "folder", [chapter()]).read_text("utf-8")
    assert "3 differences (1 MUST, 2 MAY)." in page
    assert "Max-Forwards" in page
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_a_clean_comparison_says_so(tmp_path: Path) -> None:
    same = Chapter("same", "a", "b", compare(trace(*subscription()), trace(*subscription())))
    assert "No difference counts." in write_comparison(tmp_path, [same]).read_text("utf-8")


def test_what_proves_nothing_is_not_called_clean_nor_different(tmp_path: Path) -> None:
    nothing = Chapter("empty", "a", "b", compare(trace(), trace(*subscription())))
    page = write_comparison(tmp_path, [nothing]).read_text("utf-8")
    assert "Not all could be compared" in page
    assert "No difference counts" not in page
    doubted = chapter()
    doubted.comparison.doubt("the outcome hangs on the weather")
    page = write_comparison(tmp_path, [doubted]).read_text("utf-8")
    assert "3 differences (1 MUST, 2 MAY), which prove nothing." in page
    assert "the outcome hangs on the weather" in page


def test_a_folder_of_comparisons_begins_with_an_overview(tmp_path: Path) -> None:
    same = Chapter("same", "a", "b", compare(trace(*subscription()), trace(*subscription())))
    nothing = Chapter("empty", "a", "b", compare(trace(), trace(*subscription())))
    page = html.document_fromstring(write_comparison(tmp_path, [same, nothing, chapter()]).read_text("utf-8"))
    rows = [" ".join("".join(map(str, row.itertext())).split()) for row in page.iterfind(".//tbody/tr")]
    assert rows[0].startswith("≠a scenario3 differences (1 MUST, 2 MAY)Max-Forwards")
    assert rows[1].startswith("?emptynot all could be compared")
    assert rows[2].startswith("=sameno difference counts")
    assert [link.get("href") for link in page.iterfind(".//td/a")][:3] == ["#c3", "#c2", "#c1"]
    front = [" ".join(map(str, line.itertext())) for line in page.iterfind(".//header/p")]
    assert any("1 of 3 captures differ from their references; 1 could not all be compared." in line for line in front)


def test_a_row_tells_what_a_message_says_and_where_it_stands(tmp_path: Path) -> None:
    page = write_comparison(tmp_path, [chapter()]).read_text("utf-8")
    assert "NOTIFY presence active" in page
    assert "frame 3" in page
    assert page.count('<details class="talk" open>') == 1


def test_differences_are_in_the_order_of_time() -> None:
    told = chapter().comparison.differences
    numbers = [found.of_run.number for found in in_time(told[::-1]) if found.of_run]
    assert numbers == sorted(numbers)
    assert len(numbers) > 1


def test_every_difference_is_a_line_with_its_rule_the_ignored_ones_too(tmp_path: Path) -> None:
    told = chapter()
    write_comparison(tmp_path, [told])
    lines = [json.loads(line) for line in (tmp_path / "differences.jsonl").read_text("utf-8").splitlines()]
    assert len(lines) == len(told.comparison.differences) + len(told.comparison.ignored)
    assert {(line["rule"], line["level"]) for line in lines if not line["ignored"]} == {
        ("header", "MAY"),
        ("body", "MUST"),
    }
    assert all(line["level"] is None for line in lines if line["ignored"])


def test_no_secret_is_told() -> None:
    secret = 'Authorization: Digest username="a", realm="r", nonce="n", uri="sip:b", response="{}"'.format("5" * 32)
    run = trace(*subscription(), change=lambda text: text.replace("Max-Forwards: 70", f"Max-Forwards: 70\n{secret}"))
    told = Chapter("a", "b", "c", compare(run, trace(*subscription())))
    assert "5" * 32 not in json.dumps(list(told_lines(told, Mask())))
