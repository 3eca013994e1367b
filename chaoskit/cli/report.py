"""`chaoskit report`: write a stored run's pages again."""

from __future__ import annotations

import click

from chaoskit.cli.places import find_run


@click.command("report")
@click.argument("run", required=False)
def command(run: str | None) -> int:
    """Write the pages of RUN (a run directory or id; default: the newest) again."""
    from chaoskit.cli.conducting import judge_run
    from chaoskit.report import write_report

    folder = find_run(run)
    if not (folder / "verdict.json").exists():
        judge_run(folder)
    click.echo(write_report(folder))
    return 0
