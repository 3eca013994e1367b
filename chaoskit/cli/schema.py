"""`chaoskit schema`: the JSON Schema that editors complete and check with, and tools rely on."""

from __future__ import annotations

import json

import click


@click.command("schema")
@click.argument(
    "which",
    type=click.Choice(["experiment", "system", "schedule", "gameday", "verdict"]),
    default="experiment",
)
def command(which: str) -> int:
    """Print the JSON Schema of experiments (default), systems, schedules, game days, verdicts."""
    from chaoskit import schema

    made = {
        "experiment": schema.experiment_schema,
        "system": schema.system_schema,
        "schedule": schema.schedule_schema,
        "gameday": schema.gameday_schema,
        "verdict": schema.verdict_schema,
    }
    click.echo(json.dumps(made[which](), indent=2))
    return 0
