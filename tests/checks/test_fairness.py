"""What captures do to honest traffic must not become an accusation: cutting, copying, reordering, other hops."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipconform.checks.catalogue import INFO, Verdict
from sipconform.checks.judge import judge
from sipconform.trace.correlate import correlate
from sipconform.trace.packet import Observation, Packet
from tests.checks import code_scenes, line_scenes, scenes
from tests.checks.support import Scene
from tests.checks.test_hotspot import called
from tests.checks.test_hunt_group import both_answer, given_up, group_call

SCENES = [
    scenes.call,
    scenes.resumed_call,
    scenes.refused_call,
    scenes.subscription,
    scenes.registration,
    scenes.features,
    group_call,
    both_answer,
    given_up,
    called,
    code_scenes.pressed,
    code_scenes.session,
    scenes.features_in_parts,
    scenes.features_on_two_phones,
    line_scenes.shared_call,
    line_scenes.seized_call,
    line_scenes.shared_call_at_a_desk,
    line_scenes.seized_call_at_a_desk,
]


def packets(scene: Callable[[], Scene]) -> list[Packet]:
    return [message.packet for message in scene().trace().messages]


def accusations(evidence: Sequence[Packet | Observation]) -> list[tuple[str, str]]:
    found = judge(correlate(evidence)).findings
    return [
        (f.check.id, f.observed)
        for f in found
        if f.check is not None
        and f.verdict is Verdict.FAIL
        and f.level is not INFO
        and f.check.id != "SIP-032"  # a full state is larger than UDP should carry, and stays so
    ]


def recorded(scene: Callable[[], Scene], evidence: Sequence[Packet]) -> list[Packet | Observation]:
    """Evidence with what the lab noted beside it, which no network touches."""
    return sorted([*scene().observations, *evidence], key=lambda item: item.time_ns)


NOTED = [code_scenes.pressed, code_scenes.session]


@pytest.mark.parametrize("scene", NOTED)
def test_a_record_beside_a_capture_accuses_nobody_either(scene: Callable[[], Scene]) -> None:
    """Cut on either side, copied or repeated. One message that escaped the tap is no fault of features either."""
    whole = packets(scene)
    everything = recorded(scene, whole)
    for cut in range(len(everything)):
        assert accusations(everything[cut:]) == [], f"without the first {cut}"
        assert accusations(everything[:cut]) == [], f"only the first {cut}"
    for missing in range(len(whole)):
        found = accusations(recorded(scene, whole[:missing] + whole[missing + 1 :]))
        assert [f for f in found if f[0].startswith(("FC-", "CSTA-", "FS-"))] == [], f"without message {missing}"
    for late in (5_000_000, 500_000_000):
        copies = [p._replace(time_ns=p.time_ns + late, frames=(p.frames[0] + 500,)) for p in whole]
        assert accusations(recorded(scene, whole + copies)) == [], f"copied after {late} ns"


@pytest.mark.parametrize("scene", NOTED)
@settings(max_examples=25)
@given(delays=st.lists(st.integers(0, 120), min_size=16, max_size=16))
def test_the_network_reorders_what_a_record_lies_beside(scene: Callable[[], Scene], delays: list[int]) -> None:
    held = [p._replace(time_ns=p.time_ns + delays[n % 16] * 1_000_000) for n, p in enumerate(packets(scene))]
    assert accusations(recorded(scene, held)) == []


@pytest.mark.parametrize("scene", SCENES)
def test_nobody_does_anything_wrong(scene: Callable[[], Scene]) -> None:
    assert accusations(packets(scene)) == []


@pytest.mark.parametrize("scene", SCENES)
def test_captures_begin_in_the_middle(scene: Callable[[], Scene]) -> None:
    whole = packets(scene)
    for cut in range(1, len(whole)):
        assert accusations(whole[cut:]) == [], f"without the first {cut} messages"


@pytest.mark.parametrize("scene", SCENES)
def test_captures_end_in_the_middle(scene: Callable[[], Scene]) -> None:
    whole = packets(scene)
    for cut in range(1, len(whole)):
        assert accusations(whole[:cut]) == [], f"only the first {cut} messages"


@pytest.mark.parametrize("scene", SCENES)
def test_the_network_copies_datagrams(scene: Callable[[], Scene]) -> None:
    whole = packets(scene)
    copies = [p._replace(time_ns=p.time_ns + 5_000_000, frames=(p.frames[0] + 500,)) for p in whole]
    assert accusations(sorted(whole + copies, key=lambda p: p.time_ns)) == []


@pytest.mark.parametrize("scene", SCENES)
@settings(max_examples=25)
@given(delays=st.lists(st.integers(0, 120), min_size=16, max_size=16))
def test_the_network_reorders_datagrams(scene: Callable[[], Scene], delays: list[int]) -> None:
    """Every message is held up by as much as 120 ms, which makes some overtake others."""
    whole = packets(scene)
    held = [p._replace(time_ns=p.time_ns + delays[n % 16] * 1_000_000) for n, p in enumerate(whole)]
    assert accusations(sorted(held, key=lambda p: p.time_ns)) == []


@pytest.mark.parametrize("scene", SCENES)
@settings(max_examples=25)
@given(lost=st.lists(st.integers(0, 40), max_size=4))
def test_what_was_lost_before_the_tap_comes_again(scene: Callable[[], Scene], lost: list[int]) -> None:
    """A message that is missing is sent again half a second later; its answer, and all that waited for it, follow."""
    late, evidence = 0, []
    for n, packet in enumerate(packets(scene)):
        late += 500_000_000 if n in lost else 0
        evidence.append(packet._replace(time_ns=packet.time_ns + late))
    assert accusations(evidence) == []


@pytest.mark.parametrize("scene", SCENES)
def test_requests_repeated_because_answers_were_lost_behind_the_tap(scene: Callable[[], Scene]) -> None:
    """The tap sees every message and its answer twice, half a second apart."""
    whole = packets(scene)
    again = [p._replace(time_ns=p.time_ns + 500_000_000, frames=(p.frames[0] + 500,)) for p in whole]
    assert accusations(sorted(whole + again, key=lambda p: p.time_ns)) == []
