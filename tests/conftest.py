from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support import require_captures

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")  # a busy machine proves nothing


@pytest.fixture(scope="session")
def shared_captures() -> Path:
    """The folder of reference captures beside the project (see `missing` for when it is not there)."""
    return require_captures()
