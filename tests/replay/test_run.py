"""Recordings played against our own agents, and what is said when those take another course."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sipconform.agents.endpoint import Endpoint
from sipconform.agents.phone.phone import Phone
from sipconform.agents.server.directory import Directory
from sipconform.agents.server.server import Server
from sipconform.agents.user_agent import Account
from sipconform.comparing import load_trace
from sipconform.lab.dialect import teach_server
from sipconform.lab.drivers.own import OwnPhone, OwnServer
from sipconform.lab.profile import load_profile
from sipconform.lab.settings import LabSettings
from sipconform.lab.stage import Ending, Stage
from sipconform.net.simulated import SimulatedNetwork
from sipconform.net.sockets import SocketNetwork
from sipconform.net.transport import Network, Tap
from sipconform.net.virtual_clock import VirtualLoop
from sipconform.replay.run import Outcome, replay
from sipconform.replay.script import Cue, NotPlayable, Side
from sipconform.replay.settings import Settings
from sipconform.sip.compose import Draft
from sipconform.trace.correlate import correlate
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace
from tests.compare.runs import scenario
from tests.support import require_captures

SERVER, PHONE, PLAYER = Address("10.9.0.1", 5060), Address("10.9.0.20", 5060), Address("10.9.0.30", 0)
ACCOUNTS = {user: (user, f"pw{user}") for user in ("2001", "2002")}


def recording(name: str, folder: Path) -> Path:
    path = folder / "recording.pcapng"
    known = scenario(name)
    settings = LabSettings(network="simulated", profile=known.profile)
    assert Stage(settings, path).play(known.play).ending is Ending.PLAYED
    return path


async def our_server(network: Network) -> OwnServer:
    endpoint = Endpoint(network, "server", random.Random(5))
    await endpoint.listen("udp", SERVER)
    directory = Directory(SERVER.host)
    for user, (_, password) in ACCOUNTS.items():
        directory.add(user, password)
    server = Server(endpoint, directory, ("SHA-256", "MD5"))
    teach_server(server, load_profile("broadsoft"))
    return OwnServer(server)


async def our_phone(network: Network) -> OwnPhone:
    endpoint = Endpoint(network, "phone", random.Random(6))
    await endpoint.listen("udp", PHONE)
    return OwnPhone(Phone(endpoint, Account("2001", PLAYER.host, "pw2001", ""), PLAYER._replace(port=5060)))


def played(
    path: Path | Trace,
    side: Side,
    settings: Settings,
    build: Callable[[Network], Any],
    capture: Path,
    *,
    driven: bool = True,
) -> Outcome:
    """On the simulated network and its clock, with the live peer that `build` makes and the recording drives."""

    async def play() -> Outcome:
        made: list[SimulatedNetwork] = []

        def network(tap: Tap) -> Network:
            made.append(SimulatedNetwork(3, tap=tap))
            return made[0]

        peer: list[Any] = []

        async def drive(cue: Cue) -> None:
            await peer[0].do(cue.verb, **cue.arguments)

        async def with_peer(tap: Tap) -> None:
            peer.append(await build(network(tap)))

        late = _Late(with_peer, made)
        trace = path if isinstance(path, Trace) else load_trace(path)
        return await replay(trace, side, settings, late.network, capture, drive=drive if driven else None)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(play())


class _Late:
    """A network on which the live peer comes up before the first of the player's addresses is bound."""

    def __init__(self, with_peer: Callable[[Tap], Any], made: list[SimulatedNetwork]) -> None:
        self.with_peer, self.made = with_peer, made

    def network(self, tap: Tap) -> Network:
        self.tap = tap
        return self

    async def open(self, *args: Any, **kwargs: Any) -> Any:
        if not self.made:
            await self.with_peer(self.tap)
        return await self.made[0].open(*args, **kwargs)

    async def close(self) -> None:
        await self.made[0].close()

    def now_ns(self) -> int:
        return self.made[0].now_ns()


AS_PHONE = (
    "feature_sync/test_the_full_state_arrives_after_registration",
    "feature_sync/test_dnd_switched_at_the_server_reaches_the_phone",
    "feature_sync/test_dnd_pressed_on_the_phone_reaches_the_server",
    "feature_sync/test_the_phone_signs_off_in_good_order",
    "calls/test_a_call_is_answered_held_resumed_and_ended",
    "calls/test_a_caller_gives_up_and_the_call_is_missed",
)


@pytest.mark.parametrize("name", AS_PHONE)
def test_the_phones_of_a_recording_play_against_our_server(name: str, tmp_path: Path) -> None:
    settings = Settings(SERVER, local=PLAYER, accounts=ACCOUNTS, pace="recorded")
    outcome = played(recording(name, tmp_path), "phone", settings, our_server, tmp_path / "live.pcapng")
    assert (outcome.why, outcome.taken) == ("", outcome.steps)
    assert [tuple(found[:5]) for found in outcome.comparison.differences] == []


@pytest.mark.parametrize("name", AS_PHONE[:4])
def test_the_server_of_a_recording_plays_against_our_phone(name: str, tmp_path: Path) -> None:
    settings = Settings(PHONE, local=PLAYER._replace(port=5060), accounts=ACCOUNTS, pace="recorded")
    outcome = played(recording(name, tmp_path), "server", settings, our_phone, tmp_path / "live.pcapng")
    assert (outcome.why, outcome.taken) == ("", outcome.steps)
    assert [tuple(found[:5]) for found in outcome.comparison.differences] == []


