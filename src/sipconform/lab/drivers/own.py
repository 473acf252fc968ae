"""Our own agents as drivers: the embedded default behind every actor."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any

from sipconform.agents.call import Leg
from sipconform.agents.changes import Changes
from sipconform.agents.phone.phone import Phone
from sipconform.agents.probing import Announce, Prober
from sipconform.agents.server.server import Server
from sipconform.features.feature_state import FeatureState, Forward, ForwardType
from sipconform.lab.actor import CouldNotRunError, NotSupportedError
from sipconform.lab.drivers import registering, syncing
from sipconform.lab.drivers.coding import code_beliefs, phone_coding_verbs, server_coding_verbs
from sipconform.lab.drivers.computing import csta_beliefs, phone_csta_verbs, server_csta_verbs
from sipconform.lab.drivers.hunting import hunting_verbs
from sipconform.lab.drivers.line_keys import line_beliefs, line_verbs, show_keys
from sipconform.lab.drivers.lines import server_line_verbs
from sipconform.sip.dialog import Dialog

FORWARDS = {"cfu": ForwardType.IMMEDIATE, "cfb": ForwardType.BUSY, "cfna": ForwardType.NO_ANSWER}
Verb = Callable[..., Awaitable[Any]]
Witness = Callable[[dict[str, Any]], None]
"""Told the beliefs that changed, for the record."""


class _OwnAgent(ABC):
    """Looks up verbs by name; keeps the beliefs that changed."""

    ours = True
    prober: Prober

    def __init__(self, verbs: dict[str, Verb], witness: Witness | None) -> None:
        self._verbs = verbs
        self._witness = witness
        self.beliefs: dict[str, Any] = {}
        self.changes = Changes()

    async def do(self, verb: str, **arguments: Any) -> Any:
        if verb not in self._verbs:
            raise NotSupportedError(f"our agent knows no {verb!r}")
        result = await self._verbs[verb](**arguments)
        self.look()
        return result

    async def inspect(self, wanted: dict[str, Any]) -> None:  # noqa: B027 - not to be filled in
        """Nothing to ask: the agent tells by itself."""

    def look(self) -> None:
        """Reads the agent's state again and passes on what is new."""
        now = self.read()
        new = {key: value for key, value in now.items() if self.beliefs.get(key, ...) != value}
        if new:
            self.beliefs.update(new)
            if self._witness:
                self._witness(new)
            self.changes.happened()

    def _announced(self, call_id: str, branch: str | None) -> None:
        """Tells whoever keeps the record now of what no device would do by itself."""
        if self.prober.announce:
            self.prober.announce(call_id, branch)

    @abstractmethod
    def read(self) -> dict[str, Any]:
        """What the agent shows now."""


class OwnPhone(_OwnAgent):
    """Drives `agents.phone`."""

    def __init__(self, phone: Phone, witness: Witness | None = None, announce: Announce | None = None) -> None:
        self.phone = phone
        self.prober = Prober(phone.agent, announce)
        self._remembered: Leg | None = None
        verbs: dict[str, Verb] = {
            "start": self._start,
            "stop": phone.stop,
            "sync_status": self._sync_status,
            "set_dnd": phone.press_dnd,
            "forward": self._forward,
            "dial": self._dial,
            "answer": self._answer,
            "reject": self._reject,
            "hang_up": self._hang_up,
            "hold": self._hold,
            "resume": self._resume,
            "unplug": self._unplug,
            "probe": self._probe,
            **syncing.phone_verbs(phone),
            "remember_call": self._remember_call,
            "early_media": self._early_media,
            **registering.phone_verbs(phone, self._announced),
            **phone_coding_verbs(phone, self._announced),
            **phone_csta_verbs(phone),
        }
        super().__init__(verbs | line_verbs(phone, self._announced), witness)
        phone.line.on_change = self.look
        phone.registration.on_change = self.look
        phone.reg_event.on_change = self.look
        phone.features.on_change = self.look
        phone.csta.on_change = self.look
        phone.codes.on_change = self.look
        phone.calls.on_change = self.look
        self.look()

    async def inspect(self, wanted: dict[str, Any]) -> None:
        """A line key that nothing was ever told of is looked at too: it is dark."""
        show_keys(self.phone, wanted)
        self.look()

    def read(self) -> dict[str, Any]:
        calls = self.phone.calls
        return {
            **registering.phone_beliefs(self.phone),
            "call": calls.legs[-1].state if calls.legs else "idle",
            "missed": len(calls.missed),
            **self._journal(),
            **line_beliefs(self.phone),
            **csta_beliefs(self.phone),
            **code_beliefs(self.phone),
            **told(self.phone.features.shown),
            "pending": self.phone.features.pending is not None,
        }

    def close(self) -> None:
        self.phone.close()

    def _journal(self) -> dict[str, Any]:
        """What the display says of the last call that came in, and of the last one another has taken."""
        calls = self.phone.calls
        last = next((leg for leg in reversed(calls.legs) if leg.invite is not None), None)
        return {
            "forwarded_by": calls.forwarded_by(last) if last else "",
            "tone": calls.tone(last) if last else "",
            "elsewhere": len(calls.taken_elsewhere),
            "answered_by": calls.taken_elsewhere[-1] if calls.taken_elsewhere else "",
            "fetched": list(calls.fetched),
        }

    async def _start(self, sync: bool) -> int:
        self.phone.features.on = sync
        return await self.phone.start()

    async def _sync_status(self) -> int:
        return self.phone.features.subscriber.status

    async def _forward(self, kind: str, active: bool, to: str, rings: int | None) -> None:
        await self.phone.set_forward(FORWARDS[kind], Forward(active, to, rings))

    async def _dial(self, number: str, by_proxy: bool = False) -> int:
        here = self.phone.agent.endpoint.transports[0].local
        route = [("Record-Route", f"<sip:{here};lr>")] if by_proxy else []
        leg = await self.phone.calls.dial(number, route)
        return leg.status

    async def _answer(self) -> None:
        self.phone.calls.answer(self._leg())

    async def _reject(self, status: int = 486) -> None:
        self._leg().reject(status)

    async def _early_media(self) -> None:
        self.phone.calls.early_media(self._leg())

    async def _hang_up(self) -> None:
        if not self.phone.codes.give_up():
            self._leg().hang_up()

    async def _hold(self, style: str = "sendonly", late: bool = False) -> int:
        return await self.phone.calls.hold(self._leg(), style=style, late=late)

    async def _resume(self) -> int:
        return await self.phone.calls.resume(self._leg())

    async def _remember_call(self) -> None:
        self._remembered = self._leg()

    async def _unplug(self) -> None:
        self.phone.close()

    async def _probe(self, method: str, where: str, uri: str = "", cseq: int | None = None, **bent: Any) -> int:
        account = self.phone.account
        dialogs = {"sync": self.phone.features.subscriber.dialog}
        if self._remembered is not None:
            dialogs["past call"] = self._remembered.dialog
        if self.phone.calls.legs:
            dialogs["call"] = self.phone.calls.legs[-1].dialog
        return await probe(self.prober, dialogs, method=method, where=where, uri=uri or account.aor, cseq=cseq, **bent)

    def _leg(self) -> Leg:
        """The call in front, the latest."""
        if not self.phone.calls.legs:
            raise CouldNotRunError("the phone has no call")
        return self.phone.calls.legs[-1]


