from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import html

from sipconform.checks.catalogue import Finding, Side, Verdict
from sipconform.compare.comparison import compare
from sipconform.report import evidence
from sipconform.report import html as html_module
from sipconform.report.folder import RunFolder
from sipconform.report.model import Beside, ScenarioResult
from sipconform.sip.fault import Span
from sipconform.trace.packet import Note, Observation
from sipconform.trace.trace import Trace
from tests.report.examples import PHONE, SERVER, SHOULD_AGENT, failing, request, run, scenario, trace_of

HOSTILE = (
    "<script>alert(1)</script>",
    "]]></script></style></title><img src=http://192.0.2.66/x onerror=alert(1)>",
    "\"' onclick=alert(1) x='",
    "{{ 7 * 7 }}{% raw %}",
    "\u202etxt.exe\u2066\x00\x1b[2J\udcff",
    "&lt;b&gt;",
)


def written(path: Path, *results: ScenarioResult) -> str:
    with RunFolder(path, run()) as folder:
        for result in results:
            folder.add(result)
    return (path / "report.html").read_text(encoding="utf-8")


def elements(page: str) -> list[html.HtmlElement]:
    return [element for element in html.document_fromstring(page).iter() if isinstance(element.tag, str)]


def found(page: html.HtmlElement, path: str) -> list[Any]:
    return cast("list[Any]", page.xpath(path))


def hostile_result(text: str) -> ScenarioResult:
    header = f"Subject: {text}\r\nCall-Info: {text}\r\n"
    trace = trace_of(request(extra=header), request(text or "X", call_id=f"{text}@x", number=2))
    trace.observations.append(Observation(1, text, text, {text: text}))
    trace.notes.append(Note(text, text, (1,)))
    span = trace.messages[0].span("Subject")
    return scenario(
        trace, failing(trace, span, expected=text, observed=text), title=text, story=text, feature=text, rows=[text],
        sentence=text, capture=text, capture_sha256=text, reproduce=text, error=text, steps=[text],
        verdict=Verdict.FAIL, passed={text: 1},
    )  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_no_element_and_no_attribute_comes_from_the_wire(tmp_path: Path, text: str) -> None:
    benign = elements(written(tmp_path / "benign", hostile_result("harmless")))
    hostile = elements(written(tmp_path / "hostile", hostile_result(text)))
    assert {e.tag for e in hostile} <= {e.tag for e in benign} | {"span"}
    assert {name for e in hostile for name in e.attrib} <= {name for e in benign for name in e.attrib}
    assert len([e for e in hostile if e.tag == "script"]) == 1
    assert {str(e.get("href", "#"))[:1] for e in hostile} == {"#", "d"}  # anchors, and the empty icon


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=400))
def test_any_bytes_give_a_page(tmp_path: Path, raw: bytes) -> None:
    trace = trace_of(b"INFO sip:x SIP/2.0\r\n" + raw, raw)
    tags = {element.tag for element in elements(written(tmp_path, scenario(trace, failing(trace, Span(3, 90)))))}
    assert not tags & {"img", "iframe", "object", "form", "base"}


def test_a_megabyte_header_makes_no_megabyte_report(tmp_path: Path) -> None:
    trace = trace_of(request(extra=f"Subject: {'<' * 1_000_000}\r\n"))
    long = failing(trace, trace.messages[0].span("Subject"), observed="<" * 1_000_000)
    assert len(written(tmp_path, scenario(trace, long))) < 250_000


def test_a_long_capture_is_cut_to_what_findings_point_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "SHOWN_MESSAGES", 40)
    trace = trace_of(*(request(call_id=f"c{n}") for n in range(300)))
    finding = failing(trace)
    finding.of = trace.messages[250]
    page = written(tmp_path, scenario(trace, finding))
    assert "260 of 300 messages are left out here" in page
    assert "Call-ID: c250\n" in page


def test_sections_beyond_the_room_come_without_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html_module, "ROOM", 1)
    trace = trace_of(request())
    bad = trace_of(request())
    page = written(tmp_path, scenario(trace), scenario(bad, failing(bad)), scenario(trace_of(request())))
    assert page.count('class="ladder"') == 1  # the first; what failed has as much room again
    assert "left out to keep this file small enough to be mailed" in page


