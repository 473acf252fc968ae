from pathlib import Path

import pytest

from sipconform import shipped as module
from sipconform.shipped import shipped


def test_a_checkout_has_its_folders_at_the_root() -> None:
    assert (shipped("reports/templates") / "report.html").is_file()


def test_a_wheel_has_them_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sipconform" / "_shipped" / "suites").mkdir(parents=True)
    monkeypatch.setattr(module, "files", lambda _: tmp_path / "sipconform")
    assert shipped("suites") == tmp_path / "sipconform" / "_shipped" / "suites"


def test_an_incomplete_installation_says_what_is_missing() -> None:
    with pytest.raises(FileNotFoundError, match="no/such/folder is missing from this installation"):
        shipped("no/such/folder")
