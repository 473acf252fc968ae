"""One party of a hotspot as a program of its own, for the test across network namespaces.

usage: neighbour.py host|client IP broadcast|multicast       prints a line when what it waits for has come
"""

from __future__ import annotations

import asyncio
import random
import sys

from sipconform.agents.endpoint import Endpoint
from sipconform.agents.hotspot.client import Client
from sipconform.agents.hotspot.discovery import Meeting, Place
from sipconform.agents.hotspot.host import Host
from sipconform.agents.user_agent import Account
from sipconform.net.group import broadcast_address
from sipconform.net.sockets import SocketNetwork
from sipconform.trace.packet import Address

LONGEST = 20.0  # seconds


async def lend(endpoint: Endpoint, meeting: Meeting, place: Place) -> None:
    """Opens a hotspot without a registration, answers the first call, and waits until it is over."""
    pbx = Address("192.0.2.1", 5060)  # is never asked
    host = Host(endpoint, Account("2301", pbx.host), pbx, meeting, place=place, registers=False)
    answered, over = asyncio.Event(), asyncio.Event()

    def changed() -> None:
        for leg in host.telephone.legs:
            if leg.state == "ringing":
                host.telephone.answer(leg)
                answered.set()
        if answered.is_set() and not host.telephone.legs:
            over.set()

    host.on_change = changed
    await host.start()
    print("open", flush=True)
    await over.wait()
    host.close()


async def borrow(endpoint: Endpoint, meeting: Meeting, place: Place) -> None:
    """Waits for a line, calls the host, and hangs up."""
    client = Client(endpoint, meeting, "00:00:00:00:00:01", place=place)
    up = asyncio.Event()
    client.on_change = lambda: up.set() if client.line == "up" else None
    await client.start()
    await up.wait()
    leg = await client.calls.dial("0")
    print(f"extension {client.extension}, call {leg.status}", flush=True)
    leg.hang_up()
    await leg.settled()
    client.close()


async def main(part: str, here: str, listen: str) -> None:
    network = SocketNetwork()
    endpoint = Endpoint(network, part, random.Random(part))
    await endpoint.listen("udp", Address(here, 5060))
    meeting = Meeting(network, here, broadcast_address(here))
    place = Place("multicast" if listen == "multicast" else "broadcast")
    async with asyncio.timeout(LONGEST):
        await (lend if part == "host" else borrow)(endpoint, meeting, place)
    await network.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
