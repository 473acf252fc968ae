"""The ladder: who said what to whom and when, as SVG that needs no script to be read.

A lifeline per host; time at the left; colour *and* shape say which call an arrow belongs to, so that a print in
black and white still does. Offending arrows are red, thick and named; retransmissions are folded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import NamedTuple

from sipconform.report.captions import few, in_words, since, tooltip, topic
from sipconform.report.evidence import Evidence, Shown, columns, ends
from sipconform.report.lanes import Lanes
from sipconform.report.legible import duration, isolated, legible, shortened, width_of, wrapped
from sipconform.report.words import Note, notes
from sipconform.trace.trace import WireMessage

LEFT, RIGHT, LEAST_RIGHT = 226, 212, 100  # pixels: times, and half a head; check ids, where there are any
WIDEST, NARROWEST, SHEET = 380, 150, 1188  # between lifelines; what a page is wide
ROW, SLIM, TOP = 34, 22, 12
MOST_LIFELINES = 12
PAUSE_S = 1.0
"""A silence longer than this is drawn as a break of the lifelines."""
PAGE = 200
SHAPES = 8
OWN_LABEL = 22  # characters, of what a host says to itself
NOTE_COLUMNS, NOTE_LINES = 46, 3
NOTE_ROW, NOTE_LINE = 30, 15
MOST_NOTES = 300  # on one page
ELSEWHERE = "other hosts"

_MARKERS = (  # drawn around 0,0; one per call, beginning again after eight
    '<circle r="4.5"/>',
    '<rect x="-4" y="-4" width="8" height="8"/>',
    '<path d="M0-5.5 5 4H-5z"/>',
    '<path d="M0-5.5 5.5 0 0 5.5-5.5 0z"/>',
    '<circle r="4" class="hollow"/>',
    '<rect x="-3.5" y="-3.5" width="7" height="7" class="hollow"/>',
    '<path d="M0 5.5 5-4H-5z"/>',
    '<path d="M-4.5-4.5 4.5 4.5M4.5-4.5-4.5 4.5" class="stroke"/>',
)


class Lifeline(NamedTuple):
    """One vertical line of the ladder."""

    name: str
    role: str
    x: int


class Legend(NamedTuple):
    """How one call is drawn, and what it is."""

    marker: str  # SVG
    text: str


class Ladder:
    """Draws the pages of one scenario's ladder. `say` makes text safe to show: masks secrets."""

    def __init__(self, evidence: Evidence, say: Callable[[str], str]) -> None:
        self.evidence = evidence
        self._say = say
        self._calls: dict[str, int] = {}
        for one in evidence.shown:
            self._calls.setdefault(one.message.text("Call-ID"), len(self._calls))
        self._notes = notes(evidence.observations)

    def pages(self) -> list[str]:
        """One SVG for every two hundred arrows."""
        shown = self.evidence.shown
        cuts = range(0, len(shown), PAGE)
        starts = [shown[cut].message.packet.time_ns for cut in cuts]
        bounds = [0, *starts[1:], 1 << 63]
        return [
            _Page(self, shown[cut : cut + PAGE], self._noted(bounds[i], bounds[i + 1])).svg()
            for i, cut in enumerate(cuts)
        ]

    def legend(self, most: int = 16) -> list[Legend]:
        """The calls in order of appearance, at most so many."""
        firsts: dict[str, WireMessage] = {}
        for one in self.evidence.shown:
            firsts.setdefault(one.message.text("Call-ID"), one.message)
        return [
            Legend(self.marker(message), self.text(f"{topic(message)}  {call_id}", 64))
            for call_id, message in list(firsts.items())[:most]
        ]

    def marker(self, message: WireMessage, x: int = 0, y: int = 0) -> str:
        """The shape and colour of the call the message belongs to, around a point."""
        call = self._calls.get(message.text("Call-ID"), 0) % SHAPES
        place = f' transform="translate({x} {y})"' if x else ""
        return f'<g class="c{call}"{place}>{_MARKERS[call]}</g>'

    def text(self, text: str, limit: int) -> str:
        """Hostile text, ready to stand in the SVG."""
        return escape(isolated(legible(shortened(self._say(text[:4096]), limit))))

    def said(self, text: str) -> str:
        """The same before it is cut into lines: not yet escaped."""
        return legible(self._say(text[:4096]))

    def _noted(self, start_ns: int, end_ns: int) -> list[Note]:
        return [note for note in self._notes if start_ns <= note.time_ns < end_ns][:MOST_NOTES]


