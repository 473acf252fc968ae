"""Who is in a call when another comes: by its INVITE, until it is refused or hung up, and from before the evidence."""

from __future__ import annotations

import pytest

from sipconform.checks.engaged import is_engaged
from tests.checks.scenes import call
from tests.checks.support import OTHER, PHONE, SERVER, Scene


def engaged(scene: Scene, at: float) -> bool:
    """Whether the phone is, when a call comes in at a moment."""
    scene.ask("probe", at, "INVITE", f"sip:u@{PHONE}", by=SERVER, to=PHONE, call="probe", tag="x1")
    trace = scene.trace()
    probe = next(m for m in trace.messages if m.call_id == "probe")
    assert not is_engaged(trace, OTHER, probe)
    assert not is_engaged(trace, PHONE, probe, frozenset({"c1"}))
    return is_engaged(trace, PHONE, probe)


@pytest.mark.parametrize(("at", "expected"), [(-1.0, False), (0.2, True), (5.0, True), (13.0, False)])
def test_from_the_invite_to_the_bye(at: float, expected: bool) -> None:
    assert engaged(call(), at) is expected


def test_until_it_is_refused() -> None:
    scene = call().change("ok", start="SIP/2.0 486 Busy Here", body="")
    scene.drop(*[name for name, said in scene.said.items() if said.at > 3.0])
    assert engaged(scene, 2.0)
    assert not engaged(call().drop(*call().said), 2.0)


@pytest.mark.parametrize(("at", "expected"), [(4.0, True), (13.0, False)])
def test_a_call_that_was_up_when_the_capture_began(at: float, expected: bool) -> None:
    assert engaged(call().drop("invite", "trying", "ringing", "ok", "ack"), at) is expected
