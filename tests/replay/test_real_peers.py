"""Recordings played against Kamailio and Baresip."""

import asyncio
from pathlib import Path

import pytest

from sipconform.comparing import load_trace
from sipconform.lab.drivers.soft_phone import SoftPhone
from sipconform.lab.profile import load_profile
from sipconform.lab.real_peers import Kamailio, free_port
from sipconform.lab.real_phones import Baresip
from sipconform.net.sockets import SocketNetwork
from sipconform.recording import manifests
from sipconform.replay.run import Outcome, replay
from sipconform.replay.script import Cue, NotPlayable, read_script
from sipconform.replay.settings import Settings
from sipconform.shipped import shipped
from sipconform.trace.capture import read_capture
from sipconform.trace.correlate import correlate
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace
from tests.support import require_captures, require_program

USERS = ("200", "210", "211", "212", "300", "301", "302", "2100", "2200")
SUBSCRIBED = "01"
"""The capture in which the phones subscribe to the line; most of the others take that for granted."""
WHOLE = (
    ("01",), ("01", "02"), ("03",), ("01", "02", "03", "04", "05", "06", "07", "09", "10"), ("23",), ("23b",), ("23c",),
    ("23d",), ("23e",), ("23f",), *((SUBSCRIBED, number) for number in ("21", "22", "24", "25", "26", "27")),
)  # fmt: skip
STOPPED = {  # not replayed to its end against the Kamailio of the project: where it stops, and why
    "sca-02": "seize",  # 500 to the line-seize: the phones' subscriptions are in sca-01
    "sca-20": "seize",
    "sca-29": "403 Not Your Line",  # ours lets nobody follow the line of somebody else
    "events-dialoginfo": "",  # Kamailio's own PUBLISHes to itself are nobody's to play; the calls are played whole
    "events-mwi-reg": "the peer answered 404",  # no PUBLISH there
    "featurecode-dnd": "the peer answered 404",  # no feature codes there
    "hunt-serial": "the peer answered 404",  # no hunt group there
}
BEGUN_BEFORE = ("sca-04", "sca-05", "sca-06", "sca-07", "sca-09", "sca-10", "sca-28", "liveness-options-ping")
"""Nothing in them has its beginning there: to be given together with what came before."""
KEPT_OF_KAMAILIO = [path for path in manifests(shipped("captures")) if path.stem.startswith("kamailio-")]


def against_kamailio(paths: list[Path], folder: Path, users: tuple[str, ...] = USERS) -> Outcome:
    require_program("kamailio")
    accounts = {user: (user, Kamailio.password(user)) for user in users}
    with Kamailio(users=users, shared_lines=True) as kamailio:
        settings = Settings(kamailio.address, accounts=accounts, pace="fast", patience=5)

        async def play() -> Outcome:
            return await replay(load_trace(*paths), "phone", settings, SocketNetwork, folder / "live.pcapng")

        return asyncio.run(play())


def capture(name: str) -> Path:
    (path,) = (require_captures() / "kamailio").glob(f"{name}*.pcap")
    return path


@pytest.mark.parametrize("numbers", WHOLE, ids="+".join)
def test_phones_recorded_with_kamailio_play_against_kamailio(numbers: tuple[str, ...], tmp_path: Path) -> None:
    outcome = against_kamailio([capture(f"sca-{number}-") for number in numbers], tmp_path)
    assert (outcome.why, outcome.taken) == ("", outcome.steps)
    assert outcome.steps >= 8


@pytest.mark.parametrize("name", STOPPED)
def test_what_cannot_go_on_says_where_and_why(name: str, tmp_path: Path) -> None:
    outcome = against_kamailio([capture(name)], tmp_path)
    assert STOPPED[name] in outcome.why
    assert bool(outcome.why) == bool(STOPPED[name])
    assert ("(frame " in outcome.why) == bool(outcome.why)
    assert load_trace(tmp_path / "live.pcapng").messages


@pytest.mark.parametrize("name", BEGUN_BEFORE)
def test_what_began_before_the_recording_is_not_played(name: str) -> None:
    with pytest.raises(NotPlayable, match="the recording holds nothing that the phone sends"):
        read_script(load_trace(capture(name)), "phone")


def test_what_began_before_is_left_out_of_the_rest(tmp_path: Path) -> None:
    outcome = against_kamailio([capture("sca-23-")], tmp_path)
    assert outcome.left_out
    assert all("(frame " in name for name in outcome.left_out)


def test_every_capture_of_kamailio_has_its_place_here() -> None:
    told = (*(f"sca-{number}-" for numbers in WHOLE for number in numbers), *STOPPED, *BEGUN_BEFORE)
    for path in (require_captures() / "kamailio").glob("*.pcap"):
        assert path.name.startswith(told), path.name


@pytest.mark.parametrize("path", KEPT_OF_KAMAILIO, ids=lambda path: path.stem)
def test_references_kept_of_kamailio_play_against_kamailio(path: Path, tmp_path: Path) -> None:
    outcome = against_kamailio([path.with_suffix(".pcapng")], tmp_path)
    assert (outcome.why, outcome.taken) == ("", outcome.steps)
    assert "status" not in {found.rule for found in outcome.comparison.differences}


@pytest.mark.parametrize("name", ["a_call_is_held_and_resumed", "codes_are_dialled"])
def test_a_server_recorded_with_baresip_plays_against_baresip(name: str, tmp_path: Path) -> None:
    """It registers at the replayed server, and answers, holds and resumes there, or calls the codes."""
    require_program("baresip")
    (path,) = (path for path in manifests(shipped("captures")) if path.stem == f"baresip-{name}")
    here = Address("127.0.0.1", free_port("127.0.0.1"))

    async def play() -> Outcome:
        places: list[Address] = []
        phone = SoftPhone(Baresip("2001", "pw2001", here), load_profile("broadworks-fac").code_table, places.append)

        async def drive(cue: Cue) -> None:
            await phone.do(cue.verb, **cue.arguments)

        settings = Settings(Address("127.0.0.1", 9), local=here, accounts={"2001": ("2001", "pw2001")}, patience=10)
        recording = without_sign_off(path.with_suffix(".pcapng"))
        live = next(m.source for m in recording.messages if m.method == "REGISTER")
        try:
            return await replay(
                recording, "server", settings, SocketNetwork, tmp_path / "live.pcapng", live=live, drive=drive
            )
        finally:
            await phone.close()

    outcome = asyncio.run(play())
    assert (outcome.why, outcome.taken) == ("", outcome.steps)
    assert outcome.steps > 15


def without_sign_off(path: Path) -> Trace:
    """The recording without what the program says when it is ended, for that is no intent of the user's."""
    evidence = list(read_capture(path))
    trace = correlate(evidence)
    calls = max(m.packet.frames for m in trace.messages if m.method != "REGISTER")
    return correlate(item for item in evidence if item.frames <= calls)
