"""Lays a run beside a reference and lists every difference, with the rule that counts or ignores it.

Order is that of cause and effect: within a conversation what one party asks is in the order of its asking, an answer
belongs to its request, and what comes of another conversation follows it; how the two directions, or two
conversations, interleave otherwise is not compared.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import zip_longest

from sipconform.checks.catalogue import Level
from sipconform.compare.align import lay_out, pair_conversations
from sipconform.compare.causes import add_causes
from sipconform.compare.difference import Comparison, Difference, Pair, Row
from sipconform.compare.excuses import Excuses
from sipconform.compare.overtaking import Standing, overtaken
from sipconform.compare.parties import Parties, agree
from sipconform.compare.races import another_course, race_in, rivals
from sipconform.compare.rules import HEADER_LEVELS, OTHER_HEADER
from sipconform.compare.story import Beside, Conversation, Exchange, Story, tell_story
from sipconform.compare.telling import Telling, Told, tell
from sipconform.compare.timing import timed
from sipconform.compare.unseen import leave_open, of_reference, of_run, same_but_for_the_unseen
from sipconform.compare.writing import names_of_rows, why_written_otherwise, written, written_alike
from sipconform.trace.trace import Trace, WireMessage

NOTHING = Told("(not there)")


def compare(run: Trace, reference: Trace) -> Comparison:
    """Compares two correlated traces of one scenario. See `Comparison` for what comes of it.

    Where the scenario is a race, two phones may have exchanged their parts; a run that took yet another course is
    told with a reservation.
    """
    result = _compare(run, reference)
    race = race_in(run, reference) if result.differences else ""
    if not race:
        return result
    for one, other in rivals(Parties(run)):
        again = _compare(run, reference, (one, other))
        if not again.differences:
            again.add(Difference("exchanged", None, race, one, other, None, None))
            return again
    result.doubt(another_course(race))
    return result


def _compare(run: Trace, reference: Trace, exchanged: tuple[str, str] | None = None) -> Comparison:
    ours, theirs = Parties(run), Parties(reference)
    if exchanged:
        ours.exchange(*exchanged)
    agree(ours, theirs)
    return _Comparer(tell_story(run, ours), tell_story(reference, theirs)).compare()


class _Comparer:
    def __init__(self, run: Story, reference: Story) -> None:
        self.run, self.reference = run, reference
        self.result = Comparison()
        self._tellings: dict[WireMessage, Telling] = {}
        self._states: dict[Exchange, Hashable] = {}
        self._standing: Standing | None = None
        self._half_seen = False  # of the two conversations at hand one shows its beginning, the other not

    def compare(self) -> Comparison:
        result, sides = self.result, (("run", self.run), ("reference", self.reference))
        for name, story in sides:
            if not story.conversations:
                result.doubt(f"the {name} holds no SIP message, so there is nothing to compare")
            result.reservations += [f"the {name}: {note.text}" for note in story.trace.notes if note.code in _UNREAD]
            for message in story.repeats:
                self._ignore("retransmission", _title(message), name, message)
        if not (self.run.conversations and self.reference.conversations):
            return result
        without = [name for name, story in sides if not story.trace.servers]
        if len(without) == 1:
            result.doubt(f"nobody in the {without[0]} is seen to be a server, so who plays which part is a guess")
        pairs = pair_conversations(self.run.conversations, self.reference.conversations, self._sayings)
        for run, reference in pairs:
            pair = Pair((run or reference).title)  # type: ignore[union-attr]
            pair.rows = list(self._conversation(run, reference))
            result.pairs.append(pair)
        add_causes(result, self.run, self.reference)
        leave_open(result, self.run, of_run, of_reference)
        leave_open(result, self.reference, of_reference, of_run)
        if any(found.rule == "before-the-capture" for found in result.ignored):
            begun = [name for name, story in sides if any(not c.began_here for c in story.conversations)]
            result.reservations += [f"the {name} begins in the middle: what came before is unknown" for name in begun]
        return result

    # -- conversations --------------------------------------------------------------------------------------

    def _conversation(self, run: Conversation | None, reference: Conversation | None) -> Iterator[Row]:
        if run is None or reference is None:
            yield from self._lone_conversation(run, reference)
            return
        self._half_seen = run.began_here != reference.began_here
        for exchange in (e for conversation in (run, reference) for e in conversation.exchanges if e.glare):
            self._lone(exchange, "glare", None, exchange.conversation is run)
        asking = dict.fromkeys([*run.directions(), *reference.directions()])
        beside: list[list[Beside]] = []
        passed: set[Exchange] = set()
        for asker in asking:
            both = lay_out(run.asked_by(*asker), reference.asked_by(*asker), self._says, _kind)
            beside.append(list(both))
            passed.update(overtaken(beside[-1], self._stands))
        partners = {x: y for pairs in beside for one, two in pairs if one and two for x, y in ((one, two), (two, one))}
        excuses = Excuses(self.run, self._state, passed, partners)
        for ours_, theirs_ in _interleaved(beside):
            yield from self._exchange(ours_, theirs_, run, reference, excuses)

    def _lone_conversation(self, run: Conversation | None, reference: Conversation | None) -> Iterator[Row]:
        lone = run or reference
        assert lone is not None
        side = "extra" if run else "missing"
        if all(exchange.method == "OPTIONS" for exchange in lone.exchanges):
            found = self._lone(lone.exchanges[0], "keep-alive", None, bool(run))
        elif not lone.began_here:
            found = self._lone(lone.exchanges[0], "before-the-capture", None, bool(run))
        else:
            found = self._lone(lone.exchanges[0], f"conversation-{side}", Level.MUST, bool(run))
        for message in (m for exchange in lone.exchanges for m in exchange.messages):
            yield Row(message, None, (found,)) if run else Row(None, message, (found,))

    # -- exchanges ------------------------------------------------------------------------------------------

    def _exchange(
        self,
        run: Exchange | None,
        reference: Exchange | None,
        ours: Conversation,
        theirs: Conversation,
        excuses: Excuses,
    ) -> Iterator[Row]:
        if run is not None and reference is not None:
            yield from self._paired(run, reference)
            return
        lone = run or reference
        assert lone is not None
        rule = excuses.why(lone, theirs if run else ours)
        level = None if rule else Level.MUST
        found = self._lone(lone, rule or f"exchange-{'extra' if run else 'missing'}", level, bool(run))
        for message in lone.messages:
            yield Row(message, None, (found,)) if run else Row(None, message, (found,))

    def _paired(self, run: Exchange, reference: Exchange) -> Iterator[Row]:
        yield self._row(run.request, reference.request, run, reference)
        answers = lay_out(
            list(self._told_answers(run)), list(self._told_answers(reference)), self._answer_says, _kind_of_answer
        )
        for ours, theirs in answers:
            yield self._row(ours and ours[0], theirs and theirs[0], run, reference)
        for ack, other in zip_longest(run.acks, reference.acks):
            yield self._row(ack, other, run, reference)

    def _told_answers(self, exchange: Exchange) -> Iterator[tuple[WireMessage, Exchange]]:
        """Answers without 100 and without a provisional one that says what the one before it said."""
        last: Telling | None = None
        for answer in exchange.answers:
            if answer.status == 100:
                self._ignore("trying", _title(answer), _whose(exchange, self.run), answer)
                continue
            told = self._tell(answer, exchange)
            if answer.status < 200 and last is not None and told == last:
                self._ignore("ringing-again", _title(answer), _whose(exchange, self.run), answer)
                continue
            last = told
            yield answer, exchange

    def _row(self, run: WireMessage | None, reference: WireMessage | None, ours: Exchange, theirs: Exchange) -> Row:
        if run is None and reference is None:
            return Row(None, None)
        if run is None or reference is None:
            lone = run or reference
            assert lone is not None
            rule = ("answer-" if lone.is_response else "exchange-") + ("extra" if run else "missing")
            level: Level | None = Level.SHOULD if 0 < lone.status < 200 else Level.MUST
            sides = (_title(lone), NOTHING.meaning) if run else (NOTHING.meaning, _title(lone))
            lacking = self.reference if run is not None else self.run
            if 0 < lone.status < 200 and lacking.lost_provisional(lone.status):
                rule, level = "lost", None
            found = Difference(rule, level, _title(lone), *sides, run, reference)
            return Row(run, reference, (self.result.add(found),))
        found_ = list(self._messages(run, reference, self._tell(run, ours), self._tell(reference, theirs)))
        found_ += [Difference(*late, run, reference) for late in timed(run, reference, ours, theirs)]
        return Row(run, reference, tuple(self.result.add(one) for one in found_))

    def _messages(
        self, run: WireMessage, reference: WireMessage, ours: Telling, theirs: Telling
    ) -> Iterator[Difference]:
        same = ours == theirs
        for place in ours if same else {**theirs, **ours}:
            a, b = ours.get(place, NOTHING), theirs.get(place, NOTHING)
            if same or a.meaning == b.meaning or (a.rule or b.rule) in ("product", "clock", "stale"):
                if not written_alike(run, reference, place):
                    yield self._written_otherwise(place, a, b, run, reference)
            else:
                open_ = self._half_seen and same_but_for_the_unseen(a.meaning, b.meaning)
                rule, level = ("before-the-capture", None) if open_ else _counts(place)
                yield Difference(rule, level, place, a.meaning, b.meaning, run, reference)
        names = names_of_rows(run), names_of_rows(reference)
        if names[0] != names[1] and ours.keys() == theirs.keys():
            rule = "header-order" if sorted(names[0]) == sorted(names[1]) else "spelling"
            ours_, theirs_ = (b", ".join(each).decode("utf-8", "replace") for each in names)
            yield Difference(rule, None, "names of header fields", ours_, theirs_, run, reference)

    def _written_otherwise(self, place: str, a: Told, b: Told, run: WireMessage, reference: WireMessage) -> Difference:
        ours, theirs = written(run, place), written(reference, place)
        lacking = a is NOTHING or b is NOTHING
        rule = (
            (a.rule or b.rule or "spelling")
            if lacking
            else why_written_otherwise(place, a.rule or b.rule, ours, theirs)
        )
        said = [NOTHING.meaning if told is NOTHING else "\n".join(rows) for told, rows in ((a, ours), (b, theirs))]
        return Difference(rule, None, place, said[0], said[1], run, reference)

    # -- what is said ---------------------------------------------------------------------------------------

    def _tell(self, message: WireMessage, exchange: Exchange) -> Telling:
        told = self._tellings.get(message)
        if told is None:
            told = self._tellings[message] = tell(message, exchange)
        return told

    def _says(self, exchange: Exchange) -> Hashable:
        """All that an exchange says, for finding its counterpart."""
        return (self._state(exchange), exchange.final.status if exchange.final else 0)

    def _state(self, exchange: Exchange) -> Hashable:
        """What an exchange reports, without what is the same in a repetition by chance: numbers and identifiers."""
        state = self._states.get(exchange)
        if state is None:
            said: list[Hashable] = [exchange.method]
            for message in (exchange.request, exchange.final):
                if message is not None:
                    told = self._tell(message, exchange)
                    said.append(Telling({p: told[p] for p in told if p not in _BESIDE_THE_POINT}))
            state = self._states[exchange] = tuple(said)
        return state

    def _stands(self, report: Exchange) -> bool:
        """Whether what a report of the run tells is said in the reference too, to whomever."""
        if self._standing is None:
            self._standing = Standing(self.reference, self._body_of)
        return self._standing.holds(report)

    def _body_of(self, exchange: Exchange) -> Hashable:
        told = self._tell(exchange.request, exchange) if exchange.request is not None else Telling()
        return Telling({place: told[place] for place in told if place.startswith("body")})

    def _answer_says(self, answer: tuple[WireMessage, Exchange]) -> Hashable:
        return self._tell(*answer)

    def _sayings(self, conversation: Conversation) -> Sequence[Hashable]:
        return [self._says(exchange) for exchange in conversation.exchanges]

    def _ignore(self, rule: str, what: str, side: str, message: WireMessage) -> None:
        sides = (what, "") if side == "run" else ("", what)
        of = (message, None) if side == "run" else (None, message)
        self.result.add(Difference(rule, None, what, *sides, *of))

    def _lone(self, lone: Exchange, rule: str, level: Level | None, of_run: bool) -> Difference:
        first = next(lone.messages)
        what = f"{_title(first)} from {lone.client} to {lone.server}"
        sides = (what, NOTHING.meaning) if of_run else (NOTHING.meaning, what)
        of = (first, None) if of_run else (None, first)
        return self.result.add(Difference(rule, level, what, *sides, *of))


_UNREAD = frozenset({"truncated", "tls", "tshark", "framing", "fragment", "gtp", "link-type"})
_BESIDE_THE_POINT = frozenset({"Via", "CSeq", "Call-ID", "From", "To", "Authorization", "Proxy-Authorization", "Date"})


def _kind(exchange: Exchange) -> Hashable:
    return exchange.method


def _kind_of_answer(answer: tuple[WireMessage, Exchange]) -> Hashable:
    status = answer[0].status
    return status if status < 200 else "final"


def _title(message: WireMessage) -> str:
    if message.is_request:
        return message.method
    return f"{message.status} to {message.method}"


def _whose(exchange: Exchange, run: Story) -> str:
    return "run" if exchange.conversation.story is run else "reference"


def _counts(place: str) -> tuple[str, Level]:
    """The rule and the level of a difference at a place."""
    if place in ("request line", "status"):
        return place.replace(" ", "-"), Level.MUST
    if place.startswith("body"):
        return "body", Level.MUST
    if place.startswith("malformed"):
        return "malformed", Level.MUST
    if place.endswith(" display name"):
        return "header", Level.MAY
    return "header", HEADER_LEVELS.get(place, OTHER_HEADER)


def _interleaved(directions: list[list[Beside]]) -> Iterator[Beside]:
    """The directions merged again in the order of the run; what it lacks follows what stands before it."""
    merged: list[tuple[float, Beside]] = []
    for pairs in directions:
        at = -1.0
        for pair in pairs:
            if pair[0] is not None:
                at = next(pair[0].messages).number
            merged.append((at, pair))
    yield from (pair for _, pair in sorted(merged, key=lambda item: item[0]))
