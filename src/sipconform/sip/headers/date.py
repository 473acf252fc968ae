"""Date: when a message was sent, always in GMT (RFC 3261 §20.17)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from sipconform.sip.fault import Fault

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DATE = re.compile(
    rf"({'|'.join(_DAYS)}), ([0-9]{{2}}) ({'|'.join(_MONTHS)}) ([0-9]{{4}}) "
    r"([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT",
    re.IGNORECASE,
)


def parse(text: str) -> datetime | Fault:
    """A Fault for any zone but GMT and for days that are in no calendar."""
    found = _DATE.fullmatch(text)
    if not found:
        return Fault("a date is written as in Sat, 13 Nov 2010 23:29:00 GMT")
    _, day, month, year, hour, minute, second = found.groups()
    try:
        return datetime(
            int(year), _MONTHS.index(month.capitalize()) + 1, int(day), int(hour), int(minute), int(second), tzinfo=UTC
        )
    except ValueError:
        return Fault("a date is in the calendar")
