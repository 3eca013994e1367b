"""`chaoskit judge`: judge a stored run again; it reads and writes only the run directory."""

from __future__ import annotations

from pathlib import Path

import click

from chaoskit.cli.places import JUDGED, find_run
from chaoskit.errors import ChaoskitError, InvalidInput


@click.command("judge")
@click.argument("run", required=False)
def command(run: str | None) -> int:
    """Judge RUN (a run directory or id; default: the newest) again."""
    from rich.console import Console

    from chaoskit.cli.conducting import judge_run
    from chaoskit.report.terminal import print_verdict

    folder = find_run(run, *JUDGED)
    _refuse_without_samples(folder)
    verdict = judge_run(folder)
    print_verdict(verdict, Console(), folder / "report.html")
    return verdict.exit_code


def _refuse_without_samples(folder: Path) -> None:
    """A verdict from samples that are gone is not written over; raises InvalidInput."""
    from chaoskit.report.source import read_run

    try:
        read_run(folder)
    except InvalidInput:
        raise
    except ChaoskitError:
        pass  # there is no verdict yet, or one that cannot be read: that is what judging mends
