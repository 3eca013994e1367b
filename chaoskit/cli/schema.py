"""`chaoskit schema`: the JSON Schema that editors complete and check with, and tools rely on."""

from __future__ import annotations

import json

import click

# What people write, then what is written by us.
KINDS = ("experiment", "system", "schedule", "gameday", "verdict", "baseline", "resilience")


@click.command("schema")
@click.argument("which", type=click.Choice(KINDS), default="experiment")
def command(which: str) -> int:
    """Print the JSON Schema of experiments (default), or of another kind of file."""
    from chaoskit import schema

    click.echo(json.dumps(getattr(schema, f"{which}_schema")(), indent=2))
    return 0
