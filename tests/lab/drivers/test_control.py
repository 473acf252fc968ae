"""The driver interface on real sockets: intents, beliefs, and peers that misbehave."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from sipconform.agents.changes import Changes
from sipconform.lab.actor import CouldNotRunError, NotSupportedError
from sipconform.lab.drivers.control import LONGEST_LINE, ControlledDriver, serve_control
from sipconform.trace.packet import Address

ANY = Address("127.0.0.1", 0)


class Device:
    """Does what it is told: shows it, cannot, or does not know how."""

    ours = True

    def __init__(self) -> None:
        self.beliefs: dict[str, Any] = {"dnd": False}
        self.changes = Changes()

    async def inspect(self, wanted: dict[str, Any]) -> None:
        """Nothing to ask."""

    async def do(self, verb: str, **arguments: Any) -> Any:
        if verb == "dial":  # as long as nobody hangs up
            await self.changes.until(lambda: "hung up" in self.beliefs, 30)
            return 487
        if verb == "show":
            self.beliefs |= arguments
            self.changes.happened()
            return "shown"
        if verb == "refuse":
            raise CouldNotRunError("no current")
        raise NotSupportedError(f"no {verb}")


def talk(story: Callable[[ControlledDriver, Device], Awaitable[None]]) -> None:
    async def main() -> None:
        device = Device()
        async with await serve_control(device, ANY) as server:
            driver = await ControlledDriver.connect(Address(*server.sockets[0].getsockname()))
            await story(driver, device)
            await driver.close()

    asyncio.run(main())


def test_intents_are_carried_out_and_beliefs_told() -> None:
    async def story(driver: ControlledDriver, _: Device) -> None:
        assert driver.beliefs == {"dnd": False}
        assert await driver.do("show", dnd=True, lamp="red") == "shown"
        assert await driver.changes.until(lambda: driver.beliefs == {"dnd": True, "lamp": "red"}, 10)
        with pytest.raises(NotSupportedError, match="no dance"):
            await driver.do("dance")
        with pytest.raises(CouldNotRunError, match="no current"):
            await driver.do("refuse")

    talk(story)


def test_answers_come_in_the_order_of_the_intents() -> None:
    async def story(driver: ControlledDriver, _: Device) -> None:
        done = await asyncio.gather(*(driver.do("show", number=n) for n in range(20)))
        assert done == ["shown"] * 20

    talk(story)


def test_an_intent_does_not_wait_for_one_that_is_under_way() -> None:
    async def story(driver: ControlledDriver, _: Device) -> None:
        dialling = asyncio.ensure_future(driver.do("dial"))
        assert await driver.do("show", **{"hung up": True}) == "shown"
        assert await dialling == 487

    talk(story)


def test_a_driver_that_repeats_no_id_answers_in_order() -> None:
    async def main() -> None:
        async def simple(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b'{"beliefs": {}}\n')
            for _ in range(3):
                writer.write(json.dumps({"done": json.loads(await reader.readline())["do"]}).encode() + b"\n")
            writer.close()

        async with await asyncio.start_server(simple, *ANY) as server:
            driver = await ControlledDriver.connect(Address(*server.sockets[0].getsockname()))
            assert await asyncio.gather(*map(driver.do, "abc")) == ["a", "b", "c"]
            await driver.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b"[]",
        b"{}",
        b'{"do": "show", "with": [1]}',
        b'{"do": "show", "with": 7}',
        b'{"do": 1}',
        b"\xff\xfe",
        b"null",
    ],
)
def test_a_line_that_is_no_intent_is_answered_and_the_next_one_obeyed(line: bytes) -> None:
    async def main() -> None:
        async with await serve_control(Device(), ANY) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            assert json.loads(await reader.readline()) == {"beliefs": {"dnd": False}}
            writer.write(line + b"\n" + b'{"do": "show", "with": {}}\n')
            answer = json.loads(await reader.readline())
            assert {"could_not", "not_supported"} & set(answer)
            assert json.loads(await reader.readline()) == {"done": "shown"}
            writer.close()
            await writer.wait_closed()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("told", "heard"),
    [(["c", "b"], [("c", "b")]), (["c", None], [("c", None)]), (["c"], [("c", None)]), ([], []), ([None], [])],
)
def test_an_odd_request_is_announced(told: list[str | None], heard: list[tuple[str, str | None]]) -> None:
    async def main() -> None:
        async def odd(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b'{"beliefs": {}}\n')
            await reader.readline()
            writer.write(json.dumps({"stimulus": told}).encode() + b'\n{"done": null}\n')
            writer.close()

        announced: list[tuple[str, str | None]] = []
        async with await asyncio.start_server(odd, *ANY) as server:
            place = Address(*server.sockets[0].getsockname())
            driver = await ControlledDriver.connect(
                place, announce=lambda call, branch: announced.append((call, branch))
            )
            await driver.do("probe")
            await driver.close()
        assert announced == heard

    asyncio.run(main())


def test_an_endless_line_ends_the_conversation() -> None:
    async def main() -> None:
        async with await serve_control(Device(), ANY) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            await reader.readline()
            writer.write(b"x" * (2 * LONGEST_LINE))
            async with asyncio.timeout(10):
                with suppress(ConnectionResetError):  # it may hang up with our line unread
                    assert await reader.read() == b""
            writer.close()

    asyncio.run(main())


def test_nobody_there_is_said_with_what_to_do() -> None:
    with pytest.raises(CouldNotRunError, match=r"127\.0\.0\.1:1: start one"):
        asyncio.run(ControlledDriver.connect(Address("127.0.0.1", 1)))


def test_a_device_that_goes_away_lets_nobody_wait() -> None:
    async def main() -> None:
        async def greet_and_leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b'"beliefs"\n{"beliefs": {}}\n')
            await reader.readline()
            writer.write(b"garbage\n")
            writer.close()

        async with await asyncio.start_server(greet_and_leave, *ANY) as server:
            driver = await ControlledDriver.connect(Address(*server.sockets[0].getsockname()))
            with pytest.raises(CouldNotRunError, match="gone away"):
                await driver.do("dial")
            await driver.close()

    asyncio.run(main())
