"""What the record of a lab is told of a hotspot, and what is heard around it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sipconform.agents.user_agent import Account
from sipconform.features.hotspot import DISCOVERY, Discovery
from sipconform.lab.actor import NotSupportedError
from sipconform.lab.drivers.nobody import Nobody
from sipconform.lab.hotspot import CLIENTS, HotspotClient, HotspotHost, Surroundings, facts, foreign_host, heard
from sipconform.lab.profile import load_profile
from sipconform.lab.settings import LabSettings, PhoneSettings
from sipconform.lab.stage import Ending, Stage
from sipconform.net.simulated import SimulatedNetwork
from sipconform.net.sockets import SocketNetwork
from sipconform.trace.capture import read_capture
from sipconform.trace.packet import Address, Observation, Packet

PROFILE = load_profile("fanvil-hotspot")
HERE, GROUP = Address("10.0.1.1", 49152), Address("10.0.255.255", 16360)
OFFER = Packet(1, HERE, GROUP, "udp", Discovery("offer", name="SIP Hotspot", mac="").to_bytes())


def around(kept: list[Packet]) -> Surroundings:
    return Surroundings.of(SimulatedNetwork(1), PROFILE, "10.0.0.1", lambda packet, _: kept.append(packet))


def test_what_our_own_say_is_told_once() -> None:
    kept: list[Packet] = []
    place = around(kept)
    place.said(OFFER)
    place.heard(OFFER._replace(time_ns=2), 1)
    assert kept == [OFFER]


def test_what_strangers_say_is_told_once_however_many_hear_it() -> None:
    kept: list[Packet] = []
    place = around(kept)
    for moment in (1, 2, 3, 10**9):
        place.heard(OFFER._replace(time_ns=10**9 + moment), 1)
    assert [p.time_ns - 10**9 for p in kept] == [1, 10**9]


def test_a_lab_on_loopback_has_a_port_of_its_own() -> None:
    lonely = Surroundings.of(SocketNetwork(), PROFILE, "127.0.0.1", lambda *_: None)
    assert lonely.broadcast == "127.255.255.255"
    assert lonely.port != PROFILE.hotspot.port
    assert around([]).port == PROFILE.hotspot.port
    assert Surroundings.of(SocketNetwork(), PROFILE, "::1", lambda *_: None).here == "127.0.0.1", "IPv4 only"


def test_a_datagram_is_told_by_what_is_seen_of_it() -> None:
    told = heard(OFFER, 1)
    assert (told["from"], told["to"], told["ttl"], told["protocol"]) == (str(HERE), str(GROUP), 1, DISCOVERY)
    vendors = heard(OFFER._replace(payload=b"\x00\x01vendor"), None)
    assert (vendors["protocol"], vendors["octets"]) == ("unknown", 8)
    assert "kind" not in vendors


def test_the_facts_name_those_who_are_there() -> None:
    told = facts(around([]), {"host": "10.0.1.1:5060", "client_b": "10.0.1.2:5060", "server": "10.0.0.1:5060"})
    assert told["hotspots"] == {"host": {"place": "10.0.1.1:5060", "user": "2301"}}
    assert told["hotspot_clients"] == {"client_b": {"place": "10.0.1.2:5060", "mac": CLIENTS["client_b"]}}
    assert told["hotspot_settings"]["port"] == 16360


async def lent(host: HotspotHost, client_b: HotspotClient) -> None:
    await host.start()
    await client_b.start()
    await client_b.connected()
    assert client_b.extension == "1"


def test_the_capture_has_no_discovery_among_its_sip(tmp_path: Path) -> None:
    stage = Stage(LabSettings(network="simulated", profile="fanvil-hotspot"), tmp_path / "run.pcapng")
    assert stage.play(lent).ending is Ending.PLAYED
    items: list[Any] = list(read_capture(tmp_path / "run.pcapng"))
    assert all(b"SIP/2.0" in item.payload for item in items if isinstance(item, Packet))
    told = [item for item in items if isinstance(item, Observation) and item.kind == "discovery"]
    assert {"join", "offer", "welcome"} <= {item.what.get("kind") for item in told}
    assert {item.what["protocol"] for item in told} == {DISCOVERY}, "every one says that it is a stand-in"


async def impossible(host: HotspotHost, client_b: HotspotClient) -> None:
    await client_b.do("dance")


async def too_early(host: HotspotHost) -> None:
    await host.start()
    await host.set_hotspot(prefix="8")


async def unknown(host: HotspotHost, client_b: HotspotClient) -> None:
    await host.rename(client_b, "Bathroom")


def test_what_cannot_be_done_is_said(tmp_path: Path) -> None:
    endings = []
    for story in (impossible, too_early, unknown):
        stage = Stage(LabSettings(network="simulated", profile="fanvil-hotspot"), tmp_path / "run.pcapng")
        endings.append(stage.play(story).ending)
    assert endings == [Ending.NOT_SUPPORTED, Ending.COULD_NOT_RUN, Ending.COULD_NOT_RUN]


class Stubborn(Nobody):
    """A client of ours whose REGISTER at a real host is answered with a status."""

    ours = True

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status

    async def do(self, verb: str, **_: Any) -> Any:
        assert verb == "enter_line"
        self.beliefs["line"] = "up" if self.status == 200 else ""
        return self.status


@pytest.mark.parametrize(("status", "why"), [(403, "answered 403"), (408, "nobody answered")])
def test_a_real_host_may_need_its_vendors_discovery(status: int, why: str) -> None:
    account, mac = Account("", "192.0.2.1"), CLIENTS["client_b"]
    client = HotspotClient("client_b", Stubborn(status), account=account, mac=mac, foreign_host="192.0.2.9:5060")
    with pytest.raises(NotSupportedError, match=why):
        asyncio.run(client.connected())
    client.driver = Stubborn(200)
    asyncio.run(client.connected())


def test_a_real_host_is_named_in_the_lab_file() -> None:
    own, real = PhoneSettings(user="2301"), PhoneSettings(kind="remote", address="192.0.2.9:5060")
    assert foreign_host({"phone": real}) == ""
    assert foreign_host({"host": own}) == ""
    assert foreign_host({"host": real}) == "192.0.2.9:5060"
