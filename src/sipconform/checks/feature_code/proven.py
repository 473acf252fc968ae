"""Who the caller of a code proved to be. The name he authenticates with need not be his user's (RFC 3261 §22.1)."""

from __future__ import annotations

from collections.abc import Mapping

from sipconform.checks.evidence import once_per_trace
from sipconform.checks.names import caller
from sipconform.sip.digest import parse_credentials
from sipconform.sip.fault import Fault
from sipconform.trace.trace import Trace, WireMessage


def proven(trace: Trace, request: WireMessage) -> str:
    """The user a request comes from: whom From names if it carries no credentials, or that user's; "" where it
    carries a name of which nobody said whose it is."""
    given, claimed = _names(request), caller(request)
    names = _authentication_names(trace)
    if not given or any(name in (claimed, names.get(claimed)) or _is_user(name, claimed) for name in given):
        return claimed
    owners = [user for user, name in names.items() if name == given[0]]
    if owners:
        return owners[0] if len(owners) == 1 else ""
    return given[0] if given[0] in _users(trace) else ""


def _names(request: WireMessage) -> list[str]:
    texts = (*request.texts("Authorization"), *request.texts("Proxy-Authorization"))
    found = map(parse_credentials, texts)
    return [credentials.username for credentials in found if not isinstance(credentials, Fault)]


def _is_user(name: str, user: str) -> bool:
    """Whether a name has the form of a private identity, `user@realm`, of that user (3GPP TS 23.003 §13.3)."""
    return bool(user) and name.partition("@")[0] == user


@once_per_trace
def _authentication_names(trace: Trace) -> Mapping[str, str]:
    """By user, of those the lab says authenticate under another name."""
    found: dict[str, str] = {}
    for seen in trace.observations:
        named = seen.what.get("auth_users") if seen.kind == "lab" else None
        found |= {str(user): str(name) for user, name in named.items()} if isinstance(named, dict) else {}
    return found


@once_per_trace
def _users(trace: Trace) -> frozenset[str]:
    """Everybody the lab, or the server's books, name as a user."""
    found: set[str] = set()
    for seen in trace.observations:
        if seen.kind == "belief" and seen.who == "server":
            found |= {key.rpartition(".")[0] for key in seen.what if "." in key}
        named = seen.what.get("users") if seen.kind == "lab" else None
        found |= set(map(str, named.values())) if isinstance(named, dict) else set()
    return frozenset(found)
