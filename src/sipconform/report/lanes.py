"""State lanes beside the ladder: what each appearance of a shared line was, from one NOTIFY to the next.

A lane is drawn as the lamp that a phone which is not in the call has to show (the seed's table): the colour of the
lamp, and long or short dashes for slow or fast blinking.
"""

from __future__ import annotations

from html import escape

from sipconform.features.appearance import read_full_state
from sipconform.features.lamp import lamp
from sipconform.trace.trace import WireMessage

TABLE = "becke"
LANE = 18  # pixels from one lane to the next
MOST_LANES = 6


class Lanes:
    """Collects the states while the ladder's rows are drawn; `svg` draws what was collected."""

    def __init__(self) -> None:
        self._segments: list[tuple[int, str, int, int]] = []  # index, state, from y, to y
        self._open: dict[int, tuple[str, int]] = {}
        self._order: list[int] = []

    def see(self, message: WireMessage, y: int) -> None:
        """Takes a message that stands at `y`; only a NOTIFY of call-info tells states."""
        event = message.event if message.is_request and message.method == "NOTIFY" else None
        if not event or event.package != "call-info":
            return
        told = read_full_state(message.texts("Call-Info"))
        for index in {*self._open, *told.busy}:
            self._change(index, told.state(index), y)

    def _change(self, index: int, state: str, y: int) -> None:
        known = self._open.get(index)
        if known is not None and known[0] == state:
            return
        if index not in self._order:
            self._order.append(index)
        if known is not None:
            self._segments.append((index, known[0], known[1], y))
        self._open[index] = (state, y)

    @property
    def width(self) -> int:
        """Pixels the lanes take, 0 when there is nothing to show."""
        shown = len(self._order[:MOST_LANES])
        return 110 + shown * LANE if shown else 0

    def svg(self, left: int, bottom: int) -> str:
        """The lanes, the first at `left`, down to `bottom`; beyond six it is said that there are more."""
        segments = [*self._segments, *((i, state, y, bottom) for i, (state, y) in self._open.items())]
        lanes = sorted(self._order)[:MOST_LANES]
        parts = [
            _segment(left + lanes.index(i) * LANE, state, start, end) for i, state, start, end in segments if i in lanes
        ]
        names = [
            f'<text x="{left + len(lanes) * LANE}" y="{start + 4}" class="state">{i} {escape(state)[:16]}</text>'
            for i, state, start, _ in segments
            if i in lanes
        ]
        more = len(self._order) - len(lanes)
        if more:
            names.append(f'<text x="{left}" y="{bottom - 4}" class="state">and {more} more appearances</text>')
        return f'<g class="lanes">{"".join(parts)}{"".join(names)}</g>'


def _segment(x: int, state: str, start: int, end: int) -> str:
    shown = lamp(state, False, TABLE)
    colour, rhythm = (shown.colour, shown.rhythm) if shown is not None else ("unknown", "steady")
    return (
        f'<path class="lamp {colour} {rhythm}" d="M{x} {start}V{end}">'
        f"<title>{escape(state)}: lamp {escape(str(shown or 'unknown'))} on other phones</title></path>"
    )
