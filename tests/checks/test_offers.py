"""Offers and answers: what each side may say after what."""

from __future__ import annotations

from typing import Any

import pytest

from sipconform.sip.offer_answer import compose_audio
from sipconform.trace.packet import Address, Observation
from tests.checks.support import PHONE, SERVER, SOURCE, Scene, fails, failures, passes, silent

SDP: dict[str, Any] = {"Content_Type": "application/sdp"}
UNTIL = 40.0


def audio(
    by: Address, version: int = 1, direction: str = "sendrecv", session: int = 7, connection: str = ""
) -> bytes:  # fmt: skip
    return compose_audio(by.host, 4000, session, version=version, direction=direction, connection=connection)


def call() -> Scene:
    """The phone calls, holds at 10 s, and takes the call up again at 20 s."""
    scene = Scene()
    offer(scene, "invite", 1.0, audio(PHONE), audio(SERVER), initial=True)
    offer(scene, "hold", 10.0, audio(PHONE, 2, "sendonly"), audio(SERVER, 2, "recvonly"), seq=2)
    offer(scene, "resume", 20.0, audio(PHONE, 3), audio(SERVER, 3), seq=3)
    return scene


def offer(
    scene: Scene, name: str, at: float, said: bytes, answer: bytes, *, seq: int = 1, by: Address = PHONE,
    initial: bool = False,
) -> None:  # fmt: skip
    """An INVITE, its answer and its ACK: `name`, `name 200`, `name ack`."""
    to = SERVER if by == PHONE else PHONE
    tags = {"tag": "ph1", "to_tag": "" if initial else "as1"} if by == PHONE else {"tag": "as1", "to_tag": "ph1"}
    scene.ask(name, at, "INVITE", f"sip:u@{to}", by=by, to=to, seq=seq, body=said, **tags, **(SDP if said else {}))
    scene.answer(f"{name} 200", at + 0.1, name, 200, tag="as1", body=answer, **(SDP if answer else {}))
    tags["to_tag"] = "as1" if by == PHONE else "ph1"
    scene.ask(f"{name} ack", at + 0.2, "ACK", f"sip:u@{to}", by=by, to=to, seq=seq, **tags)


def placed(scene: Scene, **actors: Address) -> Scene:
    """The lab says who is where."""
    where = {name: str(address) for name, address in actors.items()}
    scene.observations.append(Observation(0, "lab", "lab", {"actors": where}))
    return scene


def wished(scene: Scene, who: str, at: float, **what: object) -> Scene:
    """Somebody was told to do something."""
    scene.observations.append(Observation(SOURCE * 1_000_000_000 + round(at * 1e9), who, "intent", what))
    return scene


OFFERS = ("SIP-040", "SIP-041", "SIP-044")


@pytest.mark.parametrize("check", OFFERS)
def test_a_call_held_and_resumed_passes(check: str) -> None:
    assert passes(check, call(), UNTIL)


def test_a_changed_offer_of_the_same_version() -> None:
    assert fails("SIP-040", call().change("hold", body=audio(PHONE, 1, "sendonly")), UNTIL, party=PHONE)


def test_a_changed_offer_of_a_lower_version() -> None:
    assert fails("SIP-040", call().change("resume", body=audio(PHONE, 1, connection="192.0.2.77")), UNTIL, party=PHONE)


def test_versions_may_jump_and_the_same_words_may_come_again() -> None:
    scene = call().change("hold", body=audio(PHONE, 4000, "sendonly")).change("resume", body=audio(PHONE, 4001))
    assert [f.level for f in failures("SIP-040", scene, UNTIL)] == ["INFO"]
    again = call().change("hold", body=audio(PHONE)).change("hold 200", body=audio(SERVER))
    assert silent("SIP-040", again.change("resume", body=audio(PHONE)), UNTIL)


def test_another_session_is_a_warning() -> None:
    scene = call().change("resume", body=audio(PHONE, 9, session=8))
    assert fails("SIP-040", scene, UNTIL, level="SHOULD")
    assert not fails("SIP-040", scene, UNTIL, level="MUST")


