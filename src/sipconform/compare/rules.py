"""The rules of comparison as tables: what is volatile, what may legally differ, how much the rest matters."""

from __future__ import annotations

from sipconform.checks.catalogue import Level

IGNORING = {
    "identifier": "Call-IDs, tags, branches and nonces are made anew; who made one and where it comes again counts",
    "sequence": "CSeq and RSeq may begin anywhere; each step counts",
    "stands-for": "addresses, domains and users are compared by the part they play",
    "clock": "dates and time stamps tell when, not what",
    "product": "names of products and greetings are free",
    "length": "Content-Length follows the body, as long as it tells its length",
    "credentials": "a digest response follows its nonce; what it covers counts",
    "reason-phrase": "the reason phrase is for people (RFC 3261 §7.2)",
    "accepted": "200 and 202 mean the same to SUBSCRIBE and REFER (RFC 6665 §8.3.1)",
    "header-order": "header fields of different names stand in any order (RFC 3261 §7.3.1)",
    "parameter-order": "parameters stand in any order",
    "rows-or-commas": "a list is one row with commas or several rows (RFC 3261 §7.3.1)",
    "answer-address": "where an answer went (received, rport) is the transport's business (RFC 3261 §18.2, RFC 3581)",
    "spelling": "compact names, letter case and white space are free (RFC 3261 §7.3)",
    "set-order": "what is a set has no order",
    "sdp-meaning": "session descriptions are compared by streams, codecs and directions",
    "xml-canonical": "documents are compared by elements, attributes and text",
    "text-lines": "plain text is compared line by line",
    "retransmission": "a message may be sent again until it is answered (RFC 3261 §17)",
    "repeat": "a refresh or a repeated report that says the same as the one before it changes nothing",
    "overtaken": "a state that passes before it can be told is not told (RFC 6665 §4.2.2)",
    "trying": "100 Trying depends on how fast the answer comes (RFC 3261 §17.2.1)",
    "ringing-again": "a provisional answer may be repeated (RFC 3261 §13.3.1.1)",
    "stale": "a nonce may be too old in one run and not in the other (RFC 7616 §3.3)",
    "countdown": "a lifetime counts down between the grant and the report",
    "keep-alive": "OPTIONS outside a dialog keeps a binding open and says nothing",
    "before-the-capture": "the capture begins in the middle; what came before is unknown",
    "after-the-capture": "the capture was cut; what came after is unknown",
    "crossed": "a CANCEL that crosses the final answer changes nothing (RFC 3261 §9.2)",
    "lost": "a provisional answer that the network lost is not sent again (RFC 3261 §17.2.1)",
    "wait": "how long to wait is a matter of chance or of load (RFC 3261 §14.1, §20.33)",
    "glare": "who asks at the same moment as the other is refused and asks again (RFC 3261 §14.1)",
    "exchanged": "in a race two phones may have exchanged their parts",
    "timing": "the delay is within the tolerance",
}
"""Why a difference counts for nothing. Every one that was ignored is listed with its rule."""

COUNTING = {
    "conversation-missing": "the reference has this conversation, the run has not",
    "conversation-extra": "the run has a conversation the reference lacks",
    "exchange-missing": "the reference has this request at this place, the run has not",
    "exchange-extra": "the run has a request the reference lacks",
    "answer-missing": "the reference has this answer, the run has not",
    "answer-extra": "the run has an answer the reference lacks",
    "status": "another answer",
    "request-line": "another method or target",
    "header": "a header field says something else, or is there in one only",
    "body": "the body says something else",
    "order": "cause and effect stand the other way round",
    "slower": "later than the reference by more than the tolerance",
    "pace": "sent again sooner, longer or oftener than the reference, beyond the tolerance",
    "malformed": "a line that is malformed in one only",
}
"""Why a difference counts."""

FREE = {  # header field -> the rule that ignores whatever stands there, and whether it stands there
    "User-Agent": "product",
    "Server": "product",
    "Organization": "product",
    "Subject": "product",
    "Date": "clock",
    "Timestamp": "clock",
}

