"""Feature codes: what a user dials to set a feature, `*72{number}` or `**61*{number}**{seconds}#`.

Which code means what is each system's own affair and comes in as data. The grammar of the codes with a
closing hash is the MMI's (3GPP TS 22.030 §6.5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Literal

from sipconform.features.feature_state import FeatureState, Forward, ForwardType
from sipconform.sip.uri import SipUri, TelUri, escape, parse_uri, unescape

SECONDS_PER_RING = 5  # our word: the MMI's no-answer timer counts seconds in steps of five
LEGAL_SECONDS = range(5, 31, 5)  # 3GPP TS 22.030 Annex B, the no-reply condition timer

UriForm = Literal["plain", "dialstring", "phone", "tel"]

PLACEHOLDERS = ("{number}", "{seconds}", "{speech}")
_PARTS = re.compile("|".join((*map(re.escape, PLACEHOLDERS), ".")))
_FILLED = {
    "{number}": r"(?P<number>\+?[0-9]{1,32})",
    "{seconds}": r"(?P<seconds>[0-9]{1,3})",
    "{speech}": "1[01]",  # 3GPP TS 22.030 Annex C: all teleservices, or telephony
}
_BEGUN = {"{number}": r"\+?[0-9]*", "{seconds}": "[0-9]*", "{speech}": "1?[01]?"}
_SEPARATORS = re.compile(r"[-.()\s]")
_NUMBER = re.compile(r"\+?[0-9]{1,32}")


class Feature(StrEnum):
    """The feature a code acts on; `ANY` is every forward at once."""

    DND = "dnd"
    CFU = "cfu"
    CFB = "cfb"
    CFNA = "cfna"
    ANY = "any"


class Action(StrEnum):
    """What a code does. `PROMPT` asks for the number, `VOICEMAIL` forwards to the user's mailbox."""

    ON = "on"
    OFF = "off"
    TOGGLE = "toggle"
    PROMPT = "prompt"
    VOICEMAIL = "voicemail"
    QUERY = "query"


FORWARDS: Mapping[Feature, ForwardType] = {
    Feature.CFU: ForwardType.IMMEDIATE,
    Feature.CFB: ForwardType.BUSY,
    Feature.CFNA: ForwardType.NO_ANSWER,
}


@dataclass(frozen=True)
class Code:
    """One code of a table: the literal characters, `{number}`, `{seconds}`, and `{speech}` for the MMI's basic services
    that are calls."""

    feature: Feature
    action: Action
    pattern: str

    @cached_property
    def parts(self) -> list[str]:
        """The pattern cut into single characters and placeholders."""
        return _PARTS.findall(self.pattern)

    @cached_property
    def whole(self) -> re.Pattern[str]:
        """What a dialled string must be."""
        return re.compile("".join(_FILLED.get(part) or re.escape(part) for part in self.parts))

    @cached_property
    def begun(self) -> re.Pattern[str]:
        """What a dialled string must be so that more digits could still make it the code."""
        nested = [f"(?:{_BEGUN.get(part) or re.escape(part)}" for part in self.parts]
        return re.compile("".join(nested) + ")?" * len(nested))

    @property
    def literals(self) -> int:
        """How many characters stand for themselves: the more, the longer the match."""
        return sum(len(part) == 1 for part in self.parts)


