"""Which conversation of the run stands beside which of the reference, and which exchange beside which."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import TypeVar

from sipconform.compare.story import Conversation

T = TypeVar("T")
MOST_CANDIDATES = 64
"""Conversations of one kind among which the most alike is sought; of more, they are taken in order."""


def lay_out(
    run: Sequence[T], reference: Sequence[T], says: Callable[[T], Hashable], kind: Callable[[T], Hashable]
) -> Iterator[tuple[T | None, T | None]]:
    """Two sequences side by side: what says the same first, between those what is of one kind, in order."""
    ours, theirs = [says(x) for x in run], [says(x) for x in reference]
    if ours == theirs:  # as it is between good runs
        yield from zip(run, reference, strict=True)
        return
    taken = 0
    for tag, a, b, c, d in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        mine, other = tag == "replace" and _is_repeated(ours, b), tag == "replace" and _is_repeated(theirs, d)
        if mine == other or b == len(run) or d == len(reference):
            yield from _in_order(run[a + taken : b], reference[c + taken : d], kind)
            taken = 0
            continue
        taken = 1  # whoever says it twice says it the first time beside the other, and the second time alone
        yield from _in_order(run[a : b - mine], reference[c : d - other], kind)
        yield run[b - mine], reference[d - other]
        yield (run[b], None) if mine else (None, reference[d])


def _is_repeated(said: Sequence[Hashable], at: int) -> bool:
    return 0 < at < len(said) and said[at - 1] == said[at]


def _in_order(
    run: Sequence[T], reference: Sequence[T], kind: Callable[[T], Hashable]
) -> Iterator[tuple[T | None, T | None]]:
    """Pairs of one kind without crossing; what is left over stands alone, at its place."""
    matcher = SequenceMatcher(None, [kind(x) for x in run], [kind(x) for x in reference], autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            yield from zip(run[a:b], reference[c:d], strict=True)
        else:
            yield from ((item, None) for item in run[a:b])
            yield from ((None, item) for item in reference[c:d])


def pair_conversations(
    run: Sequence[Conversation],
    reference: Sequence[Conversation],
    says: Callable[[Conversation], Sequence[Hashable]],
) -> Iterator[tuple[Conversation | None, Conversation | None]]:
    """Conversations of one kind (who asks whom for what) in the order in which they began, unless another of the
    kind is more alike; the result is in the order of the run, what only the reference has at the end."""
    waiting: dict[Hashable, list[Conversation]] = defaultdict(list)
    for conversation in reference:
        waiting[conversation.title].append(conversation)
    chosen: dict[Conversation, Conversation] = {}
    for conversation in run:
        candidates = waiting[conversation.title]
        if candidates:
            chosen[conversation] = _most_alike(conversation, candidates[:MOST_CANDIDATES], says)
            candidates.remove(chosen[conversation])
    left = [conversation for conversations in waiting.values() for conversation in conversations]
    for conversation in run:
        if conversation not in chosen:
            candidates = [other for other in left if _of_one_talk(conversation, other)]
            if candidates:
                chosen[conversation] = _most_alike(conversation, candidates[:MOST_CANDIDATES], says)
                left.remove(chosen[conversation])
        yield conversation, chosen.get(conversation)
    yield from ((None, conversation) for conversation in left)


def _of_one_talk(run: Conversation, reference: Conversation) -> bool:
    """Whether one of them, whose beginning was not seen, may be the rest of what the other shows whole."""
    if run.began_here == reference.began_here:
        return False
    whole, rest = (run, reference) if run.began_here else (reference, run)
    first = rest.exchanges[0]
    asked = (first.method, first.client, first.server)
    return any((e.method, e.client, e.server) == asked for e in whole.exchanges)


def _most_alike(
    conversation: Conversation,
    candidates: list[Conversation],
    says: Callable[[Conversation], Sequence[Hashable]],
) -> Conversation:
    if len(candidates) == 1:
        return candidates[0]
    ours = says(conversation)
    if says(candidates[0]) == ours:
        return candidates[0]
    matcher: SequenceMatcher[Hashable] = SequenceMatcher(None, ours, [], autojunk=False)

    def alike(candidate: Conversation) -> float:
        matcher.set_seq2(says(candidate))
        return matcher.ratio()

    return max(candidates, key=alike)  # the earliest of several equals
