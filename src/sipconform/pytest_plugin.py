"""Scenarios are plain pytest: this plugin gives them a laboratory, judges what crossed its wire, and reports.

An `async def` test that asks for an actor (`phone`, `server`, …) is a scenario. It runs on the lab's own event
loop, virtual on the simulated network. When it is over its capture is judged: the test fails if the scenario
itself failed, or if a device violated a MUST.
"""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sipconform.run_options import OPTIONS
from sipconform.shipped import shipped

if TYPE_CHECKING:
    from sipconform.session import ScenarioSession

SESSION: pytest.StashKey[ScenarioSession] = pytest.StashKey()

NOT_JUDGED = 2
SEVERAL_PROCESSES = "the scenarios of a run share its folder, and are not played by several processes: leave out -n"
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


def pytest_collection_finish(session: pytest.Session) -> None:
    """A run begins when it is known which scenarios it has, and that they can use what was named for them."""
    stories = [item for item in session.items if isinstance(item, pytest.Function) and _is_scenario(item)]
    if not stories or session.config.option.collectonly or hasattr(session.config, "workerinput"):
        return
    from sipconform import options  # noqa: PLC0415 - other projects' pytest must not pay for it

    given = session.config.option
    options.spoken_to(given, options.usable(given), {name for item in stories for name in _names(item)})
    scenario_session(session.config)


def _is_scenario(item: pytest.Function) -> bool:
    return "lab" in item.fixturenames and inspect.iscoroutinefunction(item.obj)


def _names(item: pytest.Function) -> set[str]:
    """Whom a scenario speaks to, among other things that it asks for."""
    from sipconform.lab.shared_line import DESKS  # noqa: PLC0415 - as above

    names = set(item.fixturenames)
    return names | set(DESKS) if "desks" in names else names


def scenario_session(config: pytest.Config) -> ScenarioSession:
    """The run of this pytest session."""
    if hasattr(config, "workerinput"):
        pytest.fail(SEVERAL_PROCESSES, pytrace=False)
    if SESSION not in config.stash:
        from sipconform.session import ScenarioSession  # noqa: PLC0415 - other projects' pytest must not pay for it

        _let_a_person_be_asked(config)
        try:
            config.stash[SESSION] = ScenarioSession.from_options(config.option, str(config.invocation_params.dir))
        except OSError as error:
            pytest.exit(f"{error.filename or config.option.out} cannot be written: {error.strerror}", NOT_JUDGED)
    return config.stash[SESSION]


def _let_a_person_be_asked(config: pytest.Config) -> None:
    """A prompt and its answer go past what pytest catches."""
    from sipconform.lab.drivers import terminal  # noqa: PLC0415 - as above

    catching: Any = config.pluginmanager.getplugin("capturemanager")

    @contextmanager
    def own_streams() -> Iterator[None]:
        catching.suspend(in_=True)
        try:
            yield
        finally:
            catching.resume()

    if catching is not None:
        terminal.uncaptured = own_streams


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not _is_scenario(pyfuncitem):
        return None
    run = scenario_session(pyfuncitem.config)
    stage: Any = pyfuncitem.funcargs["lab"]
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    try:
        outcome = run.play(pyfuncitem, stage, arguments)
    except OSError as error:
        run.trouble = run.trouble or error
        pytest.exit(f"{error.filename or run.folder.path}: {error.strerror or error}", NOT_JUDGED)
    pyfuncitem.user_properties.append(("verdict", str(outcome.verdict)))
    outcome.raise_for_pytest()
    return True


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """The workers of pytest-xdist are told of, and what they could not play."""
    config.pluginmanager.register(_Workers(config), "sipconform-workers")


class _Workers:
    """Ends the session with one sentence as soon as a worker was given a scenario."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._in_vain = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and SEVERAL_PROCESSES in str(report.longrepr):
            self._in_vain = True
            session: Any = self._config.pluginmanager.getplugin("session")
            session.shouldstop = SEVERAL_PROCESSES

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._in_vain:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Failures that are verdicts are told once, in our own section, and counted under their own names."""
    verdict = dict(getattr(report, "user_properties", ())).get("verdict", "")
    letter = LETTERS.get(str(verdict))
    return (str(verdict), letter, str(verdict).upper()) if report.failed and report.when == "call" and letter else None


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    run = session.config.stash.get(SESSION, None)
    if run is None:
        return
    run.close(interrupted=exitstatus == pytest.ExitCode.INTERRUPTED)
    if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED):
        session.exitstatus = run.exit_code(bool(session.testsfailed))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    run = config.stash.get(SESSION, None)
    if run is not None:
        terminalreporter.section("sipconform")
        for line in run.summary():
            terminalreporter.write_line(line)
