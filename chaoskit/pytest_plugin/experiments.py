"""Experiment files as tests: each is one, and its failure reads like the verdict.

It must never call a claim that could not be judged passed: inconclusive fails too, with its reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaoskit.cli.conducting import Wishes, judge_run, run_bound
from chaoskit.cli.opening import open_system
from chaoskit.document import Bound, load_experiments
from chaoskit.errors import ChaoskitError, DocumentError
from chaoskit.model.verdict import Verdict
from chaoskit.pytest_plugin.held import in_turn
from chaoskit.report import write_report
from chaoskit.run.calls import StopFlag


class ExperimentFile(pytest.File):
    """One YAML file: one test, or every problem of the file."""

    def collect(self) -> Iterator[ExperimentItem]:
        try:
            (bound,) = load_experiments([self.path])
        except DocumentError as error:
            raise self.CollectError(str(error)) from error
        yield ExperimentItem.from_parent(self, name=bound.experiment.experiment, bound=bound)


class ExperimentItem(pytest.Item):
    """One experiment; it passes when its claim held."""

    def __init__(self, *, bound: Bound, **more: Any) -> None:
        super().__init__(**more)
        self.bound = bound
        self.add_marker("chaoskit")

    def runtest(self) -> None:
        ini, root = self.config.getini, self.config.rootpath
        verdict, page, error = run_experiment(
            self.bound, root / ini("chaoskit_reports"), ini("chaoskit_runtime"),
            quick=bool(ini("chaoskit_quick")),
        )  # fmt: skip
        if error is not None and not isinstance(error, Exception):
            raise error
        if error is not None or verdict.exit_code:
            raise NotHeld(verdict, page, error)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, NotHeld | ChaoskitError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"experiment {self.name}"


class NotHeld(Exception):
    """A claim that did not hold, as a person reads it."""

    def __init__(self, verdict: Verdict, page: Path, error: BaseException | None) -> None:
        broken = [gate for gate in verdict.gates if gate.status != "held"]
        lines = [f"{verdict.experiment} is {verdict.status}: {verdict.hypothesis}"]
        lines += [f"  {reason}" for reason in verdict.reasons]
        lines += [f"  {g.phase}: {g.expectation}: observed {g.shown}" for g in broken]
        lines += [f"  not put back: {difference}" for difference in verdict.differences]
        lines += [f"  {error}"] if error is not None else []
        super().__init__("\n".join([*lines, f"  report: {page}"]))


def run_experiment(
    bound: Bound, reports: Path, runtime: str, *, quick: bool = False
) -> tuple[Verdict, Path, BaseException | None]:
    """Run, judge and report one experiment; its verdict, page, and what ended it early.

    Raises ChaoskitError when it may not start; another run on the same system is waited for.
    """
    wishes, stop = Wishes(reports, runtime, quick), StopFlag()
    with bound.hiding():
        opened = open_system(bound.system, bound.system_path.parent, runtime)
        try:
            conducted = in_turn(
                lambda: run_bound(bound, opened, wishes, stop, lambda moment: None), stop
            )
        finally:
            opened.target.world.close()
    verdict = judge_run(conducted.folder)
    return verdict, write_report(conducted.folder), conducted.error
