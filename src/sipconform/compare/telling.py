"""What one message says, place by place, with everything that is volatile told by the part it plays.

Two messages say the same when their tables are equal. The raw text stands beside each value, so that what differs
only in writing can be listed with the rule that ignores it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator
from typing import NamedTuple
from urllib.parse import unquote

from sipconform.compare.bodies import ALONE, meaning
from sipconform.compare.rules import ANSWER_ADDRESS, COUNTDOWN_S, FREE, LISTS, SETS
from sipconform.compare.story import Exchange
from sipconform.compare.writing import written
from sipconform.sip.fault import Fault
from sipconform.sip.grammar import Params, split_list
from sipconform.trace.trace import WireMessage

_OPAQUE = re.compile(r"(sips?:)[^@\s]*@(?=«(?:server|somebody)»)")  # what a server calls itself is its own business
_SERVER_USER = re.compile(r"(sips?:)([^@\s]*)@(?=«(?:server|somebody)»)")
_EXPIRES = re.compile(r";\s*expires\s*=\s*([0-9]+)", re.IGNORECASE)
_CREDENTIALS = ("Authorization", "Proxy-Authorization")
_CHALLENGES = ("WWW-Authenticate", "Proxy-Authenticate")
_OF_A_DIALOG = frozenset({"Via", "From", "To", "Refer-To"})  # they may hold tags or branches
_ROWS = rb"(?:[A-Za-z-]+:[\t -~]*\r\n)*\r\n"
_EVERYDAY = re.compile(  # a header that cannot have a malformed line, in one look
    rb"(?:SIP/2\.0 [0-9]{3} [ -~]*|[A-Z]+ [!-~]+ SIP/2\.0)\r\n" + _ROWS
)
_DIALOGS = ("Replaces", "Join", "Target-Dialog")
_ESCAPED = re.compile(r"(?i)([?&]Replaces=)([^&>]+)")
_NAMED = frozenset(
    {"From", "To", "Contact", "P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-Id", "Diversion",
     "History-Info", "Refer-To", "Referred-By", "Reply-To"}
)  # fmt: skip
"""Header fields that may give a name for people before the address."""
_ANEW = frozenset({"nonce", "cnonce", "opaque", "response", "nc"})
_PLAIN_ID = re.compile(r"[A-Za-z0-9.!%*_+`~-]+")
_MADE_ANEW = re.compile(  # of a session description: where nothing but a number of its own is said, and says it well
    rb"(?m)^(?:o=\S+ [0-9]+ [0-9]+ IN IP[46] \S+\r$|(m=[A-Za-z]+ )(?:[1-9][0-9]{0,3}|[1-5][0-9]{4})(?= ))"
)
_HASHES = {32: "an MD5 digest", 64: "a SHA-256 digest"}


class Told(NamedTuple):
    """What one place means, and the rule that reads it (None: nothing special)."""

    meaning: str
    rule: str | None = None


class Telling(dict[str, Told]):
    """The table of a message. Two messages that say the same have equal tables."""

    __slots__ = ("_hash",)
    _hash: int

    def __hash__(self) -> int:  # type: ignore[override]  # nobody changes a telling once it is told
        if not hasattr(self, "_hash"):
            self._hash = hash(frozenset(self.items()))
        return self._hash


def tell(message: WireMessage, exchange: Exchange) -> Telling:
    """The table of a message: "request line" or "status", every header field by its name, the body's places."""
    return _Teller(message, exchange).tell()


