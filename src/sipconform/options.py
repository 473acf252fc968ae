"""What was typed for a run: into a lab's settings, and back into the words that play one scenario again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sipconform.agents.faults import fault_named
from sipconform.lab.profile import load_profile
from sipconform.lab.scenarios import DEFAULT_PROFILE
from sipconform.lab.settings import LabSettings, PhoneSettings, Weather, load_lab
from sipconform.run_options import OPTIONS
from sipconform.shipped import shipped

NOT_AGAIN = ("--out",)


def usable(options: Any) -> LabSettings:
    """The settings the options make, if they can be used: lab file, profile and faults are looked at. Raises
    pytest.UsageError with one sentence that says what, where and why."""
    try:
        settings = settings_from(options)
        _not_both(settings)
        load_profile(settings.profile or DEFAULT_PROFILE)
        for name in options.fault:
            fault_named(name)
        return msgspec.convert(msgspec.to_builtins(settings), LabSettings)
    except ValueError as error:  # msgspec's, the lab file's and the profile's errors are all of this kind
        raise pytest.UsageError(str(error).replace(" - at `$.", " - at `")) from error


def _not_both(settings: LabSettings) -> None:
    """No driver reaches into the simulated network, and its clock waits for nobody."""
    drivers = [settings.server.control, *(phone.control for phone in settings.phones.values())]
    if settings.network == "simulated" and any(drivers):
        raise ValueError(f"the simulated network has no place for what {next(filter(None, drivers))} drives")


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
    if options.listen:
        settings.server.address = options.listen
    if options.by_hand or options.server_control:
        settings.server.control = options.server_control or "operator"
    for text in options.account:
        name, _, credentials = text.rpartition("=")
        user, _, password = credentials.partition(":")
        phone = settings.phones.setdefault(name or "phone", PhoneSettings())
        phone.user, phone.password = user, password
    for text in options.phone:
        name, _, control = text.rpartition("=")
        phone = settings.phones.setdefault(name or "phone", PhoneSettings())
        phone.kind, phone.control = "remote", control
        settings.under_test = "phone"
    if options.under_test:
        settings.under_test = options.under_test
    return settings


def _fields(table: Any) -> dict[str, Any]:
    return {name: getattr(table, name) for name in table.__struct_fields__}


def again(item: pytest.Function, options: Any) -> str:
    """The command line that plays this one scenario as it was played; only a password has to be filled in."""
    path = Path(item.path)
    for base in (shipped("suites"), item.config.invocation_params.dir):
        path = path.relative_to(base) if path.is_relative_to(base) else path
    return shlex.join(["sipconform", "run", f"{path.as_posix()}::{item.name}", *words_of(options)])


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
