"""How host and clients find each other. The vendor's datagram is not published: between our own agents a stand-in takes
its place, and only what follows in SIP is judged."""

import pytest

from sipconform.lab.clock import Clock
from sipconform.lab.hotspot import HotspotClient, HotspotHost
from sipconform.lab.hotspot_scenes import talk

pytestmark = pytest.mark.profile("fanvil-hotspot")
A_WHILE = 8.0  # seconds, in which a host has offered itself at least once


@pytest.mark.rows("E4")
@pytest.mark.parametrize("listen", ["broadcast", "multicast"])
async def test_a_client_finds_its_host(listen: str, host: HotspotHost, client_b: HotspotClient) -> None:
    """Host and client are set to broadcast, or both to multicast: the client gets a line without any account typed
    in, and calls the host."""
    await host.set_hotspot(listen=listen)
    await client_b.set_client(listen=listen)
    await host.start()
    await client_b.start()
    await client_b.connected()
    await talk(client_b, "0", host)


@pytest.mark.rows("E4")
async def test_different_settings_do_not_meet(
    host: HotspotHost, client_b: HotspotClient, client_c: HotspotClient, clock: Clock
) -> None:
    """The host is set to one multicast address. One client is set to another, one to broadcast: neither gets a line."""
    await host.set_hotspot(listen="multicast", address="224.0.2.0")
    await client_b.set_client(listen="multicast", address="224.0.2.7")
    await client_c.set_client(listen="broadcast")
    await host.start()
    await client_b.start()
    await client_c.start()
    await clock.passes(A_WHILE)
    await client_b.shows(line="", extension="", hotspots=[])
    await client_c.shows(line="", extension="", hotspots=[])


@pytest.mark.rows("E4")
async def test_two_hotspots_do_not_mix(
    host: HotspotHost, other_host: HotspotHost, client_b: HotspotClient, client_c: HotspotClient
) -> None:
    """Two hotspots in one network have different addresses, and one client each: every client is its own host's."""
    for one, client, address in ((host, client_b, "224.0.2.0"), (other_host, client_c, "224.0.2.1")):
        await one.set_hotspot(listen="multicast", address=address)
        await client.set_client(listen="multicast", address=address)
    await host.start()
    await other_host.start()
    await client_b.start()
    await client_c.start()
    await client_b.connected()
    await client_c.connected()
    await talk(client_b, "0", host)
    await talk(client_c, "0", other_host)


@pytest.mark.rows("E4")
async def test_a_client_disconnects_and_comes_back(
    host: HotspotHost, client_b: HotspotClient, client_c: HotspotClient, clock: Clock
) -> None:
    """The user presses Disconnect beside the hotspot: the line is gone and stays away. He presses Connect, and has it
    back with the number it had."""
    await host.start()
    for client in (client_b, client_c):
        await client.start()
        await client.connected()
    number = client_b.extension
    await client_b.disconnect()
    await clock.passes(A_WHILE)
    await client_b.shows(line="", extension="")
    await client_b.connect()
    await client_b.connected()
    assert client_b.extension == number, f"the client came back as {client_b.extension}, and was {number}"
    await talk(client_c, number, client_b)


@pytest.mark.rows("E4")
async def test_a_silent_hotspot(host: HotspotHost, client_b: HotspotClient, clock: Clock) -> None:
    """The hotspot is switched off from the beginning: nobody finds it."""
    await host.start()
    await host.switch_hotspot(False)
    await client_b.start()
    await clock.passes(A_WHILE)
    await client_b.shows(line="", hotspots=[])
