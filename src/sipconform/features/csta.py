"""uaCSTA: the CSTA documents a call server and a phone exchange in a SIP session (ECMA TR/87, ECMA-323).

The server opens the session by INVITE with `RequestSystemStatus`, everything after travels by INFO. Editions 3,
4 and 5 mix in the field, so a document is known by its local name in any edition's namespace, and elements by
theirs in any order. A device stands as text (services) or in a `deviceIdentifier` (events); both are read anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sipconform.features.feature_event import EDITION, NAMESPACE, boolean, forward_type, ring_count
from sipconform.features.feature_state import FeatureState, Forward, ForwardType
from sipconform.features.xml_body import (
    XmlBody,
    child_named,
    children,
    encode,
    escape,
    local_name,
    namespace,
    read_xml,
    text_of,
)
from sipconform.sip.fault import Fault
from sipconform.sip.uri import SipUri, TelUri, parse_uri, unescape

CONTENT_TYPE = "application/csta+xml"
DISPOSITION = "signal;handling=required"  # of every body, ECMA TR/87 §7

# Every document, its elements in the order written; a slash leads to an element within.
DOCUMENTS: Mapping[str, tuple[str, ...]] = {
    "RequestSystemStatus": (),
    "RequestSystemStatusResponse": ("systemStatus",),
    "SystemRegister": (),
    "SystemRegisterResponse": ("sysStatRegisterID",),
    "MonitorStart": ("monitorObject/deviceObject",),
    "MonitorStartResponse": ("monitorCrossRefID", "monitorExistingCalls"),
    "MonitorStop": ("monitorCrossRefID",),
    "MonitorStopResponse": (),
    "SetDoNotDisturb": ("device", "doNotDisturbOn"),
    "SetDoNotDisturbResponse": (),
    "GetDoNotDisturb": ("device",),
    "GetDoNotDisturbResponse": ("doNotDisturbOn",),
    "DoNotDisturbEvent": ("monitorCrossRefID", "device/deviceIdentifier", "doNotDisturbOn"),
    "SetForwarding": ("device", "forwardingType", "activateForward", "forwardDN", "ringCount"),
    "SetForwardingResponse": (),
    "GetForwarding": ("device",),
    "GetForwardingResponse": ("forwardingList",),
    "ForwardingEvent": (
        "monitorCrossRefID",
        "device/deviceIdentifier",
        "forwardingType",
        "forwardStatus",
        "forwardTo",
        "ringCount",
    ),
    "CSTAErrorCode": (  # a choice: the category is an element, the error its text
        "operation",
        "security",
        "stateIncompatibility",
        "systemResourceAvailability",
        "subscribedResourceAvailability",
        "performanceManagement",
        "privateData",
        "unspecified",
    ),
}


@dataclass(frozen=True, slots=True)
class CstaDocument:
    """One document. `fields` holds each element's text by its outermost local name, white space trimmed.

    `edition` is None in a namespace that is no edition's. `forwards` is the list of a GetForwardingResponse.
    """

    name: str
    fields: Mapping[str, str] = field(default_factory=dict)
    edition: int | None = 3
    forwards: Mapping[ForwardType, Forward] = field(default_factory=dict)

    @property
    def known(self) -> bool:
        """Whether it is one of the documents of this module; any other service is answered by an error."""
        return self.name in DOCUMENTS

    @property
    def device(self) -> str:
        """The device it is about, "" when it names none."""
        return self.fields.get("device") or self.fields.get("monitorObject") or ""

    @property
    def cross_reference(self) -> str:
        """The monitor's cross reference, "" when there is none."""
        return self.fields.get("monitorCrossRefID", "")

    @property
    def on(self) -> bool | None:
        """What a do-not-disturb or forwarding document switches or tells; None when it does not say legibly."""
        words = ("doNotDisturbOn", "activateForward", "forwardStatus")
        return next((boolean(self.fields[word]) for word in words if word in self.fields), None)

    @property
    def forward_type(self) -> ForwardType | None:
        """The kind of forward, None when it names none we know."""
        return forward_type(self.fields.get("forwardingType"))

    @property
    def forward_to(self) -> str | None:
        """The number or URI forwarded to, None when the element is not there."""
        return self.fields.get("forwardDN", self.fields.get("forwardTo"))

    @property
    def rings(self) -> int | None:
        """The ring count, None when not said or illegal."""
        return ring_count(self.fields.get("ringCount"))

    def to_xml(self, encoding: str = "UTF-8") -> bytes:
        """The document's octets; fields its name has no element for are left out."""
        lines = [f'<{self.name} xmlns="{NAMESPACE[:-1]}{self.edition or 3}">']
        for path in DOCUMENTS.get(self.name, ()):
            outer, _, inner = path.partition("/")
            if outer in self.fields:
                lines += _element(outer, inner, self.fields[outer])
            elif outer == "forwardingList":
                lines += _forwarding_list(self.forwards)
        return encode([*lines, f"</{self.name}>"], encoding)


