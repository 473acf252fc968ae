"""The intents that concern feature codes, of our own phone and our own server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, get_args

from sipconform.agents.phone.phone import Mode, Phone
from sipconform.agents.server.code_server import SHAPES
from sipconform.agents.server.server import Server
from sipconform.features.feature_code import CodeTable, UriForm
from sipconform.lab.actors import NotSupportedError

Verb = Callable[..., Awaitable[Any]]
Rows = list[tuple[str, str, str]]


def phone_coding_verbs(phone: Phone) -> dict[str, Verb]:
    """By name."""

    async def set_mode(mode: Mode) -> None:
        _known(mode, get_args(Mode), "way of keeping features equal")
        phone.mode = mode

    async def set_codes(rows: Rows) -> None:
        phone.codes.table = CodeTable.of(rows)

    async def set_code_form(form: UriForm) -> None:
        _known(form, get_args(UriForm), "form of Request-URI")
        phone.codes.form = form

    async def dial_code(code: str) -> int:
        return await phone.codes.dial(code)

    return {"set_mode": set_mode, "set_codes": set_codes, "set_code_form": set_code_form, "dial_code": dial_code}


def server_coding_verbs(server: Server) -> dict[str, Verb]:
    """By name."""

    async def set_codes(rows: Rows) -> None:
        server.codes.table = CodeTable.of(rows)

    async def answer_codes(shape: str) -> None:
        _known(shape, SHAPES, "way of answering a code")
        server.codes.shape = shape

    return {"set_codes": set_codes, "answer_codes": answer_codes}


def _known(word: str, words: object, what: str) -> None:
    if word not in words:  # type: ignore[operator]
        raise NotSupportedError(f"our agent knows no {what} called {word!r}")
