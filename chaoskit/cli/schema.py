"""`chaoskit schema`: the JSON Schema that editors complete and check with."""

from __future__ import annotations

import json

import click


@click.command("schema")
@click.argument(
    "which", type=click.Choice(["experiment", "system", "schedule"]), default="experiment"
)
def command(which: str) -> int:
    """Print the JSON Schema of experiments (default), system files or schedules."""
    from chaoskit.schema import experiment_schema, schedule_schema, system_schema

    schemas = {
        "experiment": experiment_schema,
        "system": system_schema,
        "schedule": schedule_schema,
    }
    click.echo(json.dumps(schemas[which](), indent=2))
    return 0
