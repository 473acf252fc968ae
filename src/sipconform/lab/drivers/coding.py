"""The intents that concern feature codes, of our own phone and our own server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, get_args

from sipconform.agents.call import Leg
from sipconform.agents.phone.phone import Mode, Phone
from sipconform.agents.probing import Announce
from sipconform.agents.server.code_server import SHAPES
from sipconform.agents.server.server import Server
from sipconform.features.feature_code import CodeTable, UriForm
from sipconform.lab.actor import CouldNotRunError, NotSupportedError
from sipconform.sip.offer_answer import compose_audio

Verb = Callable[..., Awaitable[Any]]
Rows = list[tuple[str, str, str]]


def phone_coding_verbs(phone: Phone, announce: Announce | None = None) -> dict[str, Verb]:
    """By name."""

    async def set_mode(mode: Mode) -> None:
        _known(mode, get_args(Mode), "way of keeping features equal")
        phone.mode = mode

    async def set_codes(rows: Rows) -> None:
        phone.codes.table = CodeTable.of(rows)

    async def set_code_form(form: UriForm) -> None:
        _known(form, get_args(UriForm), "form of Request-URI")
        phone.codes.form = form

    async def dial_code(code: str, uri: str = "", sender: str = "", listen: float = 0.0) -> int:
        odd = announce if uri or sender else None
        return await phone.codes.dial(code, uri, sender, odd and (lambda call_id: odd(call_id, None)), listen)

    return {"set_mode": set_mode, "set_codes": set_codes, "set_code_form": set_code_form, "dial_code": dial_code}


def code_beliefs(phone: Phone) -> dict[str, Any]:
    """Whether a voice was heard in the last call to a code."""
    return {"prompt": phone.codes.heard_prompt}


def server_coding_verbs(server: Server) -> dict[str, Verb]:
    """By name."""

    async def set_codes(rows: Rows) -> None:
        server.codes.table = CodeTable.of(rows)

    async def answer_codes(shape: str, prompt: float = server.codes.prompt_seconds) -> None:
        _known(shape, SHAPES, "way of answering a code")
        server.codes.shape, server.codes.prompt_seconds = shape, prompt

    async def let_through(user: str) -> int:
        contacts = server.user(user).contacts(asyncio.get_running_loop().time())
        if not contacts:
            raise CouldNotRunError(f"{user} is not registered")
        leg = Leg(server.agent)
        domain, host = server.directory.domain, server.endpoint.transports[0].local.host
        leg.call(contacts[0], f"<sip:{user}@{domain}>", compose_audio(host, 40_020, 1), identity=f"<sip:112@{domain}>")
        status = await leg.outcome()
        leg.hang_up()
        return status

    return {"set_codes": set_codes, "answer_codes": answer_codes, "let_through": let_through}


def _known(word: str, words: object, what: str) -> None:
    if word not in words:  # type: ignore[operator]
        raise NotSupportedError(f"our agent knows no {what} called {word!r}")
