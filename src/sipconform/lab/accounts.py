"""Who signs in as whom: as the lab file says, and where it is silent as the story has it."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from sipconform.agents.server.hunt_group import Group
from sipconform.lab import hotspot, shared_line
from sipconform.lab.profile import Profile
from sipconform.lab.settings import PhoneSettings

ACCOUNTS = {  # name in a scenario -> user; two phones of one user share the user
    "phone": "2001",
    "second_phone": "2001",
    "other_phone": "2002",
    "caller": "2010",
    "member_one": "2011",
    "member_two": "2012",
    "member_three": "2013",
    "desk_member": "2014",  # of the hunt group, with nothing but a hardware telephone
    "manager": shared_line.LINE,
    **shared_line.FAR_PARTIES,
    **hotspot.HOSTS,
    **hotspot.OUTSIDE,
}
PHONES = frozenset({*ACCOUNTS, *shared_line.DESKS, *hotspot.CLIENTS})
"""Every phone a scenario of the suite may speak to, by name."""
MEMBERS = ("member_one", "member_two", "member_three", "desk_member")


@dataclass
class Accounts:
    """The accounts of one laboratory. `given` are the lab file's phones by name."""

    given: dict[str, PhoneSettings]
    profile: Profile
    phones: dict[str, PhoneSettings] = field(init=False)  # … each with a user

    def __post_init__(self) -> None:
        self.phones = {name: self._completed(name, phone) for name, phone in self.given.items()}

    def of(self, name: str) -> PhoneSettings:
        """How the phone of that name is signed in."""
        return self.phones.get(name) or self._as_told(name)

    @property
    def users(self) -> list[str]:
        """Everybody whom a server of ours has to know."""
        return sorted({*ACCOUNTS.values(), *(phone.user for phone in self.phones.values())})

    def password(self, user: str) -> str:
        known = {phone.user: phone.password for phone in self.phones.values() if phone.password}
        return known.get(user, f"pw{user}")

    @property
    def group(self) -> Group | None:
        """The hunt group of this dialect, None where it has none."""
        number = self.profile.hunt_group.number
        if not number:
            return None
        users = {name: self.of(name).user for name in MEMBERS}
        return Group(number, tuple(users.values()), "Group", frozenset({users["desk_member"]}))

    def _completed(self, name: str, phone: PhoneSettings) -> PhoneSettings:
        if phone.user:
            return phone
        told = self._as_told(name)
        return msgspec.structs.replace(phone, user=told.user, auth_user=phone.auth_user or told.auth_user)

    def _as_told(self, name: str) -> PhoneSettings:
        usual = PhoneSettings(user=ACCOUNTS.get(name, "2001"))
        return shared_line.phone_settings(name, self.profile) or usual
