"""What users did and what displays showed, in a user's words: notes for the ladder.

What has no words here is told in full below the ladder; what a party shows from the beginning and what does not
change says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from sipconform.report.legible import counted
from sipconform.trace.packet import Observation


class Note(NamedTuple):
    """One thing to be told between the arrows. `did`: somebody did it; else it is what a party shows."""

    time_ns: int
    frame: int  # of the capture, for the order of what came at one time; 0 where it has none
    who: str  # a party's name, or an address
    text: str
    did: bool = False


Facts = Mapping[str, Any]

FORWARDS = {"cfu": "all calls", "cfb": "calls on busy", "cfna": "calls not answered"}

_DONE: dict[str, str] = {  # verb: what the user did
    "start": "is switched on",
    "stop": "is switched off",
    "reboot": "is restarted",
    "restart": "is restarted",
    "power_cycle": "loses power and is switched on again",
    "unplug": "is unplugged",
    "lose_link": "loses the network",
    "regain_link": "has the network again",
    "dial": "dials {number}",
    "dial_as": "dials {number} as {name}",
    "dial_anonymously": "dials {number} without showing its own number",
    "dial_code": "dials the code {code}",
    "dial_on_line": "dials {number} on the line",
    "call_on": "dials {number} on line {index}",
    "answer": "answers",
    "reject": "refuses the call",
    "hang_up": "hangs up",
    "hang_up_line": "hangs up on line {index}",
    "hold": "puts the call on hold",
    "resume": "takes the call up again",
    "resume_line": "takes the call of the line up again",
    "take_line": "takes the call of line {index}",
    "press_line": "presses line key {index}",
    "seize": "takes the receiver off on line {index}",
    "seize_elsewhere": "takes the receiver off on line {index} of {user}",
    "put_back": "puts the receiver back",
    "transfer": "transfers the call to {number}",
    "share_line": "makes {user} a shared line",
    "switch_sync": "switches feature synchronisation {on}",
    "switch_hotspot": "switches the hotspot {on}",
    "mistype_password": "is given a wrong password",
    "register_as": "registers as {user}",
    "hire": "a user is created",
    "dismiss": "the user {user} is deleted",
}
_SHOWN: dict[str, tuple[str, str]] = {  # what a party shows: when it is on, when it is not; {} is the value
    "registered": ("registered", "not registered"),
    "lost": ("link lost", "link back"),
    "dnd": ("Do Not Disturb on", "Do Not Disturb off"),
    "rings": ("after {} rings", "after as many rings as usual"),
    "missed": ("missed calls: {}", "no missed call"),
    "elsewhere": ("answered elsewhere: {}", "nothing answered elsewhere"),
    "answered_by": ("answered by {}", "answered by nobody"),
    "forwarded_by": ("call forwarded by {}", "call not forwarded"),
    "prompt": ("hears a prompt", "prompt is over"),
    "monitored": ("watched by the server", "no longer watched by the server"),
    "extension": ("extension {}", "no extension"),
    "parked": ("parked: {}", "nothing parked"),
    "reboots": ("restarts: {}", "no restart"),
    "refused": ("refused", "not refused"),
    **{kind: (f"forward of {of} to {{}}", f"forward of {of} off") for kind, of in FORWARDS.items()},
}
_CALL = {"idle": "no call", "ringing": "rings", "calling": "calls", "active": "in a call"}
_UNTOLD = frozenset({"pending", "tone", "config", "devices", "fetched", "server", "managed", "unmanaged", "reg_event"})
"""Shown by no display, or told by something else."""
_QUIET = frozenset({"idle", "off", "idle, theirs"})
_NETWORK = {
    "lost": "lost on the way to {remote}",
    "unreachable": "{remote} cannot be reached",
    "cut": "no link to {remote}",
}
_SLOT = re.compile(r"(line|lamp)\.(\d+)")


def notes(observations: Iterable[Observation]) -> list[Note]:
    """What is to be told, in order; what one party tells at one time is one note."""
    told: list[Note] = []
    known: dict[str, dict[str, Any]] = {}
    for observation in observations:
        note = _note(observation, known.setdefault(observation.who, {}))
        if note is None:
            continue
        at = _joined(told, note)
        if at is None:
            told.append(note)
        elif told[at].text != note.text:
            told[at] = told[at]._replace(text=f"{told[at].text}; {note.text}")
    return told


def _joined(told: list[Note], note: Note) -> int | None:
    """Which note says what the same party tells at the same time; what is done parts what was shown before it."""
    for at in range(len(told) - 1, -1, -1):
        earlier = told[at]
        if earlier.time_ns != note.time_ns or earlier.did != note.did:
            return None
        if earlier.who == note.who:
            return at
    return None


def has_words(observation: Observation) -> bool:
    """Whether the ladder tells it, so that it need not be told below."""
    return _note(observation, {}) is not None


def _note(observation: Observation, known: dict[str, Any]) -> Note | None:
    who, did = observation.who, False
    text = ""
    what = observation.what
    match observation.kind:
        case "belief":
            changed = {k: v for k, v in what.items() if (known[k] != v if k in known else not _is_quiet(v))}
            known |= what
            text = "; ".join(_shows(changed))
        case "intent":
            text, did = _did(what), True
        case "network":
            who = str(what.get("local", who))
            text = _NETWORK.get(str(what.get("event")), "").format_map(_Words(what))
        case "discovery":
            who = str(what.get("from", who))
            text = f"discovery: {what.get('kind', 'unknown')} to {what.get('to')}"
    frame = observation.frames[0] if observation.frames else 0
    return Note(observation.time_ns, frame, who, text, did) if text else None


def _is_quiet(value: object) -> bool:
    return not value or (isinstance(value, str) and value in _QUIET)


def _shows(changed: Facts) -> Iterator[str]:
    slots = dict.fromkeys(match[2] for key in changed if (match := _SLOT.fullmatch(key)))
    for index in slots:
        yield _line(index, changed)
    for key, value in changed.items():
        if key not in _UNTOLD and not _SLOT.fullmatch(key):
            user, dot, name = key.rpartition(".")
            yield f"{user}: {_shown(name, value)}" if dot else _shown(name, value)


def _line(index: str, changed: Facts) -> str:
    """ "line 1 active here, lamp green"."""
    state, _, whose = str(changed.get(f"line.{index}", "")).partition(", ")
    where = {"mine": " here", "theirs": "" if state in ("idle", "alerting") else " elsewhere"}.get(whose, "")
    lamp = changed.get(f"lamp.{index}")
    shown = [f"{state}{where}"] if state else []
    return f"line {index} " + ", ".join([*shown, *([f"lamp {lamp}"] if lamp is not None else [])])


def _shown(name: str, value: object) -> str:
    if name == "call":
        return _CALL.get(str(value), f"call {value}")
    label = name.replace("_", " ")
    on, off = _SHOWN.get(name, (f"{label} {{}}", f"{label} off"))
    if value and value is not True and "{}" not in on:
        return f"{label} {_word(value)}"
    return on.replace("{}", _word(value)) if value else off


def _did(what: Facts) -> str:
    verb = str(what.get("do"))
    if verb in _SPECIAL:
        return _SPECIAL[verb](what)
    template = _DONE.get(verb)
    if verb.startswith("seize") and not what.get("index"):
        template = "takes the receiver off"
    return template.format_map(_Words(what)) if template else ""


def _set_dnd(what: Facts) -> str:
    return f"switches Do Not Disturb {_word(what.get('on'))}{_whose(what)}"


def _forward(what: Facts) -> str:
    of = FORWARDS.get(str(what.get("kind")), "calls")
    if not what.get("active"):
        return f"switches the forward of {of} off{_whose(what)}"
    rings = f" after {counted(what['rings'], 'ring')}" if isinstance(what.get("rings"), int) else ""
    return f"forwards {of} to {_word(what.get('to'))}{rings}{_whose(what)}"


def _whose(what: Facts) -> str:
    return f" for {_word(what['user'])}" if what.get("user") else ""


def _hold_line(what: Facts) -> str:
    return "puts the call on hold" + (", privately" if what.get("private") else "")


_SPECIAL: dict[str, Callable[[Facts], str]] = {"set_dnd": _set_dnd, "forward": _forward, "hold_line": _hold_line}


class _Words(dict[str, Any]):
    """Facts for a template: values in words, an ellipsis for what is not there."""

    def __getitem__(self, key: str) -> str:
        return _word(super().__getitem__(key)) if key in self else "…"


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
