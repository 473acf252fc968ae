"""Real soft phones as devices under test: they dial codes at our server, are called and hold, and are judged."""

import asyncio
from pathlib import Path

import pytest

from sipconform.checks.catalogue import MUST, Verdict
from sipconform.checks.judge import Judgement
from sipconform.judging import judge_capture
from sipconform.lab.actor import NotSupportedError
from sipconform.lab.actors import Phone, Server
from sipconform.lab.drivers.soft_phone import KINDS
from sipconform.lab.settings import LabSettings, PhoneSettings, ServerSettings
from sipconform.lab.stage import Ending, Scenario, Stage
from sipconform.trace.capture import read_capture
from sipconform.trace.correlate import correlate
from sipconform.trace.trace import WireMessage
from tests.support import require_program

Kind = str


def settings(kind: Kind, *, algorithms: tuple[str, ...] = ("MD5",)) -> LabSettings:
    return LabSettings(
        profile="broadworks-fac",
        under_test="phone",
        server=ServerSettings(algorithms=algorithms),
        phones={"phone": PhoneSettings(kind=kind, user="2001")},  # type: ignore[arg-type]
    )


def judged(scenario: Scenario, lab: LabSettings, folder: Path) -> Judgement:
    """Plays a scenario, which must go well, and gives what is said of it."""
    capture = folder / "capture.pcapng"
    played = Stage(lab, capture).play(scenario)
    assert played.ending is Ending.PLAYED, played.sentence
    (judgement,) = [judgement for _, judgement in judge_capture(capture)]
    return judgement


def violations(judgement: Judgement) -> list[str]:
    wrong = [f for f in judgement.findings if f.verdict is Verdict.FAIL and f.level is MUST]
    return [f"{f.check.id if f.check else ''} {f.party}: {f.observed} (wanted {f.expected})" for f in wrong]


