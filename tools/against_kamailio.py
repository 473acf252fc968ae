"""Runs scenarios against a real Kamailio from the distribution, a fresh one for each scenario.

usage: against_kamailio.py [--registrar] SUITE … [any option of `sipconform run`]

As a line server by its `sca` module, or with --registrar as a mere registrar and proxy. It remembers appearances of
calls that are over, so that a second scenario would begin with what the first has left behind.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence

import pytest

from sipconform.commands import run
from sipconform.lab.lab import ACCOUNTS
from sipconform.lab.real_peers import Kamailio, PeerMissing, free_port

COULD_NOT_RUN = 2


class FreshKamailio:
    """A pytest plugin: another Kamailio at the same address for every scenario."""

    def __init__(self, *, shared_lines: bool) -> None:
        self.shared_lines = shared_lines
        self.port = free_port()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Generator[None, object, object]:
        with Kamailio(users=sorted({*ACCOUNTS.values()}), shared_lines=self.shared_lines, port=self.port):
            return (yield)


def main(arguments: Sequence[str]) -> int:
    registrar = "--registrar" in arguments
    wanted = [word for word in arguments if word != "--registrar"]
    fresh = FreshKamailio(shared_lines=not registrar)
    own = ["--server", f"127.0.0.1:{fresh.port}"]
    if not registrar:
        own += ["--profile", "kamailio-sca"]
    return run.main([*wanted, *own], [fresh])


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except PeerMissing as error:
        print(error, file=sys.stderr)
        sys.exit(COULD_NOT_RUN)
