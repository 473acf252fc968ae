from pathlib import Path

import pytest

from tests.support import require_captures


@pytest.fixture(scope="session")
def shared_captures() -> Path:
    """The folder of reference captures beside the project; without it the test is skipped, under CI=true failed."""
    return require_captures()
