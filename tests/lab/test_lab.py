"""The laboratory: what it builds from its settings, on which sockets, and what it cannot build."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sipconform.checks.catalogue import Verdict
from sipconform.cli import main
from sipconform.judging import judge_capture
from sipconform.lab.actor import CouldNotRunError
from sipconform.lab.actors import Phone
from sipconform.lab.lab import Lab, new_loop
from sipconform.lab.scenarios import known_scenarios
from sipconform.lab.settings import LabSettings, PhoneSettings, ServerSettings
from sipconform.lab.stage import Ending, Stage
from sipconform.net import datagram
from sipconform.net.virtual_clock import VirtualLoop
from sipconform.trace.capture import read_capture
from sipconform.trace.packet import Address, Observation


def test_the_simulated_network_has_a_clock_of_its_own() -> None:
    for network, virtual in (("simulated", True), ("sockets", False)):
        loop = new_loop(LabSettings(network=network))  # type: ignore[arg-type]
        assert isinstance(loop, VirtualLoop) is virtual
        loop.close()


def facts(capture: Path) -> dict[str, Any]:
    """The last that the lab told of who is who."""
    told = [o.what for o in read_capture(capture) if isinstance(o, Observation) and o.kind == "lab"]
    return dict(told[-1])


@pytest.mark.parametrize(
    ("under_test", "server", "phone"), [("both", 1, 1), ("server", 1, 0), ("phone", 0, 1), ("none", 0, 0)]
)
def test_the_record_says_who_is_ours_and_who_is_under_test(
    tmp_path: Path, under_test: Any, server: int, phone: int
) -> None:
    async def story(server: Any, phone: Any) -> None:
        await phone.start()

    settings = LabSettings(network="simulated", profile="broadsoft", under_test=under_test)
    assert Stage(settings, tmp_path / "c.pcapng").play(story).ending is Ending.PLAYED
    told = facts(tmp_path / "c.pcapng")
    assert len(told["ours"]) == 2
    assert len(set(told["under_test"]) & set(told["servers"])) == server
    assert len(set(told["under_test"]) & set(told["phones"])) == phone
    assert told["users"] == {"phone": "2001"}


def test_the_record_says_who_signs_in_under_another_name(tmp_path: Path) -> None:
    async def story(server: Any, phone: Any, other_phone: Any) -> None: ...

    phones = {"phone": PhoneSettings(user="2001", auth_user="alice")}
    settings = LabSettings(network="simulated", profile="broadsoft", phones=phones)
    Stage(settings, tmp_path / "c.pcapng").play(story)
    assert facts(tmp_path / "c.pcapng")["auth_users"] == {"2001": "alice"}


def test_a_phone_of_the_lab_file_is_known_to_our_server(tmp_path: Path) -> None:
    async def story(server: Any, phone: Any) -> None:
        await phone.start()

    phones = {"phone": PhoneSettings(user="4711", password="pässword")}
    settings = LabSettings(network="simulated", profile="broadsoft", phones=phones)
    assert Stage(settings, tmp_path / "c.pcapng").play(story).ending is Ending.PLAYED
    assert facts(tmp_path / "c.pcapng")["users"] == {"phone": "4711"}


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.1", 0))
        taken = Address(*held.getsockname())
        lab = Lab(LabSettings(profile="broadsoft", server=ServerSettings(address=str(taken))), tmp_path / "c.pcapng")

        async def build() -> None:
            try:
                with pytest.raises(CouldNotRunError, match=f"{taken} cannot be bound for server"):
                    await lab.open()
            finally:
                await lab.close()

        asyncio.run(build())


@pytest.mark.parametrize(
    "name", ["test_dnd_pressed_on_the_phone_reaches_the_server", "test_a_call_is_answered_held_resumed_and_ended"]
)
def test_scenarios_where_no_kernel_stamps_datagrams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """As on macOS and Windows: no recvmsg, asyncio's own endpoints take over, and the judge finds nothing amiss."""

    def absent(*_: Any) -> None:
        raise AttributeError("recvmsg is not to be had here")

    monkeypatch.setattr(datagram, "sys", SimpleNamespace(platform="win32"))
    monkeypatch.setattr(socket.socket, "recvmsg", absent)
    scenario = next((s for s in known_scenarios() if s.id.endswith(f"/{name}")), None)
    assert scenario, name
    capture = tmp_path / "c.pcapng"
    played = Stage(LabSettings(profile="broadsoft"), capture).play(scenario.play)
    assert played.ending is Ending.PLAYED, played.sentence
    judged = [judgement for _, judgement in judge_capture(capture)]
    assert [f.check and f.check.id for j in judged for f in j.findings if f.verdict is Verdict.FAIL] == []
    assert any(judgement.passed for judgement in judged)


def test_tls_without_what_makes_certificates_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise RuntimeError("throw-away certificates need trustme: pip install 'sipconform[tls]'")

    async def story(phone: Phone) -> None:
        await phone.start()

    monkeypatch.setattr("sipconform.net.certificates._trustme", missing)
    played = Stage(LabSettings(transport="tls", profile="broadsoft"), tmp_path / "c.pcapng").play(story)
    assert (played.ending, "sipconform[tls]" in played.sentence) == (Ending.COULD_NOT_RUN, True)
    serve = ["--listen", "127.0.0.1:0", "--transport", "tls"]
    assert main(["serve", *serve]) == 2


class Portal:
    """The driver of a remote server, and what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.left = asyncio.Event()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'{"beliefs": {}}\n')
        while line := await reader.readline():
            self.told.append(json.loads(line)["do"])
            writer.write(b'{"not_supported": "what is that?"}\n')
        writer.close()
        await writer.wait_closed()
        self.left.set()


def test_a_driver_is_told_first_that_a_new_story_begins_and_need_not_know_how(tmp_path: Path) -> None:
    async def story() -> list[str]:
        portal = Portal()
        listening = await asyncio.start_server(portal.answer, "127.0.0.1", 0)
        control = str(Address(*listening.sockets[0].getsockname()))
        server = ServerSettings(kind="remote", address="127.0.0.1:9", control=control)
        lab = Lab(LabSettings(profile="broadsoft", server=server, under_test="server"), tmp_path / "c.pcapng")
        await lab.open()
        await lab.close()
        await portal.left.wait()
        listening.close()
        return portal.told

    assert asyncio.run(story()) == ["reset"]