class _Teller:
    def __init__(self, message: WireMessage, exchange: Exchange) -> None:
        self.message, self.exchange = message, exchange
        self.story = exchange.conversation.story
        self.speak = self.story.parties.speak

    def tell(self) -> Telling:
        message, told = self.message, Telling(self._start_line())
        head = message.raw[message.head_start : message.body_start]
        if not _EVERYDAY.fullmatch(head):
            for fault in message.faults:
                told[f"malformed: {fault.rule}"] = Told("yes")
        several = message._several
        known = self.story.known
        for name, raw in message._index.items():
            if name in _NAMED and "<" in raw and not raw.lstrip().startswith("<"):
                told |= self._display(name)
            if name in several or name in _SPECIAL or name in _OF_A_DIALOG:
                told[name] = self._header(name, raw)
            else:
                field = known.get((name, raw))
                told[name] = self._header(name, raw) if field is None else field
        if "Content-Length" not in told and message.transport == "udp":  # the datagram ends it (RFC 3261 §18.3)
            told["Content-Length"] = _AS_LONG_AS_THE_BODY
        if message.body_start < len(message.raw):
            told.update(self._body())
        if message.is_request and self._is_stale():
            told.update({name: Told("", "stale") for name in _CREDENTIALS if name in told})
        return told

    def _is_stale(self) -> bool:
        """Whether the credentials of this request were right, for a nonce that was too old: as good as none."""
        final = self.exchange.final
        if final is None or final.status not in (401, 407):
            return False
        challenges = (self.story.challenge(text) for name in _CHALLENGES for text in final.texts(name))
        return any(not isinstance(challenge, Fault) and challenge.stale for challenge in challenges)

    def _body(self) -> Telling:
        message, known = self.message, self.story.known
        body, course = message.body, self.story.courses.get(message, ALONE)
        key = course, "body", message.text("Content-Type"), _MADE_ANEW.sub(rb"\1", body) if body[:3] == b"v=0" else body
        if key not in known:
            rule, places = meaning(message, self.speak, course)
            told = Telling({f"body {place}": Told(value, rule) for place, value in places.items()})
            told["body"] = Told("there is one", rule)
            known[key] = told
        found: Telling = known[key]
        wrong = self.story.sessions.get(message)
        return Telling(found | {"body session version": Told(wrong, "sdp-meaning")}) if wrong else found

    def _start_line(self) -> Iterator[tuple[str, Told]]:
        message = self.message
        if message.is_response:
            status = message.status
            same = 200 if status == 202 and message.method in ("SUBSCRIBE", "REFER") else status
            yield "status", Told(str(same), "accepted")
            yield "reason phrase", _REASON_PHRASE
        else:
            key = message.start_line, bool(message.to_tag)
            told = self.story.known.get(key)
            if told is None:
                said = self._request_line(*written(message, "request line"))
                told = self.story.known[key] = Told(said, "stands-for")
            yield "request line", told

    def _request_line(self, raw: str) -> str:
        said = self.speak(raw)
        return _SERVER_USER.sub(self._contact_of_server, said) if self.message.to_tag else said

    def _contact_of_server(self, found: re.Match[str]) -> str:
        known = self.story.parties.contacts.get("server", ())
        return f"{found[1]}«contact»@" if found[2].strip("«»") in known else found[0]

    def _display(self, name: str) -> dict[str, Told]:
        """What people are called: an address book's business, told apart from who they are."""
        fronts = (value.partition("<")[0].strip() for value in self.message.values(name) if "<" in value)
        named = [front.strip('"') for front in fronts if front]
        return {f"{name} display name": Told(self.speak(", ".join(named)))} if named else {}

    # -- header fields --------------------------------------------------------------------------------------

    def _header(self, name: str, raw: str) -> Told:
        """Reads each text once that means the same wherever it stands."""
        special = _SPECIAL.get(name)
        if special is not None and not self._stands_alone(name):
            return Told(special(self), _SPECIAL_RULES[name])
        key = self._but_for_its_origin(name, raw) if name in _OF_A_DIALOG else (name, raw)
        if key is None or name in self.message._several:
            return self._read(name, special)
        known = self.story.known
        told: Told | None = known.get(key)
        if told is None:
            told = known[key] = self._read(name, special)
        return told

    def _stands_alone(self, name: str) -> bool:
        """Whether what a special header field means hangs on nothing but itself."""
        if name == "Contact":
            return self.message.is_request or self.message.method != "REGISTER"
        return name in _ALONE

    def _read(self, name: str, special: Callable[[_Teller], str] | None) -> Told:
        if special is not None:
            return Told(special(self), _SPECIAL_RULES[name])
        return Told("", FREE[name]) if name in FREE else self._listed(name, tuple(self.message.texts(name)))

    def _but_for_its_origin(self, name: str, raw: str) -> Hashable:
        """A value with one tag or branch, and by whom that came up: what says the same under this key means the same.
        None for any other value."""
        word = "branch=" if name == "Via" else "tag="
        before, found, after = raw.partition(word)
        value, _, rest = after.partition(";")
        if word[:-1] in rest.lower() if found else word[:-1] in raw.lower():
            return None
        if found and not _PLAIN_ID.fullmatch(value):
            return None
        if name == "Via":
            origin = self._origin(self.exchange.conversation.branches.get(value)) if found else ""
        else:
            origin = self._tag(name, value) if found else ""
        return name, before, origin, value[:7] == "z9hG4bK", rest

    def _listed(self, name: str, rows: tuple[str, ...]) -> Told:
        if name in SETS:
            words = sorted({_plain(value).lower() for row in rows for value in split_list(row) if value})
            return Told(", ".join(words), "set-order")
        values = [value for row in rows for value in (split_list(row) if name in LISTS else [row])]
        if name == "Refer-To":
            values = [_ESCAPED.sub(self._escaped_dialog, value) for value in values]
        return Told(", ".join(self._value(value, name) for value in values), "stands-for")

    def _value(self, value: str, of: str = "") -> str:
        """A value with its parameters in alphabetical order and its volatile ones told by origin, without a name for
        people and without where an answer to it went."""
        head, *parameters = split_list(value, ";")
        if of in _NAMED and "<" in head:
            head = head[head.index("<") :]
        named = (parameter.partition("=") for parameter in parameters)
        told = sorted(self._parameter(*each, of) for each in named if each[0].strip().lower() not in ANSWER_ADDRESS)
        return ";".join([_plain(self.speak(head)), *told])

    def _parameter(self, name: str, equals: str, value: str, of: str = "") -> str:
        name, value = name.strip().lower(), value.strip()
        if name in ("tag", "from-tag", "to-tag"):
            return f"{name}={self._tag(of, value)}"
        if name == "branch":
            cookie = "" if value.startswith("z9hG4bK") else "RFC 2543 style, "
            return f"branch={cookie}{self._origin(self.exchange.conversation.branches.get(value))}"
        if name in ("epid", "+sip.instance"):
            instances = self.story.instances
            return f"{name}=«{instances.setdefault(value, len(instances) + 1)}»"
        return f"{name}{equals}{self.speak(value)}"

    def _tag(self, of: str, tag: str) -> str:
        """Who brought a tag up; a 2xx comes from one of those that said they were ringing, if any did."""
        exchange, message = self.exchange, self.message
        if of == "To" and 200 <= message.status < 300 and exchange.method == "INVITE":
            ringing = {a.to_tag for a in exchange.answers if 100 < a.status < 200 and a.number < message.number}
            if ringing - {""} and tag not in ringing:
                return "«another»"
        return self._origin(exchange.conversation.tags.get(tag))

    def _dialogs(self) -> str:
        """Dialogs that are named by their Call-ID and tags."""
        names = [name for name in _DIALOGS if self.message.has(name)]
        return ", ".join(self._dialog(value) for name in names for value in self.message.values(name))

    def _dialog(self, value: str) -> str:
        call_id, *parameters = split_list(value, ";")
        named = self.story.conversation_of(call_id.strip(), self.message)
        told = []
        for parameter in parameters:
            name, _, tag = parameter.partition("=")
            known = named.tags.get(tag.strip()) if named is not None else None
            told.append(
                f"{name.strip().lower()}={f'«that of {known.method}»' if known else '«unknown»' if tag else ''}"
            )
        return ";".join([f"«{named.name}»" if named is not None else "«unknown»", *sorted(told)])

    def _escaped_dialog(self, found: re.Match[str]) -> str:
        return found[1] + self._dialog(unquote(found[2])).replace(";", ",")

    def _origin(self, known: Exchange | None) -> str:
        if known is None:
            return "«unknown»"
        return "«new»" if known.original is self.exchange.original else f"«that of {known.method}»"

    def _call_id(self) -> str:
        ours = self.message.call_id == self.exchange.conversation.call_id
        return "that of the conversation" if ours else self.message.call_id

    def _cseq(self) -> str:
        message, step = self.message, self.exchange.original.step
        request, invite = self.exchange.request, self.exchange.transaction.invite
        if message.is_response or message.method in ("ACK", "CANCEL"):
            request = invite.request if invite is not None and message.method == "CANCEL" else request
            same = request is None or request.cseq_number == message.cseq_number
            return f"{message.text('CSeq').partition(' ')[2]}, {'that of its request' if same else 'another'}"
        words = message.text("CSeq").partition(" ")[2]
        return f"{words}, {'next' if step in (None, 1) else f'{step:+d}'}"

    def _content_length(self) -> str:
        told = self.message.content_length
        return "as long as the body" if told == len(self.message.body) else self.message.text("Content-Length")

    def _credentials(self) -> str:
        return ", ".join(self._credential(text) for name in _CREDENTIALS for text in self.message.texts(name))

    def _credential(self, text: str) -> str:
        given = self.story.credentials(text)
        if isinstance(given, Fault):
            return text
        (origin, realm), digits = self.story.nonces.get(given.nonce, ("", "")), len(given.response)
        lasting = tuple(name if name in _ANEW else (name, value) for name, value in given.params)
        known, key = self.story.known, (lasting, origin, realm, digits, self.exchange.count)
        if key not in known:
            told = {
                "username": self._username(given.username),
                "realm": "«as asked»" if given.realm == realm else given.realm,
                "nonce": f"«that of {origin}»" if origin else "«unknown»",
                "response": _HASHES.get(digits, f"{digits} digits"),
                "cnonce": "«made anew»",
                "opaque": "«as given»",
                "nc": self.exchange.count,
            }
            known[key] = self._parameters(given.params, told)
        said: str = known[key]
        return said

    def _username(self, name: str) -> str:
        parties = self.story.parties
        return parties.speak(name) if "@" in name else parties.account(name)

    def _challenges(self) -> str:
        texts = [text for name in _CHALLENGES for text in self.message.texts(name)]
        return ", ".join(self._challenge(text) for text in texts)

    def _challenge(self, text: str) -> str:
        given = self.story.challenge(text)
        if isinstance(given, Fault):
            return text
        return self._parameters(given.params, {"nonce": "«new»", "opaque": "«new»", "realm": "«realm»"})

    def _parameters(self, params: Params, told: dict[str, str]) -> str:
        """By name; whether a nonce was too old is no difference by itself."""
        said = ((name.lower(), value) for name, value in params if name.lower() != "stale")
        items = ((name, told[name] if name in told else self.speak(_plain(value or ""))) for name, value in said)
        return "; ".join(f"{name}={value}" for name, value in sorted(items))

    def _content_type(self) -> str:
        kind = self.message.content_type
        return kind.type if kind else self.message.text("Content-Type")

    def _contact(self) -> str:
        """Of bindings in an answer to REGISTER only the asker's own tells what was granted now."""
        values = self.message.values("Contact")
        if self.message.method != "REGISTER" or self.message.is_request:
            return ", ".join(_OPAQUE.sub(r"\1«contact»@", self._value(value, "Contact")) for value in values)
        request = self.exchange.request
        asked = {_uri(value) for value in request.values("Contact")} if request is not None else set()
        told = [
            self._value(value if _uri(value) in asked else _EXPIRES.sub(_positive_expiry, value), "Contact")
            for value in values
        ]
        return ", ".join(sorted(told))

    def _retry_after(self) -> str:
        after = self.message.retry_after
        return "a time" if after else self.message.text("Retry-After")

    def _subscription_state(self) -> str:
        """The lifetime that is left counts from what the last answer granted."""
        raw, known = self.message.text("Subscription-State"), self.story.known
        if ("lifetime", raw) not in known:
            known["lifetime", raw] = self._value(raw)
        text: str = known["lifetime", raw]
        head, found, rest = text.partition("expires=")
        digits = rest.partition(";")[0]
        granted = self._granted() if found and digits.isdigit() else None
        if granted is not None and abs(granted - int(digits)) <= COUNTDOWN_S:
            text = f"{head}expires=«what is left»{rest[len(digits) :]}"
        return text

    def _granted(self) -> float | None:
        """Seconds of the subscription that are left, as last granted or, before any answer, as asked for."""
        granting = self.exchange.granting
        while granting is not None:
            final, told = granting.final, granting.request
            if final is not None and final.number < self.message.number:
                told = final
            if told is not None and isinstance(told.expires, int):
                return told.expires - (self.message.time - told.time)
            granting = granting.granting
        return None


