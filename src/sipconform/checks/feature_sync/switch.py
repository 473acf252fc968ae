"""What a phone does by itself and what only when somebody wants it, by the record of what people did."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import EITHER, INFO, MUST, PASSED, PHONE, SHOULD, Finding, Verdict, check, finding
from sipconform.checks.evidence import GIVE_UP, SLACK, author, seconds, watched
from sipconform.checks.feature_sync.told import Wish, is_ours, states, wishes, wishes_of
from sipconform.checks.feature_sync.witness import (
    KEYS,
    display,
    fact,
    ignores_switch,
    is_server,
    name_of,
    obeys_switch,
    said,
    shown,
    wait_of,
    wanted,
)
from sipconform.checks.subscription.course import notifications, requested
from sipconform.features.feature_event import CONTENT_TYPE, EVENT
from sipconform.sip.fault import Fault
from sipconform.trace.packet import Address, Observation
from sipconform.trace.trace import Subscription, Trace, WireMessage

SOON = 5.0  # seconds in which a press, or a switch, has its effect
WAKING = 10.0  # seconds after a subscription began in which a phone might ask from memory
AT_ONCE = 2.0  # seconds in which nobody has found the key
REPEAT = 60.0  # seconds in which a blind repeat is looked for


def _is_on(intent: Observation) -> bool | None:
    """What an intent says of the switch, None when it is about something else."""
    do, what = intent.what.get("do"), intent.what
    return bool(what.get("sync")) if do == "start" else bool(what.get("on")) if do == "switch_sync" else None


def _switch_at(trace: Trace, who: str, moment_ns: int) -> bool | None:
    """What the switch of a phone said at a time."""
    known = [_is_on(o) for o in said(trace, "intent", who) if o.time_ns <= moment_ns]
    return next((on for on in reversed(known) if on is not None), None)


@check(
    "FS-102", level=MUST, on=PHONE, clause="REQUIREMENTS B1",
    asks="with synchronisation switched off the phone neither subscribes nor asks for changes",
)  # fmt: skip
def silent_when_off(trace: Trace) -> Iterator[Finding]:
    """Off is the default. Ending a subscription after switching off is right. Known only from the record of a run, and
    not asked of makes that synchronise whatever the switch says.
    """
    if not obeys_switch(trace):
        return
    off = [o for o in said(trace, "intent") if _is_on(o) is False]
    yield from (PASSED for _ in off)
    for subscription in trace.subscriptions_to(EVENT) if off else ():
        for transaction in subscription.subscribes:
            request = transaction.request
            if request is None or requested(transaction) == 0 or (request.to_tag and not request.body):
                continue
            if _switch_at(trace, name_of(trace, subscription), request.packet.time_ns) is False:
                seen = "SUBSCRIBE" + (" with a change" if request.body else "")
                yield finding(request, False, expected="no SUBSCRIBE", observed=seen, party=author(request))


@check(
    "FS-118", level=SHOULD, on=PHONE, clause="RFC 6665 §4.1.2.3",
    asks="a phone whose synchronisation is switched off ends its subscription",
)  # fmt: skip
def switching_off_unsubscribes(trace: Trace) -> Iterator[Finding]:
    """Else it is told for an hour what it no longer wants. Judged 5 s after the switch, of subscriptions that lived."""
    for intent in said(trace, "intent", do="switch_sync"):
        if intent.what.get("on") is not False or (trace.end_ns - intent.time_ns) / 1e9 < SOON:
            continue
        for subscription in trace.subscriptions_to(EVENT):
            told = [n for n in notifications(subscription) if n.packet.time_ns < intent.time_ns]
            if name_of(trace, subscription) != intent.who or not told or "terminated" in _state(told[-1]):
                continue
            ends = [t.request for t in subscription.subscribes if requested(t) == 0 and t.request is not None]
            party, seen = subscription.subscriber, "no SUBSCRIBE with Expires 0"
            yield finding(told[-1], bool(ends), expected="Expires: 0", observed=seen, party=party)


def _state(notify: WireMessage) -> str:
    return notify.text("Subscription-State").lower()


@check(
    "FS-130", level=MUST, on=PHONE, clause="RFC 3261 §8.1.3.5, §21.5",
    asks="a change that fails is neither shown as made nor asked for again blindly",
)  # fmt: skip
def failed_change_is_given_up(trace: Trace) -> Iterator[Finding]:
    """After 5xx, or no answer in 32 s, the phone may say that it is pending. What it may not do is show it as if the
    server had confirmed it (looked at after 10 s), or send it again within a minute without anybody pressing a key;
    where nobody recorded that, only the third repeat counts. What the server asks to be tried again (Retry-After) may
    be, when it is time.
    """
    for subscription in trace.subscriptions_to(EVENT):
        asked = list(wishes_of(subscription))
        for at, wish in enumerate(asked):
            final = wish.transaction.final
            silent = final is None and watched(trace, wish.request) > GIVE_UP
            if silent or (final is not None and final.status >= 500):
                yield from _not_repeated(trace, wish, asked[at + 1 :])
                yield from _not_shown(trace, subscription, wish)


def _not_repeated(trace: Trace, wish: Wish, later: list[Wish]) -> Iterator[Finding]:
    again = [w for w in later if (w.feature, w.value) == (wish.feature, wish.value)]
    again = [w for w in again if seconds(w.request, wish.request) <= REPEAT and not wanted(trace, w)]
    again = [w for w in again if not _is_invited(wish, w)]
    if not again:
        yield PASSED
        return
    sure = wanted(trace, again[0]) is False or len(again) > 2
    seen = f"the same again after {seconds(again[0].request, wish.request):.1f} s"
    verdict = Verdict.FAIL if sure else Verdict.INCONCLUSIVE
    yield finding(again[0].request, False, expected="no repeat", observed=seen, also=[wish.request], verdict=verdict)


def _is_invited(wish: Wish, later: Wish) -> bool:
    """Whether the answer to a Set asks to try again, and the next one waits as long."""
    final = wish.transaction.final
    return final is not None and 0 < wait_of(final) <= seconds(later.request, final) + SLACK


def _not_shown(trace: Trace, subscription: Subscription, wish: Wish) -> Iterator[Finding]:
    who, later = name_of(trace, subscription), wish.request.packet.time_ns + round(WAKING * 1e9)
    told = any(wish.feature in states(n) and n.number > wish.request.number for n in notifications(subscription))
    if not who or told or later > trace.end_ns:
        return
    key, pressed = KEYS[wish.feature], shown(wish.value, wish.feature)
    before_, after_ = display(trace, who, wish.request.packet.time_ns), display(trace, who, later)
    if key in after_ and before_.get(key) != pressed and not after_.get("pending"):
        ok = after_[key] != pressed
        expected, seen = f"{key} {before_.get(key)!r} shown", f"{key} {after_[key]!r}"
        yield finding(wish.request, ok, expected=expected, observed=seen)


@check(
    "FS-132", level=MUST, on=PHONE, clause="BroadSoft 11-BD5196 §2.1.1",
    asks="a phone that has started takes the state from the server and asks for nothing by itself",
)  # fmt: skip
def nothing_asked_from_memory(trace: Trace) -> Iterator[Finding]:
    """What the user pressed yesterday is the server's to keep. A change asked for within 10 s of the beginning of a
    subscription that nobody wanted is a failure; where nobody recorded what people did it may have been somebody.
    """
    for subscription in trace.subscriptions_to(EVENT):
        opening = subscription.initial.request if subscription.initial is not None else None
        if opening is None:
            continue
        unwanted = [w for w in wishes_of(subscription) if _from_memory(trace, w, opening)]
        if not unwanted:
            yield PASSED
            continue
        verdict = Verdict.FAIL if wanted(trace, unwanted[0]) is False else Verdict.INCONCLUSIVE
        seen = f"{unwanted[0].feature} asked for {seconds(unwanted[0].request, opening):.1f} s after the beginning"
        of, also = unwanted[0].request, [opening]
        yield finding(of, False, expected="no change asked for", observed=seen, also=also, verdict=verdict)


def _from_memory(trace: Trace, wish: Wish, opening: WireMessage) -> bool:
    """Whether a change was asked for so soon that nobody may have pressed a key, or surely nobody has."""
    want = wanted(trace, wish)
    return seconds(wish.request, opening) <= (AT_ONCE if want is None else WAKING) and not want


# -- makes that synchronise whatever the switch says (Fortinet) -----------------------------------------------


@check(
    "FS-201", level=MUST, on=PHONE, clause="REQUIREMENTS B6",
    asks="a phone that does not go by the switch is told of changes with the switch off",
)  # fmt: skip
def told_whatever_the_switch_says(trace: Trace) -> Iterator[Finding]:
    """With this make the feature-code setting turns it on. Judged of phones started with the switch off: within 32 s
    there is a subscription, and what it tells is answered 200.
    """
    if not ignores_switch(trace):
        return
    for intent in said(trace, "intent", do="start"):
        if intent.what.get("sync") or (trace.end_ns - intent.time_ns) / 1e9 < GIVE_UP:
            continue
        mine = [s for s in trace.subscriptions_to(EVENT) if name_of(trace, s) == intent.who]
        refused = [t for s in mine for t in s.subscribes if t.final is not None and t.final.status >= 402]
        taken = [t for s in mine for t in s.notifies if t.succeeded]
        registered = next((r for r in trace.requests("REGISTER")), None)
        seen = f"{len(mine)} subscriptions, {len(taken)} NOTIFYs taken"
        party = _place(trace, intent.who, registered)
        yield finding(registered, bool(taken or refused), expected="a subscription", observed=seen, party=party)


def _place(trace: Trace, who: str, registered: WireMessage | None) -> Address | None:
    place = (fact(trace, "actors") or {}).get(who, "")
    return next((p for p in trace.phones if str(p) == place), registered.source if registered else None)


def _pressed(trace: Trace, do: str) -> Iterator[Finding]:
    """Judges that a press of the user was followed by the SUBSCRIBE that says it."""
    if not ignores_switch(trace):
        return
    asked = list(wishes(trace))
    registered = next((r for r in trace.requests("REGISTER")), None)
    for intent in said(trace, "intent", do=do):
        if is_server(trace, intent.who) or (trace.end_ns - intent.time_ns) / 1e9 < SOON:
            continue
        kind = "dnd" if do == "set_dnd" else str(intent.what.get("kind"))
        mine = [w for w in asked if name_of(trace, w.subscription) == intent.who and KEYS[w.feature] == kind]
        sent = [w for w in mine if 0 <= w.request.packet.time_ns - intent.time_ns <= (SOON + SLACK) * 1e9]
        party = _place(trace, intent.who, registered)
        yield finding(registered, bool(sent), expected=f"a SUBSCRIBE for {kind}", observed="none", party=party)


@check(
    "FS-202", level=MUST, on=PHONE, clause="REQUIREMENTS B6",
    asks="do not disturb pressed on a phone that does not go by the switch is told to the server",
)  # fmt: skip
def press_is_told(trace: Trace) -> Iterator[Finding]:
    """By SUBSCRIBE with the state, within 5 s of the press."""
    yield from _pressed(trace, "set_dnd")


@check(
    "FS-203", level=MUST, on=PHONE, clause="REQUIREMENTS B6",
    asks="a forward set on a phone that does not go by the switch is told to the server",
)  # fmt: skip
def forward_is_told(trace: Trace) -> Iterator[Finding]:
    """Of each kind, by SUBSCRIBE with the state and the number, within 5 s."""
    yield from _pressed(trace, "forward")


@check(
    "FS-204", level=INFO, on=EITHER, clause="feature sync sheet §3",
    asks="the package and the type that makes without a public wire document are taken to use",
)  # fmt: skip
def assumed_package_is_used(trace: Trace) -> Iterator[Finding]:
    """Noted where a make synchronises whatever the switch says and its documents come under another type, or in
    another package, than is assumed of it: then the assumption is to be corrected.
    """
    if not ignores_switch(trace):
        return
    for message in trace.requests():
        if message.method in ("SUBSCRIBE", "NOTIFY") and message.body:
            kind = message.content_type
            type_ = "" if isinstance(kind, Fault) else kind.type
            ours = is_ours(message) and (type_ == CONTENT_TYPE or type_.startswith("multipart/"))
            seen = f"Event: {message.text('Event')}, Content-Type: {message.text('Content-Type')}"
            yield finding(message, ours, expected=f"{EVENT}, {CONTENT_TYPE}", observed=seen)
