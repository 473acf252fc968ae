"""What both ends of a uaCSTA session do alike: how they read an INFO, and how they greet (ECMA TR/87 §7)."""

from __future__ import annotations

from sipconform.agents.requests import ServerRequest
from sipconform.features.csta import CONTENT_TYPE, DISPOSITION, CstaDocument, csta, parse_csta
from sipconform.sip.fault import Fault
from sipconform.sip.message import Message

HEADERS = (("Content-Disposition", DISPOSITION),)
INFO_HEADERS = (("Content-Type", CONTENT_TYPE), *HEADERS)
ALLOW = "INVITE, ACK, CANCEL, BYE, INFO, OPTIONS"


def read_info(request: ServerRequest) -> CstaDocument | None:
    """The document a request in the session carries; whatever else it may be has been answered: another method, no
    body, one nobody must understand, one of another type, one that cannot be read."""
    message = request.message
    kind = message.content_type
    if message.method != "INFO":
        request.respond(405, headers=[("Allow", ALLOW)])
    elif not message.content:
        request.respond(200)
    elif isinstance(kind, Fault) or kind.type != CONTENT_TYPE:
        optional = "handling=optional" in message.text("Content-Disposition").replace(" ", "").lower()
        request.respond(200 if optional else 415, headers=[] if optional else [("Accept", CONTENT_TYPE)])
    else:
        document = parse_csta(message.content)
        if not isinstance(document, Fault):
            return document
        request.respond(400, "Body cannot be read")
    return None


def greeting(message: Message) -> bytes:
    """The answer to the system status that opens or renews a session, in the edition of the question."""
    document = parse_csta(message.content)
    edition = document.edition if isinstance(document, CstaDocument) else None
    return csta("RequestSystemStatusResponse", edition or 3, systemStatus="normal").to_xml()
