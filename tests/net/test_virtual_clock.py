import asyncio
import socket

import pytest

from sipconform.net import virtual_clock
from sipconform.net.virtual_clock import DeadlockError, HorizonError, VirtualLoop


def test_an_hour_passes_and_is_exactly_an_hour() -> None:
    async def main() -> float:
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    assert virtual_clock.run(main()) == 3600.0


def test_a_timer_beyond_a_day_is_reached_in_several_leaps() -> None:
    async def main() -> float:
        await asyncio.sleep(3 * 86_400 + 0.25)
        return asyncio.get_running_loop().time()

    assert virtual_clock.run(main()) == 3 * 86_400 + 0.25


def test_timers_fire_in_the_order_of_their_times() -> None:
    async def main() -> list[float]:
        loop, fired = asyncio.get_running_loop(), list[float]()
        for when in (0.3, 1e-9, 64 * 0.5, 0.2 + 0.1, 0.25):
            loop.call_later(when, fired.append, when)
        await asyncio.sleep(33)
        return fired

    assert virtual_clock.run(main()) == [1e-9, 0.25, 0.3, 0.2 + 0.1, 32.0]


def test_timeouts_run_on_virtual_time() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(32):
                await asyncio.Event().wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 8)
        return asyncio.get_running_loop().time()

    assert virtual_clock.run(main()) == 40.0


def test_a_runner_takes_the_loop() -> None:
    async def main() -> float:
        await asyncio.sleep(5)
        return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(main()) == 5.0
        assert runner.run(main()) == 10.0


def test_everybody_waiting_is_an_error_that_names_who_waits() -> None:
    async def wait_for_an_answer() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        await asyncio.create_task(wait_for_an_answer(), name="phone-1")

    with pytest.raises(DeadlockError, match="phone-1 at wait_for_an_answer line"):
        virtual_clock.run(main())


def test_a_run_kept_alive_by_periodic_timers_ends_at_the_horizon() -> None:
    async def register_for_ever() -> None:
        while True:
            await asyncio.sleep(30)

    async def main() -> None:
        task = asyncio.create_task(register_for_ever(), name="registration")
        await asyncio.Event().wait()
        task.cancel()

    with pytest.raises(HorizonError, match=r"within 3600 virtual seconds.*registration at register"):
        virtual_clock.run(main(), horizon=3600)


def test_cancelled_tasks_may_still_close_after_the_horizon() -> None:
    closed: list[float] = []

    async def main() -> None:
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(2)
            closed.append(asyncio.get_running_loop().time())

    with pytest.raises(HorizonError):
        virtual_clock.run(main(), horizon=10)
    assert closed == [102.0]


def test_an_executor_works_in_place() -> None:
    async def main() -> int:
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 // 0)
        return await asyncio.to_thread(lambda: 5)

    assert virtual_clock.run(main()) == 5


def test_a_real_socket_is_refused() -> None:
    async def main() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as real:
            asyncio.get_running_loop().add_reader(real, lambda: None)

    with pytest.raises(RuntimeError, match="use SimulatedNetwork"):
        virtual_clock.run(main())