SETS = frozenset(
    {"Allow", "Supported", "Accept", "Accept-Encoding", "Accept-Language", "Allow-Events", "Require", "Proxy-Require",
     "Unsupported", "Privacy"}
)  # fmt: skip
LISTS = frozenset(
    {"Via", "Contact", "Route", "Record-Route", "Path", "Service-Route", "Call-Info", "Alert-Info", "Error-Info",
     "P-Asserted-Identity", "Diversion", "History-Info", "Reason", "Warning", "Content-Encoding", "In-Reply-To"}
) | SETS  # fmt: skip

ANSWER_ADDRESS = frozenset({"received", "rport"})
"""Parameters of Via that tell where an answer goes to, or went."""

HEADER_LEVELS = {
    **dict.fromkeys(
        ("Via", "From", "To", "Call-ID", "CSeq", "Contact", "Event", "Subscription-State", "Call-Info", "Require",
         "Expires", "Content-Type", "Content-Length", "Record-Route", "Route", "Replaces", "Join", "Refer-To",
         "Authorization", "WWW-Authenticate", "Proxy-Authorization", "Proxy-Authenticate", "Reason", "RAck",
         "Privacy", "Target-Dialog"),
        Level.MUST,
    ),
    **dict.fromkeys(
        ("Allow", "Supported", "Accept", "Accept-Encoding", "Accept-Language", "Allow-Events", "Max-Forwards",
         "Session-Expires", "Min-SE", "Content-Disposition", "Mime-Version"),
        Level.MAY,
    ),
}  # fmt: skip
OTHER_HEADER = Level.SHOULD

CAUSES = {  # what a server sends in one conversation -> what it was sent in another that can be the cause
    "INVITE": frozenset({"INVITE", "REFER", "answered", "refused"}),
    "CANCEL": frozenset({"CANCEL", "BYE", "answered"}),
    "BYE": frozenset({"BYE", "CANCEL", "REFER", "INVITE"}),
    "NOTIFY": frozenset(
        {"INVITE", "CANCEL", "BYE", "REFER", "SUBSCRIBE", "INFO", "MESSAGE", "UPDATE", "ringing", "answered", "refused"}
    ),
    "MESSAGE": frozenset({"MESSAGE"}),
    "ringing": frozenset({"ringing"}),
    "answered": frozenset({"answered"}),
    "refused": frozenset({"refused"}),
}
CAUSES_AT_A_PHONE = {"INVITE": frozenset({"seized"})}
"""The same of a phone: a call that follows the seizure of a line."""

ANSWER_LATER_S = 1.0
"""Seconds by which an answer may come later than in the reference, counted from the request's last sending."""
NOTIFY_LATER_S = 1.0
"""The same for the first NOTIFY, counted from the answer to its SUBSCRIBE."""
CROSSED_S = 1.0
"""Seconds before an INVITE's answer in which a CANCEL that changed nothing may have left, once or again."""
HELD_UP_S = 0.1
"""Seconds without an answer from which a report was held up, so that the next state may have passed meanwhile."""
AT_ONCE_S = 0.05
"""Seconds within which a report follows the answer to the one before when it has been waiting for that."""
CAUSED_LATER_S = 1.0
"""Seconds by which an effect elsewhere may follow its cause later than in the reference."""
REFRESH_LATER_S = 1.0
"""Seconds by which a refresh may miss the end of its lifetime by more than the reference does."""
SELDOM_S = 10.0
"""Seconds from which a session that has no timer may be kept fresh by asking the same again."""
PACE = 0.8
"""The part of the reference's first interval below which a retransmission comes too soon."""
COUNTDOWN_S = 2
"""Seconds by which a lifetime may differ from what is left of the grant."""
LONGEST_SENT_S = 33.0
"""Seconds after which a request is no longer sent again: 64*T1, and a little (RFC 3261 §17.1.1.2)."""
MOST_UNHEEDED_ACKS = 2
"""Times a final answer may be sent again after its ACK, which may have been lost unseen."""
