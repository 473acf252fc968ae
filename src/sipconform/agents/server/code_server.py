"""Feature codes at the server: a call to `*78` is no call but a wish (feature sync sheet §4).

Systems answer it in every shape there is; which one is a setting. What a code does is applied the moment it is
answered, by the one road every change takes, so that all the user's phones hear of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sipconform.agents.call import SDP, Leg
from sipconform.agents.server.call_server import CallServer, Incoming
from sipconform.agents.server.feature_server import FeatureServer
from sipconform.agents.server.prompt import Prompt
from sipconform.features.feature_code import CodeTable, Match, apply_code
from sipconform.sip.message import Message


class Shape(NamedTuple):
    """How a call to a code goes: a prompt after 183 (`early`) or after 200, none where it is refused at once. `ends`:
    the server says BYE. `speaks`: there is a voice in the prompt; else the audio stream is refused."""

    early: bool
    status: int
    ends: bool = True
    applies: bool = True
    speaks: bool = True


SHAPES: Mapping[str, Shape] = {
    "prompt": Shape(False, 200),
    "early-prompt": Shape(True, 480),  # an announcement before a final error says nothing of failure (TS 24.238 A.2)
    "mute": Shape(False, 200, speaks=False),
    "endless": Shape(False, 200, ends=False),  # the phone has to hang up
    "busy": Shape(False, 486, applies=False),
    "declined": Shape(False, 603, applies=False),
    "not-found": Shape(False, 404, applies=False),
    "incomplete": Shape(False, 484, applies=False),
    "unavailable": Shape(False, 503, applies=False),
}


@dataclass(eq=False, repr=False)
class CodeServer:
    """Takes calls to codes of its table before anybody else does. `shape` is a key of SHAPES, `prompt_seconds` how
    long a prompt lasts, `mailbox` where codes for voicemail forward to."""

    calls: CallServer
    features: FeatureServer
    table: CodeTable = field(default_factory=CodeTable)
    shape: str = "prompt"
    prompt_seconds: float = 1.0
    mailbox: str = "voicemail"

    def __post_init__(self) -> None:
        self.calls.intercept(self._take)

    def _take(self, incoming: Incoming) -> bool:
        dialled = incoming.dialled
        match = self.table.match(dialled)  # an administrator may choose codes of digits alone
        if not self.table.codes or (match is None and not dialled.startswith(("*", "#"))):
            return False
        leg = Leg.offered(self.calls.agent, incoming.request)
        if _is_foreign(incoming.request.message):
            leg.reject(415, [("Accept", SDP)])
        elif match is None:
            leg.reject(484 if self.table.incomplete(dialled) else 404)
        elif incoming.caller.barred:
            leg.reject(403)
        else:
            leg.spawn(self._serve(leg, incoming, match, SHAPES[self.shape]))
        return True

    async def _serve(self, leg: Leg, incoming: Incoming, match: Match, shape: Shape) -> None:
        endpoint = self.calls.agent.endpoint
        try:
            prompt = await Prompt.open(endpoint.network, endpoint.transports[0].local.host, speaks=shape.speaks)
        except OSError:  # not a port to be had: nothing is done and nothing said
            leg.reject(503)
            return
        if shape.applies:
            user = incoming.caller
            self.features.change(user, apply_code(user.features, match, self.mailbox))
        try:
            await self._announce(leg, prompt, shape)
        finally:
            prompt.close()

    async def _announce(self, leg: Leg, prompt: Prompt, shape: Shape) -> None:
        description = prompt.description(leg.remote_sdp)
        if shape.early:
            leg.ring(183, sdp=description)
            await prompt.play(leg, self.prompt_seconds)
        if shape.status >= 300:
            leg.reject(shape.status)
            return
        leg.accept(description)
        if not shape.early:
            await prompt.play(leg, self.prompt_seconds)
        if shape.ends:
            leg.hang_up()


def _is_foreign(message: Message) -> bool:
    """Whether a call brings a body that must be understood and is no session description (RFC 3261 §8.2.3)."""
    optional = "handling=optional" in message.text("Content-Disposition").replace(" ", "").lower()
    return bool(message.content) and message.sdp is None and not optional
