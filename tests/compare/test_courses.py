"""What counts on, or lasts, from one body of a conversation to the next."""

import pytest

from sipconform.compare.comparison import compare
from tests.checks.support import PHONE, SERVER, Scene

SDP = "v=0\r\no=- {} {} IN IP4 192.0.2.51\r\ns=-\r\nc=IN IP4 192.0.2.51\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na={}\r\n"
DIALOGS = '<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="{}" state="full">{}</dialog-info>'
DIALOG = '<dialog id="{}"><state>{}</state></dialog>'


def held(*descriptions: str) -> Scene:
    """A call in which the caller describes his stream again and again."""
    scene = Scene()
    scene.ask("register", 0, "REGISTER", call="reg")
    scene.answer("registered", 0.1, "register", Contact=f"<sip:u@{PHONE}>;expires=3600")
    for seq, body in enumerate(descriptions, 1):
        to_tag = "as1" if seq > 1 else ""
        scene.ask(f"i{seq}", seq, "INVITE", "sip:300@example.com", call="d1", seq=seq, to_tag=to_tag, body=body,
                  Content_Type="application/sdp")  # fmt: skip
        scene.answer(f"ok{seq}", seq + 0.1, f"i{seq}")
        scene.ask(f"ack{seq}", seq + 0.2, "ACK", "sip:u@192.0.2.10", call="d1", seq=seq, to_tag="as1")
    return scene


def reported(*documents: str) -> Scene:
    """A subscription of which these documents come."""
    scene = Scene()
    scene.ask("watch", 1, "SUBSCRIBE", call="w", Event="dialog", Expires="3600")
    scene.answer("watching", 1.1, "watch")
    for seq, body in enumerate(documents, 1):
        scene.ask(f"n{seq}", 1 + seq, "NOTIFY", f"sip:u@{PHONE}", by=SERVER, to=PHONE, call="w", seq=seq, tag="as1",
                  to_tag="ph1", body=body, Event="dialog", Subscription_State=f"active;expires={3600 - seq}",
                  Content_Type="application/dialog-info+xml")  # fmt: skip
        scene.answer(f"told{seq}", 1.1 + seq, f"n{seq}")
    return scene


def found(run: Scene, reference: Scene) -> list[tuple[str, str, str]]:
    return [(one.what, one.run, one.reference) for one in compare(run.trace(), reference.trace()).differences]


@pytest.mark.parametrize(
    ("session", "version", "direction", "wrong"),
    [
        (1, 2, "sendonly", ""),
        (1, 9, "sendonly", ""),
        (1, 1, "sendonly", "not raised"),
        (1, 0, "sendonly", "lowered"),
        (2, 2, "sendonly", "another session"),
    ],
)
def test_a_changed_description_raises_its_version(session: int, version: int, direction: str, wrong: str) -> None:
    run = held(SDP.format(1, 1, "sendrecv"), SDP.format(session, version, direction))
    expected = [("body session version", wrong, "(not there)")] if wrong else []
    assert found(run, held(SDP.format(7, 1, "sendrecv"), SDP.format(7, 2, "sendonly"))) == expected


@pytest.mark.parametrize("version", [1, 2])
def test_an_unchanged_description_may_keep_its_version(version: int) -> None:
    run = held(SDP.format(1, 1, "sendrecv"), SDP.format(1, version, "sendrecv"))
    assert found(run, held(SDP.format(1, 1, "sendrecv"), SDP.format(1, 1, "sendrecv"))) == []


def documents(*told: tuple[int, str, str]) -> list[str]:
    return [DIALOGS.format(version, DIALOG.format(name, state)) for version, name, state in told]


REFERENCE = documents((0, "a", "early"), (1, "a", "confirmed"), (2, "a", "terminated"))


@pytest.mark.parametrize(
    ("told", "places"),
    [
        (((5, "x", "early"), (6, "x", "confirmed"), (7, "x", "terminated")), []),
        (((0, "a", "early"), (0, "a", "confirmed"), (0, "a", "terminated")), ["@version", "@version"]),
        (((0, "a", "early"), (1, "a", "confirmed"), (2, "b", "terminated")), ["/dialog@id"]),
    ],
)
def test_a_document_counts_on_and_names_a_dialog_as_before(
    told: tuple[tuple[int, str, str]], places: list[str]
) -> None:
    differing = found(reported(*documents(*told)), reported(*REFERENCE))
    assert [what.removeprefix("body dialog-info") for what, _, _ in differing] == places
