"""Who the server knows: users, their passwords, their features, and where their phones are."""

from __future__ import annotations

from dataclasses import dataclass, field

from sipconform.features.feature_code import dialled_string
from sipconform.features.feature_state import FeatureState
from sipconform.sip.fault import Fault
from sipconform.sip.uri import SipUri, parse_uri


@dataclass(slots=True)
class Binding:
    """One Contact of a user (RFC 3261 §10.3). `expires_at` and `made_at` are in the event loop's seconds."""

    contact: str
    expires_at: float
    call_id: str
    cseq: int
    flow: str = ""  # instance and flow, as Contact parameters (RFC 5626)
    made_at: float = 0.0

    @property
    def key(self) -> str:
        """What it is kept under: one URI may be bound over several flows."""
        return f"{self.contact}{self.flow}"

    @property
    def instance(self) -> str:
        """The device, where it names itself."""
        return self.flow.partition("+sip.instance=")[2]

    def is_for(self, uri: str, flow: str) -> bool:
        """Whether a Contact of a REGISTER means this binding: by its flow (RFC 5626 §6), else by an equal URI."""
        return self.flow == flow if self.flow and flow else equal(self.contact, uri)


def equal(uri: str, other: str) -> bool:
    """Whether two URIs are equivalent (RFC 3261 §19.1.4); unreadable ones only when spelled alike."""
    one = parse_uri(uri)
    return uri == other or (not isinstance(one, Fault) and one.equals(parse_uri(other)))


@dataclass(slots=True)
class User:
    """One user of the domain. `barred`: changes by the phone to these features are refused by policy.

    `primary` is set for a location of a shared line: the user whose name and password its phone signs in with.
    """

    name: str
    password: str = field(default="", repr=False)
    features: FeatureState = field(default_factory=FeatureState.assigned)
    barred: bool = False
    primary: str = ""
    bindings: dict[str, Binding] = field(default_factory=dict)

    def bound(self, now: float) -> list[Binding]:
        """His bindings at `now`; an expired one is never used, swept or not."""
        return [binding for binding in self.bindings.values() if binding.expires_at > now]

    def contacts(self, now: float) -> list[str]:
        """Where he can be called at `now`: SIP URIs only (others a server may know, §10.2.1, and cannot reach), and of
        several flows of one device the newest (RFC 5626 §5.3)."""
        newest: dict[str, Binding] = {}
        for binding in self.bound(now):
            known = newest.setdefault(binding.instance or binding.key, binding)
            if binding.made_at > known.made_at:
                newest[binding.instance or binding.key] = binding
        return [b.contact for b in newest.values() if isinstance(parse_uri(b.contact), SipUri)]


@dataclass(slots=True)
class Directory:
    """The users of one domain."""

    domain: str
    users: dict[str, User] = field(default_factory=dict)

    def add(self, name: str, password: str = "", **settings: object) -> User:
        user = User(name, password, **settings)  # type: ignore[arg-type]
        self.users[name] = user
        return user

    def find(self, name: str) -> User | None:
        return self.users.get(name)

    def name_of(self, target: str) -> str | None:
        """Who of the domain a number, a sip: or a tel: URI means, whether there is such a user or not; None where the
        URI leads out of the domain (RFC 3261 §16.5)."""
        uri = parse_uri(target)
        if isinstance(uri, SipUri) and not self.serves(uri.host):
            return None
        return dialled_string(target) or target

    def serves(self, host: str) -> bool:
        """Whether a host, as a URI writes it, is this domain."""
        return host.strip("[]").lower() == self.domain.strip("[]").lower()

    def identity(self, proven: User, name: str) -> User | None:
        """The user a phone may call itself once it has proved to be `proven`: that one or a location of his line."""
        claimed = self.users.get(name)
        allowed = claimed is proven or (claimed is not None and claimed.primary == proven.name)
        return claimed if allowed else None
