"""Runs scenarios against a real Kamailio from the distribution, a fresh one for each scenario.

usage: against_kamailio.py [--registrar] [--pings] [--workers N] SUITE … [any option of `sipconform run`]

As a line server by its `sca` module, or with --registrar as a mere registrar and proxy. It remembers appearances of
calls that are over, so that a second scenario would begin with what the first has left behind.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Generator
from typing import Any

import pytest

from sipconform.commands import run
from sipconform.lab.accounts import ACCOUNTS
from sipconform.lab.real_peers import Kamailio, PeerMissing, free_port

COULD_NOT_RUN = 2


class FreshKamailio:
    """A pytest plugin: another Kamailio at the same address for every scenario."""

    def __init__(self, **settings: Any) -> None:
        self.settings = {"users": sorted({*ACCOUNTS.values()}), "port": free_port(), **settings}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Generator[None, object, object]:
        with Kamailio(**self.settings):
            return (yield)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--registrar", action="store_true", help="without shared lines")
    parser.add_argument("--pings", action="store_true", help="with OPTIONS to every phone each second")
    parser.add_argument("--workers", type=int, default=1, help="processes that receive datagrams (default 1)")
    given, wanted = parser.parse_known_args()
    fresh = FreshKamailio(shared_lines=not given.registrar, pings=given.pings, workers=given.workers)
    dialect = [] if given.registrar or "--profile" in wanted else ["--profile", "kamailio-sca"]
    try:
        return run.main([*wanted, *dialect, "--server", f"127.0.0.1:{fresh.settings['port']}"], [fresh])
    except PeerMissing as error:
        print(error, file=sys.stderr)
        return COULD_NOT_RUN


if __name__ == "__main__":
    sys.exit(main())
