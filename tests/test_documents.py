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


def rules_named(clause: str) -> set[str]:
    """The rules of feature synchronisation that a clause names."""
    found = {f"11-BD5196{place}" for place in re.findall(r"BroadSoft 11-BD5196( §[\d.]+|)", clause)}
    found |= set(re.findall(r"feature sync sheet §([\d.]+)", clause))
    for asked in re.findall(r"REQUIREMENTS ((?:B\d+(?:, )?)+)", clause):
        found |= set(asked.split(", "))
    return found


def test_what_a_clause_of_features_names_is_understood() -> None:
    assert rules_named("REQUIREMENTS B3; feature sync sheet §1.7") == {"B3", "1.7"}
    assert rules_named("feature sync sheet §8; REQUIREMENTS B3, B7") == {"8", "B3", "B7"}
    assert rules_named("BroadSoft 11-BD5196 §2.1.1; RFC 6665 §3.1.3") == {"11-BD5196 §2.1.1"}
    assert rules_named("BroadSoft 11-BD5196; XML 1.0 §2.1") == {"11-BD5196"}


def test_every_rule_that_a_check_of_features_names_is_told_with_its_checks() -> None:
    text = (PROJECT / "docs" / "rules_feature_sync.md").read_text("utf-8")
    sections = re.findall(r"^### (11-BD5196(?: §[\d.]+)?|B\d+|[\d.]+)\b(.*?)(?=^##|\Z)", text, re.M | re.S)
    told = {rule: set(re.findall(r"[A-Z]+-\d+\w?", body.partition("Asked by")[2])) for rule, body in sections}
    asked: dict[str, set[str]] = {}
    for check in catalogue().values():
        for rule in rules_named(check.clause):
            asked.setdefault(rule, set()).add(check.id)
    assert told == asked
    assert len(sections) == len(asked)


def cited(clause: str) -> set[str]:
    """The rules of shared lines that a clause names, `6.1-6.3` being three of them."""
    found = set()
    for place in re.findall(r"\(sheet ([^);]*)", clause):
        for chapter, first, _, last in re.findall(r"(\d+)(?:\.(\d+))?(-\d+\.(\d+))?", place):
            numbers = range(int(first), int(last or first) + 1) if first else []
            found |= {f"{chapter}.{number}" for number in numbers} or {chapter}
    return found


def test_what_a_clause_names_is_understood() -> None:
    assert cited("SCA: barging in (sheet 6.1-6.3)") == {"6.1", "6.2", "6.3"}
    assert cited("SCA: bridges (sheet §7, 2.3)") == {"7", "2.3"}
    assert cited("SCA: an answer that names no slot (sheet 4.5; Kamailio 92bbfd0b04)") == {"4.5"}
    assert cited("RFC 3261 §25.1; feature sync sheet §7.4") == set()


def test_every_rule_that_a_check_of_shared_lines_names_is_told_with_its_checks() -> None:
    text = (PROJECT / "docs" / "rules_shared_line.md").read_text("utf-8")
    told = re.findall(r"^##+ ([\d.]+) [^#]*?^Asked by ([^.]*)\.$", text, re.M)
    asked: dict[str, set[str]] = {}
    for check in catalogue().values():
        for rule in cited(check.clause):
            asked.setdefault(rule, set()).add(check.id)
    assert {rule: set(checks.split(", ")) for rule, checks in told} == asked
    assert len(told) == len(asked)
