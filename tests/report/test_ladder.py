from lxml import etree

from sipconform.report.evidence import Evidence, gather
from sipconform.report.ladder import ELSEWHERE, MOST_LIFELINES, PAGE, Ladder
from sipconform.report.secrets import Mask
from sipconform.trace.correlate import correlate
from sipconform.trace.packet import Address, Observation, Packet
from sipconform.trace.trace import Trace
from tests.report.examples import PHONE, SERVER, failing, request, trace_of

START = 1_800_000_000_000_000_000


def evidence_of(trace: Trace) -> Evidence:
    return gather([trace], [], "s1")


def drawn(evidence: Evidence) -> list[etree._Element]:
    """The pages, each as XML: they must be well-formed on their own."""
    return [etree.fromstring(f"<div>{page}</div>") for page in Ladder(evidence, str).pages()]


def words(element: etree._Element) -> str:
    return " ".join(str(text) for text in element.itertext())


def test_an_arrow_leads_to_its_message() -> None:
    (page,) = drawn(evidence_of(trace_of(request())))
    (arrow,) = page.findall(".//a")
    assert arrow.get("href") == "#s1m1"
    assert "NOTIFY as-feature-event" in words(arrow)
    assert "frame 1" in words(arrow)


def test_hosts_have_a_lifeline_each_with_role_and_address() -> None:
    trace = trace_of(request())
    trace.servers, trace.phones = {SERVER}, {PHONE}
    (page,) = drawn(evidence_of(trace))
    parties = [words(party) for party in page.findall(".//g[@class='party']")]
    assert parties == ["phone 192.0.2.10", "server 192.0.2.1"]


def test_a_host_that_talks_to_itself_has_a_lifeline_per_port() -> None:
    loopback = Address("127.0.0.1", 5060), Address("127.0.0.1", 5070)
    (page,) = drawn(evidence_of(trace_of(request(), source=loopback[0], destination=loopback[1])))
    assert "127.0.0.1:5060" in words(page)
    assert "127.0.0.1:5070" in words(page)


def test_retransmissions_are_folded_and_counted() -> None:
    trace = trace_of(*[request()] * 4)
    evidence = evidence_of(trace)
    (page,) = drawn(evidence)
    assert len(page.findall(".//a")) == 1
    assert "sent 3 more times, last after 0.030 s" in words(page)
    assert evidence.of(trace.messages[3]) is evidence.shown[0]


def test_a_retransmission_that_offends_is_drawn_in_full() -> None:
    trace = trace_of(*[request()] * 3)
    finding = failing(trace)
    finding.of = trace.messages[2]
    evidence = gather([trace], [finding], "s1")
    assert [one.offends for one in evidence.shown] == [False, True]


def test_the_offending_arrow_is_marked_and_named() -> None:
    trace = trace_of(request(), request(number=2))
    evidence = gather([trace], [failing(trace)], "s1")
    first, second = drawn(evidence)[0].findall(".//a")
    assert (first.get("class"), second.get("class")) == ("row bad", "row ")
    assert "✗ SUB-007" in words(first)


def test_each_call_has_a_colour_and_a_shape_of_its_own() -> None:
    evidence = evidence_of(trace_of(request(call_id="one"), request(call_id="two")))
    first, second = (marker for marker, _ in Ladder(evidence, str).legend())
    assert first.partition(">")[2] != second.partition(">")[2]
    assert 'class="c0"' in first
    assert 'class="c1"' in second


def test_a_belief_stands_at_the_lifeline_of_who_holds_it() -> None:
    trace = trace_of(request())
    trace.phones = {PHONE}
    trace.observations.append(Observation(START + 5_000_000_000, "phone", "belief", {"dnd": "<b>on"}))
    (page,) = drawn(evidence_of(trace))
    (note,) = page.findall(".//g[@class='note']")
    assert "phone believes dnd <b>on" in words(note)
    assert "5.0 s later" in words(page)


def test_what_the_judge_alone_needs_is_not_drawn() -> None:
    trace = trace_of(request())
    trace.observations.append(Observation(START, "lab", "lab", {"ours": ["192.0.2.1:5060"]}))
    assert not drawn(evidence_of(trace))[0].findall(".//g[@class='note']")


def test_many_hosts_share_the_last_lifeline() -> None:
    packets = [
        Packet(START + n, Address(f"198.51.100.{n}", 5060), SERVER, "udp", request(call_id=f"c{n}")) for n in range(40)
    ]
    (page,) = drawn(evidence_of(correlate(packets)))
    assert len(page.findall(".//g[@class='party']")) == MOST_LIFELINES
    assert ELSEWHERE in words(page)


def test_a_long_ladder_has_pages() -> None:
    evidence = evidence_of(trace_of(*(request(call_id=f"c{n}") for n in range(PAGE + 1))))
    assert [len(page.findall(".//a")) for page in drawn(evidence)] == [PAGE, 1]


def test_a_password_in_a_request_uri_is_masked() -> None:
    evidence = evidence_of(trace_of(request("INVITE").replace(b"sip:2001@", b"sip:2001:geheim@")))
    page = "".join(Ladder(evidence, Mask().text).pages())
    assert "sip:2001:******@192.0.2.10" in page
    assert "geheim" not in page


def test_hostile_names_stay_text() -> None:
    payload = b'"><script>alert(1)</script> sip:x SIP/2.0\r\nCall-ID: </svg><img src=x>\x00\xff\r\n\r\n'
    evidence = evidence_of(trace_of(payload))
    (page,) = drawn(evidence)
    drawing = {"div", "svg", "g", "a", "title", "text", "rect", "path", "circle"}
    assert {element.tag for element in page.iter()} <= drawing
    assert all("<" not in text for _, text in Ladder(evidence, str).legend())
