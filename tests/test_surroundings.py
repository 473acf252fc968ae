"""What the tests lean on is there; under CI=true nothing of it may be missing, whatever the other tests skip."""

import pytest

from tests.support import PROJECT, require_captures, require_program

PROGRAMS = ["kamailio", "tshark", "sipp", "baresip", "linphonec", "twinkle-console", "chromium"]


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_program_is_installed(program: str) -> None:
    assert require_program(program).endswith(f"/{program}")


def test_the_captures_are_there() -> None:
    assert any(require_captures().rglob("*.pcap*"))


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_setup_knows_the_program(program: str) -> None:
    words = (PROJECT / "tools" / "setup").read_text().split()
    assert program in words
