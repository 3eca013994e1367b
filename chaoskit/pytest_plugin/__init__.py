"""The pytest plugin: faults as a fixture, experiment files as tests.

    def test_browsing_survives_a_slow_database(chaos):
        with chaos.latency("catalog -> database", "80ms"):
            assert browse().ok

Each fault is journalled, watched and put back like a run: at the end of the block, however it
ends, and by the watchdog when pytest itself is killed. It must never begin a block before
the system behind a fault lists it, and loads nothing heavy before a test asks for it.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from chaoskit.pytest_plugin.experiments import ExperimentFile
    from chaoskit.pytest_plugin.held import Chaos

SECTION = "chaos"
# Where a test's faults are found: a fixture that holds one may be all that the test names.
_FAULTS = pytest.StashKey["Chaos"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("chaoskit_system", "system.yaml, or its folder (default: the nearest upwards)")
    parser.addini("chaoskit_runtime", "docker, local or auto", default="auto")
    parser.addini("chaoskit_reports", "where run directories go", default="reports")
    parser.addini("chaoskit_quick", "shorten the phases of collected experiments", type="bool")


@pytest.fixture
def chaos(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> Chaos:
    """Faults by name, each a context manager; see docs/pytest.md."""
    from chaoskit.pytest_plugin.held import Chaos

    ini = pytestconfig.getini
    named = pytestconfig.rootpath / ini("chaoskit_system") if ini("chaoskit_system") else None
    made = Chaos(named, ini("chaoskit_runtime"), pytestconfig.rootpath / ini("chaoskit_reports"))
    request.node.stash[_FAULTS] = made
    return made


@pytest.hookimpl(hookwrapper=True)  # the older form: pytest 7 knows no other
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, None]:
    """What was injected, or is at this moment, stands beside a test's own output."""
    report = (yield).get_result()
    faults = item.stash.get(_FAULTS, None)
    if faults is not None and (report.when == "call" or report.failed) and (told := faults.told):
        report.sections.append((SECTION, "\n".join(told)))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ExperimentFile | None:
    """An experiment that was given to pytest, by itself or by a folder named with it."""
    if file_path.suffix not in (".yaml", ".yml") or not _given(file_path, parent.config):
        return None
    from chaoskit.document import is_experiment
    from chaoskit.pytest_plugin.experiments import ExperimentFile

    if not is_experiment(file_path):
        return None
    found: ExperimentFile = ExperimentFile.from_parent(parent, path=file_path)
    return found


def _given(path: Path, config: pytest.Config) -> bool:
    """Whether the command line names it, or a folder of it below the project's own.

    A project's other YAML files are not ours to collect.
    """
    words = [str(word).partition("::")[0] for word in config.invocation_params.args]
    places = [(config.invocation_params.dir / w).resolve() for w in words if w and w[0] != "-"]
    named = [p for p in places if p.exists() and not config.rootpath.is_relative_to(p)]
    return any(path.is_relative_to(place) for place in named)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "chaoskit: an experiment file collected as a test")
