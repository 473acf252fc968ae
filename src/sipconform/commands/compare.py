"""`sipconform compare RUN REFERENCE`: what is not as in the reference, by which rule, and what was ignored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from sipconform.checks.catalogue import Level
from sipconform.commands import Parser, complain
from sipconform.commands.reading import READERS, add_reading
from sipconform.comparing import compare_captures
from sipconform.report.compared import Chapter, write_comparison
from sipconform.report.legible import legible, shortened
from sipconform.report.secrets import Mask
from sipconform.shipped import shipped
from sipconform.trace.errors import CaptureError

CLEAN, DIFFERENT, NOT_COMPARED = 0, 1, 2
COUNTED = (Level.MUST, Level.SHOULD)
PRINTED = 40


def main(arguments: Sequence[str]) -> int:
    parser = Parser(
        "compare",
        "Compare a run with a reference. Exit codes: 1 a difference of level MUST or SHOULD, 2 not all was compared.",
    )
    parser.add_argument("run", type=Path, help="a capture, or a run folder")
    parser.add_argument(
        "reference", type=Path, help="a capture, a folder of captures, or the name of one in captures or shipped"
    )
    add_reading(parser)
    parser.add_argument("--out", type=Path, help="folder for the report (default reports/<date and time>-compare)")
    given = parser.parse_args(arguments)
    try:
        pairs = list(_pairs(given.run, given.reference))
        if not pairs:
            return complain(f"no capture of {given.run} has a reference in {given.reference}", NOT_COMPARED)
        read = READERS[given.dissector]
        laid = [compare_captures(run, reference, keylog=given.keylog, read=read) for run, reference in pairs]
    except (CaptureError, FileNotFoundError) as error:
        return complain(str(error), NOT_COMPARED)
    chapters = [Chapter(each.run.stem, str(each.run), str(each.reference), each.comparison) for each in laid]
    folder = given.out or Path("reports") / f"{datetime.now().astimezone():%Y-%m-%d-%H%M%S}-compare"
    try:
        page = write_comparison(folder, chapters)
    except OSError as error:
        return complain(f"{folder} cannot be written: {error.strerror}", NOT_COMPARED)
    for chapter in chapters:
        _tell(chapter)
    print(f"report: {page}")
    return _exit_code(chapters)


def _pairs(run: Path, reference: Path) -> Iterator[tuple[Path, Path]]:
    """Which captures are compared with which: files with each other, folders by the names of their files."""
    if not reference.exists():
        name = f"{reference.name.removesuffix('.pcapng')}.pcapng"
        found = [path for folder in (Path("captures"), shipped("captures")) for path in sorted(folder.rglob(name))]
        if not found:
            raise FileNotFoundError(f"{reference} is neither a file nor the name of a capture in captures or shipped")
        reference = found[0]
    if not run.is_dir() and not reference.is_dir():
        yield run, reference
        return
    runs = sorted(run.rglob("*.pcap*")) if run.is_dir() else [run]
    references = {path.stem: path for path in sorted(reference.rglob("*.pcap*"))} if reference.is_dir() else {}
    for path in runs:
        known = references.get(path.stem) if references else (reference if path.stem == reference.stem else None)
        if known is not None:
            yield path, known


def _tell(chapter: Chapter) -> None:
    comparison, mask = chapter.comparison, Mask()
    counts = Counter(str(found.level) for found in comparison.differences)
    said = ", ".join(f"{count} {level}" for level, count in counts.items()) or "no difference"
    print(f"{chapter.title}: {said}; {len(comparison.ignored)} ignored by rule")
    for found in comparison.differences[:PRINTED]:
        values = (shortened(legible(mask.text(value)).replace("\n", " "), 80) for value in (found.run, found.reference))
        print(f"  {found.level:<6} {found.rule}: {legible(found.what)}: {' | '.join(values)}")
    if len(comparison.differences) > PRINTED:
        print(f"  … and {len(comparison.differences) - PRINTED} more")
    for reservation in comparison.reservations:
        print(f"  note: {reservation}")


def _exit_code(chapters: Sequence[Chapter]) -> int:
    if any(chapter.comparison.at(*COUNTED) and not chapter.comparison.doubted for chapter in chapters):
        return DIFFERENT
    return NOT_COMPARED if any(chapter.comparison.reservations for chapter in chapters) else CLEAN
