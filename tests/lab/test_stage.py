"""How a scenario may end, and that its laboratory is closed and its capture there in every case."""

import asyncio
import gc
from pathlib import Path

import pytest

from sipconform.lab import record
from sipconform.lab.actor import CouldNotRunError, NotSupportedError
from sipconform.lab.actors import Phone, Server
from sipconform.lab.settings import LabSettings, PhoneSettings
from sipconform.lab.stage import Ending, Played, Scenario, Stage
from sipconform.trace.capture import read_capture
from sipconform.trace.packet import Observation, Packet


def simulated(**settings: object) -> LabSettings:
    made = LabSettings(network="simulated", profile="broadsoft")
    for name, value in settings.items():
        setattr(made, name, value)
    return made


def played(folder: Path, scenario: Scenario, settings: LabSettings | None = None) -> Played:
    stage = Stage(settings or simulated(), folder / "c.pcapng")
    ended = stage.play(scenario)
    kinds = [item.kind for item in read_capture(folder / "c.pcapng") if isinstance(item, Observation)]
    assert kinds[-1] == "end"  # it was closed in good order
    gc.collect()  # a socket left open would be told here
    return ended


async def well(phone: Phone, server: Server) -> None:
    await phone.start()


async def wrong() -> None:
    raise AssertionError("the lamp is dark")


async def mute() -> None:
    raise AssertionError


async def too_much() -> None:
    raise NotSupportedError("no lamp")


async def broken() -> None:
    raise CouldNotRunError("no current")


async def endless() -> None:
    await asyncio.sleep(1e6)


async def aside(phone: Phone) -> None:
    await phone.start(sync=False)
    calling = asyncio.ensure_future(phone.do("make_a_call_of_another_kind"))
    await phone.shows(call="ringing")
    await calling


async def refused_and_seen(phone: Phone) -> None:
    await phone.start(sync=False)
    with pytest.raises(NotSupportedError):
        await phone.do("make_a_call_of_another_kind")
    await phone.shows(call="ringing")


@pytest.mark.parametrize(
    ("scenario", "ending", "sentence"),
    [
        (well, Ending.PLAYED, ""),
        (wrong, Ending.FAILED, "the lamp is dark"),
        (mute, Ending.FAILED, "an expectation"),
        (too_much, Ending.NOT_SUPPORTED, "no lamp"),
        (broken, Ending.COULD_NOT_RUN, "no current"),
        (endless, Ending.TOO_LONG, "not over after"),
        (aside, Ending.NOT_SUPPORTED, "make_a_call_of_another_kind"),  # what was waited for could not come
        (refused_and_seen, Ending.FAILED, "phone shows call 'idle'"),
    ],
)
def test_every_ending_is_told_with_its_reason(
    tmp_path: Path, scenario: Scenario, ending: Ending, sentence: str
) -> None:
    ended = played(tmp_path, scenario)
    assert ended.ending is ending
    assert sentence in ended.sentence
    assert bool(sentence) == bool(ended.sentence)


async def answered(phone: Phone, server: Server) -> None:
    """Two who answer each other without end."""
    ours, theirs = (driver.endpoint.transports[0] for driver in (phone.driver.phone, server.driver.server))  # type: ignore[attr-defined]
    ours.receive = lambda packet: ours.send(packet.payload, theirs.local)
    theirs.receive = lambda packet: theirs.send(packet.payload, ours.local)
    ours.send(b"OPTIONS sip:2001@10.0.0.1 SIP/2.0\r\n\r\n", theirs.local)


async def answered_meanwhile(phone: Phone, server: Server) -> None:
    await answered(phone, server)
    await asyncio.sleep(1e6)


@pytest.mark.parametrize("scenario", [answered, answered_meanwhile])
def test_who_answers_without_end_is_stopped(
    tmp_path: Path, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "MOST_MESSAGES", 100)
    ended = played(tmp_path, scenario)
    assert ended.ending is Ending.TOO_MUCH
    assert "without end" in ended.sentence
    assert sum(isinstance(item, Packet) for item in read_capture(tmp_path / "c.pcapng")) == 100


def test_a_mistake_of_the_scenario_itself_is_not_swallowed(tmp_path: Path) -> None:
    async def mistaken() -> None:
        raise KeyError("lamp")

    with pytest.raises(KeyError):
        played(tmp_path, mistaken)
    assert list(read_capture(tmp_path / "c.pcapng"))


def test_what_cannot_be_built_is_told_by_the_play(tmp_path: Path) -> None:
    settings = simulated()
    settings.server.kind, settings.server.address = "remote", "no address at all"
    stage = Stage(settings, tmp_path / "c.pcapng")
    assert stage.actor("server") is stage.actor("phone") is None
    ended = stage.play(well)
    assert ended.ending is Ending.COULD_NOT_RUN
    assert "no address at all" in ended.sentence


def test_a_phone_that_cannot_be_reached_is_told_by_the_play(tmp_path: Path) -> None:
    settings = LabSettings(profile="broadsoft", phones={"phone": PhoneSettings(kind="remote", control="127.0.0.1:1")})
    ended = played(tmp_path, well, settings)
    assert ended.ending is Ending.COULD_NOT_RUN
    assert "127.0.0.1:1" in ended.sentence


def test_a_stage_that_was_never_played_is_closed_too(tmp_path: Path) -> None:
    stage = Stage(simulated(), tmp_path / "c.pcapng")
    stage.close()
    stage.close()
    assert list(read_capture(tmp_path / "c.pcapng"))


def test_the_same_seed_gives_the_same_packets(tmp_path: Path) -> None:
    captures = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / name).mkdir()
        assert played(tmp_path / name, well, simulated(seed=seed)).ending is Ending.PLAYED
        captures.append((tmp_path / name / "c.pcapng").read_bytes())
    assert captures[0] == captures[1] != captures[2]
