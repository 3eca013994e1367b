"""`chaoskit validate`: every problem of every file at once; nothing is touched."""

from __future__ import annotations

from pathlib import Path

import click

from chaoskit.cli import options
from chaoskit.cli.places import shown
from chaoskit.document import load_experiments


@click.command("validate")
@options.paths
@options.tags
@options.settings
def command(paths: tuple[Path, ...], tags: tuple[str, ...], settings: tuple[str, ...]) -> int:
    """Check experiments (files or folders) without touching anything."""
    bounds = load_experiments(paths, tags=tags, settings=options.pairs(settings))
    for bound in bounds:
        click.echo(f"{shown(bound.path)}: {bound.experiment.experiment} is valid")
    return 0
