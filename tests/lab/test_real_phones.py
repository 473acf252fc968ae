"""Real soft phones calling each other through a real registrar."""

import re
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from sipconform.lab.real_peers import Kamailio, Output, PeerFailed
from sipconform.lab.real_phones import Baresip, Linphone, RealPhone, Twinkle, write_tone
from sipconform.trace.packet import Address
from tests.support import require_program

PHONES: list[type[RealPhone]] = [Baresip, Linphone, Twinkle]


@pytest.fixture(scope="module")
def kamailio() -> Iterator[Kamailio]:
    require_program("kamailio")
    with Kamailio() as running:
        yield running


def phone(kind: type[RealPhone], kamailio: Kamailio, user: str) -> RealPhone:
    require_program(kind.program)
    return kind(user, kamailio.password(user), kamailio.address)


@pytest.mark.parametrize("kind", PHONES)
def test_a_phone_is_registered_where_it_says(kamailio: Kamailio, kind: type[RealPhone]) -> None:
    with phone(kind, kamailio, "2003") as registered:
        assert f"@127.0.0.1:{registered.sip_port}" in str(kamailio.rpc("ul.lookup", "location", "2003"))


@pytest.mark.parametrize(("calling", "called"), [(Baresip, Linphone), (Linphone, Twinkle), (Twinkle, Baresip)])
def test_a_call_is_answered_held_resumed_and_ended(
    kamailio: Kamailio, calling: type[RealPhone], called: type[RealPhone]
) -> None:
    with phone(calling, kamailio, "2001") as caller, phone(called, kamailio, "2002") as callee:
        caller.dial("2002")
        callee.await_sign("incoming")
        callee.obey(callee.answer, "established")
        caller.await_sign("established")
        caller.obey(caller.hold, "held")
        caller.obey(caller.resume, "resumed")
        caller.obey(caller.hang_up, "ended")
        callee.await_sign("ended")


def test_a_sign_that_does_not_come_is_an_error_with_what_was_said(kamailio: Kamailio) -> None:
    with phone(Baresip, kamailio, "2001") as caller:
        caller.dial("9999")
        caller.await_sign("ended")
        with pytest.raises(PeerFailed, match=r"(?s)that its call is established.*404 Not Found"):
            caller.await_sign("established", timeout=0.1)


def test_a_phone_with_a_wrong_password_does_not_become_ready(
    kamailio: Kamailio, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_program("baresip")
    monkeypatch.setattr(Baresip, "START_WITHIN", 0.5)
    with pytest.raises(PeerFailed, match="not ready"), Baresip("2001", "wrong", kamailio.address):
        pytest.fail("it registered")


class Saying(Output):
    """The output of a program that says what a test lets it say."""

    def __init__(self) -> None:
        self.said = ""

    @property
    def text(self) -> str:
        return self.said

    def expect(self, pattern: str, timeout: float, since: int = 0) -> re.Match[str] | None:
        return re.search(pattern, self.said[since:])


def test_an_order_is_given_again_only_where_it_was_dropped_without_a_word() -> None:
    phone = Twinkle("2001", "pw2001", Address("127.0.0.1", 5060))
    phone._output = output = Saying()
    said = ["answer\nTwinkle> ", "answer\n\nLine 1: call established.\n"]

    def order() -> None:
        output.said += said.pop(0)

    phone.obey(order, "established", "ended")
    assert said == []
    said = ["hold\n\nLine 1: re-INVITE failed.\n", "never"]
    with pytest.raises(PeerFailed, match=r"(?s)did not say within 0 s that its call is held.*re-INVITE failed"):
        phone.obey(order, "held", timeout=0)
    assert said == ["never"]


def test_the_tone_is_what_a_phone_without_a_sound_card_wants(tmp_path: Path) -> None:
    write_tone(tmp_path / "tone.wav", seconds=2)
    with wave.open(str(tmp_path / "tone.wav")) as tone:
        assert (tone.getnchannels(), tone.getsampwidth(), tone.getframerate()) == (1, 2, 8_000)
        assert tone.getnframes() == 16_000
        assert len(set(tone.readframes(100))) > 10
