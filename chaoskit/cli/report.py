"""`chaoskit report`: a stored run's pages again, or what a folder of runs proves together."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from chaoskit.cli import options
from chaoskit.cli.places import JUDGED, find_run, whole


@click.command("report")
@click.argument("run", metavar="[RUN|FOLDER]", required=False)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, file_okay=False),
    help="Where the resilience report goes. Default: FOLDER.",
)  # fmt: skip
@click.option("--max-age", metavar="AGE", help="Older runs prove nothing any more. Default: 30d.")
@click.option(
    "--as-of", metavar="TIME", help="Make the report as of then (ISO 8601). Default: now."
)
def command(run: str | None, out: Path | None, max_age: str | None, as_of: str | None) -> int:
    """Write the pages of RUN (a run directory or id; default: the newest) again.

    Of a FOLDER that holds runs, at any depth, write the resilience report: coverage, verdicts and
    recovery over time, the age of each proof, what was never tested. Exit code: 0 written, 2 no
    run below FOLDER.
    """
    from chaoskit.report.folder import is_run

    if run is not None and Path(run).is_dir() and not is_run(Path(run)):
        return _resilience(Path(run), out or Path(run), max_age or "30d", as_of)
    if out or max_age or as_of:
        raise click.UsageError("-o, --max-age and --as-of are for a folder that holds runs")
    return _one(find_run(run))


def _one(folder: Path) -> int:
    from chaoskit.cli.conducting import judge_run
    from chaoskit.report import write_report

    if not (folder / "verdict.json").exists():
        judge_run(whole(folder, *JUDGED))
    click.echo(write_report(folder))
    return 0


def _resilience(folder: Path, out: Path, max_age: str, as_of: str | None) -> int:
    from chaoskit.faults import all_faults
    from chaoskit.judge.standing import Age
    from chaoskit.report import balance, write_resilience

    age = Age(datetime.now(UTC) if as_of is None else _time(as_of), options.age(max_age))
    told, page = write_resilience(folder, out, age, all_faults())
    for system in told.systems:
        click.echo(f"{system.system}: {balance.summary(system)}")
        for line in balance.sentences(system):
            click.echo(f"  {line}")
    if told.left_out:
        click.echo(f"runs that count for nothing: {len(told.left_out)}; the report says why")
    click.echo(page)
    return 0


def _time(text: str) -> datetime:
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"a time such as 2026-11-25T12:00Z; got '{text}'") from error
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
