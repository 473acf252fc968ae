"""Documents as other makes write them, and as nobody should: what counts is taken, what does not is left alone."""

import asyncio

import pytest

from sipconform.lab.actors import Phone, Server

TYPE = "application/x-as-feature-event+xml"
CSTA = "http://www.ecma-international.org/standards/ecma-323/csta/ed3"
ANSWERED = (*range(200, 300), *range(400, 500))


def document(root: str, *elements: str, namespace: str = CSTA, declaration: str = "") -> str:
    """A document with these elements between its tags."""
    inside = "".join(elements)
    xmlns = f' xmlns="{namespace}"' if namespace else ""
    return f"{declaration}<{root}{xmlns}>{inside}</{root}>"


def dnd(on: str = "true", device: str = "<device/>", **more: str) -> str:
    return document("DoNotDisturbEvent", device, f"<doNotDisturbOn>{on}</doNotDisturbOn>", **more)


def cfu(on: str, *more: str) -> str:
    start = "<device>2001</device><forwardingType>forwardImmediate</forwardingType>"
    return document("ForwardingEvent", start, f"<forwardStatus>{on}</forwardStatus>", *more)


def set_dnd(on: str = "true", device: str = "<device/>", **more: str) -> str:
    return document("SetDoNotDisturb", device, f"<doNotDisturbOn>{on}</doNotDisturbOn>", **more)


def set_forward(*elements: str, kind: str = "forwardImmediate") -> str:
    return document("SetForwarding", "<device/>", *elements, f"<forwardingType>{kind}</forwardingType>")


def parts(*documents: str, line: str = "\r\n", headers: str = "", preamble: str = "", epilogue: str = "") -> str:
    """A multipart body of documents."""
    told = "".join(f"--b1\r\nContent-Type: {TYPE}\r\n{headers}\r\n{each}{line}" for each in documents)
    return f"{preamble}{told}--b1--\r\n{epilogue}"


UNKNOWN = document("AgentLoggedOnEvent", "<agentID>7</agentID>")
FORWARD = cfu("true", "<forwardTo>2050</forwardTo>")
QUOTED, BARE = 'multipart/mixed;boundary="b1"', "multipart/mixed; boundary=b1"

TAKEN = {  # how a state is told that the phone must show: the body, its type, what is to be seen
    "one document": (dnd(), TYPE, {"dnd": True}),
    "no device": (dnd(device=""), TYPE, {"dnd": True}),
    "device not known": (dnd(device="<device><notKnown/></device>"), TYPE, {"dnd": True}),
    "boundary not quoted": (parts(dnd(), FORWARD), BARE, {"dnd": True, "cfu": "2050"}),
    "other order": (parts(FORWARD, dnd()), QUOTED, {"dnd": True, "cfu": "2050"}),
    "preamble and epilogue": (parts(FORWARD, preamble="state\r\n", epilogue="end"), QUOTED, {"cfu": "2050"}),
    "more part headers": (parts(dnd(), FORWARD, headers="Content-ID: <a@b>\r\n"), QUOTED, {"cfu": "2050"}),
    "line feeds alone": (parts(dnd(), FORWARD, line="\n"), QUOTED, {"dnd": True, "cfu": "2050"}),
    "an unknown kind beside": (parts(UNKNOWN, FORWARD), QUOTED, {"cfu": "2050", "dnd": False}),
    "off with a number": (parts(cfu("false", "<forwardTo>2050</forwardTo>"), dnd()), QUOTED, {"cfu": "", "dnd": True}),
    "off with an empty number": (parts(cfu("false", "<forwardTo/>"), dnd()), QUOTED, {"cfu": "", "dnd": True}),
    "another edition": (dnd(namespace=CSTA.replace("ed3", "ed5")), TYPE, {"dnd": True}),
}
LEFT_ALONE = {  # what is told that nobody can make sense of; the state stays as it was
    "no namespace": dnd(namespace="").replace("true", "maybe"),
    "foreign namespace": dnd(namespace="http://example.com/lamps"),
    "broken": dnd().replace("</doNotDisturbOn>", ""),
    "empty": "",
    "unknown kind": UNKNOWN,
    "a charset that is not meant": dnd(declaration='<?xml version="1.0" encoding="x-unheard-of"?>'),
}
CHARSETS = ["ISO-8859-1", "UTF-8"]

