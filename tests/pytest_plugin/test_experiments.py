"""Experiment files given to pytest: collected when they are named, and read like a verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaoskit.model.verdict import Gate, Status, Verdict
from chaoskit.pytest_plugin.experiments import NotHeld

EXPERIMENT = """\
experiment: web-loss
hypothesis: Browsing goes on with one web node
load: {locustfile: load.py, rate: 10/s}
steady_state: [browse success >= 99%]
phases: {baseline: 10s, fault: 10s, recovery: {within: 5s}}
faults:
  - kill: {node: web1}
"""


@pytest.fixture
def files(project: pytest.Pytester) -> Path:
    folder = project.path / "experiments"
    folder.mkdir()
    (folder / "web-loss.yaml").write_text(EXPERIMENT)
    (folder / "load.py").write_text("from locust import HttpUser\n")
    return folder


def test_named_by_itself_or_by_its_folder_it_is_a_test(
    project: pytest.Pytester, files: Path
) -> None:
    for named in ("experiments", "experiments/web-loss.yaml"):
        done = project.runpytest_subprocess("--collect-only", "-q", named)
        done.stdout.fnmatch_lines(["experiments/web-loss.yaml::web-loss"])


def test_a_project_that_names_none_collects_none(project: pytest.Pytester, files: Path) -> None:
    project.makepyfile("def test_it(): pass")
    for words in ((), (".",), (str(project.path),)):
        project.runpytest_subprocess(*words).assert_outcomes(passed=1)


def test_workers_of_xdist_collect_it_as_well(project: pytest.Pytester, files: Path) -> None:
    done = project.runpytest_subprocess("-n", "2", "experiments")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["shop is not up on local*"])


def test_every_problem_of_a_file_is_told_with_its_place(
    project: pytest.Pytester, files: Path
) -> None:
    text = EXPERIMENT.replace("web1", "web7").replace("10/s", "10")
    (files / "web-loss.yaml").write_text(text)
    done = project.runpytest_subprocess("experiments")
    done.assert_outcomes(errors=1)
    said = done.stdout.str()
    assert "web-loss.yaml:3:" in said
    assert "web-loss.yaml:7:" in said
    assert "Traceback" not in said


def test_a_system_that_is_not_up_is_one_sentence(project: pytest.Pytester, files: Path) -> None:
    done = project.runpytest_subprocess("experiments")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["shop is not up on local*; runtimes.local names no 'up' command*"])
    assert "Traceback" not in done.stdout.str()


def test_a_failure_reads_like_the_verdict() -> None:
    gate = Gate(
        phase="fault", expectation="browse success >= 99%", series="browse", metric="success",
        status=Status.VIOLATED, shown="91 %",
    )  # fmt: skip
    verdict = Verdict(
        experiment="web-loss", hypothesis="Browsing goes on", run="r", system="shop",
        runtime="local", status=Status.VIOLATED, reasons=("browse success was 91 %",),
        gates=(gate,),
    )  # fmt: skip
    assert str(NotHeld(verdict, Path("reports/page.html"), None)).splitlines() == [
        "web-loss is violated: Browsing goes on",
        "  browse success was 91 %",
        "  fault: browse success >= 99%: observed 91 %",
        "  report: reports/page.html",
    ]
