"""Our own server: one stack, and the components that serve on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from sipconform.agents.endpoint import Endpoint
from sipconform.agents.server.authentication import Authentication
from sipconform.agents.server.call_server import CallServer
from sipconform.agents.server.code_server import CodeServer
from sipconform.agents.server.csta_server import CstaServer
from sipconform.agents.server.directory import Directory, User
from sipconform.agents.server.extensions import Extensions
from sipconform.agents.server.feature_server import FeatureServer
from sipconform.agents.server.hunt_group import HuntGroups
from sipconform.agents.server.line_server import LineServer
from sipconform.agents.server.reg_event import RegEvent
from sipconform.agents.server.registrar import Registrar
from sipconform.agents.server.storage import Storage
from sipconform.agents.user_agent import UserAgent


@dataclass(eq=False, repr=False)
class Server:
    """A registrar with feature synchronisation for the users of one domain."""

    side: ClassVar[str] = "server"
    endpoint: Endpoint
    directory: Directory
    algorithms: tuple[str, ...] = ("SHA-256", "MD5")
    agent: UserAgent = field(init=False)
    authentication: Authentication = field(init=False)
    registrar: Registrar = field(init=False)
    features: FeatureServer = field(init=False)
    storage: Storage = field(init=False)
    calls: CallServer = field(init=False)
    codes: CodeServer = field(init=False)
    lines: LineServer = field(init=False)
    hunting: HuntGroups = field(init=False)
    reg_event: RegEvent = field(init=False)
    csta: CstaServer = field(init=False)
    extensions: Extensions = field(init=False)

    def __post_init__(self) -> None:
        self.agent = UserAgent(self.endpoint)
        self.authentication = Authentication(self.directory, self.algorithms)
        self.registrar = Registrar(self.agent, self.authentication)
        self.storage = Storage(self.directory)
        self.features = FeatureServer(self.agent, self.authentication)
        self.calls = CallServer(self.agent, self.authentication)
        self.codes = CodeServer(self.calls, self.features)
        self.lines = LineServer(self.agent, self.authentication, self.calls)
        self.hunting = HuntGroups(self.calls)
        self.reg_event = RegEvent(self.agent, self.authentication, self.registrar)
        self.csta = CstaServer(self.agent, self.features, self.registrar)
        self.extensions = Extensions(self.directory, is_taken=lambda number: number in self.hunting.groups)

    def user(self, name: str) -> User:
        """A user that must be there: scenarios name no strangers."""
        return self.directory.users[name]

    def close(self) -> None:
        self.lines.close()
        self.reg_event.close()
        self.csta.close()
        self.endpoint.close()
