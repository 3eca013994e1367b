"""`chaoskit plan`: what a run would do and how it would be undone. It only reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chaoskit.cli import options
from chaoskit.document import load_experiments
from chaoskit.run.plan import Plan, Step, make_plan
from chaoskit.units import Duration

if TYPE_CHECKING:
    from chaoskit.cli.opening import Opened


@click.command("plan")
@options.paths
@options.settings
@options.quick
@options.runtime
@options.seed
def command(
    paths: tuple[Path, ...], settings: tuple[str, ...], quick: bool, runtime: str, seed: int | None
) -> int:
    """Show what a run would do, to which targets, and how it would be undone."""
    from chaoskit.cli.opening import open_system

    for bound in load_experiments(paths, settings=options.pairs(settings)):
        opened = open_system(bound.system, bound.system_path.parent, runtime)
        chosen = seed if seed is not None else bound.experiment.seed or 0
        plan = make_plan(bound.experiment, opened.target, run="preview", seed=chosen, quick=quick)
        _print(plan, opened)
    return 0


def _print(plan: Plan, opened: Opened) -> None:
    experiment = plan.experiment
    click.echo(f"{experiment.experiment}: {experiment.hypothesis}")
    click.echo(f"  system {plan.system.system} on {opened.choice}, load {experiment.load.rate}"
               f" into {' and '.join(opened.entries)}, seed {plan.seed}")  # fmt: skip
    phases = experiment.phases
    click.echo(f"  baseline {phases.baseline}, fault {phases.fault}, recovery within "
               f"{phases.recovery.within} then {phases.recovery.hold} held")  # fmt: skip
    click.echo(f"  worst case {Duration(plan.worst_case)}")
    for step in plan.steps:
        _print_step(step, plan)
    if not plan.steps:
        click.echo("  no fault: the system must hold under load alone")


def _print_step(step: Step, plan: Plan) -> None:
    when = f"at {Duration(step.offset)} for {Duration(step.lasts)}"
    click.echo(f"  {step.use.name} on {step.use.selection} {when} ({step.trouble})")
    for point, undo in zip(step.preview, step.undos, strict=True):
        share = _share(point, step, plan)
        click.echo(f"    target {point}{share}\n    undo   {json.dumps(undo)}")
    if step.note:
        click.echo(f"    note   {step.note}")


def _share(point: str, step: Step, plan: Plan) -> str:
    tier = plan.system.tier_of(point)
    if tier is None:
        proxies = plan.system.proxies_of(point)
        return f" by proxy {', '.join(proxies)}" if proxies else ""
    return f" ({len(step.preview)} of {len(plan.system.tiers[tier].nodes)} of {tier})"
