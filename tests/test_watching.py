"""Two real sides on loopback, and the suite only listens."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sipconform.cli import main
from sipconform.commands import watch
from sipconform.comparing import load_trace
from sipconform.lab.real_peers import Kamailio
from sipconform.lab.real_phones import Baresip
from sipconform.trace.capture import read_capture
from sipconform.trace.packet import SILENCE, Note, Observation, Packet
from tests.support import missing, require_program


def test_kamailio_and_a_phone_are_watched_and_judged(tmp_path: Path) -> None:
    require_program("kamailio")
    require_program("baresip")
    if os.geteuid() != 0:
        missing("the right to listen (root)")
    out = tmp_path / "run"
    with Kamailio() as kamailio:
        command = [sys.executable, "-m", "sipconform", "watch", "--interface", "lo", "--out", str(out)]
        command += ["--filter", f"udp port {kamailio.address.port}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
            assert watching.stdout is not None
            assert watching.stdout.readline().startswith("listening on lo")
            with Baresip("2001", kamailio.password("2001"), kamailio.address):  # registers, and signs off again
                pass
            watching.send_signal(signal.SIGINT)
            told, errors = watching.communicate(timeout=20)
    assert errors == ""
    messages = load_trace(out / "captures" / "watched.pcap").messages
    assert f"{len(messages)} messages" in told
    first = [m.status for m in messages if m.method == "REGISTER" and m.repeats is None][:4]
    assert first == [0, 401, 0, 200]
    assert watching.returncode in (0, 1)  # whose fault anything is, is for the report to say
    assert (out / "report.html").exists()


class OfAFile:
    """Stands for the sniffer: gives what is in a capture, then an hour of silence, and hears what is told meanwhile."""

    capture: Path
    told: Callable[[], str]
    meanwhile = ""

    def __init__(self, interface: str, keep: str, seconds: float | None) -> None:
        self.interface, self.frames, self.messages = interface, 0, 0

    def stop(self) -> None:
        raise AssertionError("nobody asked for that")

    def read(self, path: Path, *, keylog: Path | None = None) -> Iterator[Packet | Observation | Note]:
        path.write_bytes(self.capture.read_bytes())
        last = 0
        for item in read_capture(path, keylog=keylog):
            self.frames, self.messages = self.frames + 1, self.messages + 1
            last = item.time_ns if isinstance(item, Packet) else last
            yield item
        for minute in range(1, 200):
            yield Observation(last + minute * 60_000_000_000, "listener", SILENCE, {})
        type(self).meanwhile = type(self).told()


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "file"])
def test_what_is_found_is_told_while_it_goes_on(
    terminal: bool,
    tmp_path: Path,
    shared_captures: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    OfAFile.capture = shared_captures / "public" / "OISF+suricata-verify__sip-method_sip.pcap"
    OfAFile.told = staticmethod(lambda: capsys.readouterr().out)
    monkeypatch.setattr(watch, "Sniffer", OfAFile)
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    counted: list[str] = []
    monkeypatch.setattr("sys.stderr.write", counted.append)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    assert watch.main(["--interface", "lo", "--out", str(tmp_path / "run")]) == 1
    assert re.search(r"^MUST: .*\(RFC 3261", OfAFile.meanwhile, re.MULTILINE)
    assert "\r" not in OfAFile.meanwhile
    assert any("messages" in text for text in counted) == terminal
    assert "report: " in capsys.readouterr().out


def test_an_unknown_interface_is_could_not_judge() -> None:
    assert main(["watch", "--interface", "nothing0"]) == 2


def test_nobody_without_the_right_listens() -> None:
    unshare = shutil.which("setpriv")
    if os.geteuid() != 0 or unshare is None:
        missing("setpriv, and root to give up")
    command = [unshare, "--reuid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]
    code = "from sipconform.cli import main; raise SystemExit(main(['watch', '--interface', 'lo']))"
    done = subprocess.run(
        [*command, sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, cwd="/"
    )
    if "ermission" in done.stderr and "needs root" not in done.stderr:
        missing("an installation that nobody may read")
    assert (done.returncode, "needs root" in done.stderr) == (2, True), done.stderr
