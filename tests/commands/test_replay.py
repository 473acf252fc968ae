"""`sipconform replay` as a program against our agents as programs, and what it says when they take another course."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sipconform.comparing import load_trace
from sipconform.recording import manifests
from sipconform.shipped import shipped
from tests.commands.programs import begun, sipconform
from tests.commands.test_run import listening

CLEAN, DIFFERENT, NOT_PLAYED, WRONG_USE = 0, 1, 2, 3
HERE = "127.0.0.1:0"
ALL = {path.stem: path.with_suffix(".pcapng") for path in manifests(shipped("captures"))}
DND = next(path for name, path in ALL.items() if "dnd_switched_at_the_server" in name)
FULL = next(path for name, path in ALL.items() if "full_state_arrives" in name)
CALL = next(path for name, path in ALL.items() if "shared_line-test_a_phone_calls_out" in name)
ACCOUNTS = [word for user in ("2001", "2002", "2100", "2200") for word in ("--account", f"{user}:pw{user}")]


def next_word(program: "subprocess.Popen[str]") -> str:
    """The address in the line after the first, which may have been read together with it."""
    assert program.stdout is not None
    return program.stdout.readline().split()[-1]


@contextmanager
def server(folder: Path, *words: str) -> Iterator[list[str]]:
    """Our server in a process of its own: the words that say where it and its driver are."""
    with begun(folder, "serve", "--listen", HERE, "--control", HERE, *words) as program:
        yield ["--to", str(listening(program)), "--control", next_word(program)]


@pytest.mark.parametrize(
    ("capture", "transport"), [(DND, "udp"), (DND, "tcp"), (CALL, "tls")], ids=["udp", "tcp", "tls and a shared line"]
)
def test_phones_play_against_a_server_that_is_driven(tmp_path: Path, capture: Path, transport: str) -> None:
    over = ["--transport", transport]
    with server(tmp_path, *over) as there:
        words = ["--as", "phone", *there, *over, *ACCOUNTS, "--out", "out"]
        done = sipconform(tmp_path, "replay", str(capture), *words)
    taken, _, steps, *_ = done.stdout.split()
    assert (done.stderr, taken) == ("", steps), done.stdout
    if transport == "udp":  # over another transport than it was recorded, Via and Contact differ
        assert done.returncode == CLEAN, done.stdout
    live = load_trace(tmp_path / "out" / "replay.pcapng")
    assert {message.transport for message in live.messages} == {transport}
    assert (tmp_path / "out" / "comparison.html").is_file()


@pytest.mark.parametrize("transport", ["udp", "tls"])
def test_the_server_plays_against_a_phone_that_is_driven(tmp_path: Path, transport: str) -> None:
    over = ["--transport", transport]
    with begun(tmp_path, "phone", "--server", "127.0.0.1:45060", "--user", "2001:pw2001", *over) as program:
        words = ["--to", str(listening(program)), "--control", next_word(program), "--account", "2001:pw2001"]
        words += ["--as", "server", "--listen", "127.0.0.1:45060", *over, "--out", "out"]
        done = sipconform(tmp_path, "replay", str(DND), *words)
    taken, _, steps, *_ = done.stdout.split()
    assert (done.stderr, taken) == ("", steps), done.stdout


def test_a_replay_can_be_played_again_against_the_same_server(tmp_path: Path) -> None:
    with server(tmp_path) as there:
        words = ["--as", "phone", *there, *ACCOUNTS]
        done = [sipconform(tmp_path, "replay", str(FULL), *words, "--out", f"out{n}") for n in range(3)]
    assert [(each.returncode, each.stderr) for each in done] == [(CLEAN, "")] * 3, done[-1].stdout


@pytest.mark.parametrize("seconds", ["nan", "-1", "inf", "soon"])
def test_patience_is_a_time(tmp_path: Path, seconds: str) -> None:
    words = ["--as", "phone", "--to", "127.0.0.1:9", "--patience", seconds]
    assert sipconform(tmp_path, "replay", str(FULL), *words).returncode == WRONG_USE


def test_a_peer_that_refuses_the_connection_is_told(tmp_path: Path) -> None:
    words = ["--as", "phone", "--to", "127.0.0.1:9", "--transport", "tcp", "--patience", "0.2", *ACCOUNTS]
    done = sipconform(tmp_path, "replay", str(FULL), *words, "--out", "out")
    assert done.returncode == DIFFERENT
    assert "127.0.0.1:9: not connected" in done.stderr


@pytest.mark.parametrize(
    ("serve", "replay", "told"),
    [
        ((), ("--account", "2001:wrong"), "the peer answered 401 Unauthorized (the password of 2001 was not taken"),
        (("--user", "2100:pw2100"), ACCOUNTS, "the peer answered 4"),
        (("--fault", "M03"), ACCOUNTS, "did not come within"),
    ],
    ids=["wrong password", "unknown user", "a server that keeps silent"],
)
def test_a_peer_that_takes_another_course_is_told(
    tmp_path: Path, serve: tuple[str, ...], replay: tuple[str, ...], told: str
) -> None:
    with server(tmp_path, *serve) as there:
        words = ["--as", "phone", *there, *replay, "--patience", "1", "--out", "out"]
        done = sipconform(tmp_path, "replay", str(DND), *words)
    assert done.returncode == DIFFERENT
    assert "stopped: " in done.stderr
    assert told in done.stderr
    assert load_trace(tmp_path / "out" / "replay.pcapng").messages
    assert (tmp_path / "out" / "comparison.html").is_file()
