import pytest

from sipconform.sip.timers import Timers


def test_the_defaults_are_those_of_table_4() -> None:
    timers = Timers()
    assert (timers.t1, timers.t2, timers.t4, timers.give_up, timers.wait_for_answers) == (0.5, 4.0, 5.0, 32.0, 32.0)


def test_timer_d_is_never_less_than_32_seconds() -> None:
    assert Timers(t1=0.1).wait_for_answers == 32.0
    assert Timers(t1=1.0).wait_for_answers == 64.0


@pytest.mark.parametrize(("capped", "expected"), [(True, [1.0, 2.0, 4.0, 4.0]), (False, [1.0, 2.0, 4.0, 8.0])])
def test_the_intervals_double(capped: bool, expected: list[float]) -> None:
    timers, interval, seen = Timers(), 0.5, []
    for _ in expected:
        interval = timers.next_retransmission(interval, capped=capped)
        seen.append(interval)
    assert seen == expected
