"""The lamp a line key must show: colour and rhythm per state, for the call's owner and for the other phones.

Each vendor's table is from that vendor's own guide. Where a guide says nothing the table says nothing either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sipconform.features.appearance import State


class Lamp(NamedTuple):
    """A colour ("off" for a dark lamp) and a rhythm: steady, slow, fast, double.

    The rhythm is "flashing" where the guide does not say how fast.
    """

    colour: str
    rhythm: str = "steady"

    def __str__(self) -> str:
        return self.colour if self.rhythm == "steady" else f"{self.rhythm} {self.colour}"


Table = Mapping[State, tuple[Lamp | None, Lamp | None]]  # of the owner, of the other phones


def _lamp(words: str) -> Lamp | None:
    """`slow red` is red, slowly; `red` is steady; `-` is what the guide does not say."""
    rhythm, _, colour = words.rpartition(" ")
    return None if words == "-" else Lamp(colour, rhythm or "steady")


def _table(**rows: str) -> Table:
    """`held="slow green / slow red"`: the owner's lamp, then the others'; one lamp alone is everybody's."""
    table = {}
    for name, row in rows.items():
        local, _, remote = row.partition(" / ")
        table[State(name.replace("_", "-"))] = (_lamp(local), _lamp(remote or local))
    return table


REFERENCE = {  # what those have in common who go by the reference phone's lamps
    "idle": "off",
    "seized": "green / red",
    "active": "green / red",
    "held": "slow green / slow red",
}
BRIDGES = {"bridge_active": "green / red", "bridge_held": "green / red"}

TABLES: Mapping[str, Table] = {
    "becke": _table(
        **REFERENCE,
        **BRIDGES,
        progressing="fast green / fast red",
        alerting="fast green",
        held_private="slow green / red",
    ),
    "fanvil": _table(
        **REFERENCE,
        **BRIDGES,
        progressing="green / red",
        alerting="fast green",
        held_private="slow yellow / red",
    ),
    "yealink": _table(
        **REFERENCE,
        progressing="green / red",
        alerting="fast green",
        held_private="slow green / red",
        bridge_active="green / red",
    ),
    "htek": _table(  # slow stands for its 500 ms, fast for its 100 ms
        **REFERENCE,
        progressing="slow green / red",
        alerting="fast red",
        held_private="slow green / red",
    ),
    "cisco-spa": _table(
        idle="green",
        seized="red / double red",
        progressing="red / double red",
        alerting="fast red / double red",
        active="red / double red",
        held="slow red",
        held_private="slow red",
    ),
    "poly": _table(active="green / -", held="flashing red / -"),
    "flyingvoice": _table(
        idle="off",
        seized="green",
        alerting="fast red",
        active="red",
        held="slow red",
        held_private="slow red",
    ),
    "mitel": _table(
        idle="off",
        seized="red",
        alerting="flashing green",
        active="green",
        held="flashing red",
    ),
    # What the seed's phones, Fanvil's and Yealink's have in common: what any phone may be asked for.
    "common": _table(
        idle="off",
        alerting="fast green",
        active="- / red",
        held="- / slow red",
        held_private="- / red",
    ),
}


def lamp(state: str, local: bool, table: str = "common") -> Lamp | None:
    """The lamp of a slot in `state`; `local` when the asking phone owns the call. None: the table is silent.

    An unknown state is told by no table. Raises `KeyError` for a table that does not exist.
    """
    row = TABLES[table].get(State(state)) if state in set(State) else None
    return row[0 if local else 1] if row else None
