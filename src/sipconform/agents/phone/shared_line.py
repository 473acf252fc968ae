"""The phone on a shared line: line keys and their lamps, seizing, retrieving, barging in and private hold.

What others do is known from NOTIFYs alone, what this phone does from its own dialogs alone; a lamp shows the own
leg if there is one, else what was told last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sipconform.agents.call import Leg
from sipconform.agents.phone.calls import Calls
from sipconform.agents.subscriber import Subscriber
from sipconform.agents.user_agent import UserAgent
from sipconform.features import call_park
from sipconform.features.appearance import (
    CALL_INFO,
    LINE_SEIZE,
    Appearance,
    Appearances,
    State,
    appearance_of,
    read_full_state,
    seize_value,
)
from sipconform.features.call_park import NOBODY, Parked
from sipconform.features.lamp import lamp
from sipconform.sip.fault import Fault
from sipconform.sip.message import Message
from sipconform.sip.sdp import Sdp

KEYS = 4  # line keys of our phone; it gets more when it is told of more
IN_CALL = (State.ACTIVE, State.BRIDGE_ACTIVE, State.BRIDGE_HELD)
UNDER_WAY = {"calling": State.PROGRESSING, "ringing": State.PROGRESSING, "active": State.ACTIVE}


@dataclass(eq=False, repr=False)
class SharedLine:
    """`told` is the line as the last NOTIFY had it; `legs` this phone's own calls by index."""

    agent: UserAgent
    calls: Calls
    lamps: str = "becke"
    private_press: str = "reject"  # what the key of a private hold elsewhere does: "barge" sends an INVITE
    barge_in: bool = True
    names_nobody: bool = False  # retrieves with a Request-URI without user part (sheet 5.8, R2)
    names_slot: bool = True  # says in its answers which slot a call has (some phones do not, sheet 4.5)
    ack_after: float = 0.0  # seconds by which it acknowledges late that its call was answered
    says_state: bool = False  # names the slot's state too when it asks for a call, as older phones do (sheet 5.9)
    seize_expires: int = 15
    keys: int = KEYS
    on: bool = False
    told: Appearances = field(default_factory=Appearances)
    legs: dict[int, Leg] = field(default_factory=dict)
    on_change: Callable[[], None] | None = None
    subscriber: Subscriber = field(init=False)
    seizure: Subscriber | None = None
    parked: Parked = NOBODY  # who waits, where the phone asked to be told
    seized: int = 0  # the index of the seizure, 0 when there is none
    _private: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.subscriber = Subscriber(self.agent, CALL_INFO, told=self._notified)
        self.calls.decorate = self._decorate
        self.calls.on_incoming = self._rings

    # -- what the user does ---------------------------------------------------------------------------------

    async def join(self) -> int:
        """Switches the shared line on: subscribes to its state. Gives the status."""
        self.on = True
        return await self.subscriber.subscribe()

    async def leave(self) -> None:
        """Switches it off in good order."""
        await self.release()
        await self.subscriber.unsubscribe()
        self.on = False

    async def seize(self, index: int = 0, call_info: str | None = None) -> int:
        """Lifts the receiver on a slot, the lowest free one by default; gives the status of the SUBSCRIBE.
        `call_info` replaces what the phone would say of the slot, "" leaves it out."""
        index = index or self._lowest_idle()
        value = seize_value(f"sip:{self._domain}", index) if call_info is None else call_info
        extra = (("Call-Info", value),) if value else ()
        seizure = Subscriber(self.agent, LINE_SEIZE, expires=self.seize_expires, extra=extra, once=True)
        seizure.told = lambda notify: self._seizure_told(seizure, notify)
        self.seizure, self.seized = seizure, index
        status = await seizure.subscribe()
        if status >= 300 and self.seizure is seizure:
            self.seizure, self.seized = None, 0
        self._changed()
        return status

    async def release(self) -> None:
        """Puts the receiver back without having dialled (sheet 3.8)."""
        seizure, self.seizure, self.seized = self.seizure, None, 0
        if seizure is not None:
            await seizure.unsubscribe()
        self._changed()

    async def dial(self, number: str) -> int:
        """Calls on the seized slot, seizing one first; without a slot nothing is sent. Gives the call's outcome."""
        if not self.seized:
            status = await self.seize()
            if status >= 300:
                return status
        index = self.seized
        self.seized = 0
        leg = self.calls.begin(number, self._index(index))
        leg.ack_after = self.ack_after
        self.legs[index] = leg
        self._changed()
        return await leg.outcome()

    async def keep_seizing(self) -> int:
        """Goes on listening to the dial tone: refreshes the seizure (sheet 3.9). Gives the status."""
        answer = await self.seizure.ask_within() if self.seizure is not None else None
        return answer.status if answer is not None else 408

    async def press(self, index: int) -> int:
        """The line key: what it does depends on the slot (sheet §12). Gives a status where one is to be had, else 0."""
        own = self._live().get(index)
        if own is not None:
            return await self._press_own(own)
        state = self.told.state(index)
        if state == State.IDLE:
            return await self.seize(index)
        barges = state in IN_CALL and self.barge_in
        barges = barges or (state == State.HELD_PRIVATE and self.private_press == "barge")
        return await self.take(index) if state == State.HELD or barges else 0

    async def take(self, index: int) -> int:
        """Asks for the call of a slot: to retrieve it or to join it, which the server decides (sheet 6.1)."""
        account = self.agent.account
        if account is None:
            raise ValueError("a phone needs an account to call")
        uri = f"sip:{account.domain}" if self.names_nobody else account.aor
        state = self.told.state(index) if self.says_state else ""
        said = [("Call-Info", str(Appearance(index, state, uri=f"sip:{self._domain}")))]
        leg = self.calls.begin(account.user, said, uri, to=account.aor)
        self.legs[index] = leg
        return await leg.outcome()

    async def hold(self, *, private: bool = False, style: str = "sendonly", late: bool = False) -> int:
        """Public hold, or private hold so that nobody else may take the call (sheet 5.1, 5.5)."""
        index, leg = self._front()
        if private:
            self._private.add(index)
        else:
            self._private.discard(index)
        status = await self.calls.hold(leg, (), style, late=late)
        self._changed()
        return status

    async def resume(self) -> int:
        """Takes the held call up again: no word of a hold in it (sheet 5.7)."""
        index, leg = self._front()
        self._private.discard(index)
        status = await self.calls.resume(leg)
        self._changed()
        return status

    # -- what it shows --------------------------------------------------------------------------------------

    def shows(self, index: int) -> tuple[str, bool]:
        """The state of a slot, and whether the call there is this phone's own."""
        leg = self.legs.get(index)
        told = self.told.state(index)
        if leg is None or leg.state == "ended":
            return (State.SEIZED, True) if index == self.seized and told == State.SEIZED else (told, False)
        if leg.invite is not None and leg.state == "ringing":
            return State.ALERTING, False
        if leg.state != "active":
            return UNDER_WAY[leg.state], True
        if told in (State.BRIDGE_ACTIVE, State.BRIDGE_HELD):
            return told, True
        if leg.local_sdp and Sdp(leg.local_sdp).is_hold:
            return State.HELD_PRIVATE if index in self._private else State.HELD, True
        return State.ACTIVE, True

    def lamp(self, index: int) -> str:
        """The lamp of a line key, "unknown" where the guide of this make is silent."""
        state, local = self.shows(index)
        return str(lamp(state, local, self.lamps) or "unknown")

    # -- what the network says ------------------------------------------------------------------------------

    def _notified(self, notify: Message) -> None:
        rows = notify.texts("Call-Info")
        if rows:
            told = read_full_state(rows)
            known = {**self.told.slots, **told.slots} if not told.rest else dict(told.slots)
            self.told = Appearances(known, told.rest or self.told.rest)
            self.keys = max(self.keys, *known, 0)
        if notify.text("Content-Type") == call_park.CONTENT_TYPE:
            parked = call_park.parse(notify.body)
            self.parked = NOBODY if isinstance(parked, Fault) else parked
        self._changed()

    def _seizure_told(self, seizure: Subscriber, notify: Message) -> None:
        """Run out while nothing was dialled: the slot is lost. Ended for want of need: the call goes on."""
        state = notify.subscription_state
        if state and state.state == "terminated" and seizure is self.seizure:
            self.seizure = None
            if state.reason != "noresource":
                self.seized = 0
        self._changed()

    def _rings(self, leg: Leg) -> None:
        if leg.invite is None or not self.on:
            return
        index = _named(leg) or self._lowest_idle()
        if index not in self._live():  # it may have joined the call before it heard it ring
            self.legs[index] = leg

    def _decorate(self, leg: Leg) -> list[tuple[str, str]]:
        """What every INVITE and answer of a leg on the line carries: its index, and whether its hold is private."""
        index = next((index for index, own in self.legs.items() if own is leg), 0) or _named(leg)
        answers = leg.invite is not None and leg.state == "ringing"
        if not index or not self.on or (answers and not self.names_slot):
            return []
        state = State.HELD_PRIVATE if index in self._private else ""
        return [("Call-Info", str(Appearance(index, state, uri=f"sip:{self._domain}")))]

    def close(self) -> None:
        self.subscriber.close()
        if self.seizure is not None:
            self.seizure.close()

    # -- small change ---------------------------------------------------------------------------------------

    async def _press_own(self, leg: Leg) -> int:
        if leg.invite is not None and leg.state == "ringing":
            self.calls.answer(leg)
            return 200
        if leg.state == "active" and Sdp(leg.local_sdp).is_hold:
            return await self.resume()
        return 0

    def _live(self) -> dict[int, Leg]:
        """The own calls, those that have ended forgotten."""
        for index in [index for index, leg in self.legs.items() if leg.state == "ended"]:
            del self.legs[index]
            self._private.discard(index)
        return self.legs

    def _front(self) -> tuple[int, Leg]:
        """The call in front, the latest that is up."""
        up = [(index, leg) for index, leg in self._live().items() if leg.state == "active"]
        if not up:
            raise LookupError("the phone has no call on the line")
        return up[-1]

    def _index(self, index: int) -> list[tuple[str, str]]:
        return [("Call-Info", seize_value(f"sip:{self._domain}", index))]

    def _lowest_idle(self) -> int:
        busy = {*self.told.busy, *self._live()}
        return next(index for index in range(1, len(busy) + 2) if index not in busy)

    @property
    def _domain(self) -> str:
        return self.agent.account.domain if self.agent.account else ""

    def _changed(self) -> None:
        if self.on_change:
            self.on_change()


def _named(leg: Leg) -> int:
    """The slot on which a call came in, 0 where its INVITE names none."""
    said = appearance_of(leg.invite.message.texts("Call-Info")) if leg.invite is not None else None
    return said.index or 0 if isinstance(said, Appearance) else 0
