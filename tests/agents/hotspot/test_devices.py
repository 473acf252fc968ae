"""The host's table: numbers, managed devices, groups."""

import pytest

from sipconform.agents.hotspot.devices import MOST_DEVICES, Devices
from sipconform.agents.server.directory import Binding, Directory
from sipconform.features.hotspot import Discovery


def table() -> Devices:
    return Devices(Directory("10.0.1.1"))


def join(devices: Devices, mac: str) -> str:
    device = devices.join(Discovery("join", mac=mac, sip="10.0.2.1:5060"))
    return devices.extension(device) if device else ""


def test_numbers_are_handed_out_in_order_and_kept() -> None:
    devices = table()
    assert [join(devices, mac) for mac in ("b", "c", "b")] == ["1", "2", "1"]
    assert set(devices.directory.users) == {"1", "2"}


def test_a_deleted_devices_number_goes_to_the_next() -> None:
    devices = table()
    join(devices, "b")
    join(devices, "c")
    devices.groups["777"] = ["b", "c"]
    devices.delete("b")
    assert [d.mac for d in devices.members("777")] == ["c"]
    assert join(devices, "d") == "1"
    with pytest.raises(KeyError):
        devices.delete("b")


def test_a_prefix_renumbers_everybody() -> None:
    devices = table()
    join(devices, "b")
    devices.renumber("8")
    assert join(devices, "b") == "8001"
    assert set(devices.directory.users) == {"8001"}


def test_managed_mode_serves_listed_devices_only() -> None:
    devices = table()
    devices.only_managed = True
    assert join(devices, "b") == ""
    devices.manage("b", on=True)
    assert join(devices, "b") == "1"
    devices.directory.users["1"].bindings["x"] = Binding("sip:x", 100.0, "c", 1)
    device = devices.known["b"]
    assert devices.contacts(device, 0.0) == ["sip:x"]
    devices.manage("b", on=False)
    assert devices.contacts(device, 0.0) == []
    assert join(devices, "b") == ""


def test_the_table_has_an_end_and_no_nameless_device() -> None:
    devices = table()
    assert join(devices, "") == ""
    numbers = [join(devices, f"mac {n}") for n in range(MOST_DEVICES + 1)]
    assert numbers[-2:] == [str(MOST_DEVICES), ""]