SENSELESS = {  # requests nobody could carry out
    "broken": set_dnd().replace("</device>", "").replace("<device/>", "<device>"),
    "empty root": document("SetDoNotDisturb"),
    "unknown root": UNKNOWN,
    "unknown kind of forward": set_forward("<activateForward>true</activateForward>", kind="forwardSometimes"),
    "no boolean": set_dnd("perhaps"),
    "no XML at all": "do not disturb please",
}
HOSTILE = {
    "entity": '<!DOCTYPE a [<!ENTITY on "true">]>' + set_dnd("&on;"),
    "external entity": '<!DOCTYPE a [<!ENTITY on SYSTEM "file:///etc/hostname">]>' + set_dnd("&on;"),
    "bomb": '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;">]>' + set_dnd("&c;"),
    "nested deeply": document("SetDoNotDisturb", "<a>" * 4000, "</a>" * 4000),
    "monstrous": set_dnd(device=f"<device>{'9' * 40_000}</device>"),
}
PREFIXED = f"<c:{set_dnd(namespace='')[1:]}".replace("/SetDo", "/c:SetDo").replace(">", f' xmlns:c="{CSTA}">', 1)
EQUAL = {  # the same request, written otherwise
    "prefix": PREFIXED.replace("<do", "<c:do").replace("</do", "</c:do").replace("<dev", "<c:dev"),
    "comment": set_dnd(device="<device/><!-- pressed -->"),
    "white space": set_dnd("\r\n  true\r\n"),
    "other order": document("SetDoNotDisturb", "<doNotDisturbOn>true</doNotDisturbOn>", "<device/>"),
}
DEVICES = {"text": "<device>7659366</device>", "empty": "<device/>", "not known": "<device><notKnown/></device>"}
RINGS = {"absent": "", "empty": "<ringCount/>", "zero": "0", "too many": "101", "a word": "some"}
OFF = {"none": "", "empty": "<forwardDN/>", "as it was": "<forwardDN>2050</forwardDN>"}


async def tell(server: Server, phone: Phone, body: str, kind: str = TYPE, charset: str = "UTF-8") -> int:
    """The server sends the phone one NOTIFY with this body."""
    headers = {"Event": "as-feature-event", "Subscription-State": "active;expires=600", "Content-Type": kind}
    return await server.probe(phone.user, "NOTIFY", "sync", headers=headers, body=body, charset=charset)


async def ask(phone: Phone, body: str, kind: str = TYPE) -> int:
    """The phone sends one SUBSCRIBE with this body."""
    headers = {"Event": "as-feature-event", "Expires": "3600", "Content-Type": kind}
    return await phone.probe("SUBSCRIBE", "sync", headers=headers, body=body)


async def begin(phone: Phone) -> None:
    """Starts the phone, and waits until the first state has been told, in however many NOTIFYs."""
    await phone.start()
    await phone.synchronised()
    await asyncio.sleep(0.3)


@pytest.mark.rows("B2")
@pytest.mark.parametrize("how", sorted(TAKEN))
async def test_a_state_in_other_shapes_is_shown(phone: Phone, server: Server, how: str) -> None:
    """Other servers write the state in other legal shapes, or nearly legal ones: the phone understands them."""
    body, kind, wanted = TAKEN[how]
    await begin(phone)
    assert await tell(server, phone, body, kind) == 200, "the NOTIFY was not answered 200"
    await phone.shows(**wanted)


@pytest.mark.rows("B2")
@pytest.mark.parametrize("charset", CHARSETS)
async def test_letters_are_shown_in_either_charset(phone: Phone, server: Server, charset: str) -> None:
    """A number with letters beyond ASCII, in a document that declares its charset."""
    declaration = f'<?xml version="1.0" encoding="{charset}"?>'
    await begin(phone)
    body = declaration + cfu("true", "<forwardTo>Büro</forwardTo>")
    assert await tell(server, phone, body, charset=charset) == 200, "the NOTIFY was not answered 200"
    await phone.shows(cfu="Büro")


@pytest.mark.rows("B2")
@pytest.mark.parametrize("what", sorted(LEFT_ALONE))
async def test_a_state_that_is_not_taken(phone: Phone, server: Server, what: str) -> None:
    """The server sends what cannot be read or is not meant for the phone. The phone answers, keeps showing what it
    showed, and follows the next change as ever."""
    await begin(phone)
    status = await tell(server, phone, LEFT_ALONE[what])
    assert status in ANSWERED, f"the phone answered {status}"
    await phone.shows(dnd=False)
    await server.set_dnd(phone.user, True)
    await phone.shows(dnd=True)


