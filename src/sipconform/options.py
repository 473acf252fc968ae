"""What was typed for a run: into a lab's settings, and back into the words that play one scenario again."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sipconform.agents.faults import Fault, fault_named
from sipconform.expectations import load_expecting
from sipconform.lab.accounts import PHONES
from sipconform.lab.scenarios import DEFAULT_PROFILE
from sipconform.lab.settings import LabSettings, PhoneSettings, Weather, load_lab, unusable
from sipconform.lab.shared_line import DESKS
from sipconform.run_options import OPTIONS
from sipconform.shipped import shipped

NOT_AGAIN = ("--out",)
SIMULATED_ONLY = ("seed", "loss", "duplicate", "reorder")


def usable(options: Any) -> LabSettings:
    """The settings the options make, if they can be used and have an effect: lab file, profile and faults are looked
    at. Raises pytest.UsageError with one sentence that says what, where and why."""
    try:
        settings = settings_from(options)
        load_expecting(settings.profile or DEFAULT_PROFILE)
        faults = [fault_named(name) for name in options.fault]
        settings = msgspec.convert(msgspec.to_builtins(settings), LabSettings)
        of_the_file = set(unusable(load_lab(Path(options.lab)))) if options.lab else set()
        for why in chain(_without_effect(options, settings), _faulty(faults, settings), unusable(settings)):
            raise ValueError(f"{options.lab}: {why}" if why in of_the_file else why)
    except ValueError as error:  # msgspec's, the lab file's and the profile's errors are all of this kind
        raise pytest.UsageError(str(error).replace(" - at `$.", " - at `")) from error
    return settings


def _without_effect(options: Any, settings: LabSettings) -> Iterator[str]:
    """Whoever gives an option that does nothing believes that something was tested which was not."""
    if settings.server.kind == "remote":
        if options.listen:
            yield f"--listen says where our own server listens, but the server is {settings.server.address}"
    elif options.by_hand or options.server_control:
        name = "--by-hand" if options.by_hand else "--server-control"
        yield f"{name} is for a remote server: name it with --server"
    if options.by_hand and options.server_control:
        yield "--by-hand and --server-control are two ways of driving one server: leave one out"
    if settings.network != "simulated":
        given = [name for name in SIMULATED_ONLY if getattr(options, name) is not None]
        yield from (f"--{name} is for the simulated network: add --network simulated" for name in given)


def _faulty(faults: Iterable[Fault], settings: LabSettings) -> Iterator[str]:
    for fault in faults:
        if fault.on == "server" and settings.server.kind == "remote":
            yield f"fault {fault.id} is seeded into a server of ours, but the server is {settings.server.address}"


def spoken_to(options: Any, settings: LabSettings, names: Collection[str]) -> None:
    """Looks whether the scenarios that were chosen, which speak to these `names`, have a use for every phone that was
    named, and speak to a device under test. Raises pytest.UsageError."""
    phones = sorted(name for name in names if name in PHONES or name in settings.phones)
    for option, texts in (("--phone", options.phone), ("--account", options.account)):
        for name in (text.partition("=")[0] for text in texts):
            if name not in names:
                why = "no scenario that was chosen speaks to it" if name in PHONES else "there is no such phone"
                raise pytest.UsageError(f"{option} {name}: {why}; they speak to {', '.join(phones) or 'no phone'}")
    for name in settings.phones:
        if name not in names and name not in PHONES:
            known = ", ".join(sorted(PHONES - set(DESKS)))
            raise pytest.UsageError(f"{options.lab}: phones.{name}: there is no such phone; there are {known}")
    tested = settings.phones_under_test if settings.under_test == "phone" else []
    if tested and not any(name in names for name in tested):
        raise pytest.UsageError(f"no scenario that was chosen speaks to a phone under test ({', '.join(tested)})")


def settings_from(options: Any) -> LabSettings:
    """The lab file, if any, with the command line's options laid over it."""
    settings = load_lab(Path(options.lab)) if options.lab else LabSettings()
    for name in ("profile", "network", "transport", "ip", "seed"):
        value = getattr(options, name)
        if value is not None:
            setattr(settings, name, value)
    weather = {n: getattr(options, n) for n in ("loss", "duplicate", "reorder") if getattr(options, n) is not None}
    if weather:
        settings.weather = Weather(**{**_fields(settings.weather), **weather})
    if options.server:
        settings.server.kind, settings.server.address = "remote", options.server
        settings.under_test = "server"
    if options.listen and settings.server.kind == "own":
        settings.server.address = options.listen
    if options.by_hand or options.server_control:
        settings.server.control = options.server_control or "operator"
    for text in options.account:
        phone, credentials = _named("--account", "NAME=USER:PASSWORD", text, settings)
        phone.user, _, phone.password = credentials.partition(":")
    for text in options.phone:
        phone, phone.control = _named("--phone", "NAME=HOST:PORT or NAME=operator", text, settings)
        phone.kind = "remote"
        settings.under_test = "phone"
    if options.under_test:
        settings.under_test = options.under_test
    return settings


def _named(option: str, form: str, text: str, settings: LabSettings) -> tuple[PhoneSettings, str]:
    """The phone that an option names, and what it says of it."""
    name, _, said = text.partition("=")
    if not name or not said:
        raise ValueError(f"{option} wants {form}, not {_without_password(text)!r}")
    return settings.phones.setdefault(name, PhoneSettings()), said


def _fields(table: Any) -> dict[str, Any]:
    return {name: getattr(table, name) for name in table.__struct_fields__}


def again(item: pytest.Function, options: Any) -> str:
    """The command line that plays this one scenario as it was played; only a password has to be filled in."""
    path = Path(item.path)
    for base in (shipped("suites"), item.config.invocation_params.dir):
        path = path.relative_to(base) if path.is_relative_to(base) else path
    return shlex.join(["sipconform", "run", f"{path.as_posix()}::{item.name}", *words_of(options)])


def typed(words: Iterable[str], options: Any) -> str:
    """A command line as it was given; PASSWORD stands for every password."""
    return shlex.join(_shown(word, options.account) for word in words)


def _shown(word: str, accounts: Collection[str]) -> str:
    if word in accounts:
        return _without_password(word)
    option, equals, account = word.partition("=")
    return f"{option}={_without_password(account)}" if equals and account in accounts else word


def words_of(options: Any) -> Iterator[str]:
    """The options as they are typed, those left out that say nothing; PASSWORD stands for every password."""
    for name, settings in OPTIONS.items():
        given = getattr(options, name.removeprefix("--").replace("-", "_"))
        if name in NOT_AGAIN or given is None or given is False:
            continue
        for value in given if isinstance(given, list) else [given]:
            yield name
            if settings.get("action") != "store_true":
                yield _without_password(value) if name == "--account" else str(value)


def _without_password(account: str) -> str:
    user, colon, _ = account.partition(":")
    return f"{user}:PASSWORD" if colon else account
