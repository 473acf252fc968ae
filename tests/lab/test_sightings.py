"""What is seen of devices that are not ours, and what is none of theirs."""

import pytest

from sipconform.lab.sightings import SIGN_OFF, Sightings, last_status
from sipconform.trace.packet import Address, Packet

SERVER, PHONE, OURS = Address("192.0.2.5", 5060), Address("192.0.2.9", 5060), Address("192.0.2.5", 5070)


def packet(start: str, cseq: str, source: Address, destination: Address, *rows: str, transport: str = "udp") -> Packet:
    head = [start, f"Via: SIP/2.0/X {source.host}:5080;branch=z9hG4bK{cseq.replace(' ', '')}", f"CSeq: {cseq}"]
    people = ["From: <sip:2002@h>;tag=a", "To: <sip:2001@h>", "Call-ID: c"]
    return Packet(0, source, destination, transport, "\r\n".join([*head, *people, *rows, "", ""]).encode())


def request(method: str, number: int, *rows: str, source: Address = PHONE, transport: str = "udp") -> Packet:
    return packet(f"{method} sip:h SIP/2.0", f"{number} {method}", source, SERVER, *rows, transport=transport)


def answer(status: int, method: str, number: int) -> Packet:
    return packet(f"SIP/2.0 {status} X", f"{number} {method}", SERVER, PHONE)


def seen(*packets: Packet) -> Sightings:
    sightings = Sightings({str(SERVER), str(OURS)})
    for each in packets:
        sightings.packet(each)
    return sightings


def test_a_request_is_seen_with_its_final_answer() -> None:
    sightings = seen(request("INVITE", 1), answer(180, "INVITE", 1), answer(486, "INVITE", 1), answer(200, "INVITE", 1))
    [sighting] = sightings.since(0, "INVITE", "2002")
    assert (sighting.place, sighting.status) == (PHONE, 486)
    assert sightings.since(1, "INVITE", "2002") == []


def test_a_registration_is_that_of_the_user_in_to() -> None:
    registered: list[tuple[str, Address]] = []
    sightings = seen()
    sightings.on_register = lambda user, place: registered.append((user, place))
    for each in (request("REGISTER", 1), request("REGISTER", 1), request("REGISTER", 2, "Expires: 0")):
        sightings.packet(each)
    assert registered == [("2001", PHONE)]
    assert [sighting.method for sighting in sightings.seen] == ["REGISTER", SIGN_OFF]


def test_a_stream_client_is_where_it_listens() -> None:
    [sighting] = seen(request("REGISTER", 1, source=Address("192.0.2.9", 49_152), transport="tcp")).seen
    assert sighting.place == Address("192.0.2.9", 5080)


def test_a_subscription_is_seen_by_its_package() -> None:
    sightings = seen(request("SUBSCRIBE", 1, "Event: As-Feature-Event;id=4"))
    assert len(sightings.since(0, "SUBSCRIBE", "2002", "as-feature-event")) == 1
    assert sightings.since(0, "SUBSCRIBE", "2002", "call-info") == []


@pytest.mark.parametrize(
    "other",
    [request("REGISTER", 1, source=OURS), request("OPTIONS", 1), request("INVITES", 1), answer(200, "INVITE", 9)],
)
def test_what_our_own_agents_do_and_what_nobody_asks_for_is_not_kept(other: Packet) -> None:
    assert seen(other).seen == []


@pytest.mark.parametrize("payload", [b"SIP/2.0", b"REGISTER", b"INVITE \r\n\r\n", b"SUBSCRIBE sip:h SIP/2.0\r\n\r\n"])
def test_what_is_no_message_breaks_nothing(payload: bytes) -> None:
    seen(Packet(0, PHONE, SERVER, "tcp", payload))


def test_the_answer_that_counts_is_the_last_that_is_no_challenge() -> None:
    challenged = seen(request("REGISTER", 1), answer(401, "REGISTER", 1), request("REGISTER", 2))
    assert last_status(challenged.seen) == 401
    challenged.packet(answer(200, "REGISTER", 2))
    challenged.packet(request("REGISTER", 3))
    challenged.packet(answer(401, "REGISTER", 3))
    assert last_status(challenged.seen) == 200
    assert last_status([]) == 0
