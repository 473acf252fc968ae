"""What the socket tests wait with: nothing sleeps, everything is awaited, and nobody waits for ever."""

import asyncio
from collections.abc import Callable

from sipconform.net.tap import MemoryTap
from sipconform.trace.packet import Packet

PATIENCE = 10.0  # seconds; only ever spent by a test that fails


class Inbox:
    """A receiver whose packets can be awaited."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self._queue: asyncio.Queue[Packet] = asyncio.Queue()

    def __call__(self, packet: Packet) -> None:
        self.packets.append(packet)
        self._queue.put_nowait(packet)

    async def get(self) -> Packet:
        async with asyncio.timeout(PATIENCE):
            return await self._queue.get()


async def until(true: Callable[[], object]) -> None:
    """Turns the loop until something has become true."""
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0)


def events(tap: MemoryTap) -> list[object]:
    """What the network said of itself."""
    return [observation.what["event"] for observation in tap.observations]
