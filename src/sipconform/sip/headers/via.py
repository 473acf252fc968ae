"""Via: the way a request came and its response must go (RFC 3261 §20.42, §18.2; RFC 3581 for rport)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sipconform.sip.fault import Fault
from sipconform.sip.grammar import NO_PARAMS, TOKEN_CHARS, Params, parse_params, split_list
from sipconform.sip.uri import is_host

_WORD = f"[{TOKEN_CHARS}]+"
_VIA = re.compile(
    rf"({_WORD})[ \t]*/[ \t]*({_WORD})[ \t]*/[ \t]*({_WORD})[ \t]+"
    r"(\[[^\]]*\]|[^ \t:;,\[\]]+)[ \t]*(?::[ \t]*([0-9]{1,5})[ \t]*)?(?=;|\Z)"
)
_PORT = re.compile("[0-9]{1,5}")
COOKIE = "z9hG4bK"  # RFC 3261 §8.1.1.7: begins every branch made after that specification


@dataclass(frozen=True, slots=True)
class Via:
    protocol: str  # "SIP/2.0"
    transport: str  # as spelled: "UDP"
    host: str  # the sent-by host, IPv6 with its brackets
    port: int | None = None
    params: Params = NO_PARAMS

    @property
    def branch(self) -> str:
        return self.params.get("branch") or ""

    @property
    def received(self) -> str:
        return self.params.get("received") or ""

    @property
    def rport(self) -> int | None:
        """The source port the server saw; 0 for the bare flag of a client that asks; None when missing."""
        text = self.params.get("rport")
        return None if text is None else int(text) if _PORT.fullmatch(text) else 0

    @property
    def faults(self) -> list[Fault]:
        found = self.params.faults
        if self.protocol.upper() != "SIP/2.0":
            found.append(Fault("Via begins with SIP/2.0"))
        if not is_host(self.host):
            found.append(Fault("Via names the host that sent it"))
        if self.port is not None and not 0 < self.port < 65536:
            found.append(Fault("a port is between 1 and 65535"))
        return found

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        return f"{self.protocol}/{self.transport} {self.host}{port}{self.params}"


def parse(text: str) -> Via | Fault:
    """One Via value. A Fault without protocol, transport and host."""
    found = _VIA.match(text)
    if not found:
        return Fault("Via is protocol/version/transport host[:port]")
    name, version, transport, host, port = found.groups()
    params = parse_params(text[found.end() :])
    if isinstance(params, Fault):
        return params
    return Via(f"{name}/{version}", transport, host, int(port) if port else None, params)


def parse_list(texts: list[str]) -> list[Via | Fault]:
    """Every value of every row, top first."""
    return [parse(text) for row in texts for text in split_list(row)]