def test_what_failed_keeps_its_ladder_when_what_passed_has_filled_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, bad = trace_of(request()), trace_of(request())
    alone = written(tmp_path / "alone", scenario(first))
    size = alone.index("</main>") - alone.index('<section class="scenario"')
    monkeypatch.setattr(html_module, "ROOM", size // 2 + 100)
    page = written(tmp_path, scenario(first), scenario(bad, failing(bad)), scenario(trace_of(request())))
    sections = html.document_fromstring(page).findall(".//section[@class='scenario']")
    assert [len(section.findall(".//div[@class='ladder']")) for section in sections] == [1, 1, 0]


def test_what_is_off_from_the_beginning_is_not_told(tmp_path: Path) -> None:
    trace = trace_of(request())
    server: dict[str, object] = {f"{user}.dnd": user == 7 for user in range(20)}
    trace.observations.append(Observation(trace.messages[0].packet.time_ns, "server", "belief", server))
    page = written(tmp_path, scenario(trace))
    assert "server: 7: Do Not Disturb on<" in page
    assert "8: Do Not Disturb" not in page


def test_of_those_who_introduced_everybody_the_last_is_told(tmp_path: Path) -> None:
    trace = trace_of(request())
    at = trace.messages[0].packet.time_ns
    trace.observations += [Observation(at, "lab", "lab", {"ours": n}) for n in ("first", "second", "second")]
    page = written(tmp_path, scenario(trace))
    assert "ours first" not in page
    assert page.count("ours second") == 1


def test_what_was_passed_leads_to_what_it_asks(tmp_path: Path) -> None:
    page = html.document_fromstring(written(tmp_path, scenario(trace_of(request()), passed={"SUB-007": 1200})))
    [link] = found(page, "//section[@class='scenario']//a[text()='SUB-007']")
    assert "1,200×" in (link.tail or "")
    [row] = found(page, f"//tr[@id='{str(link.get('href'))[1:]}']")
    assert "every NOTIFY says its state" in row.text_content()


def test_the_front_page_says_who_broke_what(tmp_path: Path) -> None:
    trace = trace_of(request())
    page = html.document_fromstring(written(tmp_path, scenario(trace, failing(trace), failing(trace))))
    assert (
        "1 of 1 scenario failed: 1 defect of the server, seen in 1 NOTIFY." in found(page, "//header")[0].text_content()
    )
    (row,) = found(page, "//section[@id='offences']//tbody/tr")
    assert "SUB-007" in row.text_content()
    assert "192.0.2.1:5060" in row.text_content()
    assert "in 1 NOTIFY" in row.text_content()
    (cell,) = found(page, "//section[@id='matrix']//a")
    assert (cell.get("href"), cell.text_content()) == ("#s1", "B3 ✗")


def test_of_a_capture_it_is_told_what_time_it_covers(tmp_path: Path) -> None:
    trace = trace_of(*(request(number=n) for n in range(31)))
    page = html.document_fromstring(written(tmp_path, scenario(trace, bare=True)))
    (row,) = found(page, "//table[@class='ran stack']//tbody/tr")
    assert row.text_content().strip().endswith("300 ms")


def test_a_finding_shows_clause_expected_observed_and_the_bytes(tmp_path: Path) -> None:
    trace = trace_of(request())
    page = html.document_fromstring(
        written(tmp_path, scenario(trace, failing(trace, trace.messages[0].span("Max-Forwards"))))
    )
    (finding,) = found(page, "//article[starts-with(@class, 'finding')]")
    text = finding.text_content()
    assert all(word in text for word in ("SUB-007", "MUST", "RFC 6665 §8.2.3", "active", "nothing", "frame 1"))
    assert [mark.text for mark in finding.iter("mark")] == ["70"]
    assert [mark.text for mark in found(page, "//article[@id='s1m1']//mark")] == ["70"]


def test_a_side_that_was_guessed_is_shown_as_such_everywhere(tmp_path: Path) -> None:
    trace = trace_of(request("OPTIONS"))
    assert not trace.servers | trace.phones
    finding = failing(trace, check=SHOULD_AGENT, side=Side.PHONE)
    page = html.document_fromstring(written(tmp_path, scenario(trace, finding)))
    (card,) = found(page, "//article[starts-with(@class, 'finding')]")
    assert "phone (side guessed) 192.0.2.1:5060" in card.text_content()
    assert "of the phone (side guessed)" in found(page, "//header[@id='top']")[0].text_content()
    assert "phone, guessed" in found(page, "//div[@class='lifelines']")[0].text_content()


def test_a_finding_of_the_scenario_itself_is_shown_too(tmp_path: Path) -> None:
    trace = trace_of(request())
    own = failing(trace, check=None, observed="the DND icon stays dark")
    page = written(tmp_path, scenario(trace, own, failing(trace), verdict=Verdict.FAIL))
    assert "the DND icon stays dark" in page
    assert page.count('<article class="finding') == 2


def seen_in(trace: Trace, *observed: str) -> list[Finding]:
    """SUB-007 failed on one message after the other, with these words."""
    findings = [failing(trace, trace.messages[0].span("Max-Forwards"), observed=text) for text in observed]
    for finding, message in zip(findings, trace.messages, strict=False):
        finding.of = message
    return findings


def test_a_defect_is_one_card_that_leads_to_every_place(tmp_path: Path) -> None:
    trace = trace_of(*(request(number=n) for n in range(5)))
    page = html.document_fromstring(written(tmp_path, scenario(trace, *seen_in(trace, *["nothing"] * 5))))
    (card,) = found(page, "//article[starts-with(@class, 'finding')]")
    assert "in 5 NOTIFYs" in card.text_content()
    assert found(card, ".//dd/a/@href") == [f"#s1m{n}" for n in range(1, 6)]


def test_one_defect_of_several_parties_is_one_card(tmp_path: Path) -> None:
    trace = trace_of(request(), request(number=2))
    findings = seen_in(trace, "nothing", "nothing")
    findings[1].party = PHONE
    page = html.document_fromstring(written(tmp_path, scenario(trace, *findings)))
    (card,) = found(page, "//article[starts-with(@class, 'finding')]")
    assert "in 2 NOTIFYs" in card.text_content()
    assert [code.text for code in found(card, ".//dd/code")] == [str(SERVER), str(PHONE)]


def test_what_was_observed_in_each_place_is_told_where_it_differs(tmp_path: Path) -> None:
    trace = trace_of(*(request(number=n) for n in range(3)))
    page = html.document_fromstring(written(tmp_path, scenario(trace, *seen_in(trace, "one", "two", "three"))))
    (fold,) = found(page, "//article//details[@class='alike']")
    assert [li.text_content().strip() for li in fold.iter("li")] == [
        f"message {n}, frame {n}: {word}" for n, word in enumerate(("one", "two", "three"), 1)
    ]


def test_what_the_same_bytes_break_besides_is_in_the_card_and_so_is_every_rule(tmp_path: Path) -> None:
    trace = trace_of(request())
    span = trace.messages[0].span("Max-Forwards")
    lesser = failing(trace, span, check=SHOULD_AGENT, level=SHOULD_AGENT.level)
    page = html.document_fromstring(written(tmp_path, scenario(trace, lesser, failing(trace, span))))
    (card,) = found(page, "//article[starts-with(@class, 'finding')]")
    (also,) = found(card, ".//div[starts-with(@class, 'also')]")
    assert "The same bytes also break SIP-099 SHOULD" in " ".join(also.text_content().split())
    assert "l-MUST" in str(card.get("class"))
    (why,) = found(card, ".//details[@class='why']")
    assert why.text_content().count("Why a device owes this.") == 2
    (row,) = found(page, "//section[@id='offences']//tbody/tr")
    assert "The same bytes also break SIP-099." in row.text_content()


def test_scenarios_that_show_a_defect_are_counted_on_the_front_page(tmp_path: Path) -> None:
    traces = [trace_of(request()) for _ in range(3)]
    page = html.document_fromstring(written(tmp_path, *(scenario(trace, failing(trace)) for trace in traces)))
    (fold,) = found(page, "//section[@id='offences']//tbody//details")
    assert fold.find("summary").text == "in 3 scenarios"
    assert found(fold, "./a/@href") == ["#s1", "#s2", "#s3"]


def test_a_scenario_shows_what_differs_from_its_reference(tmp_path: Path) -> None:
    ours, theirs = trace_of(request(extra="Priority: one\r\n")), trace_of(request(extra="Priority: <two>\r\n"))
    beside = Beside("a-reference", compare(ours, theirs), "sipconform compare a b")
    page = html.document_fromstring(written(tmp_path, scenario(ours, beside=beside, passed={"SUB-007": 1})))
    (told,) = found(page, "//details[@class='beside-reference']")
    text = " ".join(told.text_content().split())
    assert text.startswith("Beside the reference: 1 difference (1 SHOULD)")
    assert "<two>" in text
    assert "sipconform compare a b" in text
    assert found(told, ".//td//a/@href") == ["#s1m1"]
    assert told.get("open") is not None
    assert "✓ pass" in found(page, "//h2/span")[0].text_content()
    assert "≠ 1 difference from its reference" in found(page, "//table[@class='ran stack']//tbody/tr")[0].text_content()


def test_every_link_within_the_page_has_its_target(tmp_path: Path) -> None:
    trace = trace_of(request(), request(), request(number=2))
    page = html.document_fromstring(written(tmp_path, scenario(trace, failing(trace)), scenario(trace_of())))
    targets = set(found(page, "//@id"))
    assert {href[1:] for href in found(page, "//a/@href") if href.startswith("#")} <= targets


def test_what_could_not_run_says_why_on_the_front_page(tmp_path: Path) -> None:
    page = html.document_fromstring(written(tmp_path, scenario(trace_of(), error="OSError: port 5060 is in use")))
    (section,) = found(page, "//section[@id='unjudged']")
    assert "could not run: It could not run: OSError: port 5060 is in use" in " ".join(section.text_content().split())
