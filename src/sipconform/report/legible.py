"""Text from the wire made fit to be shown: what cannot be seen is spelled out, nothing is lost."""

from __future__ import annotations

import inspect
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

# Controls but tab and newline, surrogates, non-characters, line separators that editors honour, and every
# character that changes the direction or the visibility of what follows it.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff0-\uffff\ud800-\udfff\U000e0000-\U000e0fff]"
)


def _spell(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:  # an octet that was not UTF-8, see `errors="surrogateescape"`
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def legible(text: str) -> str:
    """The text with every invisible, direction-changing or XML-illegal character as a backslash escape."""
    return _UNSEEN.sub(_spell, text)


_RIGHT_TO_LEFT = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
_RUN = re.compile(f"[{_RIGHT_TO_LEFT}](?:[^\\S\n]*[{_RIGHT_TO_LEFT}])*")
ISOLATE, ISOLATED = "\u2067", "\u2069"


def isolated(text: str) -> str:
    """Words of a script that runs from right to left, each run of them in an isolate of its own: it reads as it
    should, and what stands around it stays where it is. For text that is legible already, which holds no isolates."""
    return text if text.isascii() else _RUN.sub(lambda match: f"{ISOLATE}{match[0]}{ISOLATED}", text)


def pieces(text: str) -> list[tuple[bool, str]]:
    """The text cut into (is an escape, what to show), so that an escape can look different from a backslash."""
    found, at = [], 0
    for match in _UNSEEN.finditer(text):
        if match.start() > at:
            found.append((False, text[at : match.start()]))
        found.append((True, _spell(match)))
        at = match.end()
    if at < len(text):
        found.append((False, text[at:]))
    return found


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters; what was cut off is an ellipsis."""
    return text if len(text) <= limit else text[: max(0, limit - 1)] + "…"


def duration(seconds: float) -> str:
    """ "4 ms", "12.3 s", "2.5 min", "1.0 h"."""
    if seconds < 1:
        return f"{seconds * 1e3:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def width_of(text: str) -> int:
    """How many columns of a Latin letter it takes: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def wrapped(text: str, columns: int, most: int) -> list[str]:
    """At most so many lines of so many columns, broken between words where there are any; an ellipsis for the rest."""
    lines = [""]
    for piece in _pieces_of(text, columns):
        if width_of(lines[-1] + piece) <= columns or not lines[-1]:
            lines[-1] += piece
        elif len(lines) == most:
            lines[-1] += " …"
            break
        else:
            lines.append(piece.lstrip())
    return lines


def _pieces_of(text: str, columns: int) -> Iterator[str]:
    """Words with the space before them; longer ones in pieces that fit."""
    for word in re.findall(r"\s*\S+", text):
        piece = ""
        for character in word:
            if width_of(piece) + width_of(character) > columns:
                yield piece
                piece = ""
            piece += character
        yield piece


def counted(number: int, thing: str) -> str:
    """ "1 message", "2,000 messages"."""
    return f"{number:,} {thing}{'s' * (number != 1)}"


def in_frames(frames: Sequence[int], most: int = 8) -> str:
    """ " (frame 3)", " (frames 3, 4 …)"; empty where there are none."""
    if not frames:
        return ""
    listed = ", ".join(map(str, frames[:most])) + (" …" if len(frames) > most else "")
    return f" (frame{'s' * (len(frames) != 1)} {listed})"


def ranges(numbers: Sequence[int], most: int = 8) -> str:
    """ "3, 7–12, 20"; an ellipsis for more than so many."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    told = ", ".join("–".join(map(str, run)) for run in runs[:most])
    return told + (" …" if len(runs) > most else "")


def flowing(text: str) -> str:
    """A docstring with its paragraphs kept and their lines joined: where a source breaks a line means nothing."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def seen(kinds: Counter[str]) -> str:
    """ "in 14 NOTIFYs", "in 1 answer 200 to INVITE", "in 30 messages", "3 times"."""
    total, named = kinds.total(), [kind for kind in kinds if kind]
    if not named:
        return counted(total, "time")
    if len(kinds) > 1 or named[0] == "message":
        return f"in {counted(total, 'message')}"
    word, _, of = named[0].partition(" to ")
    if not of:
        return f"in {counted(total, word)}" if word[-1:] != "S" else f"in {total:,} {word}"
    return f"in {counted(total, 'answer')} {word} to {of}"
