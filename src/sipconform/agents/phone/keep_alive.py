"""Keeping a flow to the server alive, and noticing that it is dead (RFC 5626 §4.4).

On streams CRLF CRLF is answered by CRLF; on UDP a STUN Binding request is answered on the SIP port.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from sipconform.agents.user_agent import UserAgent
from sipconform.net.framing import PING, PONG
from sipconform.sip.stun import REQUEST, SUCCESS, StunMessage, parse_stun
from sipconform.trace.packet import Packet

STREAM_SECONDS = (96.0, 120.0)  # between pings, where the server sets no Flow-Timer: 20 % below 120 (§4.4.1)
STUN_SECONDS = (24.0, 29.0)  # between Binding requests (§4.4.2)
PONG_WITHIN = 10.0  # seconds: without a pong the flow has failed (§4.4.1)
STUN_TRIES = (0.5, 1.0, 2.0, 4.0)  # seconds waited for each sending of a Binding request


@dataclass(eq=False, repr=False)
class KeepAlive:
    """`on_dead` is called when the flow has failed. `bound` is the server's Flow-Timer, 0 for none."""

    agent: UserAgent
    on_dead: Callable[[], None]
    bound: float = 0.0
    _task: asyncio.Task[None] | None = None
    _answer: asyncio.Future[None] | None = None
    _asked: bytes = b""

    def start(self, bound: float = 0.0) -> None:
        """Begins, or begins anew with another bound."""
        if self._task is not None and not self._task.done() and bound == self.bound:
            return
        self.close()
        self.bound = bound
        self.agent.endpoint.on_keep_alive = self._heard
        self._task = asyncio.get_running_loop().create_task(self._run())

    def close(self) -> None:
        """Stops without a word."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    @property
    def _is_stream(self) -> bool:
        return self.agent.endpoint.transports[0].protocol != "udp"

    async def _run(self) -> None:
        draw = self.agent.endpoint.random.uniform
        low, high = STREAM_SECONDS if self._is_stream else STUN_SECONDS
        if self.bound:
            low, high = 0.8 * self.bound, self.bound
        while True:
            await asyncio.sleep(draw(low, high))
            if not await (self._ping() if self._is_stream else self._bind()):
                self._task = None
                self.on_dead()
                return

    async def _ping(self) -> bool:
        return await self._ask(PING, PONG_WITHIN)

    async def _bind(self) -> bool:
        self._asked = self.agent.endpoint.random.getrandbits(96).to_bytes(12, "big")
        request = StunMessage(REQUEST, self._asked).to_bytes()
        for seconds in STUN_TRIES:
            if await self._ask(request, seconds):
                return True
        return False

    async def _ask(self, payload: bytes, seconds: float) -> bool:
        self._answer = asyncio.get_running_loop().create_future()
        if self.agent.proxy is None:
            return True
        self.agent.endpoint.transports[0].send(payload, self.agent.proxy)
        try:
            async with asyncio.timeout(seconds):
                await self._answer
        except TimeoutError:
            return False
        return True

    def _heard(self, packet: Packet) -> None:
        stun = parse_stun(packet.payload)
        answered = packet.payload == PONG or (stun and (stun.kind, stun.transaction) == (SUCCESS, self._asked))
        if answered and self._answer is not None and not self._answer.done():
            self._answer.set_result(None)
