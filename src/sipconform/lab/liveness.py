"""The arithmetic of noticing a lost registration, told in every report of a profile that promises a time."""

from __future__ import annotations

from typing import Any

from sipconform.lab.profile import Timing
from sipconform.sip.timers import Timers


def timing_facts(timing: Timing) -> dict[str, float]:
    """What the profile promises, in seconds; nothing for what it does not."""
    promised = {
        "register_refresh": timing.register_refresh,
        "register_expires": timing.register_expires,
        "loss_detect_max": timing.loss_detect_max,
    }
    return {name: seconds for name, seconds in promised.items() if seconds is not None}


def loss_arithmetic(timing: Timing) -> dict[str, Any]:
    """When who notices a link that is lost right after a refresh; {} where nothing is promised.

    The phone asks again one period later and gets no answer; the server forgets it when its time is over; a phone
    that relied on Timer F alone (RFC 3261 §17.1.2.2) would notice 64*T1 after asking.
    """
    refresh, expires, limit = timing.register_refresh, timing.register_expires, timing.loss_detect_max
    if refresh is None or expires is None or limit is None:
        return {}
    by_timer_f = refresh + Timers().give_up
    return {
        "unanswered refresh after": refresh,
        "server forgets after": expires,
        "promised at the latest after": limit,
        "by Timer F alone after": by_timer_f,
        "Timer F alone": "too late: after the server has forgotten" if by_timer_f > expires else "in time",
    }
