"""`chaoskit run`: experiments one after the other, with live progress, verdicts and pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from chaoskit.cli import options
from chaoskit.document import Bound, load_experiments
from chaoskit.errors import ChaoskitError, Halted, Interrupted, worst
from chaoskit.run.calls import StopFlag

if TYPE_CHECKING:  # the module behind it loads what `validate` and `--help` can do without
    from chaoskit.cli.conducting import Wishes

# Nothing sensible can follow these: not restored, failed, interrupted.
ENDS_BATCH = (4, 5, 130)


@click.command("run")
@options.paths
@options.tags
@options.settings
@options.quick
@options.runtime
@options.seed
@options.reports
def command(
    paths: tuple[Path, ...],
    tags: tuple[str, ...],
    settings: tuple[str, ...],
    quick: bool,
    runtime: str,
    seed: int | None,
    reports: Path,
) -> int:
    """Run experiments (files or folders) and say whether their claims held.

    Exit code: 0 held, 1 violated, 2 invalid input, 3 inconclusive or halted, 4 not restored,
    5 the target or a tool failed, 130 interrupted and restored.
    """
    from chaoskit.cli.conducting import Wishes, signals

    bounds = load_experiments(paths, tags=tags, settings=options.pairs(settings))
    wishes = Wishes(reports, runtime, quick, seed)
    stop, codes = StopFlag(), []
    with signals(stop):
        for number, bound in enumerate(bounds, 1):
            code, ends = _one(bound, wishes, stop, f"{number}/{len(bounds)}")
            codes.append(code)
            if ends:
                break
    return worst(codes)


def _one(bound: Bound, wishes: Wishes, stop: StopFlag, position: str) -> tuple[int, bool]:
    """Run one experiment; its exit code, and whether the batch ends with it."""
    from rich.console import Console

    from chaoskit.cli.conducting import judge_run, run_bound
    from chaoskit.cli.opening import open_system
    from chaoskit.report import write_report
    from chaoskit.report.live import LivePanel
    from chaoskit.report.terminal import print_verdict

    console = Console()
    console.print(f"\n[bold]{bound.experiment.experiment}[/] ({position})", highlight=False)
    console.print(f"  {bound.experiment.hypothesis}", highlight=False, markup=False)
    try:
        opened = open_system(bound.system, bound.system_path.parent, wishes.runtime)
        console.print(f"  on {opened.choice}", highlight=False, markup=False)
        with LivePanel(console) as panel:
            conducted = run_bound(bound, opened, wishes, stop, panel.show)
    except ChaoskitError as error:
        click.echo(f"chaoskit: {error}", err=True)
        return error.exit_code, error.exit_code in ENDS_BATCH or isinstance(error, Halted)
    verdict = judge_run(conducted.folder)
    print_verdict(verdict, console, write_report(conducted.folder))
    code = verdict.exit_code
    if conducted.error is not None:
        code = worst([code, _code(conducted.error)])
        click.echo(f"chaoskit: {conducted.error}", err=True)
    return code, code in ENDS_BATCH or isinstance(conducted.error, Halted | Interrupted)


def _code(error: BaseException) -> int:
    return error.exit_code if isinstance(error, ChaoskitError) else 5
