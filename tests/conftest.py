from pathlib import Path

import pytest

from tests.support import require_captures


@pytest.fixture(scope="session")
def shared_captures() -> Path:
    """The folder of reference captures beside the project (see `missing` for when it is not there)."""
    return require_captures()
