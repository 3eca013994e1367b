"""`chaoskit inject`: one fault held by hand. It must never be less safe than a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chaoskit.cli import options
from chaoskit.cli.places import find_system
from chaoskit.document import bind_system
from chaoskit.errors import InvalidInput, JournalError
from chaoskit.faults import FaultKind, find
from chaoskit.model.experiment import MAX_DURATION, Experiment, FaultUse
from chaoskit.run.calls import StopFlag
from chaoskit.units import Duration

if TYPE_CHECKING:  # it loads what `--help` can do without
    from chaoskit.cli.conducting import Wishes

SELECTS = ("node", "role", "count", "share", "link")


@click.command("inject", context_settings={"ignore_unknown_options": True})
@click.argument("fault")
@click.option("--for", "lasts", required=True, help="How long to hold it, such as 60s.")
@click.option(
    "--max-duration",
    default=str(MAX_DURATION),
    show_default=True,
    help="Hold it no longer than this, whatever --for says.",
)
@options.system
@options.runtime
@options.seed
@options.reports
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(
    fault: str,
    lasts: str,
    max_duration: str,
    system_path: Path | None,
    runtime: str,
    seed: int | None,
    reports: Path,
    arguments: tuple[str, ...],
) -> int:
    """Hold FAULT by hand, journalled and watched like a run.

    Name its point and arguments as options: chaoskit inject latency --link 'web -> catalog'
    --delay 80ms --for 60s. Ctrl-C puts it back at once.

    Exit code: 0 proven in force and put back, 3 not proven, lost or halted, 4 not put back,
    130 interrupted and put back.
    """
    from chaoskit.cli.conducting import Wishes
    from chaoskit.run.plan import seed_of

    kind = find(fault)
    use = _use(kind, _options(arguments))
    experiment = _experiment(
        use, _duration("--for", lasts), _duration("--max-duration", max_duration)
    )
    path = find_system(system_path)
    return _hold(experiment, path, Wishes(reports, runtime, seed=seed_of(seed, experiment)))


def _options(arguments: tuple[str, ...]) -> dict[str, str]:
    found, rest = {}, list(arguments)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if not name.startswith("--") or not (equals or rest):
            raise click.UsageError(f"expected --name value, got '{name}'")
        found[name[2:].replace("-", "_")] = value if equals else rest.pop(0)
    return found


def _duration(option: str, text: str) -> Duration:
    try:
        found = Duration.parse(text)
    except ValueError as error:
        raise click.UsageError(f"{option}: {error}") from error
    if not found:
        raise click.UsageError(f"{option} must be more than {found}")
    return found


def _experiment(use: FaultUse, lasts: Duration, most: Duration) -> Experiment:
    from chaoskit.run.hold import experiment_by_hand

    if lasts > most:
        raise InvalidInput(
            f"--for {lasts} is longer than the maximum duration of {most}: "
            f"shorten it, or allow it with --max-duration {lasts}"
        )
    return experiment_by_hand((use,), lasts, most)


def _use(kind: FaultKind, given: dict[str, str]) -> FaultUse:
    from chaoskit.run.hold import use_by_hand

    selection: dict[str, Any] = {k: given.pop(k) for k in SELECTS if k in given}
    if kind.point not in selection:
        raise click.UsageError(f"{kind.name} bites a {kind.point}: give --{kind.point}")
    return use_by_hand(kind, selection, given, mark="--")


def _hold(experiment: Experiment, path: Path, wishes: Wishes) -> int:
    from rich.console import Console

    from chaoskit.cli.conducting import run_opened, signals
    from chaoskit.cli.opening import open_system
    from chaoskit.report.live import LivePanel
    from chaoskit.run.choice import is_chosen
    from chaoskit.run.hold import Holding, NoLoad

    stop = StopFlag()
    bound = bind_system(path)
    with bound.hiding():
        opened = open_system(bound.system, path.parent, wishes.runtime)
    click.echo(f"on {opened.choice}")
    if any(is_chosen(use.selection, bound.system) for use in experiment.faults):
        click.echo(f"seed {wishes.seed}: --seed {wishes.seed} makes the same choices")
    with bound.hiding(), signals(stop), LivePanel(Console()) as panel:
        conducted = run_opened(
            experiment,
            opened,
            wishes,
            stop,
            panel.show,
            load_for=lambda plan, at: NoLoad(),
            engine=Holding,
            hidden=bound.hidden,
        )
    return _tell(conducted.folder, conducted.error)


def _tell(folder: Path, error: BaseException | None) -> int:
    from chaoskit.run.history import read_timeline

    try:
        held = read_timeline(folder).injections
    except JournalError as damaged:
        raise (error or damaged) from None  # what was not put back comes before what is not known
    for injection in held:
        proof = "was proven in force" if injection.proven else "was NOT proven in force"
        if injection.lost is not None:
            proof = f"was LOST while it was open: {injection.lost_because}"
        back = "put back" if injection.reverted else f"NOT put back: {injection.stuck}"
        click.echo(f"{injection.fault} on {injection.point} {proof}; {back}")
    click.echo(f"journal: {folder}/journal.jsonl")
    if error is not None:
        raise error
    return 0 if all(injection.proven for injection in held) else 3