def csta(name: str, edition: int = 3, **fields: str | int | bool | None) -> CstaDocument:
    """A document written down: `csta("SetDoNotDisturb", device=…, doNotDisturbOn=True)`; None leaves out."""
    texts = {
        key: str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in fields.items()
        if value is not None
    }
    return CstaDocument(name, texts, edition)


def forwarding_response(state: FeatureState, edition: int = 3) -> CstaDocument:
    """The answer to GetForwarding: every forward that is assigned."""
    return CstaDocument("GetForwardingResponse", {}, edition, dict(state.forwards))


def error(category: str, edition: int = 3, value: str = "requestNotSupported") -> CstaDocument:
    """A refusal: `category` is one of CSTAErrorCode's elements, `value` the error in it."""
    return CstaDocument("CSTAErrorCode", {category: value}, edition)


def resulting_state(state: FeatureState, document: CstaDocument) -> FeatureState | None:
    """The state after a Set or an event; None when the document changes nothing, or does not say legibly what.

    A forward cannot be switched on with nowhere to go, and features that are not assigned stay so.
    """
    if document.on is None:
        return None
    if document.name in ("SetDoNotDisturb", "DoNotDisturbEvent"):
        return None if state.dnd is None else state.with_dnd(document.on)
    kind = document.forward_type
    before = state.forward(kind) if kind is not None else None
    if document.name not in ("SetForwarding", "ForwardingEvent") or kind is None or before is None:
        return None
    to = _number(document.forward_to) or before.to
    if document.on and not to:
        return None
    rings = document.rings if document.rings is not None else before.rings
    return state.with_forward(kind, Forward(document.on, to, rings if kind is ForwardType.NO_ANSWER else None))


def _number(text: str | None) -> str:
    """A forward's destination: `tel:2050` and `2050` are one."""
    return (text or "").removeprefix("tel:")


def device_user(text: str) -> str:
    """The user or number a device identifier names, "" when it names none: a SIP or tel URI, in angle brackets or not,
    `user@host`, the number notation `N<2001>` of ECMA-269, or the bare number."""
    text = text.strip()
    text = text.removeprefix("N") if text.startswith("N<") else text
    text = text.removeprefix("<").partition(">")[0]
    uri = parse_uri(text)
    if isinstance(uri, SipUri):
        return uri.username or (uri.host if uri.host.isdigit() else "")  # `sip:2001`, which names no host
    return uri.digits if isinstance(uri, TelUri) else unescape(text.partition("@")[0])


def parse_csta(body: bytes) -> CstaDocument | Fault:
    """Reads one document, of a known name or not, in any edition. Never raises."""
    xml = read_xml(body)
    if not isinstance(xml, XmlBody):
        return xml
    fields: dict[str, str] = {}
    for element in children(xml.root):
        if local_name(element) != "forwardingList":
            fields.setdefault(local_name(element), text_of(element).strip())
    edition = EDITION.fullmatch(namespace(xml.root))
    return CstaDocument(local_name(xml.root), fields, int(edition[1]) if edition else None, _read_forwards(xml))


def _read_forwards(xml: XmlBody) -> dict[ForwardType, Forward]:
    forwards: dict[ForwardType, Forward] = {}
    listed = child_named(xml.root, "forwardingList")
    for item in children(listed) if listed is not None else ():
        texts = {local_name(element): text_of(element).strip() for element in children(item)}
        kind = forward_type(texts.get("forwardingType"))
        if kind is not None:
            active = boolean(texts.get("forwardStatus")) or False
            forwards[kind] = Forward(active, texts.get("forwardDN", ""), ring_count(texts.get("ringCount")))
    return forwards


def _element(outer: str, inner: str, text: str) -> list[str]:
    content = f"<{inner}>{escape(text)}</{inner}>" if inner else escape(text)
    return [f"  <{outer}>{content}</{outer}>"]


def _forwarding_list(forwards: Mapping[ForwardType, Forward]) -> list[str]:
    lines = ["  <forwardingList>"]
    for kind, forward in forwards.items():
        lines += ["    <forwardListItem>", f"      <forwardingType>{kind}</forwardingType>"]
        lines += [f"      <forwardStatus>{str(forward.active).lower()}</forwardStatus>"]
        lines += [f"      <forwardDN>{escape(forward.to)}</forwardDN>"]
        lines += [f"      <ringCount>{forward.rings}</ringCount>"] if forward.rings is not None else []
        lines += ["    </forwardListItem>"]
    return [*lines, "  </forwardingList>"]
