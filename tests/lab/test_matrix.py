"""Feature synchronisation in every dialect, over every transport and address family, on real sockets.

A story each; the whole suite on real sockets takes five minutes a cell (`sipconform run feature_sync --profile …`).
"""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Literal

import pytest

from sipconform.checks.catalogue import Verdict
from sipconform.lab.scenarios import known_scenarios
from sipconform.lab.settings import LabSettings
from tests.lab.apart import judged

STORIES = (
    "test_dnd_pressed_on_the_phone_reaches_the_server",
    "test_a_forward_set_at_the_server_reaches_the_phone[cfna]",
    "test_a_change_refused_by_policy",
)
PROFILES, TRANSPORTS, FAMILIES = ("broadsoft", "metaswitch", "fortinet"), ("udp", "tcp", "tls"), (4, 6)
CELLS = [
    (profile, transport, family, STORIES[(number + number // 2) % 2])
    for number, (profile, transport, family) in enumerate(product(PROFILES, TRANSPORTS, FAMILIES))
]
REFUSED = [("metaswitch", "tcp", 6, STORIES[2]), ("fortinet", "tls", 4, STORIES[2])]


@pytest.mark.parametrize(("profile", "transport", "family", "name"), [*CELLS, *REFUSED])
def test_a_story_in_every_dialect_on_every_road(
    profile: str, transport: Literal["udp", "tcp", "tls"], family: Literal[4, 6], name: str, tmp_path: Path
) -> None:
    scenario = next(s for s in known_scenarios() if s.id == f"feature_sync/{name}")
    settings = LabSettings(profile=profile, transport=transport, ip=family)
    judgement = judged(scenario.play, settings, tmp_path / "capture.pcapng")
    assert {"FS-104", "FS-108"} <= judgement.asked
    assert [f for f in judgement.findings if f.verdict is Verdict.INCONCLUSIVE] == []
