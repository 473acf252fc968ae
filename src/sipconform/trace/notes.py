"""Collects what could not be opened, folding repetitions so that a hostile file cannot fill the report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sipconform.trace.packet import Note

FRAMES_NAMED = 100
KINDS_NAMED = 200


class Notes:
    """Notes of one capture, one per code and sentence, each with its count and its first frames."""

    def __init__(self) -> None:
        self._frames: dict[tuple[str, str], list[int]] = {}
        self._counts: dict[tuple[str, str], int] = {}

    def add(self, code: str, text: str, frames: Iterable[int] = ()) -> None:
        """Remembers one occurrence. `text` is a sentence without its full stop."""
        key = (code, text)
        if key not in self._counts and len(self._counts) >= KINDS_NAMED:
            key = ("more", "More kinds of trouble than are worth naming")
        self._counts[key] = self._counts.get(key, 0) + 1
        named = self._frames.setdefault(key, [])
        for frame in frames:
            if len(named) < FRAMES_NAMED and (not named or named[-1] != frame):
                named.append(frame)

    def drain(self) -> Iterator[Note]:
        """Every note once, in the order of first occurrence; afterwards there is none left."""
        counts, frames = self._counts, self._frames
        self._counts, self._frames = {}, {}
        for key, count in counts.items():
            code, text = key
            often = f" ({count} times)" if count > 1 else ""
            yield Note(code, f"{text}{often}.", tuple(frames[key]))
