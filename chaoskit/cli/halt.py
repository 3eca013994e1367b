"""`chaoskit halt`: one word that stops every run under this state root."""

from __future__ import annotations

import click

from chaoskit.run.clock import SystemClock
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
    click.echo(f"state: {state.path}")
    return 0
