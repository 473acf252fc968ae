"""A message being written: an honest one with few words, a malformed one with exactly the flaw wanted.

Nothing is checked. Names and values go out as given; a value may hold folds, and octets that are no UTF-8 as
surrogates (`raw.decode("utf-8", "surrogateescape")`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sipconform.sip.head import canonical_name
from sipconform.sip.message import Message

REASON_PHRASES = {  # RFC 3261 §21 and the extensions that registered a status code
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
    199: "Early Dialog Terminated",
    200: "OK",
    202: "Accepted",
    204: "No Notification",
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    305: "Use Proxy",
    380: "Alternative Service",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    412: "Conditional Request Failed",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    433: "Anonymity Disallowed",
    469: "Bad Info Package",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    485: "Ambiguous",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    493: "Undecipherable",
    500: "Server Internal Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    513: "Message Too Large",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
    607: "Unwanted",
}
_COPIED = ("Via", "From", "To", "Call-ID", "CSeq")


@dataclass(slots=True)
class Draft:
    """Rows go out in the order held. A row with an empty name goes out as its value alone, colon and all
    left to the writer. Content-Length is computed and added last unless a row of that name is there, or
    `measured` is False."""

    start_line: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    measured: bool = True
    line_end: str = "\r\n"

    @classmethod
    def request(cls, method: str, uri: object) -> Draft:
        """An empty request: every header field is the caller's."""
        return cls(f"{method} {uri} SIP/2.0")

    @classmethod
    def response(cls, to: Message, status: int, reason: str = "") -> Draft:
        """An answer with all Via rows, From, To, Call-ID and CSeq of the request (RFC 3261 §8.2.6.2); the To
        tag is the caller's business. Without `reason` the phrase is the customary one."""
        draft = cls(f"SIP/2.0 {status} {reason or REASON_PHRASES.get(status, 'Unknown')}")
        draft.headers = [(name, text) for name in _COPIED for text in to.texts(name)]
        return draft

    @classmethod
    def of(cls, message: Message) -> Draft:
        """A message taken up again, row by row as sent except for folds: the start of a tampering."""
        draft = cls(message.start_line.decode("utf-8", "surrogateescape"), body=message.body, measured=False)
        draft.headers = [(_text(field.raw_name).strip(), field.value) for field in message.fields]
        return draft

    def get(self, name: str, default: str = "") -> str:
        """The first value, compact forms understood."""
        return next((value for _, value in self._rows(name)), default)

    def all(self, name: str) -> list[str]:
        return [value for _, value in self._rows(name)]

    def has(self, name: str) -> bool:
        return next(self._rows(name), None) is not None

    def set(self, name: str, value: object) -> Draft:
        """Gives the header field this one value: in the first row's place, or at the end."""
        places = [place for place, _ in self._rows(name)]
        if not places:
            return self.add(name, value)
        self.headers[places[0]] = (self.headers[places[0]][0], str(value))
        for place in reversed(places[1:]):
            del self.headers[place]
        return self

    def add(self, name: str, value: object) -> Draft:
        """Appends a row."""
        self.headers.append((name, str(value)))
        return self

    def insert(self, name: str, value: object, place: int = 0) -> Draft:
        """Puts a row at a place, by default on top: where a Via goes."""
        self.headers.insert(place, (name, str(value)))
        return self

    def remove(self, name: str) -> Draft:
        """Takes every row of that name away."""
        for place in reversed([place for place, _ in self._rows(name)]):
            del self.headers[place]
        return self

    def with_body(self, content_type: str, body: bytes) -> Draft:
        self.body = body
        return self.set("Content-Type", content_type)

    def to_bytes(self) -> bytes:
        rows = [f"{name}: {value}" if name else value for name, value in self.headers]
        if self.measured and not self.has("Content-Length"):
            rows.append(f"Content-Length: {len(self.body)}")
        head = self.line_end.join([self.start_line, *rows, "", ""])
        return head.encode("utf-8", "surrogateescape") + self.body

    def message(self) -> Message:
        """What its receiver will read."""
        return Message(self.to_bytes())

    def _rows(self, name: str) -> Iterator[tuple[int, str]]:
        wanted = canonical_name(name.encode("utf-8", "surrogateescape"))
        for place, (spelled, value) in enumerate(self.headers):
            if spelled == name or canonical_name(spelled.encode("utf-8", "surrogateescape")) == wanted:
                yield place, value


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