class _Page:
    def __init__(self, ladder: Ladder, shown: Sequence[Shown], noted: Sequence[Note]) -> None:
        self.ladder, self.shown, self.noted = ladder, shown, noted
        self.names = columns(shown)
        self.lanes, foreseen = Lanes(), Lanes()
        for one in shown:
            foreseen.see(one.message, 0)
        wide = any(one.findings or one.message.source.host == one.message.destination.host for one in shown)
        self.right = RIGHT if wide else LEAST_RIGHT  # room for check ids, and for what a host says to itself
        self.column = WIDEST
        self.lines = self._lifelines(SHEET - LEFT - self.right - foreseen.width)
        self.width = max((line.x for line in self.lines.values()), default=LEFT) + self.right
        self.y = 0
        self.parts: list[str] = []

    def svg(self) -> str:
        """Head and body apart, so that the head can stay in sight while the body scrolls."""
        self._rows()
        height = self.y + TOP
        lanes = self.lanes.svg(self.width, height) if self.lanes.width else ""
        self.width += self.lanes.width
        lines = "".join(f'<path class="life" d="M{line.x} 0V{height}"/>' for line in self.lines.values())
        return (
            f'<div class="lifelines">{self._head()}</div>'
            f'<svg class="body" width="{self.width}" height="{height}" viewBox="0 0 {self.width} {height}" '
            f'role="group" aria-label="Ladder of {len(self.shown)} messages">{lines}{"".join(self.parts)}{lanes}</svg>'
        )

    def _lifelines(self, room: int) -> dict[str, Lifeline]:
        order = list(dict.fromkeys(name for one in self.shown for name in self._named(one.message)))
        if len(order) > MOST_LIFELINES:
            order = [*order[: MOST_LIFELINES - 1], ELSEWHERE]
        self.column = max(NARROWEST, min(WIDEST, room // max(1, len(order) - 1)))
        roles: dict[str, set[str]] = {}
        for address, name in self.names.items():
            role = self.ladder.evidence.roles.get(address, "")
            roles.setdefault(name, set()).update([role] if role else [])
        order.sort(key=lambda name: "server" in " ".join(roles.get(name, ())))  # phones left, servers right
        return {
            name: Lifeline(name, " and ".join(sorted(roles.get(name, ()))) or "host", LEFT + i * self.column)
            for i, name in enumerate(order)
        }

    def _named(self, message: WireMessage) -> tuple[str, str]:
        source, destination = ends(message)
        return self.names[source], self.names[destination]

    def _x(self, name: str) -> int:
        line = self.lines.get(name) or self.lines[ELSEWHERE]
        return line.x

    def _head(self) -> str:
        half = min(88, self.column // 2 - 6)
        boxes = "".join(
            f'<g class="party"><rect x="{line.x - half}" y="4" width="{2 * half}" height="40" rx="6"/>'
            f'<text x="{line.x}" y="20" class="role">{self.ladder.text(line.role, 26)}</text>'
            f'<text x="{line.x}" y="36" class="address">{self.ladder.text(line.name, half // 3)}</text></g>'
            for line in self.lines.values()
        )
        left = self.width - self.lanes.width
        lanes = f'<text x="{left}" y="36" class="time">appearances</text>' if self.lanes.width else ""
        return (
            f'<svg width="{self.width}" height="48" viewBox="0 0 {self.width} 48">'
            f'<text x="8" y="36" class="time"> seconds     since</text>{boxes}{lanes}</svg>'
        )

    def _rows(self) -> None:
        events: list[tuple[int, int, Shown | Note]] = [(note.time_ns, note.frame, note) for note in self.noted]
        for one in self.shown:
            packet = one.message.packet
            events.append((packet.time_ns, packet.frames[0] if packet.frames else 0, one))
        events.sort(key=lambda event: event[:2])
        before = events[0][0] if events else 0
        for time_ns, _, event in events:
            delta = (time_ns - before) / 1e9
            if delta > PAUSE_S:
                self._pause(delta)
            if isinstance(event, Shown):
                self._arrow(event, delta)
            else:
                self._note(event)
            before = time_ns

    def _pause(self, seconds: float) -> None:
        self.y += SLIM
        start, end = LEFT - 40, self.width - self.right
        self.parts.append(
            f'<g class="pause"><path d="M{start} {self.y}H{end}"/>'
            f'<text x="{start - 8}" y="{self.y + 4}">{duration(seconds)} later</text></g>'
        )

    def _arrow(self, one: Shown, delta: float) -> None:
        self.y += ROW
        message, y, text = one.message, self.y, self.ladder.text
        self.lanes.see(message, y)
        source, destination = (self._x(name) for name in self._named(message))
        at = (message.packet.time_ns - self.ladder.evidence.start_ns) / 1e9
        kind = "response" if message.is_response else "request"
        look = "bad" if one.offends else "unsure" if one.findings else ""
        sign = {"bad": "✗", "unsure": "?", "": ""}[look]
        ids, short = ", ".join(one.checks), text(few(one.checks), 24)
        badge = f'<text x="{self.width - self.right + 10}" y="{y + 4}" class="badge">{sign} {short}</text>'
        label = text(
            in_words(message), OWN_LABEL if source == destination else max(24, abs(destination - source) // 7 - 4)
        )
        title = f"<title>{text(tooltip(message, ids), 300)}</title>" if look or label.endswith("…") else ""
        self.parts.append(
            f'<a href="#{one.anchor}" class="row {look}">'
            f"{title}"
            f'<rect class="hit" y="{y - ROW + 12}" width="{self.width}" height="{ROW}"/>'
            f'<text x="8" y="{y + 4}" class="time">{at:8.3f}{since(delta):>10}</text>'
            f'<text x="{LEFT - 94}" y="{y + 4}" class="number">{one.number}</text>'
            f"{_line(source, destination, y, kind)}{self.ladder.marker(message, source, y)}"
            f"{_caption(source, destination, y, label, kind)}{badge if look else ''}</a>"
        )
        if one.resent:
            self._resent(one, source, destination)

    def _resent(self, one: Shown, source: int, destination: int) -> None:
        self.y += SLIM
        last = (one.resent[-1].packet.time_ns - one.message.packet.time_ns) / 1e9
        times = "once more" if len(one.resent) == 1 else f"{len(one.resent)} more times, last"
        said = f"↻ sent {times} after {last:.3f} s"
        self.parts.append(
            f'<g class="resent">{_line(source, destination, self.y, "resent")}'
            f"{_caption(source, destination, self.y, said, 'request')}</g>"
        )

    def _note(self, note: Note) -> None:
        name = note.who.replace("_", " ")
        said = f"▸ {name} {note.text}" if note.did else f"{name}: {note.text}"
        lines = wrapped(self.ladder.said(said), NOTE_COLUMNS, NOTE_LINES)
        width = 16 + round(6.7 * max(map(width_of, lines)))
        self.y += NOTE_ROW
        top, x = self.y - 14, self._place(note.who)
        x = max(LEFT - 70, min(x - width // 2, self.width - width - 6))
        told = "".join(
            f'<text x="{x + 8}" y="{self.y + 1 + i * NOTE_LINE}">{escape(isolated(line))}</text>'
            for i, line in enumerate(lines)
        )
        height = 7 + NOTE_LINE * len(lines)
        self.y += NOTE_LINE * (len(lines) - 1)
        title = f"<title>{self.ladder.text(said, 600)}</title>" if lines[-1].endswith("…") else ""
        self.parts.append(
            f'<g class="note{" did" if note.did else ""}">{title}'
            f'<rect x="{x}" y="{top}" width="{width}" height="{height}" rx="4"/>{told}</g>'
        )

    def _place(self, who: str) -> int:
        """The lifeline of the party that speaks: by address, by host, or by role where only one has it."""
        for address, name in self.names.items():
            if who in (str(address), address.host, name):
                return self._x(name)
        same = [line for line in self.lines.values() if line.role == who.lower().replace("_", " ")]
        return same[0].x if len(same) == 1 else LEFT


def _line(source: int, destination: int, y: int, kind: str) -> str:
    if source == destination:
        return f'<path class="arrow {kind} own" d="M{source} {y - 6}h34v10h-30m0 0l9-4.5m-9 4.5l9 4.5"/>'
    way = 1 if destination > source else -1
    return f'<path class="arrow {kind}" d="M{source} {y}H{destination - 5 * way}M{destination} {y}l{-9 * way}-4.5v9z"/>'


def _caption(source: int, destination: int, y: int, text: str, kind: str) -> str:
    if source == destination:
        return f'<text x="{source + 40}" y="{y - 6}" class="label {kind} own">{text}</text>'
    return f'<text x="{(source + destination) // 2}" y="{y - 6}" class="label {kind}">{text}</text>'
