"""Who is who: whose violations count, in which arrangement, also where a device shows itself late."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sipconform.lab.accounts import Accounts
from sipconform.lab.profile import load_profile
from sipconform.lab.record import Record
from sipconform.lab.settings import LabSettings, PhoneSettings, ServerSettings
from sipconform.net.tap import network_says
from sipconform.trace.capture import read_capture
from sipconform.trace.correlate import correlate
from sipconform.trace.packet import Address, Observation, Packet
from tests.lab.test_sightings import request

SERVER, OURS, REAL = "192.0.2.5:5060", "192.0.2.5:5070", "192.0.2.9:5060"
REMOTE_SERVER = ServerSettings(kind="remote", address="192.0.2.1")
REMOTE_PHONE = {"phone": PhoneSettings(kind="remote", control="operator")}


def record(folder: Path, **settings: Any) -> Record:
    """A lab with a helping phone of ours, and the server unless that is remote."""
    lab, profile = LabSettings(**settings), load_profile("broadsoft")
    made = Record(lab, profile, Accounts(lab.phones, profile), folder / "c.pcapng")
    if lab.server.kind == "remote":
        made.server = "192.0.2.1:5060"
    else:
        made.ours[SERVER] = "server"
        made.places["server"] = SERVER
    for name in ("phone", "second_phone"):
        made.names.append(name)
        made.users[name] = "2001"
        if name in lab.phones:
            made.real.add(name)
        else:
            made.ours[OURS] = "phone"
            made.places[name] = OURS
    return made


@pytest.mark.parametrize(
    ("settings", "tested"),
    [
        ({"under_test": "phone", "phones": REMOTE_PHONE}, []),  # as long as nobody knows where it is
        ({"under_test": "both", "phones": REMOTE_PHONE}, [SERVER, OURS]),
        ({"under_test": "server", "server": REMOTE_SERVER}, ["192.0.2.1:5060"]),
        ({"under_test": "phone", "server": REMOTE_SERVER}, [OURS]),
        ({"under_test": "none", "server": REMOTE_SERVER}, []),
        ({"under_test": "server"}, [SERVER]),
        ({"under_test": "phone"}, [OURS]),
        ({"under_test": "both"}, [SERVER, OURS]),
    ],
)
def test_where_a_real_device_is_tested_ours_only_help(tmp_path: Path, settings: Any, tested: list[str]) -> None:
    made = record(tmp_path, **settings)
    assert made.tested == tested
    if "phones" in settings:
        made.is_at("phone", REAL)
        assert made.tested == [*tested, REAL]
    made.close()


def test_a_phone_that_cannot_say_where_it_is_shows_it_by_registering(tmp_path: Path) -> None:
    made = record(tmp_path, under_test="phone", phones=REMOTE_PHONE)
    made.introduce()
    made.tap.packet(request("REGISTER", 1))
    made.tap.packet(request("REGISTER", 2, source=Address("192.0.2.10", 5060)))
    made.close()
    told = [o.what for o in read_capture(made.capture) if isinstance(o, Observation) and o.kind == "lab"]
    assert [what["under_test"] for what in told] == [[], [REAL]]
    assert told[-1]["phones"] == [REAL, OURS]  # in the order of the story
    assert told[-1]["actors"] == {"server": SERVER, "second_phone": OURS, "phone": REAL}


@pytest.mark.parametrize(
    ("settings", "sources", "takes_part"),
    [
        ({"phones": REMOTE_PHONE, "under_test": "phone"}, [SERVER, OURS], False),
        ({"phones": REMOTE_PHONE, "under_test": "phone"}, [SERVER, REAL], True),
        ({"phones": REMOTE_PHONE, "under_test": "phone", "server": REMOTE_SERVER}, ["192.0.2.1:5060", OURS], False),
        ({"phones": REMOTE_PHONE, "under_test": "both"}, [SERVER, OURS], False),
        ({"server": REMOTE_SERVER, "under_test": "server"}, [OURS], False),
        ({"server": REMOTE_SERVER, "under_test": "server"}, ["192.0.2.1:5060"], True),
        ({"server": REMOTE_SERVER, "under_test": "server"}, ["192.0.2.1:5080"], True),  # from another port
        ({"server": REMOTE_SERVER, "under_test": "none"}, [OURS], True),
        ({}, [], True),
    ],
)
def test_who_takes_part_shows_the_wire(tmp_path: Path, settings: Any, sources: list[str], takes_part: bool) -> None:
    made = record(tmp_path, **settings)
    if "phones" in settings:
        made.is_at("phone", REAL)
    packets = [
        Packet(number, Address(place.partition(":")[0], int(place.partition(":")[2])), Address("192.0.2.5", 1), "udp",
               request("OPTIONS", number).payload)
        for number, place in enumerate(sources, 1)
    ]  # fmt: skip
    assert made.takes_part([correlate(packets)]) is takes_part
    made.close()


def test_why_nobody_answers_says_the_network(tmp_path: Path) -> None:
    made = record(tmp_path, server=REMOTE_SERVER)
    network_says(made.tap, 0, "not connected", Address("192.0.2.5", 1), Address("192.0.2.1", 5060), reason="refused")
    assert made.silence_of("192.0.2.1:5060") == "no connection to 192.0.2.1:5060: refused"
    assert made.silence_of("192.0.2.2:5060") == "nobody answered"
    made.close()
