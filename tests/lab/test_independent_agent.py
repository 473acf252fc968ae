"""SIPp as an independent user agent at our server: somebody else's bytes, our judgement."""

import asyncio
from pathlib import Path

import pytest

from sipconform.checks.catalogue import MUST, Verdict
from sipconform.checks.judge import Judgement
from sipconform.judging import judge_capture
from sipconform.lab.actors import Phone, Server
from sipconform.lab.real_peers import free_port
from sipconform.lab.settings import LabSettings, ServerSettings
from sipconform.lab.sipp import run_sipp
from sipconform.lab.stage import Ending, Stage
from sipconform.shipped import shipped
from sipconform.trace.packet import Address
from tests.support import require_program


def judged(name: str, folder: Path) -> tuple[Judgement, dict[str, object]]:
    """Plays one of SIPp's scenarios against our server, which must suit it; what is said of both, and the server's
    books at the end."""
    require_program("sipp")
    lab = LabSettings(profile="broadworks-fac", server=ServerSettings(algorithms=("MD5",)))
    stage = Stage(lab, folder / "capture.pcapng")
    books: dict[str, object] = {}

    async def scenario(server: Server) -> None:
        file = shipped("fixtures") / "peers" / "sipp" / f"{name}.xml"
        address = stage.lab.server_address
        ran = await asyncio.to_thread(run_sipp, file, address, user="2001", password="pw2001")
        assert ran.all_well, ran.errors
        books.update(server.driver.beliefs)

    played = stage.play(scenario)
    assert played.ending is Ending.PLAYED, played.sentence
    (judgement,) = [judgement for _, judgement in judge_capture(folder / "capture.pcapng")]
    return judgement, books


def violations(judgement: Judgement) -> list[str]:
    wrong = [f for f in judgement.findings if f.verdict is Verdict.FAIL and f.level is MUST]
    return [f"{f.check.id if f.check else ''} {f.party}: {f.observed} (wanted {f.expected})" for f in wrong]


@pytest.mark.parametrize(
    ("name", "asked"),
    [("code_call", ("FC-003", "FC-007", "FC-008", "FC-009", "FC-020")), ("feature_subscription", ("FS-001", "FS-002"))],
)
def test_neither_side_is_accused(name: str, asked: tuple[str, ...], tmp_path: Path) -> None:
    judgement, books = judged(name, tmp_path)
    assert violations(judgement) == []
    assert [check for check in asked if not judgement.passed[check]] == []
    assert books["2001.dnd"] is (name == "code_call")


def test_our_phone_dials_a_code_at_it(tmp_path: Path) -> None:
    require_program("sipp")
    there = Address("127.0.0.1", free_port())
    server = ServerSettings(kind="remote", address=str(there))
    stage = Stage(LabSettings(profile="broadworks-fac", server=server), tmp_path / "capture.pcapng")
    file = shipped("fixtures") / "peers" / "sipp" / "code_taken.xml"

    async def scenario(phone: Phone) -> None:
        taking = asyncio.create_task(asyncio.to_thread(run_sipp, file, there, user="2001", port=there.port))
        await phone.set_dnd(True)  # the call is repeated until somebody listens there
        await phone.shows(dnd=True)
        ran = await taking
        assert ran.all_well, ran.errors

    played = stage.play(scenario)
    assert played.ending is Ending.PLAYED, played.sentence
    (judgement,) = [judgement for _, judgement in judge_capture(tmp_path / "capture.pcapng")]
    assert violations(judgement) == []
    assert [c for c in ("FC-001", "FC-003", "FC-007", "FC-008") if not judgement.passed[c]] == []
