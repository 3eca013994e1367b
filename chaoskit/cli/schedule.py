"""`chaoskit schedule`: show what comes, run what is due, call one off, and write it for others."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from chaoskit.run.calls import StopFlag
    from chaoskit.schedule.keeper import Keeper

_file = click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path),
    default=Path("schedule.yaml"),
    show_default=True,
    help="The schedule.",
)
_instead = click.option(
    "--with",
    "instead",
    metavar="COMMAND",
    help="What gets the paths instead of `chaoskit run` or `gameday run`; to try it: echo.",
)
_days = click.option("--days", type=click.IntRange(1, 3660), default=30, show_default=True)


@click.group("schedule")
def command() -> None:
    """Run experiments and begin game days by the calendar."""


@command.command("next")
@_file
@click.option("--days", type=click.IntRange(1, 3660), default=7, show_default=True)
def coming_command(file: Path, days: int) -> int:
    """Show what comes, and what would not run, with the reason."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from chaoskit.schedule.notices import contents
    from chaoskit.schedule.permits import asked

    keeper = _keeper(file)
    table = Table("when", "entry", "what", "why not", box=None, padding=(0, 2, 0, 0))
    for occurrence in _coming(keeper, days):
        what = keeper.bound.hidden(contents(keeper.bound, occurrence.name))
        why = keeper.bound.hidden(keeper.against(occurrence))
        table.add_row(keeper.shown(occurrence), occurrence.name, escape(what), escape(why))
    Console(width=None if Console().is_terminal else 160).print(table)
    if halted := keeper.state.halted():
        click.echo(f"nothing runs: {halted}")
    for blackout in asked(keeper.bound.schedule):
        click.echo(keeper.bound.hidden(f"asked when one is due: {blackout}"))
    click.echo(f"log: {keeper.log.path}")
    return 0


@command.command("once")
@_file
@_instead
def once_command(file: Path, instead: str | None) -> int:
    """Run what is due now and end (for cron); say what was missed, refused or cut off.

    Exit code: the worst of what ran; 3 missed or refused, 5 cut off; 0 when nothing was due.
    """
    with _stopping() as stop:
        return _keeper(file, stop, instead).once()


@command.command("run")
@_file
@_instead
def run_command(file: Path, instead: str | None) -> int:
    """Keep the schedule until stopped (SIGINT, SIGTERM); a run under way is put back first.

    A change of the file holds for the next run; while the file is wrong nothing begins.
    """
    with _stopping() as stop:
        return _keeper(file, stop, instead).loop()


@command.command("skip")
@click.argument("name")
@_file
def skip_command(name: str, file: Path) -> int:
    """Call off the next run of an entry: what would not run anyway is passed over."""
    keeper = _keeper(file)
    occurrence = keeper.skip(name)
    click.echo(f"called off: {name}, {keeper.shown(occurrence)}")
    return 0


@command.command("ics")
@_file
@_days
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Default: stdout.")
def ics_command(file: Path, days: int, output: Path | None) -> int:
    """Write what comes as a calendar file; what would not run is left out."""
    from chaoskit.schedule.pages import calendar

    keeper = _keeper(file)
    found = [one for one in _coming(keeper, days) if not keeper.against(one)]
    text = calendar(keeper.bound, found, keeper.clock.now())
    if output is None:
        click.echo(text.decode(), nl=False)
    else:
        output.write_bytes(text)
        click.echo(f"{output}: {len(found)} events")
    return 0


@command.command("unit")
@_file
def unit_command(file: Path) -> int:
    """Print a systemd service and a timer that calls it every minute."""
    from chaoskit.schedule.pages import unit

    keeper = _keeper(file)
    click.echo(unit(keeper.bound, keeper.state.path), nl=False)
    return 0


def _keeper(file: Path, stop: StopFlag | None = None, instead: str | None = None) -> Keeper:
    from chaoskit.document.schedules import load_schedule
    from chaoskit.run.calls import StopFlag
    from chaoskit.run.state import StateRoot
    from chaoskit.schedule.keeper import Keeper
    from chaoskit.schedule.outside import RealClock, Runner

    stop = stop or StopFlag()
    runner = Runner(stop, *[shlex.split(instead)] * 2) if instead else Runner(stop)
    load = partial(load_schedule, file)
    return Keeper(load, StateRoot(), runner, RealClock(), click.echo, stop)


def _coming(keeper: Keeper, days: int) -> list[Any]:
    from chaoskit.schedule.moments import coming

    now = keeper.clock.now()
    return coming(keeper.bound.schedule, now, now + timedelta(days=days))


@contextmanager
def _stopping() -> Iterator[StopFlag]:
    """SIGINT and SIGTERM ask for a stop; seen at the next look, a child is told at once."""
    from chaoskit.run.calls import StopFlag

    stop = StopFlag()

    def take(number: int, frame: Any) -> None:
        stop.request("interrupted", f"stopped by {signal.Signals(number).name}")

    before = {number: signal.signal(number, take) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
