"""`chaoskit judge`: judge a stored run again; it reads and writes only the run directory."""

from __future__ import annotations

import click

from chaoskit.cli.places import JUDGED, find_run


@click.command("judge")
@click.argument("run", required=False)
def command(run: str | None) -> int:
    """Judge RUN (a run directory or id; default: the newest) again."""
    from rich.console import Console

    from chaoskit.cli.conducting import judge_run
    from chaoskit.report.terminal import print_verdict

    folder = find_run(run, *JUDGED)
    verdict = judge_run(folder)
    print_verdict(verdict, Console(), folder / "report.html")
    return verdict.exit_code
