"""`chaoskit revert`: put back from the journals alone. It needs no experiment file."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chaoskit.cli.places import REVERTED, find_run
from chaoskit.run.state import StateRoot

if TYPE_CHECKING:
    from chaoskit.run.reverting import Outcome


@click.command("revert")
@click.argument("run", required=False)
@click.option(
    "--forget",
    is_flag=True,
    help="Forget RUN where its records cannot be read: you have looked at the system yourself.",
)
def command(run: str | None, forget: bool) -> int:
    """Put back what RUN (a run directory or id; default: every run) left in force.

    Ends with what was put back, what was already gone, what is left and how to mend it by hand;
    exit code 4 when something is left. A run that is under way and on time is touched only when
    it is named. What cannot be read keeps new runs from starting, until it is forgotten.
    Ctrl-C says what is still being put back and cuts nothing short; a third one leaves (4).
    """
    if forget and run is None:
        raise click.UsageError("--forget forgets one run: name it")
    from chaoskit.cli.interrupts import signals_while_reverting

    todo: list[Path] = []
    with signals_while_reverting(todo):
        return _revert(run, forget, todo)


def _revert(run: str | None, forget: bool, todo: list[Path]) -> int:
    """`todo` holds what is not in order yet, for whoever is interrupted."""
    from chaoskit.errors import worst
    from chaoskit.run.clock import SystemClock
    from chaoskit.run.conduct import gone_sentence
    from chaoskit.run.reverting import Worlds, exit_code, revert_run
    from chaoskit.world import reopen_world
    from chaoskit.world.by_hand import by_hand

    state, worlds = StateRoot(), Worlds(reopen_world, by_hand)
    _echo(f"state: {state.path}")
    outcomes = []
    todo += _folders(run, state)
    for folder in tuple(todo):
        outcome = revert_run(folder, worlds, SystemClock(), named=run is not None)
        if outcome.clear:
            state.close_run(folder.name)
        if not outcome.exit_code:
            todo.remove(folder)
        _say(outcome)
        outcomes.append(outcome)
    gone = [] if run else state.gone_runs()
    for folder in gone:
        _echo(f"{gone_sentence(folder)} It is forgotten now")
        state.close_run(folder.name)
    if not outcomes and not gone:
        _echo("nothing is outstanding")
    _sum_up(outcomes, state)
    if forget and _forgotten(outcomes[0], state):
        return 0
    return worst([exit_code(outcomes), 4 if gone else 0])


def _echo(text: str = "") -> None:
    """A terminal that is gone must not keep the next run from being put back."""
    with suppress(OSError):
        click.echo(text)


def _folders(run: str | None, state: StateRoot) -> list[Path]:
    """Newest first; a run that is named may also be one that nothing points at."""
    known = state.open_runs()
    if run is None:
        return known
    named = [folder for folder in known if folder.name == run or folder == Path(run).resolve()]
    return named or [find_run(run, *REVERTED).resolve()]


def _say(outcome: Outcome) -> None:
    """At once, run by run: a world that does not answer makes the next one wait."""
    for note in outcome.notes:
        _echo(f"{outcome.folder}: {note}")
    for one in outcome.lines:
        detail = f" ({one.detail})" if one.detail else ""
        _echo(f"{one.fault} on {one.point}: {one.result}{detail}")


def _forgotten(outcome: Outcome, state: StateRoot) -> bool:
    """Only what no other try would put back is the person's to answer for."""
    if outcome.exit_code and not outcome.hopeless:
        _echo(f"\nrun {outcome.folder.name} is not forgotten: try again what is left")
        return False
    if outcome.hopeless:
        state.close_run(outcome.folder.name)
        _echo(f"\nrun {outcome.folder.name} is forgotten: what it left is yours to mend")
    return True


def _sum_up(outcomes: list[Outcome], state: StateRoot) -> None:
    if any(outcome.lines for outcome in outcomes):
        _print_table(outcomes)
    for outcome in outcomes:
        _how_to_mend(outcome, state)


def _print_table(outcomes: list[Outcome]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("run", "fault", "on", "result")
    for outcome in outcomes:
        for one in outcome.lines:
            table.add_row(outcome.folder.name, one.fault, one.point, one.result)
    _echo()
    with suppress(OSError):
        Console().print(table)


def _how_to_mend(outcome: Outcome, state: StateRoot) -> None:
    """Commands are never wrapped: they are there to be copied."""
    for one in outcome.left:
        _echo(f"\nleft by run {outcome.folder.name}: {one.fault} on {one.point}")
        _echo(f"  why: {one.detail}")
        if one.by_hand:
            if not one.hopeless:
                _echo("  try again: chaoskit revert " + str(outcome.folder))
            _echo("  or by hand, in this order:")
        for line in one.by_hand:
            _echo(f"    {line}")
        if not one.by_hand:
            _echo(
                f"  no command is known for it; its undo stands in {outcome.folder}/journal.jsonl"
            )
    if outcome.hopeless and outcome.folder in state.open_runs():
        _echo(
            f"\nrun {outcome.folder.name} keeps new runs from starting; once you have looked at "
            "the system yourself (`chaoskit system status`): "
            f"chaoskit revert --forget {outcome.folder}"
        )
