"""The `as-feature-event` package: the documents that keep a phone's and a server's feature state equal.

The paper behind it (BroadSoft's device feature key synchronisation, 11-BD5196) leaves much open. Reading is
by local name in any order; what was really sent stays in `Facts` for the judges. Our own word elsewhere:

* a boolean is xs:boolean, `1` and `0` included; anything else says nothing and changes nothing;
* a ring count outside 1 to 100 says nothing;
* a request without a number keeps the stored number, one with an empty number forgets it;
* a forward cannot be switched on with nowhere to go: such a request changes nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from sipconform.features.feature_state import LEGAL_RINGS, FeatureState, Forward, ForwardType
from sipconform.features.xml_body import (
    XmlBody,
    children,
    encode,
    escape,
    local_name,
    namespace,
    read_xml,
    text_of,
)
from sipconform.sip.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from lxml import etree

EVENT = "as-feature-event"
CONTENT_TYPE = "application/x-as-feature-event+xml"
NAMESPACE = "http://www.ecma-international.org/standards/ecma-323/csta/ed3"
EDITION = re.compile(re.escape(NAMESPACE.removesuffix("3")) + "([0-9]{1,2})")  # any edition's namespace


class Device(StrEnum):
    """In which form a document names its device; the value is never used for anything."""

    ABSENT = "absent"
    EMPTY = "empty"
    TEXT = "text"
    NOT_KNOWN = "notKnown"  # the <notKnown/> choice of CSTA's SubjectDeviceID
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Facts:
    """A document exactly as sent, for its judges. `elements` are those of its own namespace, or of none; `texts`: the
    first of each name, untrimmed."""

    root: str
    namespace: str
    charset: str | None
    elements: tuple[str, ...]
    texts: dict[str, str]
    device: Device

    @property
    def is_csta(self) -> bool:
        """Whether the namespace is that of some CSTA edition. A phone leaves other documents alone."""
        return EDITION.fullmatch(self.namespace) is not None


class _Written:
    """A document that knows its elements in the order written, and the attribute each one tells."""

    __slots__ = ()
    elements: ClassVar[dict[str, str]]

    def to_xml(self, encoding: str = "ISO-8859-1") -> bytes:
        """The document's octets in that charset, in the package's order; what is None is left out."""
        root = type(self).__name__
        lines = [f'<{root} xmlns="{NAMESPACE}">']
        for name, attribute in self.elements.items():
            lines += _element(name, getattr(self, attribute))
        return encode([*lines, f"</{root}>"], encoding)


@dataclass(frozen=True, slots=True)
class _DoNotDisturb(_Written):
    on: bool | None
    device: str | None = ""
    facts: Facts | None = field(default=None, compare=False, repr=False)

    elements: ClassVar = {"device": "device", "doNotDisturbOn": "on"}


class SetDoNotDisturb(_DoNotDisturb):
    """A request to switch do not disturb. `on` None: the document does not say it legibly."""

    __slots__ = ()


class DoNotDisturbEvent(_DoNotDisturb):
    """What do not disturb is now. `on` None: the document does not say it legibly."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class _Forwarding(_Written):
    type: ForwardType | None
    on: bool | None
    to: str | None = None
    rings: int | None = None
    device: str | None = ""
    facts: Facts | None = field(default=None, compare=False, repr=False)


class SetForwarding(_Forwarding):
    """A request to change one forward. None: not said, or not legibly. `rings`: no answer only."""

    __slots__ = ()
    elements: ClassVar = {
        "device": "device",
        "activateForward": "on",
        "forwardingType": "type",
        "forwardDN": "to",
        "ringCount": "rings",
    }


class ForwardingEvent(_Forwarding):
    """What one forward is now. None: not said, or not legibly. `rings`: no answer only."""

    __slots__ = ()
    elements: ClassVar = {
        "device": "device",
        "forwardingType": "type",
        "forwardStatus": "on",
        "forwardTo": "to",
        "ringCount": "rings",
    }


Request = SetDoNotDisturb | SetForwarding
Event = DoNotDisturbEvent | ForwardingEvent
Document = Request | Event


@dataclass(frozen=True, slots=True)
class UnknownDocument:
    """A well-formed document of another kind (agent state, hoteling…): to be answered well and ignored."""

    facts: Facts


def parse_document(body: bytes, charset: str = "") -> Document | UnknownDocument | Fault:
    """Reads one document by local names, in any namespace, order and charset. `charset` is what its Content-Type says.
    Never raises."""
    xml = read_xml(body, charset)
    if not isinstance(xml, XmlBody):
        return xml
    facts = _facts(xml)
    kind = _KINDS.get(facts.root)
    if kind is None:
        return UnknownDocument(facts)
    told = {attribute: _READERS[attribute](facts.texts.get(name)) for name, attribute in kind.elements.items()}
    return kind(**told, facts=facts)


