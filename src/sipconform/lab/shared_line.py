"""The shared line of a laboratory: one manager's line with a place on many desks, and what its record is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from sipconform.agents.phone.phone import Phone
from sipconform.agents.server.lines import Location, Rules
from sipconform.agents.server.server import Server
from sipconform.lab.profile import Profile
from sipconform.lab.settings import PhoneSettings

LINE = "2100"
LOCATIONS = 35  # the largest licence sold
FAR_PARTIES = {"customer": "2200", "second_customer": "2201"}
DESKS = {"manager": 1, "assistant": 2, "secretary": 3} | {f"desk_{n}": n for n in range(4, LOCATIONS + 1)}
TONES = {"manager": 400, "assistant": 550, "secretary": 700, "customer": 1000, "second_customer": 1150}


def location_user(number: int, profile: Profile) -> str:
    """The user of a place of the line: the line's own, or where each has one of its own "2100-2", "2100-3", …"""
    return LINE if number == 1 or profile.shared_line.aor == "shared" else f"{LINE}-{number}"


def phone_settings(name: str, profile: Profile) -> PhoneSettings | None:
    """How a phone of the story is signed in unless the lab file says otherwise; None for a name of another story."""
    if name in FAR_PARTIES:
        return PhoneSettings(user=FAR_PARTIES[name])
    if name not in DESKS:
        return None
    user = location_user(DESKS[name], profile)
    return PhoneSettings(user=user, auth_user="" if user == LINE else LINE)


def add_line(server: Server, profile: Profile, password: str) -> None:
    """Makes the line, its locations and the parties outside known to our server."""
    users = sorted({location_user(n, profile) for n in DESKS.values()})
    for user in users:
        if user != LINE:
            server.directory.add(user, password, primary=LINE)
    add_shared_line(server, profile, LINE, users)


def add_shared_line(server: Server, profile: Profile, line: str, users: list[str]) -> None:
    """Makes the line of users who are known already share its state, by the dialect's rules."""
    rules = {name: getattr(profile.shared_line, name) for name in Rules.__dataclass_fields__}
    server.lines.call_info.status = profile.shared_line.accepted
    server.lines.add(line, [Location(user) for user in users], replace(Rules(), **rules))


def teach_line(phone: Phone, profile: Profile) -> None:
    """What the key of a slot does and which lamps it has."""
    phone.line.lamps = profile.shared_line.lamps
    phone.line.private_press = profile.shared_line.private_press
    phone.line.seize_expires = profile.shared_line.seize_expires


def facts(profile: Profile) -> dict[str, Any]:
    """What a judge must know of the line and of the dialect's policies."""
    users = sorted({location_user(n, profile) for n in DESKS.values()})
    policies: dict[str, Any] = msgspec.to_builtins(profile.shared_line)
    can = profile.capabilities
    told = {"alerting": can.alerting, "bridge": can.bridge, "private_hold": can.private_hold}
    return {"user": LINE, "locations": users, **policies, "can": told}
