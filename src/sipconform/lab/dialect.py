"""Makes our agents speak a vendor's dialect: what differs between vendors is data."""

from __future__ import annotations

from sipconform.agents.phone.phone import Phone
from sipconform.agents.server.server import Server
from sipconform.features.feature_state import FeatureState, ForwardType
from sipconform.lab.profile import Profile

FORWARDS = {"cfu": ForwardType.IMMEDIATE, "cfb": ForwardType.BUSY, "cfna": ForwardType.NO_ANSWER}


def teach_server(server: Server, profile: Profile) -> None:
    """Packaging, charset and answers of the feature server, and which features its users have."""
    sync = profile.sync
    server.features.packaging = sync.packaging
    server.features.encoding = sync.charset
    server.features.notifier.status = sync.accepted
    features = FeatureState(
        False if "dnd" in sync.features else None,
        {kind: FeatureState.assigned().forwards[kind] for name, kind in FORWARDS.items() if name in sync.features},
    )
    for user in server.directory.users.values():
        user.features = features


def teach_phone(phone: Phone, profile: Profile) -> None:
    """How long the phone subscribes and registers for."""
    phone.features.subscriber.expires = profile.sync.expires
    phone.features.obeys_switch = profile.sync.obeys_switch
    if profile.timing.register_expires:
        phone.registration.expires = round(profile.timing.register_expires)
