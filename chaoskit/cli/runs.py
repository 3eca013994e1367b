"""`chaoskit runs`: what lies under the reports folder, and its removal.

It must never remove a run that runs or that may have left something in force.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import click

from chaoskit.cli import options
from chaoskit.cli.places import JUDGED, find_run, shown, whole
from chaoskit.run.state import StateRoot
from chaoskit.run.stored import Stored, remove, stored_runs
from chaoskit.units import Duration

VERDICT = "verdict.json"
_UNITS = ("B", "kB", "MB", "GB", "TB")


@click.group("runs")
def command() -> None:
    """List, show or remove stored runs."""


@command.command("list")
@options.reports
def list_runs(reports: Path) -> int:
    """Every stored run, newest first."""
    runs = stored_runs(reports, StateRoot())
    if not runs:
        click.echo(f"no run under {reports}")
        return 0
    rows: list[tuple[str, ...]] = [
        ("run", "experiment", "verdict", "when (UTC)", "lasted", "restored", "size")
    ]
    rows += [_row(one) for one in runs]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())
    return 0


@command.command("show")
@click.argument("run", required=False)
def show(run: str | None) -> int:
    """The verdict of RUN (a run directory or id; default: the newest), and its files."""
    from rich.console import Console

    from chaoskit.report.source import read_verdict
    from chaoskit.report.terminal import print_verdict

    folder = find_run(run)
    if not (folder / VERDICT).is_file():
        whole(folder, *JUDGED)
    told = read_verdict(folder / VERDICT)
    console = Console()
    page = folder / "report.html"
    print_verdict(told, console, page if page.exists() else None)
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        click.echo(f"{_size(path.stat().st_size):>9}  {shown(path.absolute())}")
    return 0


@command.command("prune")
@options.reports
@click.option("--keep", type=click.IntRange(min=0), help="Keep the newest N of each experiment.")
@click.option("--older-than", metavar="AGE", help="Remove only what is older, such as 30d.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
def prune(reports: Path, keep: int | None, older_than: str | None, dry_run: bool) -> int:
    """Remove stored runs that no option keeps; a run with something outstanding always stays."""
    if keep is None and older_than is None:
        raise click.UsageError("say which: --keep N, --older-than 30d, or both")
    age = None if older_than is None else options.age(older_than)
    state, gone, freed = StateRoot(), 0, 0
    seen: Counter[str] = Counter()
    for one in stored_runs(reports, state):
        seen[one.experiment] += 1
        why = one.kept or _wanted(one, seen[one.experiment], keep, age)
        why = why or ("" if dry_run else remove(one, state))
        click.echo(_outcome(one, why, dry_run))
        gone, freed = gone + (not why), freed + (0 if why else one.size)
    verb = "would be removed" if dry_run else "removed"
    click.echo(f"{gone} of {seen.total()} runs {verb}, {_size(freed)}")
    return 0


def _wanted(one: Stored, number: int, keep: int | None, age: Duration | None) -> str:
    """Why the options keep it; `number` counts from the newest of its experiment."""
    if keep is not None and number <= keep:
        return f"number {number} of its experiment, and {keep} are kept"
    if age is None:
        return ""
    if one.at is None:
        return "its age is unknown"
    return "not old enough" if (datetime.now(UTC) - one.at).total_seconds() <= age else ""


def _outcome(one: Stored, why: str, dry_run: bool) -> str:
    named = f"{one.experiment} {one.run}"
    if why:
        return f"stays    {named}: {why}"
    return f"{'would go' if dry_run else 'removed '} {named} ({_size(one.size)})"


def _row(one: Stored) -> tuple[str, ...]:
    at = "unknown" if one.at is None else f"{one.at:%Y-%m-%d %H:%M:%S}"
    lasted = "–" if one.lasted is None else f"{one.lasted:.0f} s"
    restored = {True: "yes", False: "NO", None: "unknown"}[one.restored]
    return one.run, one.experiment, one.verdict, at, lasted, restored, _size(one.size)


def _size(number: float) -> str:
    for unit in _UNITS[:-1]:
        if number < 1000:
            return f"{number:.0f} {unit}"
        number /= 1000
    return f"{number:.0f} {_UNITS[-1]}"
