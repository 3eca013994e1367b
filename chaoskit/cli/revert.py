"""`chaoskit revert`: put back from the journal alone. It needs no experiment file."""

from __future__ import annotations

from pathlib import Path

import click

from chaoskit.cli.places import find_run
from chaoskit.run.state import StateRoot


@click.command("revert")
@click.argument("run", required=False)
def command(run: str | None) -> int:
    """Put back what RUN (a run directory or id; default: every run) left in force."""
    state = StateRoot()
    known = state.open_runs()
    named = [folder for folder in known if run and folder.name == run]
    folders = named or ([find_run(run)] if run else known)
    click.echo(f"state: {state.path}")
    codes = [_revert(folder, state) for folder in folders]
    if not folders:
        click.echo("nothing is outstanding")
    return max(codes, default=0)


def _revert(folder: Path, state: StateRoot) -> int:
    from chaoskit.run.clock import SystemClock
    from chaoskit.run.history import first, outstanding
    from chaoskit.run.journal import Journal
    from chaoskit.run.revert import revert_outstanding
    from chaoskit.world import open_world

    clock = SystemClock()
    journal = Journal(folder, clock, "revert")
    records = journal.records()
    opening = first(records, "run")
    if opening is None or not outstanding(records):
        click.echo(f"{folder}: nothing is outstanding")
        state.close_run(folder.name)
        return 0
    journal.fence("chaoskit revert was called")
    done = revert_outstanding(journal, open_world(opening["world"]), clock)
    for one in done:
        detail = f" ({one.detail})" if one.detail else ""
        click.echo(f"{one.injection.fault} on {one.injection.point}: {one.result}{detail}")
    if any(one.result == "left" for one in done):
        click.echo(f"not everything could be put back; the journal says how: {journal.path}")
        return 4
    journal.append("end", restored=True, differences=[])
    state.close_run(folder.name)
    return 0
