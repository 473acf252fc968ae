"""Typed views of the header fields and of the body's bounds, read when first asked for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from sipconform.sip import multipart
from sipconform.sip.fault import Fault
from sipconform.sip.head import Head
from sipconform.sip.headers import (
    cseq,
    date,
    diversion,
    event,
    history_info,
    info,
    media_type,
    name_addr,
    number,
    reason,
    replaces,
    retry_after,
    subscription_state,
    via,
)
from sipconform.sip.headers.cseq import CSeq
from sipconform.sip.headers.diversion import Diversion
from sipconform.sip.headers.event import Event
from sipconform.sip.headers.history_info import HistoryEntry
from sipconform.sip.headers.info import Info
from sipconform.sip.headers.media_type import MediaType
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.headers.reason import Reason
from sipconform.sip.headers.replaces import DialogId
from sipconform.sip.headers.retry_after import RetryAfter
from sipconform.sip.headers.subscription_state import SubscriptionState
from sipconform.sip.headers.via import Via
from sipconform.sip.multipart import Multipart
from sipconform.sip.sdp import Sdp
from sipconform.sip.view import view

T = TypeVar("T")


class Views(Head):
    """Of a header field that is missing, views that may be absent by their nature give None or an empty list,
    the others a Fault. A Fault's span is the row that could not be read, or the start line."""

    __slots__ = ()

    def _one(self, name: str, parse: Callable[[str], T | Fault]) -> T | Fault:
        if name not in self._index:
            return Fault(f"there is a {name}", self.start_span)
        value = parse(self.text(name))
        return value.placed(self.span(name)) if isinstance(value, Fault) else value

    def _maybe(self, name: str, parse: Callable[[str], T | Fault]) -> T | Fault | None:
        return self._one(name, parse) if name in self._index else None

    def _many(self, name: str, parse_list: Callable[[list[str]], list[T | Fault]]) -> list[T | Fault]:
        """Reads row by row, so that a Fault can say in which row it stands."""
        if name not in self._index:
            return []
        return [
            value.placed(self.rows(name)[at].span) if isinstance(value, Fault) else value
            for at, text in enumerate(self.texts(name))
            for value in parse_list([text])
        ]

    @view
    def cseq(self) -> CSeq | Fault:
        return self._one("CSeq", cseq.parse)

    @view
    def from_(self) -> NameAddr | Fault:
        return self._one("From", name_addr.parse)

    @view
    def to(self) -> NameAddr | Fault:
        return self._one("To", name_addr.parse)

    @view
    def via(self) -> list[Via | Fault]:
        """Every Via value, top first."""
        return self._many("Via", via.parse_list)

    @view
    def top_via(self) -> Via | Fault:
        return self.via[0] if self.via else Fault("there is a Via", self.start_span)

    @view
    def contacts(self) -> list[NameAddr | Fault]:
        """Every Contact but `*`, which `contact_star` tells."""
        return self._many("Contact", name_addr.parse_list)

    @view
    def contact_star(self) -> bool:
        """Whether a Contact says `*`: remove every binding (RFC 3261 §10.2.2)."""
        return "*" in self.values("Contact")

    @view
    def record_routes(self) -> list[NameAddr | Fault]:
        return self._many("Record-Route", name_addr.parse_list)

    @view
    def routes(self) -> list[NameAddr | Fault]:
        return self._many("Route", name_addr.parse_list)

    @view
    def asserted(self) -> list[NameAddr | Fault]:
        """P-Asserted-Identity (RFC 3325 §9.1)."""
        return self._many("P-Asserted-Identity", name_addr.parse_list)

    @view
    def refer_to(self) -> NameAddr | Fault:
        return self._one("Refer-To", name_addr.parse)

    @view
    def event(self) -> Event | Fault:
        return self._one("Event", event.parse)

    @view
    def subscription_state(self) -> SubscriptionState | Fault:
        return self._one("Subscription-State", subscription_state.parse)

    @view
    def content_type(self) -> MediaType | Fault:
        return self._one("Content-Type", media_type.parse)

    @view
    def accept(self) -> list[MediaType | Fault]:
        return self._many("Accept", media_type.parse_list)

    @view
    def expires(self) -> int | Fault | None:
        """Seconds; None when the header field is missing."""
        return self._maybe("Expires", number.parse)

    @view
    def min_expires(self) -> int | Fault | None:
        return self._maybe("Min-Expires", number.parse)

    @view
    def max_forwards(self) -> int | Fault | None:
        """Hops left, at most 255 (RFC 3261 §20.22)."""
        return self._maybe("Max-Forwards", lambda text: number.parse(text, 256))

    @view
    def date(self) -> datetime | Fault | None:
        return self._maybe("Date", date.parse)

    @view
    def retry_after(self) -> RetryAfter | Fault | None:
        return self._maybe("Retry-After", retry_after.parse)

    @view
    def reason_values(self) -> list[Reason | Fault]:
        """The Reason header field; `reason` is the status line's phrase."""
        return self._many("Reason", reason.parse_list)

    @view
    def call_info(self) -> list[Info | Fault]:
        return self._many("Call-Info", info.parse_list)

    @view
    def alert_info(self) -> list[Info | Fault]:
        return self._many("Alert-Info", info.parse_list)

    @view
    def history_info(self) -> list[HistoryEntry | Fault]:
        return self._many("History-Info", history_info.parse_list)

    @view
    def diversion(self) -> list[Diversion | Fault]:
        return self._many("Diversion", diversion.parse_list)

    @view
    def replaces(self) -> DialogId | Fault | None:
        return self._maybe("Replaces", replaces.parse)

    @view
    def join(self) -> DialogId | Fault | None:
        return self._maybe("Join", replaces.parse)

    @view
    def allow(self) -> list[str]:
        """Methods as spelled."""
        return self._words("Allow")

    @view
    def supported(self) -> list[str]:
        """Option tags in lower case."""
        return [tag.lower() for tag in self._words("Supported")]

    @view
    def require(self) -> list[str]:
        """Option tags in lower case."""
        return [tag.lower() for tag in self._words("Require")]

    @view
    def allow_events(self) -> list[str]:
        """Event packages in lower case."""
        return [package.lower() for package in self._words("Allow-Events")]

    def _words(self, name: str) -> list[str]:
        return [word for word in self.values(name) if word]

    @view
    def content_length(self) -> int | Fault | None:
        """Octets; None when the header field is missing."""
        return self._maybe("Content-Length", number.parse)

    @view
    def multipart(self) -> Multipart | None:
        """The parts of a multipart body; None when the body is of another type."""
        kind = self.content_type
        if isinstance(kind, Fault) or not kind.type.startswith("multipart/"):
            return None
        return multipart.parse(self.raw, kind.boundary, self.body_start, self.body_start + len(self.content))

    def part(self, media: str) -> tuple[bytes, int] | None:
        """The body or the first body part of a media type, as in `part("application/sdp")`, and where it starts."""
        kind = self.content_type if self.has("Content-Type") else None  # most messages have none
        if kind is None or isinstance(kind, Fault):
            return None
        if kind.type == media:
            return self.content, self.body_start
        parts = self.multipart.parts if self.multipart else ()
        typed = ((part, part.content_type) for part in parts)
        return next(((p.body, p.span.start) for p, kind in typed if kind and kind.type == media), None)

    @view
    def sdp(self) -> Sdp | None:
        """The session description, alone or as a part; None when there is none, or nothing in it."""
        part = self.part("application/sdp")
        return Sdp(*part) if part and part[0] else None

    @view
    def content(self) -> bytes:
        """The body as Content-Length bounds it; all that came when that tells nothing or too much."""
        length = self.content_length
        return self.body[:length] if isinstance(length, int) else self.body

    @view
    def surplus(self) -> int:
        """Octets beyond Content-Length: negative when some are missing, 0 when that is not known."""
        length = self.content_length
        return len(self.body) - length if isinstance(length, int) else 0
