"""NOTIFYs of call-info that are wrong in themselves: how they are written, to whom and in which order they go."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sipconform.agents.faults import fault
from sipconform.agents.faults.shared_line.retelling import Slots, is_state, renamed, retell
from sipconform.agents.faults.tampering import tamper
from sipconform.sip.compose import Draft

LINE = ["shared_line/"]


@fault("F32", on="server", kills={"SCA-016"}, seen="Kamailio 26d57116ab", scenarios=LINE)
def old_target_is_kept(agent: Any) -> None:
    """NOTIFYs go by what the phone's Contact once was."""
    tamper(agent, is_state, lambda d: _retarget(d, "before"))


@fault("F33", on="server", kills={"SCA-016"}, seen="Kamailio 8632a265c3", scenarios=LINE)
def dialog_is_ignored(agent: Any) -> None:
    """NOTIFYs are addressed to the line, not to the phone in its dialog."""
    tamper(agent, is_state, lambda d: _retarget(d, ""))


def _retarget(draft: Draft, user: str) -> Draft:
    method, uri, version = draft.start_line.split(" ")
    host = uri.rpartition("@")[2]
    draft.start_line = f"{method} sip:{user + '@' if user else ''}{host} {version}"
    return draft


@fault("F34", on="server", kills={"SCA-016"}, seen="Kamailio c60d8bb016", scenarios=LINE)
def numbers_do_not_grow(agent: Any) -> None:
    """Every NOTIFY has the same CSeq."""
    tamper(agent, is_state, lambda d: d.set("CSeq", "7 NOTIFY"))


@fault("F45", on="server", kills={"SCA-030", "SCA-102"}, seen="Kamailio, header buffer", scenarios=["thirty_five"])
def long_state_is_not_told(agent: Any) -> None:
    """A state that is too long for the buffer is not told at all."""
    retell(agent, lambda slots, _: None if len(slots) > 20 else slots)


@fault("F46", on="server", kills={"SCA-030", "SCA-102"}, seen="FreeSWITCH, substring", scenarios=["thirty_five"])
def one_hits_ten(agent: Any) -> None:
    """Taking slot 1 off the list takes 10 to 19 with it."""
    retell(agent, lambda slots, _: {i: s for i, s in slots.items() if i not in range(10, 20)})


@fault("F47", on="server", kills={"SCA-014"}, seen="OpenSIPS presence_callinfo", scenarios=["two_lift"])
def index_is_repeated(agent: Any) -> None:
    """One value of Call-Info has two indexes."""
    tamper(agent, is_state, lambda d: d.set("Call-Info", d.get("Call-Info").replace(";", ";appearance-index=3;", 1)))


@fault("F48", on="server", kills={"SCA-030", "SCA-102"}, seen="OpenSIPS 97cbd24ce9", scenarios=["thirty_five"])
def two_digits_are_one(agent: Any) -> None:
    """Of an index with two digits only the first is read."""
    retell(agent, lambda slots, _: {int(str(i)[0]): s for i, s in slots.items()})


@fault("F50", on="server", kills={"SCA-106"}, seen="OpenSIPS 8f1be98346", scenarios=["answered_elsewhere"])
def name_is_cut(agent: Any) -> None:
    """A far party's address is cut in its middle."""
    retell(agent, lambda slots, _: {i: replace(s, party=s.party[:9]) for i, s in slots.items()})


@fault("F55", on="server", kills={"SCA-014"}, seen="Kazoo", scenarios=["private_line"])
def inner_state_is_told(agent: Any) -> None:
    """A state that is nobody's business is told: active-pending."""
    retell(agent, renamed("active", "active-pending"))


@fault("L02", on="server", kills={"SCA-011"}, scenarios=LINE)
def state_has_a_body(agent: Any) -> None:
    """The NOTIFY carries a body that nobody asked for."""
    tamper(agent, is_state, lambda d: d.with_body("text/plain", b"idle"))


@fault("L03", on="server", kills={"SCA-013"}, scenarios=["good_order"])
def told_after_the_end(agent: Any) -> None:
    """A phone that has left is told once more."""

    def edit(draft: Draft) -> Any:
        if not draft.get("Subscription-State").startswith("terminated"):
            return draft
        number = int(draft.get("CSeq").split()[0])
        again = Draft(draft.start_line, list(draft.headers), draft.body)
        again.set("CSeq", f"{number + 1} NOTIFY").set("Subscription-State", "active;expires=60")
        again.set("Via", draft.get("Via").replace("branch=z9hG4bK", "branch=z9hG4bKx"))
        return [draft, again]

    tamper(agent, is_state, edit)


@fault(
    "L04", on="server", kills={"SCA-027", "SCA-015"},
    scenarios=["customer_holds", "ways_to_hold", "one_of_the_bridge", "comes_late"],
)  # fmt: skip
def acting_phone_is_not_told(agent: Any) -> None:
    """The first phone of the line is told of no call, for it has it."""

    def edit(draft: Draft) -> Draft | None:
        mine = "sip:2100@" in draft.start_line
        return draft.set("Call-Info", "<sip:line>;appearance-index=*;appearance-state=idle") if mine else draft

    tamper(agent, is_state, edit)


@fault("L12", on="server", kills={"INV-004"}, scenarios=["private_line", "answered_elsewhere"])
def one_phone_is_forgotten(agent: Any) -> None:
    """The first phone of the line is told the first state it was told, for ever."""

    def edit(draft: Draft) -> Draft:
        if "sip:2100@" in draft.start_line:
            draft.set("Call-Info", "<sip:line>;appearance-index=1;appearance-state=seized")
        return draft

    tamper(agent, is_state, edit)


@fault(
    "F41",
    on="server",
    kills={"INV-006"},
    seen="Kamailio 472854e990",
    scenarios=["calls_out", "answered_elsewhere"],
)
def own_number_is_shown(agent: Any) -> None:
    """The address told with a slot is the line's own."""
    own = f"<sip:2100@{agent.directory.domain}>"
    retell(agent, lambda slots, _: {i: replace(s, party=own) for i, s in slots.items()})


@fault("F52", on="server", kills={"SCA-109"}, seen="FreeSWITCH a4ed829db8", scenarios=["twenty"])
def older_state_comes_last(agent: Any) -> None:
    """Each NOTIFY tells the state before the one that is."""
    waiting: list[Slots] = [{}, {}]

    def change(slots: Slots, _: Slots) -> Slots:
        waiting.append(slots)
        return waiting[-3]

    retell(agent, change)


@fault("L16", on="server", kills={"SCA-102"}, seen="Kamailio, header buffer", scenarios=["long_names"])
def four_kilobytes_are_the_end(agent: Any) -> None:
    """What does not fit into 4 KB is not told."""
    tamper(agent, is_state, lambda d: d if len(d.get("Call-Info")) < 4096 else None)
