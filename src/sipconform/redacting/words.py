"""What stays as it is, as tables: everything else in a message may tell of somebody."""

from __future__ import annotations

KEPT_USERS = frozenset({"anonymous", "unknown", "unavailable", "restricted", "private", "invalid", "-"})

VERBATIM = frozenset(  # header fields of tokens, numbers and dates
    {
        "Accept", "Accept-Encoding", "Accept-Language", "Allow", "Allow-Events", "Answer-Mode", "Content-Disposition",
        "Content-Encoding", "Content-Language", "Content-Length", "Content-Transfer-Encoding", "Content-Type", "CSeq",
        "Date", "Event", "Expires", "Flow-Timer", "Info-Package", "Max-Breadth", "Max-Forwards", "MIME-Version",
        "Mime-Version", "Min-Expires", "Min-SE", "P-Early-Media", "Priv-Answer-Mode", "Privacy", "Proxy-Require",
        "RAck", "Recv-Info", "Refer-Sub", "Request-Disposition", "Require", "Resource-Priority", "Retry-After", "RSeq",
        "Security-Client", "Security-Server", "Security-Verify", "Session-Expires", "SIP-ETag", "Sip-Etag",
        "SIP-If-Match", "Sip-If-Match", "Subscription-State", "Supported", "Suppress-If-Match", "Timestamp",
        "Unsupported",
    }
)  # fmt: skip
IDENTIFIERS = frozenset({"Call-ID", "In-Reply-To", "Replaces", "Join", "Target-Dialog", "Content-Id"})
PRODUCTS = frozenset({"User-Agent", "Server"})
SECRETS = frozenset({"Identity"})

VERBATIM_PARAMETERS = frozenset(  # of URIs and of header fields, whatever their values
    {
        "alias", "algorithm", "alg", "answer-after", "appearance-index", "appearance-state", "audio", "auth-param",
        "branch", "cause", "charset", "cnonce", "code", "comp", "counter", "delay", "early-only", "encoding", "expires",
        "from-tag", "handling", "index", "info", "isfocus", "keep", "local-tag", "lr", "method", "methods", "mp", "nc",
        "nonce", "np", "ob", "opaque", "party", "ppt", "privacy", "purpose", "q", "qop", "rc", "reason",
        "reg-id", "remote-tag", "rport", "screen", "stale", "tag", "to-tag", "transport", "ttl", "user", "video",
    }
)  # fmt: skip
HOST_PARAMETERS = frozenset(
    {"received", "maddr", "realm", "icid-generated-at", "orig-ioi", "term-ioi", "trunk-context"}
)
SECRET_PARAMETERS = frozenset({"response", "rspauth", "auts", "ik", "ck"})

ELEMENTS = frozenset({"ringcount", "monitorcrossrefid", "systemstatus"})
"""Elements of documents whose text is a token or a count."""
ATTRIBUTES = frozenset(
    {
        "cseq", "direction", "duration-registered", "encoding", "event", "expires", "lang", "local-tag", "priority",
        "q", "reason", "remote-tag", "retry-after", "schemalocation", "standalone", "state", "type", "version",
    }
)  # fmt: skip
"""Attributes of documents that hold tokens and counts; those of namespaces beside them."""
SDP_ATTRIBUTES = frozenset(
    {
        "extmap", "fmtp", "framerate", "inactive", "maxptime", "ptime", "recvonly", "rtcp-fb", "rtcp-mux", "rtcp-rsize",
        "rtpmap", "sendonly", "sendrecv", "setup", "silenceSupp",
    }
)  # fmt: skip

_STOCK = """
a ability acceptable accepted account accounting accuracy activate active add address after agent alert
alerting alternate ambiguous an and another answer answered application are at audio authentication available
bad base be been body both bridge broken busy by bye call called calling cancel canceled canceling cancelled
cancelling category change changed clear cleared close closed code codec completed condition conditional
conference confirmed connect connected connection contact content context control created csta customer
deactivated dead declared decline declined default destination detected dialog dialogid digest direct directed
disposition disturb do does domain down duplicate early elsewhere encoding end ended entity error event
everywhere exist expired extension failed failure false feature final flow for forbidden forking forward
forwardbusy forwarded forwardimmediate forwarding forwardnoans found from full gateway giveup go gone granted
group hang hangup header held here hold host id identity idle ignored important in inactive incompatible
incomplete index info init initiator instance interval invalid invariant invite is leave length limit line
list local location loop lost mailbox maximum media merged message messages-waiting method missing moved
multiple mwi network next no noresource normal normaldisconnect not notacceptable notify nowhere off offer ok
okay on option original out outbound pai param parameter partial party payment pcma pcmu pending per
permanently phone pickup please point prack preconditions presence probation proceeding progress proxy public
q queued reached reason received recipient refer refresh refreshed register registered registration rejected
release remote renew replaced request requested requestnotsupported required reset resource restricted resume
retransmission retry rfc ring ringing route rtp savp scheme seized selector sendonly sent server service
session set shortened sip sips small specified state stateoperation stopped subscribe subscription success
sufficient suffix supported suspended system tag talk target tcp tel telephone-event temporarily temporary
terminated the time timeout tls to too transaction transfer transferred true try trying udp unable
unacceptable unauthorized unavailable undecipherable unexpected unhandled unknown unregistered unsupported
unwanted up update urgent uri us use user using value version via video voice voice-message wait waiting was
way when with wrong yes you your
"""
STOCK = frozenset(_STOCK.split())
"""Words of reason phrases and of documents, in lower case."""
