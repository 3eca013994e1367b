"""`chaoskit run`: experiments one after the other, with live progress, verdicts and pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from chaoskit.cli import options
from chaoskit.document import Bound, load_experiments
from chaoskit.errors import ChaoskitError, Halted, Interrupted, JournalError, NotRestored, worst
from chaoskit.run.calls import StopFlag

if TYPE_CHECKING:  # the module behind it loads what `validate` and `--help` can do without
    from chaoskit.cli.conducting import Conducted, Wishes
    from chaoskit.cli.opening import Opened
    from chaoskit.cli.screen import Ended, Screen

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
@click.option("--ci", is_flag=True, help="Plain stamped lines, as where the variable CI is set.")
def command(
    paths: tuple[Path, ...],
    tags: tuple[str, ...],
    settings: tuple[str, ...],
    quick: bool,
    runtime: str,
    seed: int | None,
    reports: Path,
    ci: bool,
) -> int:
    """Run experiments (files or folders) and say whether their claims held.

    Exit code: 0 held, 1 violated, 2 invalid input, 3 inconclusive or halted, 4 not restored,
    5 the target or a tool failed, 130 interrupted and restored.
    """
    from chaoskit.cli.announcing import Announcer
    from chaoskit.cli.conducting import Wishes, signals
    from chaoskit.cli.screen import Ended, Screen, in_pipeline

    bounds = load_experiments(paths, tags=tags, settings=options.pairs(settings))
    wishes = Wishes(reports, runtime, quick, seed)
    stop, batch = StopFlag(), list[Ended]()
    with signals(stop), Screen(ci or in_pipeline()) as screen:
        announcer = Announcer(screen.complain)
        for number, bound in enumerate(bounds, 1):
            announcer.begins(bound.experiment.experiment, bound.system.system)
            batch.append(run_one(bound, wishes, stop, f"{number}/{len(bounds)}", screen))
            announcer.ended(batch[-1], bound.hidden)
            if batch[-1].ends_batch:
                break
        screen.sum_up(batch, len(bounds))
    return worst([ended.code for ended in batch])


def run_one(bound: Bound, wishes: Wishes, stop: StopFlag, position: str, screen: Screen) -> Ended:
    """Run one experiment; how it ended, and whether the batch ends with it."""
    from chaoskit.cli.conducting import run_bound
    from chaoskit.cli.opening import open_system
    from chaoskit.cli.screen import Ended
    from chaoskit.report.live import LivePanel

    console, name = screen.console, bound.experiment.experiment
    console.print(f"\n[bold]{name}[/] ({position})", highlight=False)
    console.print(f"  {bound.hidden(bound.experiment.hypothesis)}", highlight=False, markup=False)
    try:
        opened = open_system(bound.system, bound.system_path.parent, wishes.runtime)
        console.print(f"  on {opened.choice}", highlight=False, markup=False)
        _warn(bound, opened, wishes, screen)
        with LivePanel(console) as panel:
            conducted = run_bound(bound, opened, wishes, stop, panel.show)
    except ChaoskitError as error:
        said = bound.hidden(str(error))
        screen.complain(said)
        ends = error.exit_code in ENDS_BATCH or isinstance(error, Halted)
        return Ended(name, "not run", error.exit_code, ends, reasons=(said,), judged=False)
    return _told(name, conducted, screen)


def _warn(bound: Bound, opened: Opened, wishes: Wishes, screen: Screen) -> None:
    """Say what cannot be told here, before time is spent on it."""
    from chaoskit.run.calibrations import foreseen
    from chaoskit.run.plan import shortened
    from chaoskit.run.provable import unprovable
    from chaoskit.run.state import StateRoot

    experiment = shortened(bound.experiment) if wishes.quick else bound.experiment
    system, runtime = bound.system.system, opened.choice.runtime
    doubts = foreseen(StateRoot(), system, runtime, experiment)
    for doubt in (*doubts, *unprovable(experiment, opened.target)):
        screen.console.print(f"  warning: {doubt}", highlight=False, markup=False)


def _told(name: str, conducted: Conducted, screen: Screen) -> Ended:
    """Judge the run that ended, write its pages and show them; say so where it cannot be judged."""
    from chaoskit.cli.conducting import judge_run
    from chaoskit.cli.screen import Ended, append_to_job
    from chaoskit.report import write_report
    from chaoskit.report.terminal import print_verdict

    folder, error = conducted.folder, conducted.error
    try:
        verdict = judge_run(folder)
    except JournalError as damaged:
        return _unjudged(name, conducted, damaged, screen)
    print_verdict(verdict, screen.console, write_report(folder))
    append_to_job((folder / "report.md").read_text(encoding="utf-8"))
    code = verdict.exit_code
    if error is not None:
        code = worst([code, _code(error)])
        screen.complain(str(error))
    ends = code in ENDS_BATCH or isinstance(error, Halted | Interrupted)
    word = str(verdict.status) if verdict.restored else "NOT RESTORED"
    return Ended(name, word, code, ends, folder, verdict.reasons)


def _unjudged(name: str, conducted: Conducted, damaged: JournalError, screen: Screen) -> Ended:
    """A journal that cannot be read whole is no evidence; what is not put back comes first."""
    from chaoskit.cli.screen import Ended

    found = [damaged] if conducted.error is None else [conducted.error, damaged]
    said = tuple(str(error) for error in found)
    for line in said:
        screen.complain(line)
    code = worst([_code(error) for error in found])
    word = "NOT RESTORED" if code == NotRestored.exit_code else "not judged"
    return Ended(name, word, code, True, conducted.folder, said, judged=False)


def _code(error: BaseException) -> int:
    return error.exit_code if isinstance(error, ChaoskitError) else 5
