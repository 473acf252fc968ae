"""The host's table of the devices that use it: who is who, which number each has, and who is managed."""

from __future__ import annotations

from dataclasses import dataclass, field

from sipconform.agents.server.directory import Directory, User
from sipconform.features.hotspot import Discovery, Numbering
from sipconform.sip.uri import SipUri, parse_uri
from sipconform.trace.packet import Address

MOST_DEVICES = 50  # the guide's example goes from 8001 to 8050


@dataclass(slots=True)
class Device:
    """One client. `sip` is its SIP address, "" until it has come once; `number` 1 is the first client's."""

    mac: str
    number: int
    model: str = ""
    firmware: str = ""
    sip: str = ""
    name: str = ""
    managed: bool = False


@dataclass(eq=False, repr=False)
class Devices:
    """`directory` are the extensions for the host's registrar. `groups`: number → MAC addresses of the members.

    With `only_managed` nobody but managed devices is served (guide §2.2.2, mode 1).
    """

    directory: Directory
    numbering: Numbering = field(default_factory=Numbering)
    only_managed: bool = False
    known: dict[str, Device] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)

    def join(self, told: Discovery) -> Device | None:
        """A client comes: its place in the table, the old one if it was here before. None when it is not served."""
        device = self.known.get(told.mac)
        if self.only_managed and (device is None or not device.managed):
            return None
        if device is None:
            if not told.mac or len(self.known) >= MOST_DEVICES:
                return None
            device = self._enter(told.mac)
        device.model, device.firmware, device.sip = told.model, told.firmware, told.sip
        return device

    def manage(self, mac: str, on: bool) -> None:
        """Moves a device to the managed ones, entering it by hand if it has not come yet; or back."""
        device = self.known.get(mac) or self._enter(mac)
        device.managed = on
        if self.only_managed and not on:
            self.user(device).bindings.clear()

    def delete(self, mac: str) -> None:
        """Forgets a device and its number. Raises KeyError for one that is not there."""
        device = self.known.pop(mac)
        del self.directory.users[self.extension(device)]
        for members in self.groups.values():
            if mac in members:
                members.remove(mac)

    def extension(self, device: Device) -> str:
        return self.numbering.extension(device.number)

    def user(self, device: Device) -> User:
        return self.directory.users[self.extension(device)]

    def contacts(self, device: Device, now: float) -> list[str]:
        """Where the device is signed in; nothing for one that is not served."""
        return self.user(device).contacts(now) if self.serves(device) else []

    def is_bound(self, place: Address, now: float) -> bool:
        """Whether any device is signed in from there: one that was entered by hand is known by nothing else."""
        uris = (parse_uri(b.contact) for user in self.directory.users.values() for b in user.bound(now))
        return any(isinstance(u, SipUri) and (u.host.strip("[]"), u.port or 5060) == tuple(place) for u in uris)

    def serves(self, device: Device) -> bool:
        return device.managed or not self.only_managed

    def with_extension(self, dialled: str) -> Device | None:
        return next((d for d in self.known.values() if self.extension(d) == dialled), None)

    def members(self, group: str) -> list[Device]:
        """Those of a group who are still in the table."""
        return [self.known[mac] for mac in self.groups.get(group, ()) if mac in self.known]

    def renumber(self, prefix: str) -> None:
        """Another prefix: every device signs in anew."""
        self.numbering = Numbering(prefix)
        self.directory.users.clear()
        for device in self.known.values():
            self.directory.add(self.extension(device))

    def _enter(self, mac: str) -> Device:
        taken = {device.number for device in self.known.values()}
        device = Device(mac, next(n for n in range(1, MOST_DEVICES + 2) if n not in taken))
        self.known[mac] = device
        self.directory.add(self.extension(device))
        return device
