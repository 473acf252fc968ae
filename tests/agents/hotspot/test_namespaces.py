"""Host and client in network namespaces of their own, with a cable between: discovery is our stand-in, the rest is SIP.

Needs the rights to make namespaces; where they are missing the test is skipped and says so.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import find_program

HOST, CLIENT = "10.77.0.1", "10.77.0.2"
LONGEST = 30  # seconds
NEIGHBOUR = Path(__file__).with_name("neighbour.py")


def ip(*words: str) -> None:
    program = find_program("ip")
    assert program
    subprocess.run([program, *words], check=True, capture_output=True, timeout=LONGEST)


def plug(namespace: str, interface: str, address: str) -> None:
    """Puts one end of the cable into a namespace."""
    ip("link", "set", interface, "netns", namespace)
    ip("-n", namespace, "addr", "add", f"{address}/24", "brd", "10.77.0.255", "dev", interface)
    ip("-n", namespace, "link", "set", interface, "up")
    ip("-n", namespace, "link", "set", "lo", "up")


@pytest.fixture
def rooms() -> Iterator[tuple[str, str]]:
    """Two namespaces joined by a cable; both are gone afterwards, and the cable with them."""
    if find_program("ip") is None or os.geteuid() != 0:
        pytest.skip("network namespaces need the program ip, and root")
    names = (f"sipconform-{os.getpid()}-a", f"sipconform-{os.getpid()}-b")
    ends = (f"sc{os.getpid()}a", f"sc{os.getpid()}b")
    made: list[str] = []
    try:
        try:
            for name in names:
                ip("netns", "add", name)
                made.append(name)
            ip("link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network namespaces here: {error.stderr.decode(errors='replace').strip()}")
        for name, end, address in zip(names, ends, (HOST, CLIENT), strict=True):
            plug(name, end, address)
        yield names
    finally:
        for name in made:
            ip("netns", "delete", name)


def start(namespace: str, *words: str) -> subprocess.Popen[str]:
    program = find_program("ip")
    assert program
    command = [program, "netns", "exec", namespace, sys.executable, str(NEIGHBOUR), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("listen", ["broadcast", "multicast"])
def test_a_client_finds_its_host_over_a_cable(listen: str, rooms: tuple[str, str]) -> None:
    with start(rooms[0], "host", HOST, listen) as host, start(rooms[1], "client", CLIENT, listen) as client:
        try:
            said, failed = client.communicate(timeout=LONGEST)
            opened, also_failed = host.communicate(timeout=LONGEST)
        finally:
            host.kill()
            client.kill()
    assert said == "extension 1, call 200\n", failed
    assert opened == "open\n", also_failed
    assert (client.returncode, host.returncode) == (0, 0)
