"""What the server keeps over a restart, and what a restart takes away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sipconform.agents.notifier import NotifierSubscription
from sipconform.agents.server.directory import Directory
from sipconform.features.feature_state import FeatureState, Forward, ForwardType

if TYPE_CHECKING:
    from sipconform.agents.server.server import Server


@dataclass(eq=False, repr=False)
class Storage:
    """The features of all users as plain JSON-able data."""

    directory: Directory

    def save(self) -> dict[str, Any]:
        """Every user's features; one that is not assigned is left out."""
        return {user.name: _plain(user.features) for user in self.directory.users.values()}

    def restore(self, stored: dict[str, Any]) -> None:
        """Gives the users known here the features once saved."""
        for name, plain in stored.items():
            user = self.directory.find(name)
            if user is not None:
                user.features = _state(plain)


def restart(server: Server) -> None:
    """As after a power cut: transactions, dialogs, subscriptions, calls and nonces are gone without a word to
    anybody; features are read back from what was saved, and bindings with them."""
    stored = server.storage.save()
    for request in [*server.endpoint.clients.values(), *server.endpoint.servers.values()]:
        request.close()
    server.endpoint.clients.clear()
    server.endpoint.servers.clear()
    server.endpoint.origins.clear()
    for usage in list(server.agent.usages.values()):
        if isinstance(usage, NotifierSubscription):
            usage.drop()
    server.agent.usages.clear()
    server.authentication.expire_nonces()
    server.storage.restore(stored)


def _plain(state: FeatureState) -> dict[str, Any]:
    forwards = {
        kind.value: {"active": forward.active, "to": forward.to, "rings": forward.rings}
        for kind, forward in state.forwards.items()
    }
    return {"dnd": state.dnd, "forwards": forwards}


def _state(plain: dict[str, Any]) -> FeatureState:
    forwards = {ForwardType(kind): Forward(**forward) for kind, forward in plain["forwards"].items()}
    return FeatureState(plain["dnd"], forwards)
