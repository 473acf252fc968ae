from pathlib import Path

from lxml import html

from sipconform.report.folder import RunFolder
from sipconform.report.products import learn_products
from sipconform.trace.trace import Trace
from tests.report.examples import PHONE, SERVER, request, run, scenario, trace_of

ANSWER = (
    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{0}\r\nFrom: <sip:a@x>;tag=a\r\nTo: <sip:a@x>;tag=b\r\n"
    "Call-ID: {0}\r\nCSeq: 1 {1}\r\nServer: {2}\r\nContent-Length: 0\r\n\r\n"
)


def learned(trace: Trace) -> dict[str, str]:
    result = scenario(trace)
    learn_products(result, trace)
    return result.products


def answered(method: str) -> Trace:
    return trace_of(ANSWER.format("c", method, "registrar/2").encode())


def test_a_party_is_called_what_it_calls_itself_first() -> None:
    trace = trace_of(request(extra="User-Agent: phone/1\r\n"), request(number=2, extra="User-Agent: phone/2\r\n"))
    assert learned(trace) == {str(SERVER): "phone/1"}


def test_what_a_proxy_passes_on_is_not_its_own() -> None:
    passed_on = request(extra="Via: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKx\r\nUser-Agent: phone/1\r\n")
    assert learned(trace_of(passed_on)) == {}
    trace = answered("INVITE")
    trace.servers.add(SERVER)
    assert learned(trace) == {}
    trace = answered("REGISTER")
    trace.servers.add(SERVER)
    assert learned(trace) == {str(SERVER): "registrar/2"}


def test_a_phone_that_answers_speaks_for_itself() -> None:
    trace = answered("INVITE")
    trace.phones.add(SERVER)
    assert learned(trace) == {str(SERVER): "registrar/2"}


def test_products_stand_on_the_front_page_and_in_the_scenario(tmp_path: Path) -> None:
    trace = trace_of(request(extra="User-Agent: phone/1 <b>\r\n"), source=PHONE, destination=SERVER)
    with RunFolder(tmp_path, run()) as folder:
        folder.add(scenario(trace))
    page = html.document_fromstring((tmp_path / "report.html").read_text("utf-8"))
    for part in (page.find(".//header"), page.find(".//div[@class='ladders']")):
        assert part is not None
        text = "".join(str(text) for text in part.itertext())
        assert "phone/1 <b>" in text
        assert str(PHONE) in text
