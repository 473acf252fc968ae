"""The judge: counting, attribution, and what happens to a check that breaks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipconform.checks.catalogue import EITHER, MUST, SERVER, Check, Finding, Side, Verdict, catalogue, check, finding
from sipconform.checks.explain import explanations
from sipconform.checks.judge import judge, side_is_guessed
from sipconform.trace.capture import read_capture
from sipconform.trace.packet import WITHHELD, Address, Observation
from sipconform.trace.parts import traces
from sipconform.trace.trace import Trace
from tests.checks import scenes
from tests.checks.support import PHONE, PROXY, SOURCE, Scene
from tests.checks.support import SERVER as ADDRESS


def lab(**what: object) -> Observation:
    return Observation(SOURCE * 10**9, "lab", "lab", dict(what))


def no_hops(scene: Scene) -> Scene:
    return scene.change("bye", Max_Forwards=None)


def sides(scene: Scene) -> set[Side]:
    return {f.side for f in judge(scene.trace()).findings}


@pytest.mark.parametrize("scene", [scenes.call, scenes.refused_call, scenes.subscription, scenes.registration])
def test_a_conversation_without_fault(scene: Callable[[], Scene]) -> None:
    judgement = judge(scene().trace(until=5000.0))
    assert judgement.findings == []
    assert judgement.passed.total() > 20
    assert judgement.asked == frozenset(judgement.passed)


def test_a_finding_is_complete() -> None:
    (found,) = judge(no_hops(scenes.call()).trace()).findings
    assert found.check is not None
    assert (found.check.id, found.level, found.verdict, found.party) == ("SIP-002", MUST, Verdict.FAIL, PHONE)
    assert found.frames == [12]
    assert found.of is not None
    assert found.at is not None


@pytest.mark.parametrize(
    ("observation", "side"),
    [
        (lab(phones=[str(PHONE)]), Side.PHONE),
        (lab(servers=[str(PHONE)]), Side.SERVER),
        (lab(ours=[str(PHONE)], phones=[str(PHONE)]), Side.SUITE),
        (lab(ours=[str(PHONE)], under_test=[str(PHONE)], phones=[str(PHONE)]), Side.PHONE),
        (lab(ours=[str(ADDRESS)], phones=[str(PHONE)]), Side.PHONE),
    ],
)
def test_side_by_the_labs_word(observation: Observation, side: Side) -> None:
    scene = no_hops(scenes.call())
    scene.observations.append(observation)
    assert sides(scene) == {side}


def test_side_by_what_a_party_does() -> None:
    scene = no_hops(scenes.call())
    scene.ask("register", 20.0, "REGISTER", "sip:example.com", call="r", by=ADDRESS, to=PHONE)
    assert sides(scene) == {Side.SERVER}


def test_side_of_strangers_by_how_many_they_speak_with() -> None:
    scene = no_hops(scenes.call())
    assert sides(scene) == {Side.PHONE}
    scene.ask("options", 20.0, "OPTIONS", call="o", to=PHONE._replace(port=5062))
    assert sides(scene) == {Side.SERVER}


def test_a_side_is_guessed_where_neither_the_lab_nor_what_was_done_tells_it() -> None:
    scene = no_hops(scenes.call())
    trace = scene.trace()
    assert [side_is_guessed(trace, found) for found in judge(trace).findings] == [True]
    scene.observations.append(lab(phones=[str(PHONE)]))
    trace = scene.trace()
    assert [side_is_guessed(trace, found) for found in judge(trace).findings] == [False]


def test_a_checks_own_side_counts() -> None:
    assert sides(scenes.features().change("ok", Contact=None)) <= {Side.SERVER}


@pytest.mark.parametrize("what", [{"call_id": "c1"}, {"call_id": "c1", "branch": "z9hG4bK7"}])
def test_stimulus_is_not_held_against_its_sender(what: dict[str, object]) -> None:
    scene = no_hops(scenes.call())
    scene.observations.append(Observation(0, "suite", "stimulus", what))
    branch = scene.trace().messages[11].branch
    judgement = judge(scene.trace())
    provoked = what.get("branch") in (None, branch)
    assert (judgement.provoked, len(judgement.findings)) == ((1, 0) if provoked else (0, 1))


def test_a_stimulus_is_its_senders_whatever_port_it_left_by() -> None:
    """By stream a phone asks from one port and answers from another; the trace knows that they are one."""
    by_stream = PHONE._replace(port=49152)
    scene = no_hops(scenes.call())
    scene.observations.append(Observation(0, "suite", "stimulus", {"call_id": "c1"}))
    trace = scene.trace()
    trace.aliases[PHONE] = by_stream
    judgement = judge(trace, {"ZZ-001": Check("ZZ-001", "?", MUST, EITHER, "none", partial(_accuses, by_stream))})
    assert (judgement.provoked, judgement.findings) == (1, [])


def _accuses(party: Address, trace: Trace) -> Iterator[Finding]:
    yield finding(trace.messages[11], False, expected="x", observed="y", party=party)


def test_what_a_stimulus_brings_out_counts() -> None:
    """The stray NOTIFY was ours, on purpose; that it was taken is the phone's failing."""
    scene = Scene()
    scenes.notify(scene, "stray", 0.0, 1, "active;expires=60")
    scene.change("stray", To="<sip:2001@example.com>")
    scene.observations.append(Observation(0, "suite", "stimulus", {"call_id": "c1"}))
    assert {(f.check.id, f.party) for f in judge(scene.trace()).findings if f.check} == {("SUB-009", PHONE)}


