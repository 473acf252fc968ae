"""Makes our agents speak a vendor's dialect: what differs between vendors is data."""

from __future__ import annotations

from sipconform.agents.phone.phone import Phone
from sipconform.agents.server.server import Server
from sipconform.lab.profile import Profile

LOSS_GRACE = 1.8  # seconds an unanswered REGISTER may wait before a phone that promises a time shows the loss


def teach_server(server: Server, profile: Profile) -> None:
    """Packaging, charset and answers of the feature server, and which features its users have."""
    sync = profile.sync
    server.features.packaging = sync.packaging
    server.features.encoding = sync.charset
    server.features.notifier.status = sync.accepted
    server.hunting.decline_ends_all = profile.hunt_group.decline_ends_all
    server.hunting.ring_seconds = profile.hunt_group.ring_seconds
    server.hunting.telling = profile.diversion
    server.calls.diversion = profile.diversion
    server.extensions.initial = profile.initial_state
    server.codes.table = profile.code_table
    for user in server.directory.users.values():
        user.features = profile.initial_state


def teach_phone(phone: Phone, profile: Profile) -> None:
    """How long the phone subscribes and registers for, and by which road its wishes go."""
    sync = profile.sync
    phone.features.subscriber.expires = sync.expires
    phone.features.obeys_switch = sync.obeys_switch
    phone.codes.table = profile.code_table
    if sync.mode in ("feature-code", "csta"):
        phone.mode = sync.mode
    if profile.timing.register_expires:
        phone.registration.expires = round(profile.timing.register_expires)
    if profile.timing.register_refresh:
        phone.registration.refresh = profile.timing.register_refresh
        phone.registration.retry = (profile.timing.register_refresh, profile.timing.register_refresh)
    if profile.timing.loss_detect_max:
        phone.registration.patience = LOSS_GRACE