def test_a_peer_that_diverges_is_told_and_the_evidence_stays(tmp_path: Path) -> None:
    wrong = {"2001": ("2001", "not the password")}
    settings = Settings(SERVER, local=PLAYER, accounts=wrong)
    path = recording(AS_PHONE[0], tmp_path)
    outcome = played(path, "phone", settings, our_server, tmp_path / "live.pcapng")
    assert outcome.why.startswith("200 to REGISTER (frame ")
    assert "the peer answered 401" in outcome.why
    assert outcome.taken < outcome.steps
    assert len(load_trace(tmp_path / "live.pcapng").messages) >= 4


def test_a_peer_that_keeps_silent_is_told(tmp_path: Path) -> None:
    settings = Settings(SERVER._replace(port=5999), local=PLAYER, accounts=ACCOUNTS, patience=1)
    path = recording(AS_PHONE[0], tmp_path)
    outcome = played(path, "phone", settings, our_server, tmp_path / "live.pcapng")
    assert "did not come within" in outcome.why


def test_without_the_driver_what_depends_on_it_does_not_come(tmp_path: Path) -> None:
    settings = Settings(SERVER, local=PLAYER, accounts=ACCOUNTS)
    path = recording(AS_PHONE[1], tmp_path)
    outcome = played(path, "phone", settings, our_server, tmp_path / "live.pcapng", driven=False)
    assert outcome.why.startswith("NOTIFY")
    assert "had told the peer to set_dnd (give --control)" in outcome.why


def test_a_recording_without_the_side_is_not_playable(tmp_path: Path) -> None:
    empty = load_trace(require_captures() / "public" / "arkime+arkime__gtp-iphone.pcap")

    async def play() -> None:
        await replay(empty, "phone", Settings(SERVER), SocketNetwork, tmp_path / "live.pcapng")

    with pytest.raises(NotPlayable, match="nobody in the recording acts as a server"):
        asyncio.run(play())


def test_what_is_made_anew_is_another_each_time_unless_a_seed_says_otherwise(tmp_path: Path) -> None:
    path, said = recording(AS_PHONE[0], tmp_path), []
    for at, seed in enumerate((None, None, 7, 7)):
        capture = tmp_path / f"{at}.pcapng"
        settings = Settings(SERVER, local=PLAYER, accounts=ACCOUNTS, seed=seed)
        assert played(path, "phone", settings, our_server, capture).why == ""
        first = load_trace(capture).messages[0]
        said.append((first.call_id, first.from_tag, first.branch))
    assert all(ours != theirs for ours, theirs in zip(said[0], said[1], strict=True))
    assert said[2] == said[3]


def until(path: Path, method: str) -> Trace:
    """The recording up to, and without, the first request of a method."""
    trace = load_trace(path)
    end = next(m.packet.time_ns for m in trace.messages if m.method == method)
    return correlate([*trace.observations, *(m.packet for m in trace.messages if m.packet.time_ns < end)])


def ends(capture: Path) -> set[str]:
    """How what was up is ended: BYE, CANCEL, and what is asked for no time."""
    mine = [m for m in load_trace(capture).messages if m.is_request and m.source.host == PLAYER.host]
    return {m.method for m in mine if m.method in ("BYE", "CANCEL") or m.text("Expires") == "0"}


@pytest.mark.parametrize(
    ("name", "before", "expected"),
    [
        (AS_PHONE[4], "BYE", {"BYE", "REGISTER"}),
        (AS_PHONE[5], "CANCEL", {"CANCEL", "REGISTER"}),
        (AS_PHONE[0], "", {"REGISTER", "SUBSCRIBE"}),
        (AS_PHONE[3], "", {"REGISTER", "SUBSCRIBE"}),  # the recording itself ends them
    ],
)
def test_what_a_replay_leaves_up_is_ended_beside_the_comparison(
    name: str, before: str, expected: set[str], tmp_path: Path
) -> None:
    path = recording(name, tmp_path)
    trace = until(path, before) if before else load_trace(path)
    settings = Settings(SERVER, local=PLAYER, accounts=ACCOUNTS, pace="recorded")
    outcome = played(trace, "phone", settings, our_server, tmp_path / "live.pcapng")
    assert (outcome.why, outcome.taken) == ("", outcome.steps)
    assert [tuple(found[:5]) for found in outcome.comparison.differences] == []
    assert ends(tmp_path / "live.pcapng") == expected


def test_a_challenge_that_cannot_be_answered_is_named(tmp_path: Path) -> None:
    path = recording(AS_PHONE[0], tmp_path)

    async def asking_for_the_impossible(network: Network) -> OwnServer:
        own = await our_server(network)

        def other(draft: Draft) -> list[Draft]:
            if draft.get("WWW-Authenticate"):
                draft.set("WWW-Authenticate", 'Digest realm="r", nonce="n", algorithm=SHA3-512')
            return [draft]

        own.server.endpoint.tampers.append(other)
        return own

    settings = Settings(SERVER, local=PLAYER, accounts=ACCOUNTS)
    outcome = played(path, "phone", settings, asking_for_the_impossible, tmp_path / "live.pcapng")
    assert "it asks for SHA3-512, which cannot be done here" in outcome.why
    nobody = played(path, "phone", Settings(SERVER, local=PLAYER), our_server, tmp_path / "again.pcapng")
    assert "(give --account USER:PASSWORD)" in nobody.why
