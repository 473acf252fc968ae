"""Documents by elements, attributes and text: numbers and identifiers of their own by how they go on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Set
from typing import TYPE_CHECKING, NamedTuple

from sipconform.features.xml_body import children, local_name, namespace

if TYPE_CHECKING:
    from lxml import etree

Speak = Callable[[str], str]
Table = list[tuple[str, str]]


class Course(NamedTuple):
    """How a document follows those before it in its conversation: the step of its version, and which of its
    identifiers were there already."""

    version: str = "first"
    known: Set[str] = frozenset()


MADE_ANEW = {  # by the name of the element: counters and identifiers of nobody else's
    "dialog": {"call-id", "local-tag", "remote-tag"},
    "contact": {"expires", "duration-registered", "callid", "cseq"},
}
IDENTIFIED = frozenset({"dialog", "registration", "contact"})
"""Elements whose `id` is the same as long as what they tell of lasts."""
VERSIONED = frozenset({"dialog-info", "reginfo", "conference-info"})
"""Documents whose `version` counts on (RFC 4235 §4.1, RFC 3680 §5.1)."""
UNORDERED = {"dialog-info": {"dialog"}, "reginfo": {"registration"}, "registration": {"contact"}}
"""Elements of one name whose order means nothing."""
TRUE_OR_FALSE = frozenset(
    {
        "donotdisturbon",
        "forwardstatus",
        "activateforward",
        "activatedonotdisturb",
        "doNotDisturb".lower(),
        "ringcountset",
    }
)
_WRITTEN = {"1": "true", "0": "false"}
_INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}"  # where a schema may be found says nothing
DEEPEST = 64
"""Levels of elements that are compared; no document of these packages has a tenth of them."""


def document(root: etree._Element, speak: Speak, course: Course) -> Iterator[tuple[str, str]]:
    """A flat table of places and what stands there."""
    name = local_name(root)
    yield from ((f"{name}{place}", value) for place, value in _element(root, speak, course, 0))


def _element(element: etree._Element, speak: Speak, course: Course, depth: int) -> Table:
    """What an element says, by places below it."""
    name, text = local_name(element), (element.text or "").strip()
    if name.lower() in TRUE_OR_FALSE:
        text = _WRITTEN.get(text, text)
    told: Table = [("", f"{{{namespace(element)}}}" + speak(text))]
    for attribute, value in sorted((str(n), str(v)) for n, v in element.attrib.items()):
        if not attribute.startswith(_INSTANCE):
            told.append((f"@{attribute}", _attribute(name, attribute, value, speak, course)))
    within = list(children(element)) if depth < DEEPEST else []
    told += _in_order(within)
    free: Collection[str] = UNORDERED.get(name, ())
    by_name: dict[str, list[Table]] = {}
    for child in within:
        by_name.setdefault(local_name(child), []).append(_element(child, speak, course, depth + 1))
    for child_name, tables in by_name.items():
        for at, table in enumerate(sorted(tables) if child_name in free else tables, 1):
            place = f"/{child_name}" + (f"[{at}]" if at > 1 else "")
            told += [(place + below, value) for below, value in table]
    return told


def _in_order(within: list[etree._Element]) -> Table:
    """The names of what stands in an element, where there are several: their order is that of a schema."""
    names = [local_name(child) for child in within]
    runs = [name for at, name in enumerate(names) if not at or names[at - 1] != name]
    return [(" order", " ".join(runs))] if len(runs) > 1 else []


def _attribute(element: str, name: str, value: str, speak: Speak, course: Course) -> str:
    if name in MADE_ANEW.get(element, ()):
        return "«made anew»"
    if name == "version" and element in VERSIONED:
        return f"«{course.version}»"
    if name == "id" and element in IDENTIFIED:
        return "«known»" if value in course.known else "«new»"
    return speak(value)
