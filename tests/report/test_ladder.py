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
    assert "phone: dnd <b>on" in words(note)
    assert "5.0 s later" in words(page)


def test_what_the_judge_alone_needs_is_not_drawn() -> None:
    trace = trace_of(request())
    trace.observations.append(Observation(START, "lab", "lab", {"ours": ["192.0.2.1:5060"]}))
    assert not drawn(evidence_of(trace))[0].findall(".//g[@class='note']")


def test_what_users_did_stands_where_it_was_done_and_looks_otherwise() -> None:
    trace = trace_of(request())
    trace.phones = {PHONE}
    trace.observations.append(Observation(START, "phone", "intent", {"do": "dial", "number": "2001"}))
    trace.observations.append(Observation(START, "phone", "intent", {"do": "speak", "hertz": 400}))
    (note,) = drawn(evidence_of(trace))[0].findall(".//g[@class='note did']")
    assert words(note) == "▸ phone dials 2001"


def test_a_long_note_is_wrapped_and_its_end_is_in_the_tooltip() -> None:
    trace = trace_of(request())
    said = " ".join(f"word{number}" for number in range(40))
    trace.observations.append(Observation(START, "phone", "belief", {"extension": said}))
    (note,) = drawn(evidence_of(trace))[0].findall(".//g[@class='note']")
    lines = note.findall("text")
    assert len(lines) == 3
    assert str(lines[-1].text).endswith("…")
    assert "word39" in words(note.findall("title")[0])
    (box,) = note.findall("rect")
    assert float(str(box.get("height"))) > 3 * 12


def test_what_came_at_one_time_is_drawn_in_the_order_of_the_capture() -> None:
    trace = trace_of(request(), request(number=2))
    at = trace.messages[1].packet.time_ns
    trace.observations.append(Observation(at, "phone", "belief", {"dnd": True}, (3,)))
    (page,) = drawn(evidence_of(trace))
    order = [str(element.get("class")) for element in page.iter() if element.get("class") in ("row ", "note")]
    assert order == ["row ", "row ", "note"]


def test_few_hosts_have_room_for_what_is_written_on_their_arrows() -> None:
    (page,) = drawn(evidence_of(trace_of(request(extra="Subscription-State: active;expires=3600\r\n"))))
    assert "NOTIFY as-feature-event active" in words(page)


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
