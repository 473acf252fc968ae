"""The arithmetic of noticing a loss, as the reports tell it."""

from __future__ import annotations

from sipconform.lab.liveness import loss_arithmetic, timing_facts
from sipconform.lab.profile import Timing, load_profile


def test_bright_pattern() -> None:
    timing = load_profile("brightpattern").timing
    told = loss_arithmetic(timing)
    assert told["unanswered refresh after"] == 15
    assert told["server forgets after"] == 30
    assert told["promised at the latest after"] == 15
    assert told["by Timer F alone after"] == 47
    assert "too late" in told["Timer F alone"]
    assert timing_facts(timing) == {"register_refresh": 15, "register_expires": 30, "loss_detect_max": 15}


def test_a_long_life_leaves_time_for_timer_f() -> None:
    timing = Timing(register_refresh=60, register_expires=120, loss_detect_max=100)
    assert loss_arithmetic(timing)["Timer F alone"] == "in time"


def test_nothing_promised_nothing_told() -> None:
    assert loss_arithmetic(Timing()) == {}
    assert timing_facts(Timing()) == {}