def _facts(xml: XmlBody) -> Facts:
    own = (
        "",
        namespace(xml.root),
    )  # what a vendor adds in a namespace of his own says something else in the same words
    elements = [element for element in children(xml.root) if namespace(element) in own]
    texts: dict[str, str] = {}
    for element in elements:
        texts.setdefault(local_name(element), text_of(element))
    device = next((element for element in elements if local_name(element) == "device"), None)
    names = tuple(local_name(element) for element in elements)
    return Facts(local_name(xml.root), namespace(xml.root), xml.charset, names, texts, _device(device))


def _device(element: etree._Element | None) -> Device:
    if element is None:
        return Device.ABSENT
    if inner := [local_name(child) for child in children(element)]:
        return Device.NOT_KNOWN if inner == ["notKnown"] else Device.OTHER
    return Device.TEXT if text_of(element).strip() else Device.EMPTY


def boolean(text: str | None) -> bool | None:
    """An xs:boolean's value, white space around it allowed; None for anything else."""
    return {"true": True, "1": True, "false": False, "0": False}.get((text or "").strip())


def ring_count(text: str | None) -> int | None:
    """A ring count of 1 to 100, None for anything else."""
    digits = (text or "").strip()
    legible = digits.isascii() and digits.isdigit() and len(digits) <= 3 and int(digits) in LEGAL_RINGS
    return int(digits) if legible else None


def forward_type(text: str | None) -> ForwardType | None:
    """The kind of forward a `forwardingType` names, None for any other word."""
    return next((kind for kind in ForwardType if kind == (text or "").strip()), None)


def _trimmed(text: str | None) -> str | None:
    return None if text is None else text.strip()


_KINDS: dict[str, type[Document]] = {
    kind.__name__: kind for kind in (SetDoNotDisturb, SetForwarding, DoNotDisturbEvent, ForwardingEvent)
}
_READERS: dict[str, Callable[[str | None], Any]] = {
    "on": boolean,
    "type": forward_type,
    "to": _trimmed,
    "rings": ring_count,
    "device": _trimmed,
}


def _element(name: str, value: str | int | None) -> list[str]:
    if value is None:
        return []
    text = str(value).lower() if isinstance(value, bool) else escape(str(value))
    return [f"  <{name}>{text}</{name}>" if text else f"  <{name}/>"]


def apply(state: FeatureState, document: Document) -> FeatureState:
    """The state after a document: an event is taken at its word, a request as the module's own words say.

    Whether the user may do so is not asked here, nor whether the feature is assigned.
    """
    if isinstance(document, SetDoNotDisturb | DoNotDisturbEvent):
        return state if document.on is None else state.with_dnd(document.on)
    if document.type is None or document.on is None:
        return state
    if isinstance(document, ForwardingEvent):
        return state.with_forward(document.type, Forward(document.on, document.to or "", document.rings))
    return _apply_request(state, document.type, document.on, document)


def _apply_request(state: FeatureState, kind: ForwardType, on: bool, request: SetForwarding) -> FeatureState:
    before = state.forward(kind) or Forward()
    after = replace(before, active=on, to=before.to if request.to is None else request.to)
    if kind is ForwardType.NO_ANSWER and request.rings is not None:
        after = replace(after, rings=request.rings)
    return state if after.active and not after.to else state.with_forward(kind, after)


def dnd_event(state: FeatureState, device: str | None = "") -> DoNotDisturbEvent | None:
    """The event that tells do not disturb, None when it is not assigned."""
    return None if state.dnd is None else DoNotDisturbEvent(state.dnd, device)


def forwarding_event(state: FeatureState, kind: ForwardType, device: str | None = "") -> ForwardingEvent | None:
    """The event that tells one forward, None when it is not assigned. One without a number names none."""
    forward = state.forward(kind)
    if forward is None:
        return None
    rings = forward.rings if kind is ForwardType.NO_ANSWER else None
    return ForwardingEvent(kind, forward.active, forward.to or None, rings, device)


def full_state(state: FeatureState, device: str | None = "") -> list[Event]:
    """One event for every assigned feature: do not disturb, immediate, busy, no answer."""
    events = [dnd_event(state, device), *(forwarding_event(state, kind, device) for kind in ForwardType)]
    return [event for event in events if event is not None]


def changed(before: FeatureState, after: FeatureState, device: str | None = "") -> list[Event]:
    """One event for every assigned feature whose value is no longer what it was."""
    old = full_state(before, device)
    return [event for event in full_state(after, device) if event not in old]