@pytest.fixture(params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> Kind:
    require_program(KINDS[request.param].program)
    return str(request.param)


def test_codes_are_dialled(kind: Kind, tmp_path: Path) -> None:
    async def scenario(phone: Phone, server: Server) -> None:
        await phone.start()
        await phone.set_dnd(True)
        await server.has(phone.user, dnd=True)
        await phone.forward("cfu", "2002")
        await server.has(phone.user, cfu="2002")

    judgement = judged(scenario, settings(kind), tmp_path)
    assert violations(judgement) == []
    assert judgement.passed["FC-001"] == 2
    assert judgement.passed["FC-004"] == 1
    assert judgement.passed["FC-008"] >= 1
    assert judgement.passed["FC-009"] >= 1


def test_a_code_it_does_not_have_is_refused(kind: Kind, tmp_path: Path) -> None:
    async def scenario(phone: Phone, server: Server) -> None:
        await phone.start()
        assert await phone.dial_code("*987654") >= 400
        await server.has(phone.user, dnd=False, cfu="")

    judgement = judged(scenario, settings(kind), tmp_path)
    assert violations(judgement) == []
    assert judgement.passed["FC-023"] >= 1


def test_it_is_not_called_while_it_wants_not_to_be_disturbed(kind: Kind, tmp_path: Path) -> None:
    async def scenario(phone: Phone, other_phone: Phone) -> None:
        await phone.start()
        await other_phone.start(sync=False)
        await phone.set_dnd(True)
        assert await other_phone.dial(phone.user) == 486
        await phone.set_dnd(False)
        await rings_and_is_answered(other_phone, phone.user, phone)

    judgement = judged(scenario, settings(kind), tmp_path)
    assert violations(judgement) == []
    assert judgement.passed["FC-001"] == 2
    assert len(calls_from_the_server(tmp_path)) == 1


def test_it_is_not_called_while_it_forwards(kind: Kind, tmp_path: Path) -> None:
    async def scenario(phone: Phone, other_phone: Phone, caller: Phone) -> None:
        await phone.start()
        await other_phone.start(sync=False)
        await caller.start(sync=False)
        await phone.forward("cfu", other_phone.user)
        await rings_and_is_answered(caller, phone.user, other_phone)

    judgement = judged(scenario, settings(kind), tmp_path)
    assert violations(judgement) == []
    assert judgement.passed["FC-004"] == 1
    (call,) = calls_from_the_server(tmp_path)
    assert call.request_uri.startswith("sip:2002@")


def test_a_forwarded_call_rings_there(kind: Kind, tmp_path: Path) -> None:
    async def scenario(phone: Phone, other_phone: Phone, server: Server) -> None:
        await phone.start()
        await other_phone.start(sync=False)
        await server.forward("2010", "cfu", phone.user)
        await rings_and_is_answered(other_phone, "2010", phone)

    assert violations(judged(scenario, settings(kind), tmp_path)) == []


async def rings_and_is_answered(caller: Phone, number: str, called: Phone) -> None:
    calling = asyncio.ensure_future(caller.dial(number))
    await called.shows(call="ringing")
    await called.answer()
    assert await calling == 200
    await caller.hang_up()
    await called.shows(call="idle")


def calls_from_the_server(folder: Path) -> list[WireMessage]:
    """The calls the server made to phones."""
    trace = correlate(read_capture(folder / "capture.pcapng"))
    return [request for request in trace.requests("INVITE") if request.source in trace.servers and not request.to_tag]


def test_a_call_nobody_answers_is_missed_and_one_that_is_refused_is_not(kind: Kind, tmp_path: Path) -> None:
    async def scenario(phone: Phone, other_phone: Phone) -> None:
        await phone.start()
        await other_phone.start(sync=False)
        calling = asyncio.ensure_future(other_phone.dial(phone.user))
        await phone.shows(call="ringing", missed=0)
        await other_phone.hang_up()
        await calling
        await phone.shows(call="idle", missed=1)
        calling = asyncio.ensure_future(other_phone.dial(phone.user))
        await phone.shows(call="ringing")
        await phone.reject(KINDS[kind].REFUSES_WITH)
        assert await calling == KINDS[kind].REFUSES_WITH
        await phone.shows(call="idle", missed=1)
        with pytest.raises(NotSupportedError, match="cannot refuse a call with 404"):
            await phone.reject(404)

    assert violations(judged(scenario, settings(kind), tmp_path)) == []


def test_many_codes_are_dialled_one_after_the_other(kind: Kind, tmp_path: Path) -> None:
    async def scenario(phone: Phone, server: Server) -> None:
        await phone.start()
        await asyncio.gather(*(phone.set_dnd(bool(number % 2)) for number in range(6)))
        await server.has(phone.user, dnd=True)

    judgement = judged(scenario, settings(kind), tmp_path)
    assert violations(judgement) == []
    assert judgement.passed["FC-018"] == 5


def test_a_call_is_held_and_resumed(kind: Kind, tmp_path: Path) -> None:
    async def scenario(phone: Phone, other_phone: Phone) -> None:
        await phone.start()
        await other_phone.start(sync=False)
        calling = asyncio.ensure_future(other_phone.dial(phone.user))
        await phone.shows(call="ringing")
        await phone.answer()
        assert await calling == 200
        await phone.shows(call="active")
        assert await phone.hold() == 200
        assert await phone.resume() == 200
        await phone.hang_up()
        await phone.shows(call="idle")
        await other_phone.shows(call="idle")

    judgement = judged(scenario, settings(kind), tmp_path)
    assert violations(judgement) == []
    assert judgement.passed["SIP-014"] + judgement.passed["SIP-015"] >= 1


def test_what_it_cannot_do_or_tell_is_not_supported(kind: Kind, tmp_path: Path) -> None:
    async def scenario(phone: Phone) -> None:
        with pytest.raises(NotSupportedError, match="cannot 'unplug'"):
            await phone.unplug()
        with pytest.raises(NotSupportedError, match="codes alone"):
            await phone.set_mode("csta")
        with pytest.raises(NotSupportedError, match="nobody can tell"):
            await phone.shows(dnd=True)
        with pytest.raises(NotSupportedError, match="says what it says"):
            await phone.dial_code("*78", sender="<sip:2002@example.com>")

    capture = tmp_path / "capture.pcapng"
    assert Stage(settings(kind), capture).play(scenario).ending is Ending.PLAYED


def test_baresip_gives_up_for_one_challenge_it_does_not_know(tmp_path: Path) -> None:
    """A trophy (docs/trophies.md): that there is another, which it knows, does not help Baresip 1.0."""
    require_program("baresip")
    KINDS["baresip"].START_WITHIN, usual = 3.0, KINDS["baresip"].START_WITHIN
    try:
        played = Stage(settings("baresip", algorithms=("SHA-256", "MD5")), tmp_path / "c.pcapng").play(_starts)
    finally:
        KINDS["baresip"].START_WITHIN = usual
    assert played.ending is Ending.COULD_NOT_RUN
    assert "not ready" in played.sentence


async def _starts(phone: Phone) -> None:
    await phone.start()


@pytest.mark.parametrize("password", ["p;w", "p w", "p>w<", "p\\w'%3B$"])
def test_a_password_may_have_any_characters(kind: Kind, password: str, tmp_path: Path) -> None:
    lab = settings(kind)
    lab.phones["phone"].password = password
    assert Stage(lab, tmp_path / "capture.pcapng").play(_starts).ending is Ending.PLAYED


def test_a_password_baresip_cannot_be_told_is_refused_with_a_sentence(tmp_path: Path) -> None:
    require_program("baresip")
    lab = settings("baresip")
    lab.phones["phone"].password = 'p"w'
    played = Stage(lab, tmp_path / "capture.pcapng").play(_starts)
    assert played.ending is Ending.COULD_NOT_RUN
    assert "quotation mark" in played.sentence


def test_it_needs_real_sockets(tmp_path: Path) -> None:
    lab = settings("baresip")
    lab.network = "simulated"
    played = Stage(lab, tmp_path / "capture.pcapng").play(_starts)
    assert played.ending is Ending.COULD_NOT_RUN
    assert "real sockets" in played.sentence
