"""Scenarios are plain pytest: this plugin gives them a laboratory, judges what crossed its wire, and reports.

An `async def` test that asks for an actor (`phone`, `server`, …) is a scenario. It runs on the lab's own event
loop, virtual on the simulated network. When it is over its capture is judged: the test fails if the scenario
itself failed, or if a device violated a MUST.
"""

from __future__ import annotations

import importlib.util
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sipconform.run_options import OPTIONS
from sipconform.shipped import shipped

if TYPE_CHECKING:
    from sipconform.session import ScenarioSession

SESSION: pytest.StashKey[ScenarioSession] = pytest.StashKey()

LETTERS = {"fail": "F", "inconclusive": "?", "could-not-run": "!"}
"""How a scenario's verdict shows in pytest's line of dots, where it is no pass."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("sipconform")
    for name, settings in OPTIONS.items():
        group.addoption(name, **settings)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "rows(*ids): the rows of REQUIREMENTS a scenario exercises")
    config.addinivalue_line("markers", "silent: a scenario in which nothing on the wire is what should be there")
    config.addinivalue_line("markers", "race(what): two good runs may differ, for the outcome hangs on this")
    config.addinivalue_line("markers", "profile(name): the vendor profile a scenario was written for")
    if config.option.lab or config.option.profile or config.option.fault:
        from sipconform.options import usable  # noqa: PLC0415 - other projects' pytest must not pay for it

        usable(config.option)
    for path in sorted(shipped("fixtures").glob("*.py")):
        config.pluginmanager.register(_load(path), f"sipconform-fixtures-{path.stem}")


def _load(path: Path) -> Any:
    """Fixture files travel beside the suites, not inside the package: they are found by path."""
    spec = importlib.util.spec_from_file_location(f"sipconform_fixtures_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def scenario_session(config: pytest.Config) -> ScenarioSession:
    """The run of this pytest session; begun when the first scenario asks for it."""
    if SESSION not in config.stash:
        from sipconform.session import ScenarioSession  # noqa: PLC0415 - other projects' pytest must not pay for it

        config.stash[SESSION] = ScenarioSession.from_options(config.option, str(config.invocation_params.dir))
    return config.stash[SESSION]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    lab: Any = pyfuncitem.funcargs.get("lab")
    if lab is None or not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    outcome = scenario_session(pyfuncitem.config).play(pyfuncitem, lab, arguments)
    pyfuncitem.user_properties.append(("verdict", str(outcome.verdict)))
    outcome.raise_for_pytest()
    return True


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Failures that are verdicts are told once, in our own section, and counted under their own names."""
    verdict = dict(getattr(report, "user_properties", ())).get("verdict", "")
    letter = LETTERS.get(str(verdict))
    return (str(verdict), letter, str(verdict).upper()) if report.failed and report.when == "call" and letter else None


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    run = session.config.stash.get(SESSION, None)
    if run is not None:
        run.close(interrupted=exitstatus == pytest.ExitCode.INTERRUPTED)
        if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            session.exitstatus = run.exit_code(bool(session.testsfailed))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    run = config.stash.get(SESSION, None)
    if run is not None:
        terminalreporter.section("sipconform")
        for line in run.summary():
            terminalreporter.write_line(line)
