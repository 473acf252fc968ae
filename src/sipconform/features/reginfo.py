"""The registration state a registrar tells: `application/reginfo+xml` of the event package `reg` (RFC 3680)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from sipconform.features.xml_body import XmlBody, child_named, children, encode, escape, local_name, namespace, read_xml
from sipconform.features.xml_body import text_of as _text
from sipconform.sip.fault import Fault

if TYPE_CHECKING:
    from lxml import etree

EVENT = "reg"
CONTENT_TYPE = "application/reginfo+xml"
NAMESPACE = "urn:ietf:params:xml:ns:reginfo"


class RegistrationState(StrEnum):
    """The state of an address-of-record's registration (RFC 3680 §4.7.2)."""

    INIT = "init"
    ACTIVE = "active"
    TERMINATED = "terminated"


class ContactEvent(StrEnum):
    """What brought a contact into its state (RFC 3680 §5.3)."""

    REGISTERED = "registered"
    CREATED = "created"
    REFRESHED = "refreshed"
    SHORTENED = "shortened"
    EXPIRED = "expired"
    DEACTIVATED = "deactivated"
    PROBATION = "probation"
    UNREGISTERED = "unregistered"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class RegContact:
    """One binding. `expires` and `retry_after` in seconds, None when not told; words are kept as sent."""

    id: str
    uri: str
    state: str = "active"
    event: str = ContactEvent.REGISTERED
    expires: int | None = None
    retry_after: int | None = None
    call_id: str = ""
    cseq: int | None = None


@dataclass(frozen=True, slots=True)
class Registration:
    """One address-of-record and its contacts."""

    aor: str
    id: str
    state: str = RegistrationState.ACTIVE
    contacts: tuple[RegContact, ...] = ()


@dataclass(frozen=True, slots=True)
class RegInfo:
    """One document. `version` counts up by one per subscription; `full` documents replace all that was known.

    `faults` is what breaks the schema and could be read all the same.
    """

    version: int | None
    full: bool = True
    registrations: tuple[Registration, ...] = ()
    faults: tuple[Fault, ...] = field(default=(), compare=False)

    def to_xml(self) -> bytes:
        """The document's octets, in UTF-8."""
        state = "full" if self.full else "partial"
        root = _open("reginfo", {"xmlns": NAMESPACE, "version": self.version, "state": state})
        lines = [line for registration in self.registrations for line in _write(registration)]
        return encode([root, *lines, "</reginfo>"], "UTF-8")


def parse_reginfo(body: bytes) -> RegInfo | Fault:
    """Reads a document by local names. Never raises; a body that is no reginfo document is a `Fault`."""
    xml = read_xml(body)
    if not isinstance(xml, XmlBody):
        return xml
    if local_name(xml.root) != "reginfo":
        return Fault(f"the root is reginfo, not {local_name(xml.root)[:40]}")
    registrations = [child for child in children(xml.root) if local_name(child) == "registration"]
    version = _number(xml.root.get("version"))
    return RegInfo(
        version,
        xml.root.get("state") == "full",
        tuple(_registration(element) for element in registrations),
        tuple(_faults(xml.root, registrations)),
    )


def _registration(element: etree._Element) -> Registration:
    contacts = tuple(_contact(child) for child in children(element) if local_name(child) == "contact")
    return Registration(element.get("aor") or "", element.get("id") or "", element.get("state") or "", contacts)


def _contact(element: etree._Element) -> RegContact:
    uri = child_named(element, "uri")
    return RegContact(
        element.get("id") or "",
        _text(uri).strip() if uri is not None else "",
        element.get("state") or "",
        element.get("event") or "",
        _number(element.get("expires")),
        _number(element.get("retry-after")),
        element.get("callid") or "",
        _number(element.get("cseq")),
    )


def _number(text: str | None) -> int | None:
    digits = (text or "").strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 20 else None


def _faults(root: etree._Element, registrations: list[etree._Element]) -> list[Fault]:
    """Departures from the schema of RFC 3680 §5.4, element by element."""
    contacts = [child for one in registrations for child in children(one) if local_name(child) == "contact"]
    rules = [
        (namespace(root) == NAMESPACE, f"the namespace is {NAMESPACE}"),
        (_number(root.get("version")) is not None, "version is a number"),
        (root.get("state") in ("full", "partial"), "the document's state is full or partial"),
        *((one.get("aor") and one.get("id"), "a registration has an aor and an id") for one in registrations),
        *(
            (one.get("state") in set(RegistrationState), "a registration's state is one of three")
            for one in registrations
        ),
        *((one.get("id") and child_named(one, "uri") is not None, "a contact has an id and a uri") for one in contacts),
        *((one.get("state") in ("active", "terminated"), "a contact's state is one of two") for one in contacts),
        *((one.get("event") in set(ContactEvent), "a contact's event is one of nine") for one in contacts),
    ]
    return [Fault(rule) for kept, rule in rules if not kept]


def _open(name: str, attributes: Mapping[str, str | int | None], end: str = ">") -> str:
    told = "".join(f' {key}="{escape(str(value))}"' for key, value in attributes.items() if value is not None)
    return f"<{name}{told}{end}"


def _write(registration: Registration) -> list[str]:
    of = {"aor": registration.aor, "id": registration.id, "state": registration.state}
    lines = ["  " + _open("registration", of)]
    for contact in registration.contacts:
        attributes = {
            "id": contact.id,
            "state": contact.state,
            "event": contact.event,
            "expires": contact.expires,
            "retry-after": contact.retry_after,
            "callid": contact.call_id or None,
            "cseq": contact.cseq,
        }
        uri = f"<uri>{escape(contact.uri)}</uri>"
        lines += ["    " + _open("contact", attributes), f"      {uri}", "    </contact>"]
    return [*lines, "  </registration>"]
