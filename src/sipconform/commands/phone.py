"""`sipconform phone`: our phone as a program of its own, driven through the documented driver interface."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from sipconform.commands import Parser
from sipconform.commands.standalone import Standalone, address_argument


def main(arguments: Sequence[str]) -> int:
    parser = Parser("phone", "Run our phone until it is interrupted. It does what its driver says (docs/driver.md).")
    parser.add_argument("--server", type=address_argument, required=True, metavar="IP:PORT")
    parser.add_argument("--user", required=True, metavar="USER:PASSWORD")
    parser.add_argument("--auth-user", default="")
    parser.add_argument("--domain", default="", help="default: the server's address")
    parser.add_argument("--listen", type=address_argument, default=address_argument("127.0.0.1:0"), metavar="IP:PORT")
    parser.add_argument("--transport", choices=["udp", "tcp", "tls"], default="udp")
    parser.add_argument("--control", type=address_argument, default=address_argument("127.0.0.1:0"), metavar="IP:PORT")
    parser.add_argument("--profile", default="broadsoft")
    parser.add_argument("--capture", type=Path, help="write what crosses the wire to this pcapng file")
    parser.add_argument("--fault", action="append", default=[], help="seed a fault (id, repeatable)")
    given = parser.parse_args(arguments)
    return asyncio.run(Standalone(given).phone())
