"""What a user has set outlives the server's process, ended as by a power cut or in good order."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sipconform.lab.actors import Phone
from sipconform.lab.settings import LabSettings, ServerSettings
from sipconform.trace.capture import read_capture
from sipconform.trace.parts import traces
from tests.lab.apart import Program, free_port, judged


@pytest.mark.parametrize(
    ("profile", "how"), [("broadsoft", "kill"), ("broadsoft", "end"), ("metaswitch", "kill"), ("fortinet", "kill")]
)
def test_the_state_outlives_the_process(profile: str, how: str, tmp_path: Path) -> None:
    place, state, capture = f"127.0.0.1:{free_port()}", tmp_path / "state.json", tmp_path / "capture.pcapng"
    serve = ("serve", "--listen", place, "--profile", profile, "--state", str(state))
    programs = [Program(*serve)]

    def restart() -> None:
        getattr(programs[0], how)()
        programs.append(Program(*serve))

    async def story(phone: Phone) -> None:
        await phone.start()
        await phone.synchronised()
        await phone.set_dnd(True)
        await phone.shows(dnd=True)
        await phone.forward("cfna", "2050", 4)
        await phone.shows(cfna="2050")
        await asyncio.to_thread(restart)
        await phone.refresh_sync()
        await phone.shows(dnd=True, cfna="2050", cfu="")

    settings = LabSettings(profile=profile, server=ServerSettings(kind="remote", address=place), under_test="server")
    try:
        judgement = judged(story, settings, capture)
    finally:
        programs[-1].end()
    assert judgement.passed["FS-044"] > 0
    (trace,) = traces(read_capture(capture))
    lost = next(m for m in trace.responses("SUBSCRIBE", status=481))
    told = b"".join(m.content for m in trace.requests("NOTIFY") if m.number > lost.number)
    assert b"<doNotDisturbOn>true<" in told
    assert b"<forwardTo>2050<" in told
