"""How the memory of a trace is looked after."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG_OBJECTS = 200_000  # some ten thousand messages with all that belongs to them


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Messages, transactions and dialogs point at each other by the thousand: looking for rings among them as often
    as Python does by default costs half the time."""
    before = gc.get_threshold()
    gc.set_threshold(YOUNG_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
