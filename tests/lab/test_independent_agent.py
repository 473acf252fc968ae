"""SIPp as an independent user agent at our server and our phone: somebody else's bytes, our judgement."""

import asyncio
from collections.abc import Awaitable, Callable
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

Story = Callable[[Phone], Awaitable[None]]


def script(name: str) -> Path:
    return shipped("fixtures") / "peers" / "sipp" / f"{name}.xml"


def judged(name: str, folder: Path) -> tuple[Judgement, dict[str, object]]:
    """Plays one of SIPp's scenarios against our server, which must suit it; what is said of both, and the server's
    books at the end."""
    require_program("sipp")
    lab = LabSettings(profile="broadworks-fac", server=ServerSettings(algorithms=("MD5",)))
    stage = Stage(lab, folder / "capture.pcapng")
    books: dict[str, object] = {}

    async def scenario(server: Server) -> None:
        address = stage.lab.server_address
        ran = await asyncio.to_thread(run_sipp, script(name), address, user="2001", password="pw2001")
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


def judged_phone(name: str, story: Story, folder: Path) -> Judgement:
    """Our phone at one of SIPp's servers: `story` is what its user does, and must suit SIPp."""
    require_program("sipp")
    there = Address("127.0.0.1", free_port())
    server = ServerSettings(kind="remote", address=str(there))
    stage = Stage(LabSettings(profile="broadworks-fac", server=server), folder / "capture.pcapng")

    async def scenario(phone: Phone) -> None:
        taking = asyncio.create_task(asyncio.to_thread(run_sipp, script(name), there, user="2001", port=there.port))
        await story(phone)  # the first request is repeated until somebody listens there
        ran = await taking
        assert ran.all_well, ran.errors

    played = stage.play(scenario)
    assert played.ending is Ending.PLAYED, played.sentence
    (judgement,) = [judgement for _, judgement in judge_capture(folder / "capture.pcapng")]
    return judgement


async def dials_a_code(phone: Phone) -> None:
    await phone.set_dnd(True)
    await phone.shows(dnd=True)


async def follows_and_wishes(phone: Phone) -> None:
    await phone.set_mode("subscribe")
    await phone.switch_sync(True)
    await phone.shows(dnd=True)
    await phone.set_dnd(False)
    await phone.shows(dnd=False, pending=False)
    await phone.switch_sync(False)


@pytest.mark.parametrize(
    ("name", "story", "asked"),
    [
        ("code_taken", dials_a_code, ("FC-001", "FC-003", "FC-007", "FC-008")),
        ("feature_notifier", follows_and_wishes, ("FS-101", "FS-102", "FS-104", "FS-105", "FS-106", "FS-108")),
    ],
)
def test_our_phone_suits_it_and_neither_is_accused(
    name: str, story: Story, asked: tuple[str, ...], tmp_path: Path
) -> None:
    judgement = judged_phone(name, story, tmp_path)
    assert violations(judgement) == []
    assert [check for check in asked if not judgement.passed[check]] == []
