"""`chaoskit schema`: the JSON Schema that editors complete and check with, and tools rely on."""

from __future__ import annotations

import json

import click


@click.command("schema")
@click.argument(
    "which", type=click.Choice(["experiment", "system", "verdict"]), default="experiment"
)
def command(which: str) -> int:
    """Print the JSON Schema of experiments (default), of system files, or of verdict.json."""
    from chaoskit.schema import experiment_schema, system_schema, verdict_schema

    made = {"experiment": experiment_schema, "system": system_schema, "verdict": verdict_schema}
    click.echo(json.dumps(made[which](), indent=2))
    return 0
