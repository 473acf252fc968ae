"""What a story leaves behind on a server that outlives it."""

import asyncio
from typing import Any

from sipconform.agents.changes import Changes
from sipconform.agents.user_agent import Account
from sipconform.lab import leaving
from sipconform.lab.actor import NotSupportedError
from sipconform.lab.actors import Phone, Server


class Told:
    """A device that does what it is told, and keeps a list of it."""

    def __init__(self, ours: bool = False, can: bool = True, hangs: bool = False, **shown: Any) -> None:
        self.ours, self.can, self.hangs = ours, can, hangs
        self.beliefs: dict[str, Any] = shown
        self.changes = Changes()
        self.done: list[tuple[str, dict[str, Any]]] = []

    async def do(self, verb: str, **arguments: Any) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if not self.can:
            raise NotSupportedError(verb)
        self.done.append((verb, arguments))
        prefix = f"{arguments['user']}." if "user" in arguments else ""
        self.beliefs[prefix + arguments.get("kind", "dnd")] = ""
        self.changes.happened()

    async def inspect(self, wanted: dict[str, Any]) -> None:
        """Nothing to ask."""


def left(server: Told, *phones: Told) -> bool:
    users = [Phone("phone", phone, account=Account("2001", "example.com")) for phone in phones]
    return asyncio.run(leaving.leave(Server("server", server), users, []))


def test_the_portal_switches_off_what_it_shows_as_on_for_those_of_the_story() -> None:
    shown: dict[str, Any] = {"2001.dnd": True, "2001.cfb": "2050", "2001.cfu": "", "2002.dnd": True}
    server = Told(**shown)
    assert left(server, Told(), Told())
    assert server.done == [
        ("set_dnd", {"user": "2001", "on": False}),
        ("forward", {"user": "2001", "kind": "cfb", "active": False, "to": "", "rings": None}),
    ]


def test_where_nobody_has_a_portal_our_phone_does_it() -> None:
    phone, real = Told(ours=True, dnd=True, cfna="2050"), Told(dnd=True)
    assert left(Told(can=False), phone, real)
    assert [verb for verb, _ in phone.done] == ["set_dnd", "forward"]
    assert real.done == []  # somebody else's phone is somebody else's business


def test_who_cannot_is_left_as_he_is() -> None:
    server, phone = Told(can=False, **{"2001.dnd": True}), Told(ours=True, dnd=True)
    assert left(server, phone)
    assert phone.done


def test_a_server_that_does_not_answer_is_not_waited_for(monkeypatch: Any) -> None:
    monkeypatch.setattr(leaving, "LEFT_WITHIN", 0.0)
    assert not left(Told(hangs=True, **{"2001.dnd": True}), Told())
    assert not left(Told(), Told(ours=True, hangs=True, dnd=True))
