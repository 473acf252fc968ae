"""A server that decides rightly and writes wrongly: the header fields and documents of its NOTIFYs."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sipconform.agents.faults import fault
from sipconform.agents.faults.tampering import nth, tamper, tamper_answers, tamper_requests
from sipconform.features.feature_event import CONTENT_TYPE, NAMESPACE
from sipconform.sip.compose import Draft

DOCUMENT = re.compile(rb"<\?xml.*?</(?:DoNotDisturb|Forwarding)Event>", re.DOTALL)
OFF = b"<forwardStatus>false</forwardStatus>"


def rewrite(agent: Any, change: Callable[[bytes], bytes], which: str = "") -> None:
    """Changes the bodies of the server's NOTIFYs, of one content type if it is named."""

    def edit(draft: Draft) -> Draft:
        if draft.body and draft.get("Content-Type").startswith(which):
            draft.body = change(draft.body)
        return draft

    tamper_requests(agent, "NOTIFY", edit)


def restate(agent: Any, change: Callable[[str], str]) -> None:
    """Changes the Subscription-State of the server's NOTIFYs."""
    tamper_requests(agent, "NOTIFY", lambda d: d.set("Subscription-State", change(d.get("Subscription-State"))))


@fault("M01", on="server", kills={"FS-003", "SUB-007"}, seen="FreeSWITCH PR 3147", scenarios=["dnd"])
def comma_before_the_seconds(agent: Any) -> None:
    """Subscription-State reads `active, 3599`."""
    restate(agent, lambda text: text.replace(";expires=", ", "))


@fault("M02", on="server", kills={"FS-003", "SUB-008"}, seen="usecallmanager", scenarios=["dnd"])
def no_seconds_left(agent: Any) -> None:
    """Subscription-State reads `active` and does not say how long."""
    restate(agent, lambda text: text.partition(";")[0] if text.startswith("active") else text)


@fault("M04", on="server", kills={"FS-005"}, seen="FreeSWITCH FS-2731", scenarios=["dnd"])
def from_and_to_swapped(agent: Any) -> None:
    """NOTIFY has From and To the wrong way round."""

    def swap(draft: Draft) -> Draft:
        sender, to = draft.get("From"), draft.get("To")
        return draft.set("From", to).set("To", sender)

    tamper_requests(agent, "NOTIFY", swap)


@fault("M05", on="server", kills={"FS-006", "SUB-019"}, seen="FreeSWITCH FS-2731", scenarios=["dnd"])
def cseq_begins_again(agent: Any) -> None:
    """Every NOTIFY has CSeq number 1."""
    tamper_requests(agent, "NOTIFY", lambda d: d.set("CSeq", "1 NOTIFY"))


@fault("M06", on="server", kills={"FS-008"}, seen="FreeSWITCH mod_sofia", scenarios=["full_state"])
def delimiters_after_a_line_feed(agent: Any) -> None:
    """Delimiters of the multipart body follow a line feed alone."""
    rewrite(agent, lambda body: body.replace(b"\r\n--", b"\n--"))


@fault("M07", on="server", kills={"FS-008"}, seen="OpenSIPS 00c7e84d66", scenarios=["full_state"])
def no_closing_delimiter(agent: Any) -> None:
    """The closing delimiter of the multipart body is missing."""
    rewrite(agent, lambda body: re.sub(rb"--[\w-]+--\r\n\Z", b"", body), "multipart")


@fault("M08", on="server", kills={"FS-008"}, seen="FreeSWITCH FS-2731", scenarios=["full_state"])
def parts_measured_in_characters(agent: Any) -> None:
    """Each part has a Content-Length, without blank and too short."""
    rewrite(agent, lambda body: body.replace(b"\r\n\r\n<?xml", b"\r\nContent-Length:207\r\n\r\n<?xml"), "multipart")


@fault("M09", on="server", kills={"FS-008"}, seen="FreeSWITCH FS-2731", scenarios=["full_state"])
def parts_share_a_content_id(agent: Any) -> None:
    """All parts have the same Content-ID."""
    rewrite(agent, lambda body: body.replace(b"\r\n\r\n<?xml", b"\r\nContent-ID: <a@b>\r\n\r\n<?xml"), "multipart")


@fault("M10", on="server", kills={"FS-009"}, seen="OpenSIPS 012587e22f", scenarios=["dnd"])
def namespace_misspelt(agent: Any) -> None:
    """The namespace has lost its hyphen."""
    rewrite(agent, lambda body: body.replace(b"ecma-international", b"ecmainternational"))


