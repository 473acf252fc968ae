"""The driver interface: one JSON object a line over TCP, the first of those real phones get (docs/driver.md).

    → {"do": "set_dnd", "with": {"on": true}, "id": 7}
    ← {"done": null, "id": 7}           or {"not_supported": "why"} or {"could_not": "why"}
    ← {"beliefs": {"dnd": true}}        whenever the device shows something new, and once at the beginning
    ← {"stimulus": [Call-ID, branch]}   before it sends something odd it was asked to send; null for all of the call

Intents with an id are carried out as they come, for a user hangs up while his call is still being made; those without
one after the other, and their answers come in order.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any

from sipconform.agents.changes import Changes
from sipconform.agents.probing import Announce
from sipconform.lab.actor import CouldNotRunError, Driver, NotSupportedError
from sipconform.trace.packet import Address

LONGEST_LINE = 64 * 1024
TOLD_WITHIN = 5.0  # seconds until a key that was never told of counts as one that nobody can tell
ANSWERED_WITHIN = 40.0  # seconds: longer than a SIP transaction takes to give up


class ControlledDriver:
    """Drives a device in another process."""

    ours = False

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        witness: Callable[[dict[str, Any]], None] | None = None,
        announce: Announce | None = None,
    ) -> None:
        self.beliefs: dict[str, Any] = {}
        self.changes = Changes()
        self._witness, self._announce = witness, announce
        self._writer = writer
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}  # by id, in the order they were asked for
        self._ids = itertools.count(1)
        self._greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._listening = asyncio.get_running_loop().create_task(self._listen(reader))

    @classmethod
    async def connect(
        cls,
        address: Address,
        witness: Callable[[dict[str, Any]], None] | None = None,
        announce: Announce | None = None,
    ) -> ControlledDriver:
        """Connects and waits for the first beliefs; `witness` and `announce` keep the record of what is shown and of
        odd messages sent on purpose. Raises CouldNotRunError when nobody is there."""
        try:
            async with asyncio.timeout(5):
                reader, writer = await asyncio.open_connection(*address, limit=LONGEST_LINE)
                driver = cls(reader, writer, witness, announce)
                await driver._greeted
        except (OSError, TimeoutError) as error:
            raise CouldNotRunError(f"no driver answers at {address}: start one, or correct `control`") from error
        return driver

    async def do(self, verb: str, **arguments: Any) -> Any:
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        number = next(self._ids)
        self._answers[number] = answer
        self._writer.write(_line({"do": verb, "with": arguments, "id": number}))
        try:
            async with asyncio.timeout(ANSWERED_WITHIN):
                got = await answer
        except TimeoutError as error:
            raise CouldNotRunError(f"the driver did not answer {verb!r} within {ANSWERED_WITHIN:g} s") from error
        if "not_supported" in got:
            raise NotSupportedError(str(got["not_supported"]))
        if "could_not" in got:
            raise CouldNotRunError(str(got["could_not"]))
        return got.get("done")

    async def inspect(self, wanted: dict[str, Any]) -> None:
        """There is nothing to ask, but a key the device has never told of may be on its way."""
        await self.changes.until(lambda: wanted.keys() <= self.beliefs.keys(), TOLD_WITHIN)

    async def close(self) -> None:
        self._listening.cancel()
        self._writer.close()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._heard(json.loads(line))
        except (OSError, ValueError):
            pass  # whoever waits is told below that the driver has gone
        for answer in self._answers.values():
            if not answer.done():
                answer.set_result({"could_not": "the driver has gone away"})

    def _heard(self, told: object) -> None:
        if not isinstance(told, dict):
            return
        if isinstance(told.get("beliefs"), dict):
            self.beliefs.update(told["beliefs"])
            if self._witness:
                self._witness(told["beliefs"])
            self.changes.happened()
            if not self._greeted.done():
                self._greeted.set_result(None)
        elif isinstance(told.get("stimulus"), list):
            call_id, branch = [*told["stimulus"], None, None][:2]
            if self._announce and call_id is not None:
                self._announce(str(call_id), None if branch is None else str(branch))
        elif self._answers:
            oldest = next(iter(self._answers))  # meant by a driver that repeats no id
            answer = self._answers.pop(told.get("id", oldest), None)
            if answer is not None and not answer.done():
                answer.set_result(told)


async def serve_control(driver: Driver, address: Address) -> asyncio.Server:
    """Lets others drive a device of ours: the other end of `ControlledDriver`."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        telling = asyncio.get_running_loop().create_task(_tell_beliefs(driver, writer))
        prober = getattr(driver, "prober", None)
        if prober is not None:
            prober.announce = lambda *stimulus: writer.write(_line({"stimulus": stimulus}))
        in_order = asyncio.Lock()
        under_way: set[asyncio.Task[None]] = set()
        try:
            while line := await reader.readline():
                task = asyncio.get_running_loop().create_task(_answer(driver, line, writer, in_order))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
        except (OSError, ValueError):
            pass  # the other side went away, or sent a line longer than any intent
        except asyncio.CancelledError:
            pass  # this program ends; Python 3.11 would complain of a conversation that ends cancelled
        finally:
            for task in (telling, *under_way):
                task.cancel()
            writer.close()

    return await asyncio.start_server(talk, *address, limit=LONGEST_LINE)


async def _answer(driver: Driver, line: bytes, writer: asyncio.StreamWriter, in_order: asyncio.Lock) -> None:
    """Carries out the intent of a line and answers it; one without an id waits for those before it."""
    try:
        wanted = json.loads(line)
    except ValueError:
        wanted = None
    known = {"id": wanted["id"]} if isinstance(wanted, dict) and "id" in wanted else {}
    async with nullcontext() if known else in_order:
        writer.write(_line(await _obey(driver, wanted) | known))
    with suppress(OSError):  # the other side has gone away, which the reader notices
        await writer.drain()


async def _obey(driver: Driver, wanted: Any) -> dict[str, Any]:
    try:
        verb, arguments = wanted["do"], {**wanted.get("with", {})}
    except (TypeError, KeyError, AttributeError):
        return {"could_not": 'not understood: a line is {"do": verb, "with": {…}}'}
    try:
        return {"done": await driver.do(str(verb), **arguments)}
    except NotSupportedError as error:
        return {"not_supported": str(error)}
    except KeyError as error:
        return {"could_not": f"{verb}: there is no {error}"}
    except (CouldNotRunError, TypeError) as error:
        return {"could_not": f"{verb}: {error}"}


async def _tell_beliefs(driver: Driver, writer: asyncio.StreamWriter) -> None:
    told: dict[str, Any] = {}
    writer.write(_line({"beliefs": dict(driver.beliefs)}))
    while True:
        told = dict(driver.beliefs)
        await driver.changes.until(lambda told=told: driver.beliefs != told, 3600)  # type: ignore[misc]
        new = {key: value for key, value in driver.beliefs.items() if told.get(key, ...) != value}
        writer.write(_line({"beliefs": new}))


def _line(told: dict[str, Any]) -> bytes:
    return json.dumps(told, separators=(",", ":")).encode() + b"\n"
