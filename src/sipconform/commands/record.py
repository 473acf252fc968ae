"""`sipconform record`: makes reference captures with manifests, from our own agents or from a capture at hand."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from sipconform.commands import Parser, complain
from sipconform.lab.profile import ProfileError
from sipconform.lab.scenarios import known_scenarios
from sipconform.recording import NoReference, keep, manifests, record, record_each_row, scenario_named, verify_judged
from sipconform.shipped import shipped
from sipconform.trace.errors import CaptureError

NOT_RECORDED = 2
HERE = "captures"


def main(arguments: Sequence[str]) -> int:
    parser = Parser(
        "record",
        "Make reference captures: from scenarios between our own agents on the simulated network, or from a capture.",
    )
    parser.add_argument("scenario", nargs="*", help="a scenario's id or an unmistakable part of it")
    parser.add_argument("--all", action="store_true", help="one scenario for every requirement row")
    parser.add_argument("--capture", type=Path, help="take this capture of a good run instead")
    parser.add_argument("--shows", default="", help="with --capture: what it shows, in a sentence")
    parser.add_argument("--made-by", default="", help="with --capture: the devices, with their versions")
    parser.add_argument("--profile", default="", help="with --capture: the profile it speaks")
    parser.add_argument(
        "--row", action="append", default=[], help="with --capture: a requirement row it shows (repeatable)"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--out", type=Path, help="folder of references (default: captures here; with --check the shipped one)"
    )
    parser.add_argument("--check", action="store_true", help="only check the folder: files, manifests and verdicts")
    given = parser.parse_args(arguments)
    if given.check:
        return _check(given)
    if given.capture and not (given.shows and given.made_by):
        return complain("--capture needs --shows and --made-by: a reference says what it is")
    if not (given.scenario or given.all or given.capture):
        return complain("name a scenario, or give --all, --capture or --check")
    code, folder = 0, given.out or Path(HERE)
    for made in _made(given, folder):
        if isinstance(made, Path):
            print(made)
        else:
            code = complain(str(made), NOT_RECORDED)
    return code


def _made(given: argparse.Namespace, folder: Path) -> Iterator[Path | Exception]:
    if given.capture:
        said = {"shows": given.shows, "made_by": given.made_by, "profile": given.profile}
        yield _kept(lambda: keep(given.capture, folder, rows=tuple(given.row), **said))
    for name in given.scenario:
        yield _kept(partial(_record, name, folder, given.seed))
    if given.all:
        yield from record_each_row(folder, seed=given.seed)


def _record(name: str, folder: Path, seed: int) -> Path:
    return record(scenario_named(name), folder, seed=seed)


def _kept(make: Callable[[], Path]) -> Path | Exception:
    try:
        return make()
    except (NoReference, CaptureError, ProfileError, OSError) as error:
        return error


def _check(given: argparse.Namespace) -> int:
    if given.scenario:
        return complain(f"--check looks at all of a folder, not at {given.scenario[0]}; name the folder with --out")
    folder = given.out or shipped(HERE)
    if not folder.is_dir():
        return complain(f"{folder} is no folder")
    code, found = 0, manifests(folder)
    shown: set[str] = set()
    for path in found:
        try:
            shown |= set(verify_judged(path).rows)
        except (NoReference, CaptureError) as error:
            code = complain(str(error), NOT_RECORDED)
    listed = {path.with_suffix(".pcapng") for path in found}
    for capture in sorted(set(folder.rglob("*.pcapng")) - listed):
        code = complain(f"{capture} has no manifest", NOT_RECORDED)
    print(f"{len(found)} reference captures in {folder}")
    if lacking := sorted({row for known in known_scenarios() for row in known.rows} - shown):
        print(f"rows with a scenario and no reference: {' '.join(lacking)} (sipconform record --all)")
    return code
