"""`chaoskit plan`: what a run would do and how it would be undone. It only reads."""

from __future__ import annotations

from pathlib import Path

import click

from chaoskit.cli import options
from chaoskit.document import load_experiments


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
    from chaoskit.cli.planpage import page
    from chaoskit.run.calibrations import foreseen
    from chaoskit.run.plan import make_plan, seed_of
    from chaoskit.run.provable import unprovable
    from chaoskit.run.state import StateRoot

    for bound in load_experiments(paths, settings=options.pairs(settings)):
        experiment = bound.experiment
        drawn_now = seed_of(seed, experiment)
        with bound.hiding():
            opened = open_system(bound.system, bound.system_path.parent, runtime)
            plan = make_plan(experiment, opened.target, run="preview", seed=drawn_now, quick=quick)
            unproven = tuple(unprovable(plan.experiment, opened.target))
        drawn = seed is None and experiment.seed is None
        known = (plan.system.system, opened.choice.runtime)
        doubts = (*foreseen(StateRoot(), *known, plan.experiment), *unproven)
        click.echo(bound.hidden(page(plan, str(opened.choice), opened.entries, drawn, doubts)))
    return 0
