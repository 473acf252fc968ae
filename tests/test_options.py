"""What was typed comes out as settings, and comes back as what may be typed again."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from sipconform.options import again, settings_from, usable, words_of
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
        "--profile broadsoft --transport tls --ip 6 --seed 7",
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
    "driver", [("--by-hand",), ("--phone", "phone=127.0.0.1:7002"), ("--server-control", "[::1]:7")]
)
def test_a_real_device_is_not_on_the_simulated_network(driver: tuple[str, ...]) -> None:
    with pytest.raises(pytest.UsageError, match="simulated network has no place"):
        usable(options("--network", "simulated", *driver))
    assert usable(options(*driver))


def test_a_mistake_is_told_with_its_file_and_key(tmp_path: Path) -> None:
    lab = tmp_path / "lab.toml"
    lab.write_text("[server]\nkind = 'remote'\nadress = '192.0.2.1'\n")
    with pytest.raises(pytest.UsageError, match=r"lab\.toml: server: .*adress"):
        usable(options("--lab", str(lab)))
    for words, named in (
        (("--profile", "nobody"), "nobody"),
        (("--fault", "M999"), "M999"),
        (("--network", "simulated", "--loss", "2"), "loss"),
    ):
        with pytest.raises(pytest.UsageError, match=named):
            usable(options(*words))


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
