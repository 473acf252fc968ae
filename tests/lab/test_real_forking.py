"""Forking for real: Kamailio rings all contacts of a user, and real phones are members of our hunt group."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from sipconform.checks.catalogue import MUST, Finding, Side, Verdict
from sipconform.judging import judge_capture
from sipconform.lab.actor import CouldNotRunError
from sipconform.lab.lab import Lab
from sipconform.lab.real_peers import Kamailio
from sipconform.lab.real_phones import Baresip, Linphone, RealPhone
from sipconform.lab.settings import LabSettings, ServerSettings
from tests.support import require_program

Story = Callable[[Lab], Awaitable[None]]


@pytest.fixture(scope="module")
def kamailio() -> Iterator[Kamailio]:
    require_program("kamailio")
    with Kamailio() as running:
        yield running


def played(settings: LabSettings, capture: Path, story: Story) -> list[Finding]:
    """Tells a story in a lab on sockets and gives what failed."""

    async def run() -> None:
        lab = Lab(settings, capture)
        await lab.open()
        try:
            await asyncio.wait_for(story(lab), 30)
        finally:
            await lab.close()

    asyncio.run(run())
    found = [f for _, judgement in judge_capture(capture) for f in judgement.findings]
    return [f for f in found if f.verdict is Verdict.FAIL]


def behind(kamailio: Kamailio) -> LabSettings:
    server = ServerSettings(kind="remote", address=str(kamailio.address))
    return LabSettings(profile="broadsoft", network="sockets", domain=kamailio.realm, server=server)


def of(findings: list[Finding], *families: str) -> list[str]:
    return [
        f"{f.check.id} {f.level} {f.party}: {f.observed}, wanted {f.expected}"
        for f in findings
        if f.check is not None and f.check.family in families and f.level is MUST and f.side is not Side.NETWORK
    ]


def test_kamailio_rings_all_and_cancels_the_loser(kamailio: Kamailio, tmp_path: Path) -> None:
    async def story(lab: Lab) -> None:
        phone, second, caller = [await lab.phone(name) for name in ("phone", "second_phone", "other_phone")]
        for each in (phone, second, caller):
            await each.start(sync=False)
        calling = asyncio.ensure_future(caller.dial(phone.user))
        await phone.shows(call="ringing")
        await second.shows(call="ringing")
        await phone.answer()
        assert await calling == 200
        await second.shows(call="idle", missed=0)  # Kamailio says in the CANCEL's Reason that 200 was answered
        await caller.hang_up()
        await phone.shows(call="idle")
        await phone.stop()
        await second.stop()

    found = played(behind(kamailio), tmp_path / "ring-all.pcapng", story)
    assert of(found, "HUNT", "REG") == []


def test_two_answers_behind_kamailio_leave_one_call(kamailio: Kamailio, tmp_path: Path) -> None:
    """Whether the second answer comes before the CANCEL is chance; what is sent must be right in both cases."""

    async def story(lab: Lab) -> None:
        phone, second, caller = [await lab.phone(name) for name in ("phone", "second_phone", "other_phone")]
        for each in (phone, second, caller):
            await each.start(sync=False)
        calling = asyncio.ensure_future(caller.dial(phone.user))
        await phone.shows(call="ringing")
        await second.shows(call="ringing")
        with contextlib.suppress(CouldNotRunError):
            await asyncio.gather(phone.answer(), second.answer())
        assert await calling == 200
        await caller.hang_up()
        await phone.shows(call="idle")
        await second.shows(call="idle")
        await phone.stop()
        await second.stop()

    found = played(behind(kamailio), tmp_path / "two-answers.pcapng", story)
    assert of(found, "HUNT", "REG") == []


def test_kamailio_is_a_group(tmp_path: Path) -> None:
    """A proxy leaves To alone and calls its members by their Contacts: whom a branch rings is known all the same, and
    that this group rings a hardware telephone is found."""
    require_program("kamailio")

    async def story(lab: Lab) -> None:
        caller, one, two, desk = [await lab.phone(n) for n in ("caller", "member_one", "member_two", "desk_member")]
        for each in (caller, one, two):
            await each.start(sync=False)
        calling = asyncio.ensure_future(caller.dial("600"))
        await one.shows(call="ringing")
        await two.shows(call="ringing")
        await one.answer()
        assert await calling == 200
        await two.shows(call="idle", missed=0)
        await caller.hang_up()
        await one.shows(call="idle")
        await desk.start(sync=False)
        calling = asyncio.ensure_future(caller.dial("600"))
        await desk.shows(call="ringing")
        await caller.hang_up()
        await calling
        await desk.shows(call="idle")

    members, capture = ("2011", "2012", "2014"), tmp_path / "group.pcapng"
    with Kamailio(users=("2001", "2010", *members), group=("600", members)) as running:
        settings = behind(running)
        settings.profile = "estos-ucserver"
        found = played(settings, capture, story)
    told = of(found, "HUNT", "REG")
    assert len(told) == 1, told
    assert "INVITE to 2014" in told[0]
    passed = [judgement.passed for _, judgement in judge_capture(capture)]
    assert sum(counted["HUNT-001"] for counted in passed) >= 2, "both members are seen to ring"


def test_kamailio_raises_a_short_time_in_silence(kamailio: Kamailio, tmp_path: Path) -> None:
    async def story(lab: Lab) -> None:
        phone = await lab.phone("phone")
        assert await phone.register_for(2) == 200
        await phone.stop()

    found = played(behind(kamailio), tmp_path / "raised.pcapng", story)
    raised = [f for f in found if f.check is not None and f.check.id == "REG-007"]
    assert raised, "two seconds were asked for, and five granted"
    assert {str(f.level) for f in raised} == {"SHOULD"}
    assert raised[0].check is not None
    assert "§10.3" in raised[0].check.clause


@contextlib.asynccontextmanager
async def member(kind: type[RealPhone], lab: Lab, user: str) -> AsyncIterator[RealPhone]:
    """A real phone that is registered at our server; it is started and told things in threads of its own."""
    phone = kind(user, f"pw{user}", lab.server_address)
    await asyncio.to_thread(phone.__enter__)
    try:
        yield phone
    finally:
        await asyncio.to_thread(phone.__exit__)


def test_real_phones_are_members_of_our_group(tmp_path: Path) -> None:
    require_program("baresip")
    require_program("linphonec")

    async def story(lab: Lab) -> None:
        caller = await lab.phone("caller")
        await caller.start(sync=False)
        async with member(Baresip, lab, "2011") as baresip, member(Linphone, lab, "2012") as linphone:
            calling = asyncio.ensure_future(caller.dial(lab.server().group_number))
            await asyncio.gather(
                asyncio.to_thread(baresip.await_sign, "incoming"), asyncio.to_thread(linphone.await_sign, "incoming")
            )
            await asyncio.to_thread(baresip.answer)
            assert await calling == 200
            await asyncio.to_thread(linphone.await_sign, "ended")
            await caller.hang_up()
            await asyncio.to_thread(baresip.await_sign, "ended")

    server = ServerSettings(algorithms=("MD5",))  # Baresip 1.0 gives up at a challenge with SHA-256
    settings = LabSettings(profile="estos-ucserver", network="sockets", server=server)
    found = played(settings, tmp_path / "group.pcapng", story)
    assert of(found, "HUNT", "REG") == []
