"""What the documents name is there: commands and their options, files, make targets, checks and profiles."""

import re
from pathlib import Path

import pytest

from sipconform.checks.catalogue import catalogue
from sipconform.cli import COMMANDS, main
from sipconform.lab.profile import list_profiles
from tests.support import PROJECT

DOCUMENTS = [
    *(PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md")),
    *sorted((PROJECT / "docs").glob("*.md")),
]
TEXTS = [pytest.param(path.read_text("utf-8"), id=path.name) for path in DOCUMENTS]
ROOMS = ("src/", "suites/", "fixtures/", "captures/", "reports/templates/", "tools/", "tests/", "docs/")


def commands(text: str) -> list[list[str]]:
    """Every command line of ours, in blocks and within sentences."""
    lines = re.findall(r"^ {4}(sipconform [^#\n]*)", text, re.M) + re.findall(r"`(sipconform [^`]*)`", text)
    return [line.split("→")[0].split() for line in lines]


def explained(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    return capsys.readouterr().out


@pytest.mark.parametrize("text", TEXTS)
def test_every_command_that_is_named_exists_with_its_options(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    for _, *words in commands(text):
        command = next((word for word in words if not word.startswith("-")), "")
        if words[0].startswith("-"):
            assert words[0] == "--help"
            continue
        assert command in COMMANDS
        options = set(re.findall(r"(?<!\S)\[?(--[\w-]+|-k)\b", " ".join(words)))
        known = explained(command, capsys) if options else ""
        assert [option for option in options if not re.search(rf"{option}\b", known)] == [], f"sipconform {command}"


@pytest.mark.parametrize("text", TEXTS)
def test_every_file_that_is_named_exists(text: str) -> None:
    named = set(re.findall(r"\]\((?!http)([^)#]+)\)", text)) | {
        name for name in re.findall(r"`([\w./-]+)`", text) if name.startswith(ROOMS)
    }
    places = (PROJECT, PROJECT / "docs", PROJECT / "src" / "sipconform")
    assert [name for name in sorted(named) if not any((place / name).exists() for place in places)] == []


@pytest.mark.parametrize("text", TEXTS)
def test_every_check_and_every_target_that_is_named_exists(text: str) -> None:
    families = {check.family for check in catalogue().values()}
    named = {name for name in re.findall(r"\b[A-Z]{2,4}-\d{3}\b", text) if name.partition("-")[0] in families}
    assert sorted(named - catalogue().keys()) == []
    makefile = (PROJECT / "Makefile").read_text("utf-8")
    targets = re.findall(r"`make ([\w-]+)|^ {4}make ([\w-]+)", text, re.M)
    assert [a or b for a, b in targets if not re.search(rf"^{a or b}:", makefile, re.M)] == []


def test_commands_are_found_where_there_are_any() -> None:
    assert len(commands((PROJECT / "README.md").read_text("utf-8"))) > 5
    assert commands("    sipconform nonsense --frobnicate  # so\n") == [["sipconform", "nonsense", "--frobnicate"]]


def test_every_profile_that_an_option_names_is_shipped() -> None:
    named = {
        name for path in DOCUMENTS for name in re.findall(r"--profile ([a-z0-9-]+)", Path(path).read_text("utf-8"))
    }
    assert named
    assert named <= set(list_profiles())
