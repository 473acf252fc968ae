"""What was typed comes out as settings, and comes back as what may be typed again."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from sipconform.options import again, settings_from, spoken_to, typed, usable, words_of
from sipconform.run_options import OPTIONS
from sipconform.shipped import shipped


def options(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for name, settings in OPTIONS.items():
        parser.add_argument(name, **settings)
    return parser.parse_args(words)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "--profile broadsoft --transport tls --ip 6 --network simulated --seed 7",
        "--network simulated --loss 0.1 --duplicate 0.2 --reorder 0.0 --fault M01 --fault M02",
        "--server 192.0.2.10:5070 --by-hand --account phone=2001:PASSWORD --account caller=2010:PASSWORD",
        "--server 192.0.2.10 --server-control 127.0.0.1:7001 --under-test none",
        "--listen 192.0.2.5:5060 --phone phone=operator --phone caller=127.0.0.1:7002 --account phone=2001:PASSWORD",
    ],
)
def test_the_words_of_the_options_make_the_same_settings_again(typed: str) -> None:
    given = options(*typed.split())
    said = list(words_of(given))
    assert sorted(said) == sorted(typed.split())
    assert msgspec.to_builtins(settings_from(options(*said))) == msgspec.to_builtins(settings_from(given))


def test_a_password_is_not_told_and_where_it_went_is_not_asked_for_again() -> None:
    said = list(words_of(options("--account", "phone=2001:s3cret:x", "--account", "2002", "--out", "reports/mine")))
    assert said == ["--account", "phone=2001:PASSWORD", "--account", "2002"]


@pytest.mark.parametrize(
    "driver",
    [
        ("--server", "192.0.2.1", "--by-hand"),
        ("--phone", "phone=127.0.0.1:7002"),
        ("--server", "192.0.2.1", "--server-control", "[::1]:7"),
    ],
)
def test_a_real_device_is_not_on_the_simulated_network(driver: tuple[str, ...]) -> None:
    with pytest.raises(pytest.UsageError, match="simulated network has no place"):
        usable(options("--network", "simulated", *driver))
    assert usable(options(*driver))


def test_a_mistake_is_told_with_its_file_and_key(tmp_path: Path) -> None:
    lab = tmp_path / "lab.toml"
    for text, told in (
        ("[server]\nkind = 'remote'\nadress = '192.0.2.1'\n", r"lab\.toml: server: .*adress"),
        ("[server]\nkind = 'remote'\n", r"lab\.toml: server\.address: a remote server needs one"),
        ("[server]\ncontrol = '127.0.0.1:7'\n", r"lab\.toml: server\.control: our own server needs no driver"),
        (
            "[phones.phone]\nkind = 'remote'\ncontrol = '127.0.0.1:abc'\n",
            r"lab\.toml: phones\.phone\.control: .*no port",
        ),
        ("[phones.phone]\naddress = '127.0.0.1:7'\n", r"lab\.toml: phones\.phone\.address: only a phone of kind"),
        ("[weather]\nloss = 0.5\n", r"lab\.toml: weather: only the simulated network"),
    ):
        lab.write_text(text)
        with pytest.raises(pytest.UsageError, match=told):
            usable(options("--lab", str(lab)))


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--profile", "nobody"), "nobody"),
        (("--fault", "M999"), "M999"),
        (("--loss", "0.9"), "--loss is for the simulated network"),
        (("--seed", "7"), "--seed is for the simulated network"),
        (("--server-control", "127.0.0.1:7001"), "--server-control is for a remote server"),
        (("--by-hand",), "--by-hand is for a remote server"),
        (("--server", "192.0.2.1", "--by-hand", "--server-control", "127.0.0.1:7"), "two ways of driving"),
        (("--server", "192.0.2.1", "--listen", "192.0.2.2"), "--listen says where our own server listens"),
        (("--server", "192.0.2.1", "--fault", "M01"), "fault M01 is seeded into a server of ours"),
        (("--server", "192.0.2.1:sip"), "server.address: 192.0.2.1:sip: 'sip' is no port"),
        (("--account", "foo"), "--account wants NAME=USER:PASSWORD, not 'foo'"),
        (("--account", "2001:s3cret"), "not '2001:PASSWORD'"),
        (("--phone", "127.0.0.1:7002"), "--phone wants NAME=HOST:PORT"),
        (("--phone", "phone="), "--phone wants NAME=HOST:PORT"),
        (("--phone", "phone=127.0.0.1"), "phones.phone.control: 127.0.0.1 lacks a port"),
    ],
)
def test_an_option_that_nothing_would_come_of_is_refused(words: tuple[str, ...], named: str) -> None:
    with pytest.raises(pytest.UsageError) as refused:
        usable(options(*words))
    assert named in str(refused.value)


def test_a_password_may_have_every_sign_in_it() -> None:
    settings = usable(options("--account", "phone=2001:a=b:c"))
    assert (settings.phones["phone"].user, settings.phones["phone"].password) == ("2001", "a=b:c")


@pytest.mark.parametrize(
    ("typed_", "names", "told"),
    [
        (
            "--phone phnoe=operator",
            {"phone", "caller"},
            "--phone phnoe: there is no such phone; they speak to caller, ",
        ),
        ("--phone phone=operator", {"caller"}, "--phone phone: no scenario that was chosen speaks to it"),
        ("--account nobody=1:2", {"caller"}, "--account nobody: there is no such phone"),
    ],
)
def test_a_phone_that_no_scenario_speaks_to_is_refused(typed_: str, names: set[str], told: str) -> None:
    given = options(*typed_.split())
    with pytest.raises(pytest.UsageError, match=told):
        spoken_to(given, usable(given), {*names, "server", "lab"})


def test_a_lab_file_may_name_phones_for_other_scenarios_but_not_unknown_ones(tmp_path: Path) -> None:
    lab = tmp_path / "lab.toml"
    given = options("--lab", str(lab))
    lab.write_text("under_test = 'phone'\n[phones.manager]\n[phones.phone]\nkind = 'remote'\n")
    spoken_to(given, usable(given), {"phone"})
    with pytest.raises(pytest.UsageError, match=r"no scenario that was chosen speaks to a phone under test \(phone\)"):
        spoken_to(given, usable(given), {"caller"})
    lab.write_text("[phones.nobody]\n")
    with pytest.raises(pytest.UsageError, match=r"lab\.toml: phones\.nobody: there is no such phone; there are "):
        spoken_to(given, usable(given), {"phone"})
    spoken_to(given, usable(given), {"nobody"})  # a scenario of somebody else's speaks to it


def test_a_command_line_is_kept_without_its_passwords() -> None:
    words = ["sipconform", "run", "calls", "--account", "phone=2001:1234", "--account=caller=2:pw", "-k", "1234"]
    given = options("--account", "phone=2001:1234", "--account=caller=2:pw")
    told = "sipconform run calls --account phone=2001:PASSWORD --account=caller=2:PASSWORD -k 1234"
    assert typed(words, given) == told


def item(path: Path, name: str) -> Any:
    """A test as pytest collects it."""
    config = SimpleNamespace(invocation_params=SimpleNamespace(dir=Path("/here")))
    return SimpleNamespace(path=path, name=name, config=config)


@pytest.mark.parametrize(
    ("path", "where"),
    [
        (shipped("suites") / "feature_sync" / "test_dnd.py", "feature_sync/test_dnd.py"),
        (Path("/here/mine/test_mine.py"), "mine/test_mine.py"),
        (Path("/there/test_mine.py"), "/there/test_mine.py"),
    ],
)
def test_one_scenario_is_played_again_by_a_line_a_shell_understands(path: Path, where: str) -> None:
    name = """test_a_number[2050;ext="<1>&2 it's"]"""
    line = again(item(path, name), options("--network", "simulated"))
    assert shlex.split(line) == ["sipconform", "run", f"{where}::{name}", "--network", "simulated"]
