"""Every reference is replayed against our own agents, each party of it once in the place of the live peer."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from sipconform.agents.user_agent import DEFAULT_PORT
from sipconform.checks.told import places
from sipconform.comparing import load_trace
from sipconform.lab.lab import Lab
from sipconform.lab.settings import LabSettings, ServerSettings
from sipconform.net.simulated import SimulatedNetwork
from sipconform.net.tap import NullTap
from sipconform.net.transport import Network, Tap
from sipconform.net.virtual_clock import VirtualLoop
from sipconform.recording import manifests, read_manifest
from sipconform.replay.run import Outcome, replay
from sipconform.replay.script import Cue
from sipconform.replay.settings import Settings
from sipconform.shipped import shipped
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace

Protocol = Literal["udp", "tcp", "tls"]
OURS = [path for path in manifests(shipped("captures")) if read_manifest(path).scenario]
REAL = [path for path in manifests(shipped("captures")) if not read_manifest(path).scenario]
SIGNS_OFF = ("baresip-a_call_is_held_and_resumed", "baresip-codes_are_dialled")
"""What the program said when it was ended is no intent of a user's: nobody makes our phone say it."""


class _LabNetwork:
    """The network of a lab, under the replay's tap as long as the replay lasts."""

    def __init__(self, network: Network, tap: Tap) -> None:
        assert isinstance(network, SimulatedNetwork)
        self.network = network
        network.tap = tap

    async def open(self, protocol: str, local: Address, receive: Any, **contexts: Any) -> Any:
        return await self.network.open(protocol, local, receive, **contexts)

    async def close(self) -> None:
        self.network.tap = NullTap()  # what the agents still say when the lab closes them has no part in it

    def now_ns(self) -> int:
        return self.network.now_ns()


async def _replayed(trace: Trace, name: str, lab: Lab, capture: Path) -> Outcome:
    """The recording with the lab's own agent as the one called `name`, and everybody else from the recording."""
    await lab.open()
    live = _live(trace, name)
    actor = await _actor(lab, trace, name)
    there, here = lab.server_address, Address("10.0.8.1", 0)
    if name != "server":
        there, here = live._replace(port=DEFAULT_PORT[lab.settings.transport]), lab.server_address
    accounts = {user: (user, f"pw{user}") for user in _users(trace)}
    settings = Settings(there, lab.settings.transport, here, accounts=accounts, domain=lab.domain)
    side: Literal["phone", "server"] = "phone" if name == "server" else "server"

    async def drive(cue: Cue) -> None:
        await actor.driver.do(cue.verb, **cue.arguments)

    try:
        return await replay(
            trace, side, settings, lambda tap: _LabNetwork(lab.network, tap), capture, live=live, drive=drive
        )
    finally:
        await lab.close()


async def _actor(lab: Lab, trace: Trace, name: str) -> Any:
    """The actor of that name; phones before it are made too, so that it gets the address it had."""
    if name == "server":
        return lab.server()
    for each in places(trace):
        if each != "server":
            actor = await lab.phone(each)
            if each == name:
                return actor
    raise AssertionError(name)


def _users(trace: Trace) -> set[str]:
    told = (observation.what.get("users") for observation in trace.observations if observation.kind == "lab")
    return {str(user) for users in told if isinstance(users, dict) for user in users.values()} | {"2100"}


def _play(path: Path, name: str, folder: Path, transport: Protocol = "udp") -> Outcome:
    trace = load_trace(path.with_suffix(".pcapng"))
    server = ServerSettings() if name == "server" else ServerSettings(kind="remote", address="10.0.0.1")
    profile = read_manifest(path).profile
    settings = LabSettings(network="simulated", profile=profile, server=server, seed=9, transport=transport)
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_replayed(trace, name, Lab(settings, folder / "lab.pcapng"), folder / "live.pcapng"))


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return Address(host.strip("[]"), int(port))


def _live(trace: Trace, name: str) -> Address:
    """Where the actor was; a real server that is no actor is who acts as one."""
    place = places(trace).get(name)
    return _address(place) if place else next(iter(trace.servers))


def _sides(paths: list[Path]) -> Iterator[tuple[Path, str]]:
    """Everybody who says something in a reference."""
    for path in paths:
        trace = load_trace(path.with_suffix(".pcapng"))
        speaking = {str(trace.party(message.source)) for message in trace.messages}
        yield from ((path, name) for name, place in places(trace).items() if place in speaking)


def _named(value: object) -> str:
    return value.stem if isinstance(value, Path) else str(value)


SIDES = list(_sides(OURS))
REAL_SIDES = [*_sides(REAL), *((path, "server") for path in REAL if path.stem.startswith("kamailio"))]
DISCOVERED = [(path, name) for path, name in SIDES if name == "host" or name.startswith("client_")]


def test_every_reference_has_two_sides() -> None:
    for path in OURS:
        assert len([side for side in SIDES if side[0] == path]) >= 2, path.stem


@pytest.mark.parametrize(("path", "name"), [side for side in SIDES if side not in DISCOVERED], ids=_named)
def test_each_reference_is_replayed_against_each_of_its_parties(path: Path, name: str, tmp_path: Path) -> None:
    outcome = _play(path, name, tmp_path)
    assert (outcome.why, outcome.taken, outcome.left_out) == ("", outcome.steps, ())
    assert [tuple(found[:5]) for found in outcome.comparison.differences] == []


@pytest.mark.parametrize("transport", ["tcp", "tls"])
@pytest.mark.parametrize("name", ["server", "phone"])
def test_what_was_recorded_over_udp_is_replayed_over_a_stream(transport: Protocol, name: str, tmp_path: Path) -> None:
    path = next(path for path in OURS if "dnd_switched_at_the_server" in path.stem)
    outcome = _play(path, name, tmp_path, transport)
    assert (outcome.why, outcome.taken) == ("", outcome.steps)


@pytest.mark.parametrize(("path", "name"), DISCOVERED, ids=_named)
def test_what_begins_with_a_discovery_stops_and_says_where(path: Path, name: str, tmp_path: Path) -> None:
    """A hotspot's host and clients find each other by datagrams that are not SIP, and those are not replayed."""
    outcome = _play(path, name, tmp_path)
    assert outcome.taken < outcome.steps
    assert "(frame " in outcome.why
    assert load_trace(tmp_path / "live.pcapng").observations


@pytest.mark.parametrize(("path", "name"), REAL_SIDES, ids=_named)
def test_each_reference_of_a_real_peer_is_replayed_against_our_agent_in_its_place(
    path: Path, name: str, tmp_path: Path
) -> None:
    """Ours says some things otherwise, and takes every step all the same."""
    outcome = _play(path, name, tmp_path)
    if name == "phone" and path.stem in SIGNS_OFF:
        assert outcome.why.startswith("REGISTER")
    else:
        assert (outcome.why, outcome.taken, outcome.left_out) == ("", outcome.steps, ())
