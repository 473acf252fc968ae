"""The state of one dialog at one of its ends (RFC 3261 §12), without I/O."""

from __future__ import annotations

from dataclasses import dataclass, field

from sipconform.sip.compose import Draft
from sipconform.sip.message import Message


@dataclass(slots=True)
class Dialog:
    """`local` and `remote` are From/To values without tags; `target` is where the next request goes (§12.1.1)."""

    call_id: str
    local: str
    local_tag: str
    remote: str
    remote_tag: str
    target: str
    routes: list[str] = field(default_factory=list)
    local_cseq: int = 0
    remote_cseq: int = -1  # unknown until the peer has sent a request

    @classmethod
    def from_request(cls, request: Message, local_tag: str) -> Dialog:
        """The dialog a UAS creates by its answer to `request` (§12.1.1)."""
        return cls(
            request.call_id,
            local=without_tag(request.text("To")),
            local_tag=local_tag,
            remote=without_tag(request.text("From")),
            remote_tag=request.from_tag,
            target=contact_uri(request) or _bare_uri(request.text("From")),  # as before RFC 3261, where none is said
            routes=request.values("Record-Route"),
            remote_cseq=request.cseq_number,
        )

    @classmethod
    def from_response(cls, response: Message) -> Dialog:
        """The dialog a UAC gets by an answer to its own request (§12.1.2)."""
        return cls(
            response.call_id,
            local=without_tag(response.text("From")),
            local_tag=response.from_tag,
            remote=without_tag(response.text("To")),
            remote_tag=response.to_tag,
            target=contact_uri(response),
            routes=response.values("Record-Route")[::-1],
            local_cseq=response.cseq_number,
        )

    @property
    def id(self) -> tuple[str, str, str]:
        """Call-ID, local tag, remote tag (§12)."""
        return self.call_id, self.local_tag, self.remote_tag

    def request(self, method: str) -> Draft:
        """A request within the dialog (§12.2.1.1), without Via and Contact. ACK and CANCEL take no new number."""
        if method not in ("ACK", "CANCEL"):
            self.local_cseq += 1
        draft = Draft.request(method, self.target)
        for route in self.routes:
            draft.add("Route", route)
        draft.add("From", f"{self.local};tag={self.local_tag}")
        draft.add("To", f"{self.remote};tag={self.remote_tag}" if self.remote_tag else self.remote)
        draft.add("Call-ID", self.call_id)
        draft.add("CSeq", f"{self.local_cseq} {method}")
        return draft

    def in_order(self, request: Message) -> bool:
        """Whether `request` is not older than one already seen (§12.2.2); if so its number is remembered."""
        if request.cseq_number <= self.remote_cseq and request.method not in ("ACK", "CANCEL"):
            return False
        self.remote_cseq = max(self.remote_cseq, request.cseq_number)
        return True

    def refresh_target(self, message: Message) -> None:
        """A target refresh moves the remote target to its Contact (§12.2.1.2, §12.2.2)."""
        self.target = contact_uri(message) or self.target


def contact_uri(message: Message) -> str:
    """The URI of the first Contact, or "" when there is none that can be read."""
    return _bare_uri(message.values("Contact")[0] if message.has("Contact") else "")


def _bare_uri(value: str) -> str:
    if "<" in value:
        return value.partition("<")[2].partition(">")[0].strip()
    return value.partition(";")[0].strip()


def without_tag(value: str) -> str:
    """A From or To value without its tag parameter; the other parameters stay."""
    uri, close, params = value.rpartition(">")
    kept = [p for p in params.split(";") if p.strip() and not p.strip().lower().startswith("tag=")]
    if not close:  # addr-spec form: parameters belong to the header field (§20.10)
        uri, *rest = value.split(";")
        kept = [p for p in rest if not p.strip().lower().startswith("tag=")]
        return ";".join([f"<{uri.strip()}>", *kept])
    return ";".join([uri + close, *kept])