class OwnServer(_OwnAgent):
    """Drives `agents.server`."""

    def __init__(self, server: Server, witness: Witness | None = None, announce: Announce | None = None) -> None:
        self.server = server
        self.prober = Prober(server.agent, announce)
        verbs: dict[str, Verb] = {
            "set_dnd": self._set_dnd,
            "forward": self._forward,
            "forget_calls": self._forget_calls,
            **hunting_verbs(server.hunting),
            **server_line_verbs(server.lines),
            **server_coding_verbs(server),
            **server_csta_verbs(server),
            "probe": self._probe,
            **syncing.server_verbs(server, self._announced),
            **registering.server_verbs(server),
        }
        super().__init__(verbs, witness)
        server.features.on_change = self.look
        self.look()

    def read(self) -> dict[str, Any]:
        users = self.server.directory.users.values()
        return {f"{user.name}.{key}": value for user in users for key, value in told(user.features).items()}

    def close(self) -> None:
        self.server.close()

    async def _set_dnd(self, user: str, on: bool) -> None:
        self.server.features.set_dnd(self.server.user(user), on)

    async def _forward(self, user: str, kind: str, active: bool, to: str, rings: int | None) -> None:
        self.server.features.set_forward(self.server.user(user), FORWARDS[kind], Forward(active, to, rings))

    async def _forget_calls(self) -> None:
        self.server.calls.forget()

    async def _probe(self, user: str, method: str, where: str, cseq: int | None = None, **bent: Any) -> int:
        contacts = self.server.user(user).contacts(asyncio.get_running_loop().time())
        if not contacts:
            raise CouldNotRunError(f"{user} is not registered")
        synchronised = next(self.server.features.notifier.of(user), None)
        dialogs = {"sync": synchronised.dialog} if synchronised else {}
        if where == "sync" and synchronised:  # it is not to overtake what the server has to say itself
            await synchronised.told()
        domain = self.server.directory.domain
        sender = f"<sip:probe@{domain}>"
        return await probe(
            self.prober, dialogs, method=method, where=where, uri=contacts[0], cseq=cseq, sender=sender, **bent
        )


async def probe(
    prober: Prober,
    dialogs: dict[str, Dialog],
    *,
    method: str,
    where: str,
    uri: str,
    cseq: int | None = None,
    sender: str = "",
    headers: dict[str, str] | None = None,
    leave_out: tuple[str, ...] = (),
    body: str = "",
    charset: str = "UTF-8",
    copies: int = 1,
) -> int:
    """Sends one odd request and gives the status of its answer, 408 for silence. `where` is "outside", or the
    dialog it belongs to: "call" or "sync". `copies` above 1 sends it that often at once, by different ways."""
    bent: Any = {"headers": list((headers or {}).items()), "leave_out": leave_out, "body": body.encode(charset)}
    if where == "outside":
        answer = await prober.outside(method, uri, sender=sender, copies=copies, **bent)
    elif where in dialogs:
        answer = await prober.inside(dialogs[where], method, cseq=cseq, **bent)
    else:
        raise CouldNotRunError(f"there is no {where} dialog to probe in")
    return answer.status if answer is not None else 408


def told(state: FeatureState) -> dict[str, Any]:
    """Feature state as beliefs: "dnd" a boolean or None, "cfu" the number forwarded to, "" when it is off."""
    beliefs: dict[str, Any] = {"dnd": state.dnd}
    for key, kind in FORWARDS.items():
        forward = state.forward(kind)
        beliefs[key] = forward.to if forward is not None and forward.active else ""
    no_answer = state.forward(ForwardType.NO_ANSWER)
    beliefs["rings"] = no_answer.rings if no_answer is not None else None
    return beliefs
