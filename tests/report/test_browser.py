"""The report in a real browser: opened from disk, with nobody to ask, with and without script."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from sipconform.report.folder import RunFolder
from sipconform.trace.capture import read_capture
from sipconform.trace.correlate import correlate
from sipconform.trace.packet import Observation
from tests.report.examples import MUST_STATE, failing, request, run, scenario, trace_of
from tests.support import require_program

QUIET = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
HOSTILE = 'Subject: <img src="http://192.0.2.66/x.png" onerror="document.title=1"><script src=//192.0.2.66>\r\n'


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = require_program("chromium")
    with sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=program, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def asked(browser: Browser) -> Iterator[tuple[BrowserContext, list[str]]]:
    """A browser context, and every address that it is made to ask for."""
    context, addresses = browser.new_context(viewport={"width": 1280, "height": 900}), []
    context.on("request", lambda sent: addresses.append(sent.url))
    yield context, addresses
    context.close()


@pytest.fixture
def report(tmp_path: Path, shared_captures: Path) -> Path:
    trace = trace_of(request(extra=HOSTILE), request(number=2))
    real = correlate(read_capture(shared_captures / "kamailio" / "sca-20-retrieve-public.pcap"))
    with RunFolder(tmp_path, run()) as folder:
        folder.add(scenario(trace, failing(trace, trace.messages[0].span("Subject"))))
        folder.add(scenario(real, id="retrieve", passed={"SUB-007": 9}))
    return tmp_path / "report.html"


def opened(context: BrowserContext, report: Path) -> Page:
    page = context.new_page()
    page.goto(report.as_uri())
    return page


def test_it_asks_nobody_for_anything(asked: tuple[BrowserContext, list[str]], report: Path) -> None:
    context, addresses = asked
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(report.as_uri(), wait_until="load")
    page.get_by_role("button", name="Unfold everything").click()
    assert [address for address in addresses if address != report.as_uri() and address != "data:,"] == []
    assert complaints == []
    assert page.title() == "✗ a server – sipconform"


def test_a_click_on_an_arrow_shows_the_message(asked: tuple[BrowserContext, list[str]], report: Path) -> None:
    page = opened(asked[0], report)
    message = page.locator("#s1m1")
    assert not message.is_visible()
    page.locator('#s1 a.row[href="#s1m1"]').click()
    assert message.is_visible()
    assert '<img src="http://192.0.2.66/x.png"' in message.locator("mark").inner_text()
    page.keyboard.press("ArrowRight")
    assert page.locator("#s1m2").is_visible()
    page.keyboard.press("Escape")
    assert page.locator(".message:visible").count() == 0


@pytest.mark.parametrize("size", [(1280, 900), (400, 850)])
@pytest.mark.parametrize("script", [True, False])
def test_the_ladder_stays_where_it_is_when_a_message_opens_and_closes(
    browser: Browser, report: Path, size: tuple[int, int], script: bool
) -> None:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, java_script_enabled=script)
    page = opened(context, report)
    arrow = page.locator('#s2 a.row[href="#s2m12"]')
    arrow.scroll_into_view_if_needed()
    arrow.click(position={"x": 60, "y": 20})
    expect(page.locator("#s2m12")).to_be_focused() if script else expect(page.locator("#s2m12")).to_be_visible()
    panel, row = page.locator("#s2m12").bounding_box(), arrow.bounding_box()
    assert panel is not None
    assert row is not None
    assert panel["x"] >= 0
    assert (panel["x"] + panel["width"], panel["y"] + panel["height"]) == size
    assert panel["height"] >= 0.55 * size[1]
    if script or size[0] > 640:  # in a small window it takes a script to move the arrow out from under the panel
        assert row["y"] >= 0
        assert row["y"] + row["height"] <= (size[1] if size[0] > 640 else panel["y"])
    page.locator("#s2m12 .close").click()
    expect(page.locator("#s2m12")).to_be_hidden()
    after = arrow.bounding_box()
    assert after is not None
    assert abs(after["y"] - row["y"]) < 4
    context.close()


def test_the_arrow_of_the_open_message_is_marked_and_has_the_focus_again(
    asked: tuple[BrowserContext, list[str]], report: Path
) -> None:
    page = opened(asked[0], report)
    page.locator('#s2 a.row[href="#s2m5"]').click()
    page.keyboard.press("j")
    expect(page.locator(".row.open")).to_have_attribute("href", "#s2m6")
    page.keyboard.press("Escape")
    expect(page.locator(".row.open")).to_have_count(0)
    expect(page.locator('#s2 a.row[href="#s2m6"]')).to_be_focused()


def test_it_works_without_script(browser: Browser, report: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = opened(context, report)
    page.locator('#s2 a.row[href="#s2m5"]').click()
    assert page.locator("#s2m5").is_visible()
    page.locator("#s2m5 .close").click()
    assert not page.locator("#s2m5").is_visible()
    context.close()


def test_it_fits_a_telephone(browser: Browser, report: Path) -> None:
    context = browser.new_context(viewport={"width": 400, "height": 800})
    page = opened(context, report)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    context.close()


def test_what_passed_can_be_hidden(asked: tuple[BrowserContext, list[str]], report: Path) -> None:
    page = opened(asked[0], report)
    page.get_by_role("button", name="Hide what passed").click()
    assert page.locator("#s1").is_visible()
    assert not page.locator("#s2").is_visible()


SIZES = """[...document.querySelectorAll("dt, dd, .asks, pre.excerpt")]
    .map(told => parseFloat(getComputedStyle(told).fontSize))"""


def test_on_paper_only_what_failed_is_told_in_full_and_in_small_letters(
    asked: tuple[BrowserContext, list[str]], report: Path
) -> None:
    page = opened(asked[0], report)
    page.emulate_media(media="print")
    assert page.locator("#s1").is_visible()
    assert page.locator("#s1m1").is_visible()  # the message a finding stands on
    assert not page.locator("#s1m2").is_visible()
    assert not page.locator("#s2").is_visible()
    assert page.locator("#ran tbody tr").filter(visible=True).count() == 2
    assert page.get_by_text("On paper only what failed").is_visible()
    sizes = page.evaluate(SIZES)
    assert 6 < min(sizes) <= max(sizes) <= 11


def test_a_page_of_the_ladder_that_holds_a_finding_is_open(browser: Browser, tmp_path: Path) -> None:
    trace = trace_of(*(request(number=number) for number in range(450)))
    finding = failing(trace)
    finding.of = trace.messages[430]
    with RunFolder(tmp_path, run()) as folder:
        folder.add(scenario(trace, finding))
    context = browser.new_context()
    page = opened(context, tmp_path / "report.html")
    assert [fold.get_attribute("open") is not None for fold in page.locator("details.page").all()] == [
        False,
        False,
        True,
    ]
    context.close()


CUT_OFF = """[...document.querySelectorAll(".ladder svg text")].filter(text => {
    const box = text.getBBox(), room = text.ownerSVGElement.viewBox.baseVal;
    return box.x < 0 || box.x + box.width > room.width || box.y + box.height > room.height;
}).map(text => text.textContent)"""


def test_nothing_of_the_ladder_is_cut_off(browser: Browser, tmp_path: Path, shared_captures: Path) -> None:
    trace = trace_of(request(), request(number=2, method="SUBSCRIBE"))
    trace.observations.append(Observation(trace.messages[0].packet.time_ns, "phone", "belief", {"call": "active" * 40}))
    checks = [replace(MUST_STATE, id=f"HUNT-{number}") for number in range(101, 105)]
    captures = ("sca-24-hold-variants.pcap", "events-dialoginfo.pcap")
    real, own = (correlate(read_capture(shared_captures / "kamailio" / name)) for name in captures)
    with RunFolder(tmp_path, run(checks={check.id: check for check in checks})) as folder:
        folder.add(scenario(trace, *(failing(trace, check=check) for check in checks)))
        folder.add(scenario(real, id="real", passed={"SUB-007": 9}))
        folder.add(scenario(own, id="to itself", passed={"SUB-007": 9}))
    context = browser.new_context()
    assert opened(context, tmp_path / "report.html").evaluate(CUT_OFF) == []
    context.close()
