"""After a story on a real server: what it switched on is switched off, and our phones sign off.

Our own server is made anew for each story. A real one remembers, and would be blamed in the next story for the last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from sipconform.agents.phone.phone import Phone as OwnPhoneAgent
from sipconform.lab.actor import CouldNotRunError, Driver, NotSupportedError
from sipconform.lab.actors import Phone, Server

LEFT_WITHIN = 5.0
"""Seconds for all of it: a server that does not answer is left as it is."""
FORWARDS = ("cfu", "cfb", "cfna")


async def leave(server: Server, phones: Iterable[Phone], agents: Iterable[OwnPhoneAgent]) -> bool:
    """Puts a remote server back as far as its driver, or our phones, can. False if it did not answer in time."""
    phones = list(phones)
    try:
        async with asyncio.timeout(LEFT_WITHIN):
            for user in sorted({phone.user for phone in phones}):
                await _switch_off(server.driver, f"{user}.", user=user)
            for phone in phones:
                if phone.driver.ours:
                    await _switch_off(phone.driver, "")
            for agent in agents:
                await agent.stop()
    except TimeoutError:
        return False
    return True


async def _switch_off(driver: Driver, prefix: str, **whose: Any) -> None:
    """What the driver's device shows as on is switched off, and its display awaited."""
    shown = driver.beliefs
    try:
        if shown.get(f"{prefix}dnd"):
            await driver.do("set_dnd", **whose, on=False)
        for kind in FORWARDS:
            if shown.get(f"{prefix}{kind}"):
                await driver.do("forward", **whose, kind=kind, active=False, to="", rings=None)
    except (NotSupportedError, CouldNotRunError):
        return  # who cannot switch it cannot put it back
    off = [f"{prefix}{key}" for key in ("dnd", *FORWARDS)]
    await driver.changes.until(lambda: not any(shown.get(key) for key in off), 1.0)