@pytest.mark.rows("B3")
@pytest.mark.parametrize("what", sorted(SENSELESS))
async def test_an_odd_request_changes_nothing(phone: Phone, what: str) -> None:
    """A request comes that nobody could carry out. The server answers it as it likes, changes nothing, and lives."""
    await begin(phone)
    status = await ask(phone, SENSELESS[what])
    assert status in ANSWERED, f"the server answered {status}"
    await phone.shows(dnd=False, cfu="")
    await phone.set_dnd(True)
    await phone.shows(dnd=True)


@pytest.mark.rows("B3")
@pytest.mark.parametrize("what", sorted(HOSTILE))
async def test_a_hostile_request_changes_nothing(phone: Phone, what: str) -> None:
    """A request tries to make the server expand entities, fetch files, or choke. It is refused or ignored at once."""
    await begin(phone)
    status = await ask(phone, HOSTILE[what])
    assert status in ANSWERED or status == 513, f"the server answered {status}"
    await phone.shows(dnd=False)


@pytest.mark.rows("B3")
async def test_a_request_of_another_type_changes_nothing(phone: Phone) -> None:
    """A good document comes labelled as something else: it is not carried out."""
    await begin(phone)
    status = await ask(phone, set_dnd(), "application/x-something-else+xml")
    assert status in ANSWERED, f"the server answered {status}"


@pytest.mark.rows("B3")
async def test_a_request_in_a_foreign_namespace(phone: Phone) -> None:
    """The words of a request in the namespace of something else: carried out or not, the server answers."""
    await begin(phone)
    status = await ask(phone, set_dnd(namespace="http://example.com/lamps"))
    assert status in ANSWERED, f"the server answered {status}"


@pytest.mark.rows("B3")
@pytest.mark.parametrize("how", sorted(EQUAL))
async def test_a_request_written_otherwise_is_understood(phone: Phone, how: str) -> None:
    """To a reader of XML it is the same request."""
    await begin(phone)
    status = await ask(phone, EQUAL[how])
    assert status in ANSWERED, f"the server answered {status}"


@pytest.mark.rows("B3")
async def test_the_device_of_a_request_does_not_matter(phone: Phone) -> None:
    """Phones name the device, leave it empty, or say that they do not know: all are taken alike."""
    await begin(phone)
    for device in DEVICES.values():
        for on in ("true", "false"):
            assert await ask(phone, set_dnd(on, device)) in ANSWERED, "the server did not answer"


@pytest.mark.rows("B4")
async def test_switching_a_forward_off_in_all_forms(phone: Phone, server: Server) -> None:
    """A request to switch a forward off names its number, an empty one, or none."""
    await begin(phone)
    for number in (OFF["as it was"], OFF["empty"], OFF["none"]):
        await server.forward(phone.user, "cfu", "2050")
        await phone.shows(cfu="2050")
        status = await ask(phone, set_forward("<activateForward>false</activateForward>", number))
        assert status in ANSWERED, f"the server answered {status}"
        await phone.shows(cfu="")


@pytest.mark.rows("B4")
@pytest.mark.parametrize("how", sorted(RINGS))
async def test_an_odd_ring_count_is_survived(phone: Phone, how: str) -> None:
    """A ring count is missing, empty, out of range or no number: the server tells a legal state."""
    rings = RINGS[how] if RINGS[how].startswith("<") or not RINGS[how] else f"<ringCount>{RINGS[how]}</ringCount>"
    on = "<activateForward>true</activateForward><forwardDN>2050</forwardDN>"
    await begin(phone)
    status = await ask(phone, set_forward(on, rings, kind="forwardNoAns"))
    assert status in ANSWERED, f"the server answered {status}"


@pytest.mark.rows("B3")
async def test_a_body_in_the_answer_is_ignored(phone: Phone, server: Server) -> None:
    """One server puts a document into its 200 to SUBSCRIBE. The state is what NOTIFY says, and nothing else."""
    await server.answer_with(dnd("true"))
    await begin(phone)
    await phone.forward("cfu", "2050")
    await phone.shows(cfu="2050", dnd=False)


@pytest.mark.rows("B3")
async def test_a_change_that_fails_is_not_shown(phone: Phone, server: Server) -> None:
    """The server breaks down when the user presses the key: it answers 500. The display stays as it was, and the phone
    does not try again by itself."""
    await begin(phone)
    await server.break_down()
    await phone.set_dnd(True)
    await phone.shows(dnd=False, pending=False)