@dataclass(frozen=True, slots=True)
class Match:
    """A dialled string read as a code. `seconds` None: the code has no timer."""

    feature: Feature
    action: Action
    number: str = ""
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class CodeTable:
    """A system's codes. `others` are codes that mean something else there, with that meaning in words."""

    codes: tuple[Code, ...] = ()
    others: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, codes: Iterable[tuple[str, str, str]], others: Mapping[str, str] | None = None) -> CodeTable:
        """From rows of feature, action, pattern. Raises `ValueError` for words that are neither."""
        rows = tuple(Code(Feature(feature), Action(action), pattern) for feature, action, pattern in codes)
        return cls(rows, others or {})

    def match(self, dialled: str) -> Match | None:
        """The code a dialled string is; where several fit, the one with most literal characters."""
        fitting = [(code.literals, code, found) for code in self.codes if (found := code.whole.fullmatch(dialled))]
        if not fitting:
            return None
        _, code, found = max(fitting, key=lambda fit: fit[0])
        values = found.groupdict()
        seconds = values.get("seconds")
        return Match(code.feature, code.action, values.get("number") or "", int(seconds) if seconds else None)

    def incomplete(self, dialled: str) -> bool:
        """Whether the string is no code yet but more digits could make it one (a 484 rather than a 404)."""
        return self.match(dialled) is None and any(code.begun.fullmatch(dialled) for code in self.codes)

    def compose(self, feature: Feature, action: Action, number: str = "", seconds: int | None = None) -> str | None:
        """What to dial, visual separators taken out of the number; None when no code can say it.

        None too when the number is no digits: an empty or unsayable code is never dialled. A timer no code
        can carry is left away.
        """
        digits = _SEPARATORS.sub("", number)
        if digits and not _NUMBER.fullmatch(digits):
            return None
        fitting = [
            code.pattern
            for code in self.codes
            if (code.feature, code.action) == (feature, action)
            and ("{number}" in code.pattern) == bool(digits)
            and "{speech}" not in code.pattern
        ]
        timed = [pattern for pattern in fitting if "{seconds}" in pattern]
        plain = [pattern for pattern in fitting if "{seconds}" not in pattern]
        chosen = next(iter((timed + plain) if seconds is not None else plain), None)
        return chosen and chosen.replace("{number}", digits).replace("{seconds}", str(seconds))


def apply_code(state: FeatureState, match: Match, mailbox: str = "") -> FeatureState:
    """The state after a code. Queries and prompts change nothing, nor does a forward with nowhere to go.

    Codes act on features that are assigned; `mailbox` is where voicemail codes forward to.
    """
    if match.feature is Feature.DND:
        on = {Action.ON: True, Action.OFF: False, Action.TOGGLE: not state.dnd}.get(match.action)
        return state if on is None or state.dnd is None else state.with_dnd(on)
    kinds = [FORWARDS[match.feature]] if match.feature in FORWARDS else list(ForwardType)
    for kind in kinds:
        before = state.forward(kind)
        if before is not None:
            state = state.with_forward(kind, _after(before, kind, match, mailbox))
    return state


def _after(before: Forward, kind: ForwardType, match: Match, mailbox: str) -> Forward:
    if match.action is Action.OFF or (match.action is Action.TOGGLE and before.active):
        return replace(before, active=False)
    to = {
        Action.ON: match.number or before.to,
        Action.TOGGLE: match.number or before.to,
        Action.VOICEMAIL: mailbox,
    }.get(match.action)
    if not to:
        return before
    timed = kind is ForwardType.NO_ANSWER and match.seconds is not None
    rings = max(1, round((match.seconds or 0) / SECONDS_PER_RING)) if timed else before.rings
    return Forward(True, to, rings)


def request_uri(dialled: str, host: str, form: UriForm = "plain", context: str = "") -> str:
    """The Request-URI that dials a string. A `#` is always escaped, a `*` never (RFC 3261 §25.1).

    `dialstring` is RFC 4967's form, `phone` the telephone-subscriber's (RFC 3261 §19.1.6), `tel` RFC 3966's;
    their phone-context is `context`, the host when that is empty.
    """
    user = escape(dialled, keep="+")
    local = "" if dialled.startswith("+") and form != "dialstring" else f";phone-context={context or host}"
    return {
        "plain": f"sip:{user}@{host}",
        "dialstring": f"sip:{user}{local}@{host};user=dialstring",
        "phone": f"sip:{user}{local}@{host};user=phone",
        "tel": f"tel:{user}{local}",
    }[form]


def dialled_string(uri: str) -> str | None:
    """What was dialled, out of any form of Request-URI, escapes undone; None when it is no SIP or tel URI.

    Visual separators are taken out where the URI says it is a telephone number.
    """
    parsed = parse_uri(uri)
    if isinstance(parsed, TelUri):
        return _SEPARATORS.sub("", unescape(parsed.number))
    if not isinstance(parsed, SipUri):
        return None
    user = unescape(parsed.user.partition(";")[0])
    return _SEPARATORS.sub("", user) if (parsed.params.get("user") or "").lower() == "phone" else user
