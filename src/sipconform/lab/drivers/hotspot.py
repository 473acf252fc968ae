"""Our own hotspot host and clients as drivers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sipconform.agents.call import Leg
from sipconform.agents.hotspot.client import Client
from sipconform.agents.hotspot.host import Host
from sipconform.agents.phone.calls import Calls
from sipconform.agents.probing import Announce, Prober
from sipconform.features.hotspot import Discovery, Kind, RingMode
from sipconform.lab.actor import CouldNotRunError, NotSupportedError
from sipconform.lab.drivers.own import Verb, Witness, _OwnAgent, probe

PLACE = ("listen", "address", "port")


class OwnHost(_OwnAgent):
    """Drives `agents.hotspot.host`."""

    def __init__(self, host: Host, witness: Witness | None = None, announce: Announce | None = None) -> None:
        self.host = host
        self.prober = Prober(host.line, announce)
        verbs: dict[str, Verb] = {
            **call_verbs(host.telephone, self._dial),
            "reject": self._reject,
            "start": self._start,
            "stop": host.stop,
            "unplug": self._unplug,
            "sign_off": host.registration.unregister,
            "switch_hotspot": self._switch,
            "set_hotspot": self._set,
            "manage_device": self._manage,
            "rename_device": self._rename,
            "delete_device": self._delete,
            "group_device": self._group,
            "order_device": self._order,
            "transfer": self._transfer,
            "probe": self._probe,
        }
        super().__init__(verbs, witness)
        host.on_change = self.look
        self.look()

    def read(self) -> dict[str, Any]:
        host = self.host
        devices = host.devices
        rows = [
            {"mac": d.mac, "extension": devices.extension(d), "name": d.name, "managed": d.managed}
            for d in devices.known.values()
        ]
        return {
            "registered": host.registration.registered,
            **call_beliefs(host.telephone),
            "on": host.exchange.on,
            "devices": rows,
            "managed": sorted(d.mac for d in devices.known.values() if d.managed),
            "unmanaged": sorted(d.mac for d in devices.known.values() if not d.managed),
            "config": host.exported(),
        }

    async def _start(self, sync: bool) -> int:
        return await self.host.start()

    async def _switch(self, on: bool) -> None:
        await self.host.switch(on=on)

    async def _set(self, **settings: Any) -> None:
        host = self.host
        if host.exchange.on and settings.keys() & {*PLACE, "prefix"}:
            raise CouldNotRunError("where a hotspot meets its clients, and its prefix, are set while it is off")
        for name, value in settings.items():
            match name:
                case "listen" | "address" | "port":
                    setattr(host.place, name, value)
                case "prefix":
                    host.devices.renumber(value)
                case "ring_mode":
                    host.exchange.ring_mode = RingMode(value)
                case "managed":
                    host.devices.only_managed = value
                case "registers":
                    host.registers = value
                case "dials_unregistered":
                    host.exchange.dials_unregistered = value
                case _:
                    raise NotSupportedError(f"our hotspot has no setting {name!r}")

    async def _manage(self, mac: str, on: bool) -> None:
        self.host.devices.manage(mac, on)

    async def _rename(self, mac: str, name: str) -> None:
        self._device_of(mac).name = name

    async def _delete(self, mac: str) -> None:
        self._device_of(mac)
        self.host.devices.delete(mac)

    async def _group(self, mac: str, group: str) -> None:
        self._device_of(mac)
        self.host.devices.groups.setdefault(group, []).append(mac)

    def _device_of(self, mac: str) -> Any:
        try:
            return self.host.devices.known[mac]
        except KeyError:
            raise CouldNotRunError(f"the host knows no device {mac}") from None

    async def _order(self, kind: Kind, mac: str, url: str) -> bool:
        return self.host.order(kind, mac, url)

    async def _dial(self, number: str) -> Leg | None:
        return self.host.exchange.dial(number)

    async def _reject(self, status: int = 486) -> None:
        self.host.telephone.refuse_call(front(self.host.telephone), status)

    async def _transfer(self, number: str) -> int:
        return await self.host.exchange.transfer(front(self.host.telephone), number)

    async def _unplug(self) -> None:
        self.host.close()

    async def _probe(self, **bent: Any) -> int:
        return await probe_from(self.prober, self.host.telephone, self.host.account.aor, **bent)


class OwnClient(_OwnAgent):
    """Drives `agents.hotspot.client`."""

    def __init__(self, client: Client, witness: Witness | None = None, announce: Announce | None = None) -> None:
        self.client = client
        self.prober = Prober(client.agent, announce)
        verbs: dict[str, Verb] = {
            **call_verbs(client.calls, self._dial),
            "reject": self._reject,
            "start": self._start,
            "stop": client.stop,
            "unplug": self._unplug,
            "connect": client.connect,
            "disconnect": client.disconnect,
            "set_client": self._set,
            "enter_line": client.enter_line,
            "forge_order": self._forge,
            "probe": self._probe,
        }
        super().__init__(verbs, witness)
        client.on_change = self.look
        self.look()

    def read(self) -> dict[str, Any]:
        client = self.client
        return {
            "line": client.line,
            "extension": client.extension,
            "server": client.host,
            "refused": client.refused,
            "hotspots": sorted(client.hotspots),
            **call_beliefs(client.calls),
            "reboots": client.reboots,
            "fetched": list(client.fetched),
        }

    async def _start(self, sync: bool) -> int:
        return await self.client.start()

    async def _set(self, **settings: Any) -> None:
        for name, value in settings.items():
            if name not in PLACE:
                raise NotSupportedError(f"our client has no setting {name!r}")
            setattr(self.client.place, name, value)

    async def _dial(self, number: str) -> Leg | None:
        return self.client.calls.begin(number) if self.client.extension else None

    async def _reject(self, status: int = 486) -> None:
        front(self.client.calls).reject(status)

    async def _forge(self, kind: Kind, mac: str, url: str) -> None:
        """Says to a neighbour what only the host may say."""
        client = self.client
        client.meeting.say(Discovery(kind, name=client.wanted, mac=mac, sip=client.host, url=url))

    async def _unplug(self) -> None:
        self.client.close()

    async def _probe(self, **bent: Any) -> int:
        account = self.client.agent.account
        return await probe_from(self.prober, self.client.calls, account.aor if account else "", **bent)


Begin = Callable[[str], Awaitable[Leg | None]]


def call_verbs(calls: Calls, begin: Begin) -> dict[str, Verb]:
    """What one does with a telephone, by name. A call that is not even tried has the status 0."""

    async def dial(number: str, by_proxy: bool = False) -> int:
        leg = await begin(number)
        return await leg.outcome() if leg else 0

    async def answer() -> None:
        calls.answer(front(calls))

    async def hang_up() -> None:
        front(calls).hang_up()

    async def hold() -> int:
        return await calls.hold(front(calls))

    async def resume() -> int:
        return await calls.resume(front(calls))

    return {"dial": dial, "answer": answer, "hang_up": hang_up, "hold": hold, "resume": resume}


def call_beliefs(calls: Calls) -> dict[str, Any]:
    return {
        "call": calls.legs[-1].state if calls.legs else "idle",
        "missed": len(calls.missed),
        "elsewhere": len(calls.taken_elsewhere),
    }


def front(calls: Calls) -> Leg:
    """The call in front, the latest."""
    if not calls.legs:
        raise CouldNotRunError("the phone has no call")
    return calls.legs[-1]


async def probe_from(prober: Prober, calls: Calls, aor: str, **bent: Any) -> int:
    """One odd request, outside or in the call in front."""
    dialogs = {"call": calls.legs[-1].dialog} if calls.legs else {}
    uri = bent.pop("uri", "") or aor
    return await probe(prober, dialogs, uri=uri, **bent)
