import pytest

from sipconform.lab.actor import NotSupportedError
from sipconform.lab.drivers.nobody import Nobody
from sipconform.net.virtual_clock import run


def test_nobody_does_and_believes_nothing() -> None:
    nobody = Nobody()
    with pytest.raises(NotSupportedError, match="'dial' needs a driver"):
        run(nobody.do("dial", number="1"))
    run(nobody.inspect({"dnd": True}))
    assert (nobody.beliefs, nobody.ours) == ({}, False)
