"""`chaoskit halt`: one word that stops every run under this state root."""

from __future__ import annotations

from contextlib import suppress

import click

from chaoskit.errors import ChaoskitError
from chaoskit.run import processes
from chaoskit.run.clock import SystemClock
from chaoskit.run.history import first
from chaoskit.run.journal import NAME, read_records
from chaoskit.run.state import StateRoot


@click.command("halt")
@click.option("--lift", is_flag=True, help="Allow runs again.")
@click.option("--why", default="", help="The reason, shown to whoever is stopped by it.")
def command(lift: bool, why: str) -> int:
    """Stop every run (what is in force is put back) and block new ones until lifted."""
    state = StateRoot()
    if lift:
        click.echo("the halt is lifted" if state.lift() else "nothing was halted")
    else:
        state.halt(why, SystemClock())
        click.echo(state.halted())
        for run in _under_way(state):
            click.echo(f"stops: {run}")
    click.echo(f"state: {state.path}")
    return 0


def _under_way(state: StateRoot) -> list[str]:
    """The runs that live and will see the halt; what died is the watchdog's, or `revert`'s."""
    found = []
    for folder in state.open_runs():
        with suppress(ChaoskitError):  # the halt is set, whatever a journal looks like
            head = first(read_records(folder / NAME), "run") or {}
            if processes.alive(head.get("pid", 0), head.get("started")):
                found.append(f"run {head['run']} of {head['experiment']} (process {head['pid']})")
    return found
