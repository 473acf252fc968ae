"""The second line of the phone on the user's desk, at home on a server of its own."""

from __future__ import annotations

from sipconform.agents.endpoint import Endpoint
from sipconform.agents.server.directory import Directory
from sipconform.agents.server.server import Server
from sipconform.agents.user_agent import Account

LINE, SERVER = "second_line", "other_server"
DOMAIN = "elsewhere.example"  # a name: on one host two servers cannot differ by address alone
SIMULATED = {4: "10.0.0.2", 6: "fd00::2"}
ACCOUNT = Account("2021", DOMAIN, "pw2021")


def make_server(endpoint: Endpoint, algorithms: tuple[str, ...]) -> Server:
    """The server that knows this line and nobody else."""
    directory = Directory(DOMAIN)
    directory.add(ACCOUNT.user, ACCOUNT.password)
    return Server(endpoint, directory, algorithms)
