"""What the short words of a report mean, for a reader who has never seen the suite."""

from __future__ import annotations

from collections.abc import Iterable

FAMILIES = {
    "SIP": "core rules that every SIP message and transaction owes (RFC 3261)",
    "INV": "what holds of a shared line at any time, whatever its phones do",
    "SUB": "subscriptions and their reports: SUBSCRIBE, NOTIFY (RFC 6665)",
    "REG": "registration: bindings, refreshes, keep-alives, loss of the link",
    "FS": "feature synchronisation: Do Not Disturb and forwards kept alike on server and phone",
    "FC": "feature codes: dialled codes that switch a feature",
    "CSTA": "features by uaCSTA, a computer telephony protocol inside SIP",
    "SCA": "shared call appearance: one line on several phones",
    "HUNT": "hunt groups: one number rings several phones",
    "HOT": "SIP hotspot: one phone lends its line to others",
}
"""What the letters before a check's number stand for."""

VERDICTS = {
    "pass": "what was asked was seen to be as it has to be",
    "fail": "a MUST was violated, or the story did not go as told",
    "inconclusive": "the evidence does not suffice to say either",
    "not-supported": "the device does not have the feature, which is no violation",
    "not-applicable": "nothing in the evidence is what the checks ask about",
    "could-not-run": "the suite or its environment failed; nothing is said of the device",
}

LEVELS = {
    "MUST": "the clause demands it; only this fails a run",
    "SHOULD": "the clause advises it; there may be a good reason not to",
    "MAY": "the clause allows either; told because peers differ in it",
    "INFO": "an observation that a reader may want to know",
}

ROWS = {
    "A1": "a call rings every phone of the shared line; the first answer stops the others",
    "A2": "a line that is not shared says nothing of its calls",
    "A3": "one line key is one appearance, from a call's beginning to its end",
    "A4": "phones register as provisioned: a user each, or one user with several contacts",
    "A5": "a line is seized before dialling; of two at once one wins",
    "A6": "public hold: any phone of the group takes the call up",
    "A7": "private hold: nobody else takes the call up",
    "A8": "barge-in makes a conference of three",
    "A9": "lamps show the state of each appearance",
    "A10": "the manager rejects, the assistant's phone rings on",
    "A11": "the assistant holds publicly, the manager takes over",
    "A12": "private hold keeps the call from being taken",
    "A13": "the assistant barges into the manager's call",
    "B1": "synchronisation off: the phone acts alone",
    "B2": "synchronisation on: the full state arrives after registration",
    "B3": "Do Not Disturb from server to phone and back",
    "B4": "forwards (all calls, on busy, not answered) from server to phone and back",
    "B5": "the same in Metaswitch's dialect",
    "B6": "the same in Fortinet's dialect",
    "B7": "feature codes of 3CX",
    "B8": "feature codes of Yeastar",
    "B9": "feature codes of Huawei IMS and ZTE IMS",
    "B10": "Do Not Disturb by uaCSTA of 3CX",
    "B11": "a change by any road shows on all phones of the user",
    "C1": "registrations are refreshed, and a lost link is noticed in time",
    "C2": "an expired contact is not called; recovery after the link returns",
    "C3": "an extension number goes to the next user, with its features as new",
    "C4": "calls by extension number follow the extension's forwards",
    "D1": "a call to the group rings every member",
    "D2": "the first answer wins; the others miss no call and learn who answered",
    "D3": "the caller is shown, with the group as forwarding",
    "D4": "what a group may be: no user's line, parallel only, no opting out",
    "D5": "busy, rejected, unanswered, given up, answered twice: one outcome each",
    "E1": "a call from outside rings host and clients; one answers",
    "E2": "a call out of the hotspot carries the host's identity",
    "E3": "extension numbers of host and clients, with prefix and without",
    "E4": "clients find their host by broadcast or multicast",
    "E5": "calls without registration",
    "E6": "only managed devices are served",
    "E7": "a group number rings its members",
    "E8": "restart and upgrade orders reach managed clients only",
    "E9": "a hotspot that is switched off leaves its host's line alone",
    "E10": "the host transfers within the group",
}
"""Requirement rows, as the scenarios name them."""


def families(checks: Iterable[str]) -> dict[str, str]:
    """The families of these checks, with what they stand for."""
    met = {check.partition("-")[0] for check in checks}
    return {family: words for family, words in FAMILIES.items() if family in met}
