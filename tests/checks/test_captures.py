"""Real captures judged: every failing MUST below was looked at by hand and is a deviation of that device."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from sipconform.checks.catalogue import MUST, Verdict
from sipconform.checks.judge import judge
from sipconform.trace.capture import read_capture
from sipconform.trace.parts import traces

KNOWN = {
    "SIP-001": {"sip_reqs": 1, "sip-junk-before-request": 1},  # branch 0; no Via at all
    "SIP-002": {
        # Kamailio's keep-alive OPTIONS, and ACKs and requests of phones from before RFC 3261
        "featurecode-dnd": 4, "hunt-serial": 8, "liveness-options-ping": 28, "sip-method_sip": 7,
        "public-cloudshark-sip-s0": 3, "sip-body-large": 1, "invalid-content-length": 1, "sip-junk-before-request": 1,
        "sip_reqs": 1, "sip-long-request-response-paths": 1,
    },
    "SIP-003": {"public-cloudshark-sip-s0": 1, "sip-junk-before-request": 1},
    "SIP-004": {"sip-junk-before-request": 1},
    "SIP-006": {"sip-body-large": 1, "invalid-content-length": 2},
    "SIP-007": {"invalid-content-length": 2},
    "SIP-015": dict.fromkeys(
        ("events-dialoginfo", "sca-03-call-ring-answer", "sca-21-bargein-active", "sca-22-steal-private",
         "sca-23-incoming", "sca-23b-incoming-no-callinfo", "sca-23c-in-ci-Xbye", "sca-23d-in-ci-Bbye",
         "sca-23e-in-ci-Bbye-ci", "sca-23f-in-noci-Bbye", "sca-24-hold-variants"), 1
    ) | {"sca-20-retrieve-public": 2, "sca-25-two-calls": 4},  # plain socket scripts whose ACK has no credentials
    "SIP-024": {"sip-method_sip": 1},  # 408 to a CANCEL that matches
    "SIP-040": {"sca-23-incoming": 1, "sca-24-hold-variants": 2},  # scripts that hold with the version they began with
    "SIP-041": {"sca-24-hold-variants": 1},  # … and answer every offer with the same words
    "SIP-046": {"invalid-content-length": 1},  # neither INVITE nor 200 has a body
    "SUB-019": {"events-mwi-reg": 1},  # reginfo version stays 0
    "REG-001": {"sip-junk-before-request": 1},
    "REG-002": {"sip": 7},  # a brute force that never counts up
    "REG-024": {"events-mwi-reg": 1},  # reginfo version stays 0
    "SCA-014": {"sca-28-rpc": 3},  # Kamailio puts a display name into a quoted string without escaping its quotes
    "SCA-071": {"sca-22-steal-private": 3},  # Kamailio tells idle for another's attempt while the call is held
    "SCA-020": {"sca-29-misc": 2},  # Kamailio's script answers 489 without Allow-Events
    "SCA-042": {"sca-25-two-calls": 1},  # the script calls on a slot that it has not seized, on purpose
    "SCA-062": {"sca-23b-incoming-no-callinfo": 4, "sca-23f-in-noci-Bbye": 4},  # answers without an index, on purpose
    "SCA-101": {"sca-25-two-calls": 1},  # Kamailio takes index 0 for any index
    "SCA-106": {"sca-28-rpc": 3},  # as SCA-014
}  # fmt: skip


def test_known_deviations_and_no_others(shared_captures: Path) -> None:
    found: dict[str, Counter[str]] = {}
    for path in sorted(shared_captures.glob("*/*.pcap")):
        name = path.stem.rpartition("__")[2]
        for trace in traces(read_capture(path)):
            for finding in judge(trace).findings:
                if finding.verdict is Verdict.FAIL and finding.level is MUST and finding.check is not None:
                    found.setdefault(finding.check.id, Counter())[name] += 1
    assert {id_: dict(counts) for id_, counts in found.items()} == KNOWN
