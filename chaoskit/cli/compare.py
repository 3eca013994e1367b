"""`chaoskit compare`: two sets of runs against each other; it reads and judges nothing anew."""

from __future__ import annotations

import re
from pathlib import Path

import click

from chaoskit.cli.sides import read_sides, refuse_strangers, write_file

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("compare")
@click.argument("old", metavar="BASE")
@click.argument("new", metavar="NEW")
@click.option(
    "--margin-latency", default="x1.05", show_default=True, metavar="FACTOR",
    help="How much slower is no regression yet.",
)  # fmt: skip
@click.option(
    "--margin-share", default="0.5pt", show_default=True, metavar="POINTS",
    help="How many more failed, degraded or shed requests are no regression yet.",
)  # fmt: skip
@click.option("--strict", is_flag=True, help="Exit 3 when something cannot be told.")
@click.option("--all", "every", is_flag=True, help="Show also what is no worse.")
@click.option("--json", "json_path", type=_FILE, help="Write all of it as JSON.")
@click.option("--markdown", type=_FILE, help="Write a summary for a CI job.")
def command(
    old: str,
    new: str,
    margin_latency: str,
    margin_share: str,
    strict: bool,
    every: bool,
    json_path: Path | None,
    markdown: Path | None,
) -> int:
    """Say what regressed, improved or cannot be told in NEW against BASE.

    Each is a run directory or id, a folder of runs, or a file of `chaoskit baseline`. Exits 1 on
    a regression.
    """
    from rich.console import Console

    from chaoskit.judge.regression import Margins, compare
    from chaoskit.report.compared import as_markdown, print_comparison

    margins = Margins(_factor(margin_latency), _points(margin_share))
    earlier, later = read_sides([(old,), (new,)])
    refuse_strangers(earlier, later)
    found = compare(earlier, later, margins)
    print_comparison(found, Console(), every)
    if json_path is not None:
        write_file(json_path, found.model_dump_json(indent=1) + "\n")
    if markdown is not None:
        write_file(markdown, as_markdown(found, every))
    return found.exit_code(strict)


def _factor(text: str) -> float:
    match = re.fullmatch(r"x([0-9]+(?:\.[0-9]+)?)", text.strip())
    if not match or not 1 < float(match[1]) <= 100:
        raise click.BadParameter(f"a factor above 1 such as x1.1; got '{text}'")
    return float(match[1])


def _points(text: str) -> float:
    match = re.fullmatch(r"\+?([0-9]+(?:\.[0-9]+)?)\s*pt", text.strip())
    if not match or not 0 < float(match[1]) <= 100:
        raise click.BadParameter(f"points of a share such as 0.5pt; got '{text}'")
    return float(match[1]) / 100
