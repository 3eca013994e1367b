"""`chaoskit schema`: the JSON Schema that editors complete and check with."""

from __future__ import annotations

import json

import click


@click.command("schema")
@click.argument("which", type=click.Choice(["experiment", "system"]), default="experiment")
def command(which: str) -> int:
    """Print the JSON Schema of experiments (default) or of system files."""
    from chaoskit.schema import experiment_schema, system_schema

    schema = experiment_schema() if which == "experiment" else system_schema()
    click.echo(json.dumps(schema, indent=2))
    return 0
