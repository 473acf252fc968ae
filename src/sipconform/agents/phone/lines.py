"""A telephone with several lines: each at home on a server of its own, all behind one address."""

from __future__ import annotations

from sipconform.agents.phone.phone import Phone
from sipconform.agents.requests import ServerRequest
from sipconform.agents.user_agent import Account
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.message import Message
from sipconform.sip.uri import SipUri
from sipconform.trace.packet import Address


class Lines:
    """The lines of the device whose first one is given. A request goes to the line whose dialog it is in, else to the
    one it is addressed To; a device does not look at who sent it, for proxies stand in between."""

    def __init__(self, first: Phone) -> None:
        self.endpoint = first.endpoint
        self._lines = [(first, self.endpoint.on_request)]

    def add(self, account: Account, proxy: Address) -> Phone:
        """One more line, on the device's own stack."""
        line = Phone(self.endpoint, account, proxy)
        self._lines.append((line, self.endpoint.on_request))
        self.endpoint.on_request = self._dispatch
        for each, _ in self._lines:
            each.others = [other for other, _ in self._lines if other is not each]
        return line

    def _dispatch(self, request: ServerRequest) -> None:
        message = request.message
        mine = (take for line, take in self._lines if _is_for(line, message))
        take = next(mine, self._lines[0][1])
        if take is not None:
            take(request)


def _is_for(line: Phone, message: Message) -> bool:
    if message.to_tag:
        return (message.call_id, message.to_tag) in line.agent.usages
    to = message.to
    uri = to.uri if isinstance(to, NameAddr) else None
    return isinstance(uri, SipUri) and (uri.username, uri.host) == (line.account.user, line.account.domain)
