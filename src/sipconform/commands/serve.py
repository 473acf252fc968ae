"""`sipconform serve`: our server as a program of its own, with a driver interface for its portal's intents."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from sipconform.commands import Parser
from sipconform.commands.standalone import Standalone, address_argument


def main(arguments: Sequence[str]) -> int:
    parser = Parser("serve", "Run our server until it is interrupted; it says where it listens.")
    here = address_argument("127.0.0.1:5060")
    parser.add_argument("--listen", type=address_argument, default=here, metavar="IP:PORT")
    parser.add_argument("--transport", choices=["udp", "tcp", "tls"], default="udp")
    parser.add_argument("--control", type=address_argument, metavar="IP:PORT", help="the driver interface listens here")
    parser.add_argument("--profile", default="broadsoft")
    parser.add_argument("--user", action="append", default=[], metavar="USER:PASSWORD", help="repeatable")
    parser.add_argument("--domain", default="", help="default: the address it listens on")
    parser.add_argument("--state", type=Path, metavar="FILE", help="keep the users' features there over restarts")
    parser.add_argument("--capture", type=Path, help="write what crosses the wire to this pcapng file")
    parser.add_argument("--fault", action="append", default=[], help="seed a fault (id, repeatable)")
    given = parser.parse_args(arguments)
    return asyncio.run(Standalone(given).serve())
