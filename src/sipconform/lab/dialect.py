"""Makes our agents speak a vendor's dialect: what differs between vendors is data."""

from __future__ import annotations

from sipconform.agents.phone.phone import Phone
from sipconform.agents.server.server import Server
from sipconform.lab.profile import Profile


def teach_server(server: Server, profile: Profile) -> None:
    """Packaging, charset and answers of the feature server, and which features its users have."""
    sync = profile.sync
    server.features.packaging = sync.packaging
    server.features.encoding = sync.charset
    server.features.notifier.status = sync.accepted
    server.hunting.decline_ends_all = profile.hunt_group.decline_ends_all
    server.hunting.ring_seconds = profile.hunt_group.ring_seconds
    server.hunting.telling = profile.diversion
    for user in server.directory.users.values():
        user.features = profile.initial_state


def teach_phone(phone: Phone, profile: Profile) -> None:
    """How long the phone subscribes and registers for."""
    phone.features.subscriber.expires = profile.sync.expires
    phone.features.obeys_switch = profile.sync.obeys_switch
    if profile.timing.register_expires:
        phone.registration.expires = round(profile.timing.register_expires)
