"""The wheel carries all it needs: sipconform works from an empty folder, far from any checkout."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import PROJECT


def pip(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--quiet", *arguments], check=True, timeout=120)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package as its wheel installs it."""
    folder = tmp_path_factory.mktemp("wheel")
    offline = ("--no-deps", "--no-index", "--disable-pip-version-check")
    pip("wheel", *offline, "--no-build-isolation", "--wheel-dir", str(folder), str(PROJECT))
    (wheel,) = folder.glob("sipconform-*.whl")
    pip("install", *offline, "--target", str(folder / "site"), str(wheel))
    return folder / "site"


def sipconform(site: Path, here: Path, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "sipconform", *arguments],
        check=True,
        capture_output=True,
        text=True,
        cwd=here,
        env={**os.environ, "PYTHONPATH": str(site)},
        timeout=60,
    ).stdout


def test_the_folders_travel_inside(site: Path) -> None:
    shipped = site / "sipconform" / "_shipped"
    for name in ("suites", "fixtures/profiles", "fixtures/peers", "captures", "reports/templates"):
        assert any((shipped / name).iterdir()), name
    assert (site / "sipconform" / "py.typed").is_file()


def test_a_command_that_needs_shipped_files_works_in_an_empty_folder(site: Path, tmp_path: Path) -> None:
    assert "broadsoft" in sipconform(site, tmp_path, "profiles")
    assert list(tmp_path.iterdir()) == []


def test_the_licence_travels_along(site: Path) -> None:
    (licence,) = site.glob("sipconform-*.dist-info/licenses/LICENSE")
    assert "GNU GENERAL PUBLIC LICENSE" in licence.read_text()
