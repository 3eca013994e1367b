"""Options that several commands share, so that they read and behave alike."""

from __future__ import annotations

from pathlib import Path

import click

from chaoskit.cli.places import REPORTS
from chaoskit.units import Duration

paths = click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
tags = click.option("--tag", "tags", multiple=True, help="Only experiments with this tag.")
settings = click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override a value of the file."
)
runtime = click.option(
    "--runtime",
    type=click.Choice(["auto", "docker", "local"]),
    default="auto",
    show_default=True,
    help="Where the system runs.",
)
system = click.option(
    "--system",
    "system_path",
    type=click.Path(path_type=Path),
    help="system.yaml, or its folder. Default: the nearest one upwards.",
)
reports = click.option(
    "--reports",
    type=click.Path(path_type=Path, file_okay=False),
    default=REPORTS,
    show_default=True,
    help="Where run directories go.",
)
quick = click.option("--quick", is_flag=True, help="Halve baseline and fault phases; it is said.")
seed = click.option("--seed", type=int, help="Make the same random choices as a run before.")


def pairs(settings: tuple[str, ...]) -> dict[str, str]:
    """`key=value` pairs as a mapping; raises UsageError for anything else."""
    found = {}
    for text in settings:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise click.UsageError(f"--set takes key=value, such as load.rate=30/s; got '{text}'")
        found[key] = value
    return found


def age(text: str) -> Duration:
    """`30d` or a duration; raises BadParameter. Documents have no use for days, so only here."""
    days = text.strip().removesuffix("d")
    try:
        return Duration(86400 * float(days)) if days != text.strip() else Duration.parse(text)
    except ValueError as error:
        raise click.BadParameter(f"an age such as 30d or 12h; got '{text}'") from error
