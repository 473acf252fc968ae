"""Who is a phone and who is a server, by what they do."""

from __future__ import annotations

from dataclasses import dataclass, field

from sipconform.trace.packet import Address


@dataclass(slots=True)
class Roles:
    """Registering and being registered with tell most, beside the lab's word. Phones are subscribed to as well, and
    tell by NOTIFY how a transfer goes, so that alone makes no server of a phone."""

    registering: set[Address] = field(default_factory=set)
    registrars: set[Address] = field(default_factory=set)
    subscribing: set[Address] = field(default_factory=set)
    notifying: set[Address] = field(default_factory=set)

    def note(self, method: str, client: Address, server: Address) -> None:
        if method == "REGISTER":
            self.registering.add(client)
            self.registrars.add(server)
        elif method == "SUBSCRIBE":
            self.subscribing.add(client)
            self.notifying.add(server)
        elif method == "NOTIFY":
            self.notifying.add(client)

    def settled(self) -> tuple[set[Address], set[Address]]:
        """Phones and servers: who acts as both (a proxy, a PBX) is a server."""
        phones = self.registering - self.registrars
        servers = self.registrars | (self.notifying - phones)
        return (phones | self.subscribing) - servers, servers
