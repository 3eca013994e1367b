"""`chaoskit baseline`: a small file from stored runs, to commit and to compare later runs with."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click

from chaoskit.cli.sides import read_sides, write_file
from chaoskit.model.baseline import FORMAT, Baseline

# Lists and mappings of scalars stay on one line: a diff shows what changed, not where commas are.
_FLAT = re.compile(r"([\[{])\s*([^][{}]*?)\s*([\]}])")


@click.command("baseline")
@click.argument("runs", nargs=-1, required=True)
@click.option(
    "-o", "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("baseline.json"),
    show_default=True,
    help="Where to write it.",
)  # fmt: skip
def command(runs: tuple[str, ...], out: Path) -> int:
    """Write what comparisons need of RUNS (run directories, ids, folders of runs, baselines)."""
    (found,) = read_sides([runs])
    kept = Baseline(format=FORMAT, runs=tuple(found))
    write_file(out, written(kept))
    names = sorted({run.condition for run in found})
    click.echo(f"{out}: {len(found)} run{'' if len(found) == 1 else 's'} of {', '.join(names)}")
    for run in found:
        if run.left_out:
            click.echo(f"  {run.run}: no comparison will use its figures: {run.left_out[0]}")
    if sum(not run.left_out for run in found) < 3 * len(names):
        click.echo("  several runs of each say how much runs differ; three or more are better")
    return 0


def written(baseline: Baseline) -> str:
    """JSON that a person can read and a version control can compare."""
    plain = baseline.model_dump(mode="json", exclude_defaults=True)
    text = json.dumps(plain, indent=1, ensure_ascii=False)
    return _FLAT.sub(lambda m: m[1] + re.sub(r"\n\s*", " ", m[2]) + m[3], text) + "\n"
