"""Our own phone: one account on one stack, and the components that make it a telephone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from sipconform.agents.endpoint import Endpoint, ServerRequest
from sipconform.agents.phone.calls import Calls
from sipconform.agents.phone.feature_sync import FeatureSync
from sipconform.agents.phone.registration import Registration
from sipconform.agents.user_agent import Account, UserAgent
from sipconform.trace.packet import Address


@dataclass(eq=False)
class Phone:
    """`proxy` is the server's address."""

    side: ClassVar[str] = "phone"
    endpoint: Endpoint
    account: Account
    proxy: Address
    agent: UserAgent = field(init=False)
    registration: Registration = field(init=False)
    features: FeatureSync = field(init=False)
    calls: Calls = field(init=False)

    def __post_init__(self) -> None:
        self.agent = UserAgent(self.endpoint, self.account, self.proxy)
        self.registration = Registration(self.agent)
        self.features = FeatureSync(self.agent)
        self.calls = Calls(self.agent, self._refuses)

    def _refuses(self, _: ServerRequest) -> int:
        """Do Not Disturb is done here only while the server does not do it (feature sync sheet, FS-128)."""
        local = not self.features.synchronises
        return 486 if local and self.features.shown.dnd else 0

    async def start(self) -> int:
        """Registers, and once registered starts what is switched on. Gives the status of the registration."""
        status = await self.registration.register()
        if self.registration.registered:
            await self.features.start()
        return status

    async def stop(self) -> None:
        """Ends subscription and registration in good order."""
        await self.features.subscriber.unsubscribe()
        if self.registration.registered:
            await self.registration.unregister()

    def close(self) -> None:
        """Falls silent at once, like a phone whose cable was pulled."""
        self.registration.close()
        self.features.subscriber.close()
        self.endpoint.close()