_SPECIAL: dict[str, Callable[[_Teller], str]] = {
    "Call-ID": _Teller._call_id,
    "CSeq": _Teller._cseq,
    "Content-Length": _Teller._content_length,
    "Content-Type": _Teller._content_type,
    "Contact": _Teller._contact,
    "Subscription-State": _Teller._subscription_state,
    "Authorization": _Teller._credentials,
    "Proxy-Authorization": _Teller._credentials,
    "WWW-Authenticate": _Teller._challenges,
    "Proxy-Authenticate": _Teller._challenges,
    "Retry-After": _Teller._retry_after,
    "Replaces": _Teller._dialogs,
    "Join": _Teller._dialogs,
    "Target-Dialog": _Teller._dialogs,
    "RSeq": lambda teller: "there is one",
    "RAck": lambda teller: "there is one",
}
_SPECIAL_RULES = {
    "Call-ID": "identifier",
    "CSeq": "sequence",
    "Content-Length": "length",
    "Content-Type": "parameter-order",
    "Contact": "stands-for",
    "Subscription-State": "countdown",
    "Authorization": "credentials",
    "Proxy-Authorization": "credentials",
    "WWW-Authenticate": "identifier",
    "Proxy-Authenticate": "identifier",
    "Retry-After": "wait",
    "Replaces": "identifier",
    "Join": "identifier",
    "Target-Dialog": "identifier",
    "RSeq": "sequence",
    "RAck": "sequence",
}


_ALONE = frozenset({"Content-Type", "Retry-After", "RSeq", "RAck"})
_AS_LONG_AS_THE_BODY = Told("as long as the body", "length")
_REASON_PHRASE = Told("", "reason-phrase")


def _plain(text: str) -> str:
    """White space runs as one space; quotes around one word are free where a word is meant."""
    return " ".join(text.split())


def _uri(value: str) -> str:
    inside = value.partition("<")[2].partition(">")[0]
    return inside or value.partition(";")[0].strip()


def _positive_expiry(found: re.Match[str]) -> str:
    return ";expires=«what is left»" if int(found[1]) > 0 else found[0]