def test_what_a_server_keeps_to_itself_on_purpose_is_not_held_against_it() -> None:
    scene = scenes.subscription().drop("third", "third-ok", "end", "ended", "last", "last-ok")
    scenes.heard_again(scene, 350.0).change("alive350.0-ok", Allow="x", Accept="x", Supported="")
    assert {(f.check.id, f.party) for f in judge(scene.trace()).findings if f.check} == {("SUB-001", ADDRESS)}
    scene.observations.append(Observation(0, "server", "stimulus", {"call_id": "c1", "branch": WITHHELD}))
    assert judge(scene.trace()).findings == []
    stray = scene.change("refresh", CSeq="2 SUBSCRIBE")
    assert PHONE in {f.party for f in judge(stray.trace()).findings}


def test_who_wrote_what_a_proxy_passed_on() -> None:
    scene = scenes.subscription().change("notify", Subscription_State="active, 9")
    vias = f"SIP/2.0/UDP {PROXY};branch=z9hG4bKp\nSIP/2.0/UDP 192.0.2.99:5060;branch=z9hG4bKs"
    scene.change("notify", Via=vias).said["notify"].source = PROXY
    scene.said["notify-ok"].destination = PROXY
    found = [f for f in judge(scene.trace()).findings if f.check and f.check.id == "SUB-007"]
    assert [(f.side, f.party) for f in found] == [(Side.SERVER, Address("192.0.2.99", 5060))]


def test_a_broken_check_hides_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def broken(trace: Trace) -> Iterator[Finding]:
        yield finding(trace.messages[0], False, expected="x", observed="y")
        raise LookupError("no such thing")

    asked = Check("ZZ-001", "?", MUST, EITHER, "none", broken)
    with caplog.at_level(logging.CRITICAL):
        judgement = judge(scenes.call().trace(), {"ZZ-001": asked, "SIP-001": catalogue()["SIP-001"]})
    first, second = judgement.findings
    assert (first.verdict, first.side) == (Verdict.FAIL, Side.PHONE)
    assert (second.verdict, second.side, second.check) == (Verdict.COULD_NOT_RUN, Side.SUITE, asked)
    assert "LookupError: no such thing" in second.observed
    assert judgement.passed["SIP-001"] > 0


def test_no_check_breaks_on_real_captures(shared_captures: Path) -> None:
    for path in sorted(shared_captures.glob("*/*.pcap")):
        for trace in traces(read_capture(path)):
            broken = [f for f in judge(trace).findings if f.verdict is Verdict.COULD_NOT_RUN]
            assert not broken, (path.name, broken)


@settings(max_examples=60)
@given(st.sampled_from([scenes.call, scenes.refused_call, scenes.subscription, scenes.registration, scenes.features]),
       st.lists(st.tuples(st.integers(0, 30), st.integers(0, 900), st.binary(max_size=6)), max_size=12))  # fmt: skip
def test_no_check_breaks_on_mangled_messages(scene: Callable[[], Scene], wounds: list[tuple[int, int, bytes]]) -> None:
    mangled = scene()
    names = list(mangled.said)
    for which, where, what in wounds:
        said = mangled.said[names[which % len(names)]]
        raw = said.render()
        said.raw = raw[: where % len(raw)] + what + raw[where % len(raw) + len(what) :]
    findings = judge(mangled.trace(until=5000.0)).findings
    assert not [f.observed for f in findings if f.verdict is Verdict.COULD_NOT_RUN]


def test_every_check_explains_itself() -> None:
    told = explanations()
    assert len(told) == len(catalogue())
    for explanation in told:
        assert len(explanation.why) > 40, explanation.id
        assert explanation.clause
        assert not explanation.asks.endswith(".")


def test_explanations_by_id_and_family() -> None:
    assert [e.id for e in explanations("sub-007")] == ["SUB-007"]
    assert {e.family for e in explanations("reg")} == {"REG"}
    assert explanations("nothing") == []


def test_ids_are_told_apart() -> None:
    with pytest.raises(ValueError, match="declared twice"):
        check("SIP-001", level=MUST, on=SERVER, clause="", asks="")(lambda trace: iter(()))
