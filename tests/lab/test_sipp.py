"""SIPp, the real program, against the real Kamailio."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sipconform.lab.real_peers import Kamailio, PeerFailed, free_port
from sipconform.lab.sipp import run_sipp
from sipconform.shipped import shipped
from sipconform.trace.packet import Address
from tests.support import require_program


@pytest.fixture(scope="module")
def kamailio() -> Iterator[Kamailio]:
    require_program("sipp")
    require_program("kamailio")
    with Kamailio() as running:
        yield running


def scenario(name: str) -> Path:
    return shipped("fixtures") / "peers" / "sipp" / f"{name}.xml"


def test_calls_that_go_as_written_are_all_well(kamailio: Kamailio) -> None:
    ran = run_sipp(scenario("options"), kamailio.address, user="2001", calls=5, rate=50)
    assert ran.all_well
    assert ran.errors == ""


def test_kamailio_refuses_the_feature_event_package_to_sipp_too(kamailio: Kamailio) -> None:
    ran = run_sipp(scenario("subscribe_refused"), kamailio.address, user="2001", password="pw2001")
    assert ran.all_well, ran.errors


def test_an_unexpected_answer_is_told(kamailio: Kamailio) -> None:
    """The user does not exist: a second challenge comes where the scenario wants 489."""
    ran = run_sipp(scenario("subscribe_refused"), kamailio.address, user="9999", password="pw9999")
    assert not ran.all_well
    assert "407" in ran.errors


def test_a_broken_scenario_is_no_result(kamailio: Kamailio, tmp_path: Path) -> None:
    broken = tmp_path / "broken.xml"
    broken.write_text("<scenario><send>")
    with pytest.raises(PeerFailed, match="sipp ended with status"):
        run_sipp(broken, kamailio.address, user="2001")


def test_a_run_that_does_not_end_is_ended() -> None:
    require_program("sipp")
    with pytest.raises(PeerFailed, match=r"not done within 0\.3 s"):
        run_sipp(scenario("options"), Address("127.0.0.1", free_port()), user="2001", timeout=0.3)
