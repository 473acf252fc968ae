"""Our own phone: one account on one stack, and the components that make it a telephone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from sipconform.agents.endpoint import Endpoint
from sipconform.agents.phone.audio import Audio
from sipconform.agents.phone.calls import Calls
from sipconform.agents.phone.csta import Csta
from sipconform.agents.phone.feature_codes import FeatureCodes
from sipconform.agents.phone.feature_sync import FeatureSync
from sipconform.agents.phone.reg_event import RegWatch
from sipconform.agents.phone.registration import Registration
from sipconform.agents.phone.shared_line import SharedLine
from sipconform.agents.requests import ServerRequest
from sipconform.agents.user_agent import Account, UserAgent
from sipconform.features.feature_state import Forward, ForwardType
from sipconform.trace.packet import Address

Mode = Literal["off", "subscribe", "feature-code", "csta"]


@dataclass(eq=False, repr=False)
class Phone:
    """`proxy` is the server's address. `mode` is by which road features are kept equal: one, never two."""

    side: ClassVar[str] = "phone"
    endpoint: Endpoint
    account: Account
    proxy: Address
    agent: UserAgent = field(init=False)
    registration: Registration = field(init=False)
    features: FeatureSync = field(init=False)
    calls: Calls = field(init=False)
    line: SharedLine = field(init=False)
    codes: FeatureCodes = field(init=False)
    csta: Csta = field(init=False)
    reg_event: RegWatch = field(init=False)
    mode: Mode = "subscribe"
    others: list[Phone] = field(default_factory=list)  # the other lines of the same device

    def __post_init__(self) -> None:
        self.agent = UserAgent(self.endpoint, self.account, self.proxy)
        self.registration = Registration(self.agent)
        self.reg_event = RegWatch(self.agent)
        self.features = FeatureSync(self.agent)
        self.calls = Calls(self.agent, self._refuses)
        self.line = SharedLine(self.agent, self.calls)
        display = (lambda: self.features.shown, self.features.show)
        self.codes = FeatureCodes(self.agent, *display)
        self.csta = Csta(self.agent, self.calls.invited, *display, self.proxy)

    def _refuses(self, _: ServerRequest) -> int:
        """Do Not Disturb is done here only while the server does not do it (feature sync sheet, FS-128)."""
        return 486 if self.acts_alone and self.features.shown.dnd else 0

    @property
    def acts_alone(self) -> bool:
        """Whether features are this phone's own affair."""
        if self.mode == "csta":
            return not self.csta.connected
        return self.mode == "off" or (self.mode == "subscribe" and not self.features.synchronises)

    async def press_dnd(self, on: bool) -> None:
        """The user presses the key; it goes the one road the mode says."""
        if self.mode == "feature-code":
            await self.codes.press_dnd(on)
        elif self.mode == "csta":
            await self.csta.press_dnd(on)
        else:
            await self.features.press_dnd(on)

    async def set_forward(self, kind: ForwardType, forward: Forward) -> None:
        """The user sets a forward; as `press_dnd`."""
        if self.mode == "feature-code":
            await self.codes.set_forward(kind, forward)
        elif self.mode == "csta":
            await self.csta.set_forward(kind, forward)
        else:
            await self.features.set_forward(kind, forward)

    async def start(self) -> int:
        """Registers, and once registered starts what is switched on. Gives the status of the registration."""
        self.csta.on = self.mode == "csta"
        status = await self.registration.register()
        if self.registration.registered and self.mode == "subscribe":
            await self.features.start()
        return status

    async def speak(self, hertz: int) -> None:
        """From now on the phone has a voice in its calls. Raises OSError when no port is to be had."""
        if self.calls.audio is None:
            host = self.endpoint.transports[0].local.host
            self.calls.audio = await Audio.open(self.endpoint.network, host, hertz)
            self.calls.media_port = self.calls.audio.port.local.port

    async def stop(self) -> None:
        """Ends subscription and registration in good order."""
        if self.line.on:
            await self.line.leave()
        await self.csta.stop()
        await self.features.subscriber.unsubscribe()
        await self.reg_event.subscriber.unsubscribe()
        if self.registration.registered:
            await self.registration.unregister()

    def close(self) -> None:
        """Falls silent at once, like a phone whose cable was pulled."""
        self.registration.close()
        self.features.subscriber.close()
        self.line.close()
        self.reg_event.subscriber.close()
        if self.calls.audio:
            self.calls.audio.close()
        self.endpoint.close()