def test_a_refused_offer_changes_nothing() -> None:
    scene = call()
    for name in ("hold 200", "hold ack"):
        scene.drop(name)
    scene.answer("hold refused", 10.1, "hold", 488, tag="as1", Contact=None)
    scene.change("resume", body=audio(PHONE, 2, "sendonly")).change("resume 200", body=audio(SERVER, 2, "recvonly"))
    assert passes("SIP-040", scene, UNTIL)


def test_a_version_of_thousands_of_digits_is_nobodys() -> None:
    endless = audio(PHONE, 1, "sendonly").replace(b"o=- 7 1", b"o=- 7 " + b"9" * 5000)
    scene = call().drop("resume", "resume 200", "resume ack").change("hold", body=endless)
    assert not fails("SIP-040", scene, UNTIL)


@pytest.mark.parametrize("direction", ["sendrecv", "sendonly"])
def test_a_hold_that_is_answered_the_wrong_way(direction: str) -> None:
    assert fails("SIP-041", call().change("hold 200", body=audio(SERVER, 2, direction)), UNTIL, party=SERVER)


def test_a_hold_may_be_answered_inactive() -> None:
    assert passes("SIP-041", call().change("hold 200", body=audio(SERVER, 2, "inactive")), UNTIL)


def test_the_old_hold_asks_for_no_direction() -> None:
    old = audio(PHONE, 2, connection="0.0.0.0")
    scene = call().change("hold", body=old).change("hold 200", body=audio(SERVER, 2))
    assert silent("SIP-041", scene, UNTIL)


def test_who_only_passes_an_answer_on_is_not_blamed() -> None:
    wrong, other = audio(SERVER, 2), Address("192.0.2.52", 5060)
    scene = call().change("hold 200", body=wrong)
    scene.ask("on", 10.02, "INVITE", f"sip:u@{other}", by=SERVER, to=other, call="c2", body=b"", tag="x", to_tag="y")
    scene.answer("on 200", 10.05, "on", tag="y", body=wrong, **SDP)
    assert not fails("SIP-041", scene, UNTIL, party=SERVER)
    assert fails("SIP-041", scene.move("on", 2.0).move("on 200", 2.1), UNTIL, party=SERVER)


VIDEO = b"m=video 4002 RTP/AVP 31\r\n"


@pytest.mark.parametrize("more", [b"", VIDEO])
def test_an_answer_has_as_many_streams_as_the_offer(more: bytes) -> None:
    scene = call().change("invite", body=audio(PHONE) + (b"" if more else VIDEO))
    assert fails("SIP-044", scene.change("invite 200", body=audio(SERVER) + more), UNTIL, party=SERVER)


def test_a_refused_stream_keeps_its_place() -> None:
    refused = VIDEO.replace(b"4002", b"0")
    scene = Scene()
    offer(scene, "invite", 1.0, audio(PHONE) + VIDEO, audio(SERVER) + refused, initial=True)
    assert passes("SIP-044", scene, UNTIL)
    assert fails("SIP-044", scene.change("invite 200", body=audio(SERVER) + refused.replace(b"video", b"image")), UNTIL)


def test_a_stream_that_is_off_stays_off_in_the_answer() -> None:
    off = VIDEO.replace(b"4002", b"0")
    scene = Scene()
    offer(scene, "invite", 1.0, audio(PHONE) + off, audio(SERVER) + VIDEO, initial=True)
    assert fails("SIP-044", scene, UNTIL, party=SERVER)


def test_a_later_offer_keeps_every_stream() -> None:
    scene = Scene()
    offer(scene, "invite", 1.0, audio(PHONE) + VIDEO, audio(SERVER) + VIDEO, initial=True)
    offer(scene, "again", 9.0, audio(PHONE, 2, "sendonly"), audio(SERVER, 2, "recvonly"), seq=2)
    assert fails("SIP-040", scene, UNTIL, party=PHONE)


def test_resume_is_asked_where_it_was_wished() -> None:
    assert silent("SIP-042", call(), UNTIL)
    scene = wished(placed(call(), phone=PHONE), "phone", 19.9, do="resume")
    assert passes("SIP-042", scene, UNTIL)
    assert fails("SIP-042", scene.change("resume", body=audio(PHONE, 3, "recvonly")), UNTIL, party=PHONE)
    assert fails("SIP-042", scene.change("resume", body=audio(PHONE, 3, connection="0.0.0.0")), UNTIL, party=PHONE)


