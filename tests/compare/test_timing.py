import pytest

from sipconform.compare.comparison import compare
from sipconform.trace.trace import Trace
from tests.checks.support import OTHER, PHONE, SERVER, Scene
from tests.compare.talk import Said, answer, call, request, subscription, trace


def again(times: list[float]) -> list[Said]:
    """A SUBSCRIBE sent at these times after the first, then answered."""
    first, *rest = subscription()
    return [first, *[(at, "phone", first[2]) for at in times], *[(at + 40, who, text) for at, who, text in rest]]


@pytest.mark.parametrize(
    ("times", "rules"), [([0.5, 1.5], []), ([0.1], ["pace"]), ([0.5, 39.9], ["pace"]), ([39.9], ["pace"])]
)
def test_the_pace_of_retransmissions_is_watched(times: list[float], rules: list[str]) -> None:
    result = compare(trace(*again(times)), trace(*again([0.5])))
    assert [found.rule for found in result.differences if found.rule == "pace"] == rules


def test_an_answer_repeated_in_spite_of_its_ack_shows() -> None:
    said = call()
    deaf = [(2.5 + at, "server", said[2][2]) for at in range(3)]
    assert [f.rule for f in compare(trace(*said[:4], *deaf), trace(*said[:4])).differences] == ["pace"]
    assert compare(trace(*said[:4], *deaf[:2]), trace(*said[:4])).differences == []


def refreshed(at: float) -> list[Said]:
    """A registration for a minute, refreshed so many seconds later."""
    first = request("REGISTER", 1, "Contact: <sip:2001@192.0.2.10:5060>", "Expires: 60")
    again_ = first.replace("CSeq: 1", "CSeq: 2").replace("REGISTER1", "REGISTER2")
    granted = "Contact: <sip:2001@192.0.2.10:5060>;expires=60"
    both = ((0.0, first), (at, again_))
    return [one for when, ask in both for one in ((when, "phone", ask), (when, "server", answer(ask, 200, granted)))]


@pytest.mark.parametrize(("at", "rules"), [(30, []), (59, []), (60.5, []), (65, ["slower"])])
def test_a_refresh_after_its_time_had_run_out_shows(at: float, rules: list[str]) -> None:
    result = compare(trace(*refreshed(at)), trace(*refreshed(30)))
    assert [found.rule for found in result.differences] == rules


def returning(after: float, reason: str) -> list[Said]:
    """A subscription that is ended, and begun anew so many seconds later."""
    ended = subscription("s1", state=f"terminated;reason={reason}")
    return [*ended, *subscription("s2", at=after)]


@pytest.mark.parametrize(
    ("reason", "after", "rules"),
    [("probation", 30, []), ("probation", 29, []), ("giveup", 0.1, ["pace"]), ("timeout", 0.1, [])],
)
def test_who_was_told_to_wait_and_comes_back_at_once_shows(reason: str, after: float, rules: list[str]) -> None:
    result = compare(trace(*returning(after, reason)), trace(*returning(30, reason)))
    assert [found.rule for found in result.differences] == rules


def passed_on(answered: float, passed: float) -> Trace:
    """A phone changes its call; the server puts that to the other phone and passes the answer on."""
    scene = Scene()
    for at, phone in enumerate((PHONE, OTHER)):
        scene.ask(f"r{at}", at, "REGISTER", by=phone, call=f"r{at}")
        scene.answer(f"ok{at}", at + 0.1, f"r{at}", Contact=f"<sip:u@{phone}>;expires=3600")
    scene.ask("hold", 5, "INVITE", call="in", to_tag="as1")
    scene.ask("leg", 5.01, "INVITE", by=SERVER, to=OTHER, call="out", to_tag="as1")
    scene.answer("leg ok", answered, "leg")
    scene.answer("held", passed, "hold")
    return scene.trace()


@pytest.mark.parametrize(
    ("answered", "passed", "slow"), [(5.1, 5.2, set()), (9, 9.01, {str(OTHER)}), (5.1, 9, {str(SERVER)})]
)
def test_who_waits_for_somebody_else_is_not_late(answered: float, passed: float, slow: set[str]) -> None:
    result = compare(passed_on(answered, passed), passed_on(5.1, 5.11))
    late = [found for found in result.differences if found.what == "answer after"]
    assert {str(found.of_run.source) for found in late if found.of_run is not None} == slow
