"""One run directory of each ending, its pages written once for all tests of this room."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaoskit.report import write_report
from tests.report import builder


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run directory of each ending, with its pages written."""
    root = tmp_path_factory.mktemp("runs")
    made = {ending: make(root / ending) for ending, make in builder.ALL.items()}
    for directory in made.values():
        assert write_report(directory) == directory / "report.html"
    return made


@pytest.fixture(params=sorted(builder.ALL))
def run(request: pytest.FixtureRequest, runs: dict[str, Path]) -> Path:
    return runs[request.param]
