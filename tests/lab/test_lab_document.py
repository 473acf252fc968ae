"""docs/lab.md names every table and key of a lab file, with the values and defaults they have, and its examples can be
used."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from sipconform.lab.accounts import PHONES
from sipconform.lab.settings import LabSettings, PhoneSettings, ServerSettings, Weather, load_lab, unusable
from tests.support import PROJECT

TEXT = (PROJECT / "docs" / "lab.md").read_text("utf-8")
TABLES: dict[type[msgspec.Struct], str] = {
    LabSettings: "## Keys",
    ServerSettings: "`[server]`",
    PhoneSettings: "`[phones.NAME]`",
    Weather: "`[weather]`",
}
EXAMPLES = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)


def rows(heading: str) -> dict[str, list[str]]:
    """The rows below a heading, by key."""
    told = TEXT[TEXT.index(heading) :].partition("|---")[2].partition("\n\n")[0]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in told.splitlines()[1:]]
    return {key: others for keys, *others in cells for key in re.findall(r"`(\w+)`", keys)}


@pytest.mark.parametrize("table", TABLES)
def test_every_key_is_there_with_what_it_may_hold(table: type[msgspec.Struct]) -> None:
    told = rows(TABLES[table])
    kind = inspect.type_info(table)
    assert isinstance(kind, inspect.StructType)
    keys = {
        field.encode_name: field for field in kind.fields if field.encode_name not in ("server", "phones", "weather")
    }
    assert set(told) == set(keys)
    for name, field in keys.items():
        values, default, _ = told[name]
        if isinstance(field.type, inspect.LiteralType):
            assert set(re.findall(r"`(\w+)`", values)) == set(map(str, field.type.values)), name
        if default.startswith("`") and " and " not in default:
            assert default.strip("`") == shown(getattr(table(), name)), name


def shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(f'"{each}"' if isinstance(each, str) else str(each) for each in value) + "]"
    return str(value)


def test_there_are_no_other_tables() -> None:
    nested = {field.encode_name for field in inspect.type_info(LabSettings).fields}  # type: ignore[attr-defined]
    assert {"server", "phones", "weather"} <= nested


def test_the_phones_it_names_are_known() -> None:
    named = TEXT[TEXT.index("`[phones.NAME]`") :].partition("|")[0]
    assert set(re.findall(r"`(\w+)`", named)) <= PHONES


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_can_be_used(tmp_path: Path, example: str) -> None:
    path = tmp_path / "lab.toml"
    path.write_text(example, "utf-8")
    settings = load_lab(path)
    assert list(unusable(settings)) == []
    assert set(settings.phones) <= PHONES
