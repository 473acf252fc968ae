import asyncio

from sipconform.agents.changes import Changes
from sipconform.net.virtual_clock import run


def test_whoever_waits_looks_again_at_every_change_and_no_sooner() -> None:
    async def main() -> tuple[bool, int, float]:
        changes, loop, looks = Changes(), asyncio.get_running_loop(), 0

        def condition() -> bool:
            nonlocal looks
            looks += 1
            return loop.time() >= 2

        for at in (1, 2, 3):
            loop.call_at(at, changes.happened)
        return await changes.until(condition, within=10), looks, loop.time()

    assert run(main()) == (True, 3, 2.0)


def test_the_patience_ends_and_the_condition_is_looked_at_once_more() -> None:
    async def main() -> tuple[bool, bool, float]:
        changes, loop = Changes(), asyncio.get_running_loop()
        never = await changes.until(lambda: False, within=3)
        unsaid = await changes.until(lambda: loop.time() >= 5, within=2)
        return never, unsaid, loop.time()

    assert run(main()) == (False, True, 5.0)


def test_what_is_so_already_is_not_waited_for() -> None:
    assert run(Changes().until(lambda: True, within=0))