@fault("M11", on="server", kills={"FS-009"}, seen="Asterisk PR 128", scenarios=["dnd"])
def no_namespace(agent: Any) -> None:
    """The documents are in no namespace."""
    rewrite(agent, lambda body: body.replace(f' xmlns="{NAMESPACE}"'.encode(), b""))


@fault("M12", on="server", kills={"FS-009"}, seen="usecallmanager", scenarios=["dnd"])
def declaration_misplaced(agent: Any) -> None:
    """The XML declaration is closed before its encoding."""
    rewrite(agent, lambda body: body.replace(b'"1.0" encoding', b'"1.0"? encoding'))


@fault("M13", on="server", kills={"FS-008"}, seen="Asterisk PR 128", scenarios=["full_state"])
def documents_without_envelope(agent: Any) -> None:
    """The documents of the full state follow each other in one body that is no multipart."""

    def unwrap(draft: Draft) -> Draft:
        if draft.get("Content-Type").startswith("multipart"):
            draft.with_body(CONTENT_TYPE, b"\r\n".join(DOCUMENT.findall(draft.body)))
        return draft

    tamper_requests(agent, "NOTIFY", unwrap)


@fault("M29", on="server", kills={"FS-004", "FS-009"}, seen="FusionPBX 46f1ba9b2c", scenarios=["is_refreshed"])
def full_state_labelled_as_one_event(agent: Any) -> None:
    """The multipart body is labelled as a single document."""
    tamper_requests(agent, "NOTIFY", lambda d: d.set("Content-Type", CONTENT_TYPE) if d.body else d)


@fault("FX07", on="server", kills={"FS-007"}, scenarios=["dnd"])
def accepted_with_202(agent: Any) -> None:
    """SUBSCRIBE is answered 202."""
    agent.features.notifier.status = 202


@fault("FX10", on="server", kills={"FS-010", "FS-305"}, scenarios=["dnd"])
def element_of_another_document(agent: Any) -> None:
    """An event calls its forwardStatus activateForward, as requests do."""
    rewrite(agent, lambda body: body.replace(b"forwardStatus", b"activateForward"))


@fault("FX11", on="server", kills={"FS-011"}, seen="FreeSWITCH mod_sofia", scenarios=["dnd"])
def no_device(agent: Any) -> None:
    """Events have no device element."""
    rewrite(agent, lambda body: re.sub(rb"\s*<device>.*?</device>", b"", body))


@fault("FX13", on="server", kills={"FS-013"}, scenarios=["dnd"])
def booleans_in_capitals(agent: Any) -> None:
    """Booleans are written TRUE and FALSE."""
    rewrite(agent, lambda body: body.replace(b">true<", b">TRUE<").replace(b">false<", b">FALSE<"))


@fault("FX30", on="server", kills={"FS-030", "SUB-005"}, scenarios=["unknown_package"])
def packages_are_kept_secret(agent: Any) -> None:
    """489 does not say which packages are known."""
    tamper_answers(agent, "SUBSCRIBE", [489], lambda d: d.remove("Allow-Events"))


@fault("FX36", on="server", kills={"FS-036"}, scenarios=["runs_out"])
def wrong_reason(agent: Any) -> None:
    """A subscription that runs out ends with reason noresource."""
    restate(agent, lambda text: text.replace("reason=timeout", "reason=noresource"))


@fault("FX01", on="server", kills={"FS-001", "SUB-003"}, scenarios=["dnd"])
def granted_longer_than_asked(agent: Any) -> None:
    """SUBSCRIBE is granted twice the time it asked for."""
    tamper_answers(agent, "SUBSCRIBE", [200], lambda d: d.set("Expires", "7200"))


@fault("FX02", on="server", kills={"FS-004"}, scenarios=["full_state"])
def a_feature_told_twice(agent: Any) -> None:
    """The full state tells Do Not Disturb twice."""

    def twice(body: bytes) -> bytes:
        head, delimiter, rest = body.partition(b"\r\n--feature-state\r\n")
        return delimiter.removeprefix(b"\r\n").join([b"", head.removeprefix(b"--feature-state\r\n")]) + (
            delimiter + head.removeprefix(b"--feature-state\r\n") + delimiter + rest
        )

    rewrite(agent, twice, "multipart")


@fault("FX05", on="server", kills={"FS-005"}, scenarios=["dnd"])
def addressed_to_the_user(agent: Any) -> None:
    """NOTIFY is addressed to the user's address-of-record and not to the phone's Contact."""

    def readdress(draft: Draft) -> Draft:
        draft.start_line = f"NOTIFY sip:nobody@{agent.directory.domain} SIP/2.0"
        return draft

    tamper(agent, lambda d: d.start_line.startswith("NOTIFY ") and d.get("Event").startswith("as-"), nth(1, readdress))
