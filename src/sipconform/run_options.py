"""The options of a run, as `sipconform run` and pytest both take them. Nothing but names and words: every pytest that
finds the plugin reads this.
"""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import Any


def probability(text: str) -> float:
    """For argparse."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ArgumentTypeError(f"a probability from 0 to 1 is wanted, not {text[:20]!r}")
    return value


OPTIONS: dict[str, dict[str, Any]] = {
    "--profile": {"help": "vendor profile: a shipped name or a TOML file (default: the scenario's own)"},
    "--lab": {"help": "lab file (TOML): addresses, accounts, who is under test"},
    "--server": {"help": "a remote server to test or to test against, HOST[:PORT]"},
    "--server-control": {"help": "HOST:PORT, the driver of the remote server"},
    "--listen": {"help": "where our own server listens for a real phone, IP[:PORT]"},
    "--by-hand": {"action": "store_true", "help": "a person at the terminal does what has to be done at the server"},
    "--account": {"action": "append", "default": [], "help": "NAME=USER:PASSWORD, e.g. phone=2001:secret"},
    "--phone": {"action": "append", "default": [], "help": "NAME=HOST:PORT: a remote phone's driver; or NAME=operator"},
    "--under-test": {"choices": ["both", "server", "phone", "none"], "help": "whose violations count"},
    "--network": {"choices": ["sockets", "simulated"], "help": "real sockets (default) or the simulated network"},
    "--transport": {"choices": ["udp", "tcp", "tls"], "help": "SIP transport (default udp)"},
    "--ip": {"type": int, "choices": [4, 6], "help": "address family (default 4)"},
    "--seed": {"type": int, "help": "simulated network: of everything random (default 1)"},
    "--loss": {"type": probability, "help": "simulated network: probability that a datagram is lost"},
    "--duplicate": {"type": probability, "help": "simulated network: probability that it arrives twice"},
    "--reorder": {"type": probability, "help": "simulated network: probability that it is overtaken"},
    "--out": {"help": "run folder (default reports/<date and time>)"},
    "--fault": {"action": "append", "default": [], "help": "seed a fault into our agents (id, repeatable)"},
}