def test_resume_may_heed_the_hold_of_the_other_side() -> None:
    scene = wished(placed(call(), phone=PHONE), "phone", 19.9, do="resume")
    offer(scene, "theirs", 15.0, audio(SERVER, 3, "sendonly"), audio(PHONE, 3, "inactive"), by=SERVER, seq=1)
    scene.change("resume", body=audio(PHONE, 4, "recvonly")).change("resume 200", body=audio(SERVER, 4, "sendonly"))
    assert silent("SIP-042", scene, UNTIL)


def old_hold() -> Scene:
    return call().change("hold", body=audio(PHONE, 2, connection="0.0.0.0")).change("hold 200", body=audio(SERVER, 2))


def test_the_old_hold_is_a_warning_unless_it_was_wanted() -> None:
    assert fails("SIP-043", old_hold(), UNTIL, party=PHONE)
    told = wished(placed(old_hold(), phone=PHONE), "phone", 9.9, do="hold", style="0.0.0.0")
    assert passes("SIP-043", told, UNTIL)


def test_the_old_hold_is_taken() -> None:
    scene = old_hold().drop("hold 200", "hold ack")
    scene.answer("no", 10.1, "hold", 488, tag="as1", Contact=None)
    assert fails("SIP-043", scene, UNTIL, party=SERVER)


def test_a_first_offer_may_know_no_address() -> None:
    assert silent("SIP-043", call().change("invite", body=audio(PHONE, connection="0.0.0.0")), UNTIL)


def both_hold(answer: str) -> Scene:
    """The phone holds; the server offers both ways, and the phone answers that."""
    scene = call().drop("resume", "resume 200", "resume ack")
    offer(scene, "theirs", 15.0, audio(SERVER, 3), audio(PHONE, 3, answer), by=SERVER, seq=1)
    return scene


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
def test_who_holds_goes_on_holding(direction: str) -> None:
    assert passes("SIP-045", both_hold(direction), UNTIL)


@pytest.mark.parametrize("direction", ["sendrecv", "recvonly"])
def test_a_hold_that_is_opened_from_outside(direction: str) -> None:
    assert fails("SIP-045", both_hold(direction), UNTIL, party=PHONE)
    wanted = wished(placed(both_hold(direction), phone=PHONE), "phone", 14.0, do="resume")
    assert silent("SIP-045", wanted, UNTIL)


def late(offered: bytes, answered: bytes) -> Scene:
    """The phone asks for an offer at 10 s."""
    scene = Scene()
    offer(scene, "invite", 1.0, audio(PHONE), audio(SERVER), initial=True)
    offer(scene, "late", 10.0, b"", offered, seq=2)
    return scene.change("late ack", body=answered, Content_Type="application/sdp" if answered else None)


def test_a_late_offer_is_made_and_answered() -> None:
    scene = late(audio(SERVER, 2), audio(PHONE, 2, "sendonly"))
    assert passes("SIP-046", scene, UNTIL)
    assert passes("SIP-041", late(audio(SERVER, 2, "sendonly"), audio(PHONE, 2, "recvonly")), UNTIL)


def test_a_late_offer_that_is_not_made() -> None:
    assert fails("SIP-046", late(b"", b""), UNTIL, party=SERVER)


def test_a_late_offer_that_is_not_answered() -> None:
    assert fails("SIP-046", late(audio(SERVER, 2), b""), UNTIL, party=PHONE)


def test_reliable_provisional_answers_are_left_alone() -> None:
    scene = late(b"", b"")
    scene.answer("progress", 10.05, "late", 183, tag="as1", body=audio(SERVER, 2), RSeq="1", **SDP)
    assert silent("SIP-046", scene, UNTIL)


def test_a_body_of_another_kind_is_no_late_offer() -> None:
    scene = late(b"", b"").change("late", body=b"<x/>", Content_Type="application/csta+xml")
    assert silent("SIP-046", scene, UNTIL)
