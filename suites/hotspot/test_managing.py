"""The host as a small exchange: which devices it serves, what it may order them to do, and what switching off means."""

import pytest

from sipconform.lab.actors import Phone
from sipconform.lab.clock import Clock
from sipconform.lab.hotspot import HotspotClient, HotspotHost
from sipconform.lab.hotspot_scenes import at_home, talk

pytestmark = pytest.mark.profile("fanvil-hotspot")
FIRMWARE = "http://192.0.2.29:8080/1.txt"
ORDER_TIME = 12.0  # seconds within which a client acts on an order, said again if it was lost
LONG = 200.0  # seconds: longer than any client's registration lives


@pytest.mark.rows("E6")
async def test_only_listed_devices_are_served(
    host: HotspotHost, client_b: HotspotClient, client_c: HotspotClient
) -> None:
    """In managed mode one client is on the list and the other is not: the one gets a line, the other gets none,
    until it is listed too."""
    await host.set_hotspot(managed=True)
    await host.start()
    await host.manage(client_b)
    await client_b.start()
    await client_c.start()
    await client_b.connected()
    await client_c.shows(60, refused=True, line="")
    await talk(client_b, "0", host)
    await host.manage(client_c)
    await client_c.connected()
    await talk(client_b, client_c.extension, client_c)


@pytest.mark.rows("E6")
async def test_a_device_is_moved_renamed_and_deleted(
    host: HotspotHost, client_b: HotspotClient, client_c: HotspotClient, clock: Clock
) -> None:
    """A new device is unmanaged at first. It is moved to the managed ones, gets a name, is moved back, and is deleted:
    what is left is the other one."""
    await at_home(host, client_b, client_c)
    await host.shows(unmanaged=[client_b.mac, client_c.mac], managed=[])
    await host.manage(client_b)
    await host.rename(client_b, "Bathroom")
    await host.shows(unmanaged=[client_c.mac], managed=[client_b.mac])
    await host.manage(client_b, on=False)
    await host.shows(unmanaged=[client_b.mac, client_c.mac], managed=[])
    await client_b.disconnect()
    await host.delete(client_b)
    await host.shows(unmanaged=[client_c.mac])
    await talk(client_c, "0", host)


@pytest.mark.rows("E8")
async def test_orders_reach_managed_clients_only(
    host: HotspotHost, client_b: HotspotClient, client_c: HotspotClient
) -> None:
    """The host orders a managed client to take new firmware, and then to reboot: it does each once, and comes back.
    To a client that is not managed it gives no orders."""
    await at_home(host, client_b, client_c)
    await host.manage(client_b)
    assert await host.order("upgrade", client_b, FIRMWARE), "the host gives a managed client no orders"
    await client_b.shows(ORDER_TIME, fetched=[FIRMWARE])
    await host.order("reboot", client_b)
    await client_b.shows(ORDER_TIME, reboots=1)
    await client_b.connected()
    given = [await host.order("reboot", client_c), await host.order("upgrade", client_c, FIRMWARE)]
    assert not any(given), "the host gave orders to a client that is not managed"
    await client_c.shows(reboots=0, fetched=[])
    await talk(client_b, "0", host)


@pytest.mark.rows("E8")
async def test_only_the_host_gives_orders(
    host: HotspotHost, client_b: HotspotClient, client_c: HotspotClient, clock: Clock
) -> None:
    """Another phone of the network says what only the host may say: nothing happens."""
    await at_home(host, client_b, client_c)
    await host.manage(client_b)
    await client_c.forge_order("reboot", client_b)
    await client_c.forge_order("upgrade", client_b, FIRMWARE)
    await clock.passes(5)
    await client_b.shows(reboots=0, fetched=[], line="up")


@pytest.mark.rows("E9")
async def test_a_client_is_switched_off(
    outside_caller: Phone, host: HotspotHost, client_b: HotspotClient, clock: Clock
) -> None:
    """The client's hotspot is switched off: its line is gone, with all its data. The host's line works on."""
    await outside_caller.start(sync=False)
    await at_home(host, client_b)
    await client_b.stop()
    await client_b.shows(line="", extension="", server="")
    await talk(outside_caller, host.user, host)
    await clock.passes(LONG)
    await client_b.shows(line="", extension="")


@pytest.mark.rows("E9")
async def test_the_host_is_switched_off(
    outside_caller: Phone, host: HotspotHost, client_b: HotspotClient, clock: Clock
) -> None:
    """The host's hotspot is switched off: the client's line goes down, the host's own line stays. Switched on again,
    the client has its line back."""
    await outside_caller.start(sync=False)
    await at_home(host, client_b)
    await host.switch_hotspot(False)
    await host.shows(on=False, registered=True)
    await clock.passes(LONG)
    await client_b.shows(line="down")
    await talk(outside_caller, host.user, host)
    await host.switch_hotspot(True)
    await client_b.connected()
    await talk(client_b, "0", host)


@pytest.mark.rows("E5")
async def test_without_registration(host: HotspotHost, client_b: HotspotClient, client_c: HotspotClient) -> None:
    """Number and server are entered, and nothing is registered. The clients call each other and the host; the host
    calls a client once "dial without registration" is on."""
    await host.set_hotspot(registers=False, dials_unregistered=False)
    await at_home(host, client_b, client_c)
    await talk(client_b, client_c.extension, client_c)
    await talk(client_c, "0", host)
    assert await host.dial(client_b.extension) != 200, "the host called a client although it was not to"
    await host.set_hotspot(dials_unregistered=True)
    await talk(host, client_b.extension, client_b)


@pytest.mark.rows("E5")
async def test_the_host_loses_its_registration(
    outside_caller: Phone, host: HotspotHost, client_b: HotspotClient, client_c: HotspotClient
) -> None:
    """The host's own registration is gone. Calls within the hotspot go on; a call out is refused, not left hanging."""
    await outside_caller.start(sync=False)
    await at_home(host, client_b, client_c)
    await host.sign_off()
    await talk(client_b, client_c.extension, client_c)
    status = await client_b.dial(outside_caller.user)
    assert status >= 400, f"a call out without a line got {status}"


@pytest.mark.rows("E9")
async def test_the_host_vanishes(host: HotspotHost, client_b: HotspotClient, clock: Clock) -> None:
    """The host loses power. Before its registration has run out the client shows that the line is down."""
    await at_home(host, client_b)
    await host.unplug()
    await clock.passes(LONG)
    await client_b.shows(line="down")
