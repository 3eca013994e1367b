"""Conducts one bound experiment: from its files to its pages. The order is the guarantee's."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from chaoskit import __version__
from chaoskit.cli.interrupts import signals as signals
from chaoskit.cli.masking import Hidden, mask_error, mask_file, masked_plan
from chaoskit.cli.opening import Opened
from chaoskit.cli.places import shown
from chaoskit.document import Bound
from chaoskit.errors import JournalError, TargetError
from chaoskit.model.experiment import Experiment
from chaoskit.model.verdict import Verdict
from chaoskit.ports import Clock, Ledger, Load
from chaoskit.run.around import Surroundings
from chaoskit.run.calls import StopFlag, ThreadCalls
from chaoskit.run.clock import SystemClock
from chaoskit.run.conduct import (
    WatchdogProcess,
    conduct,
    head,
    lock_name,
    new_run,
    refuse_leftovers,
)
from chaoskit.run.engine import Engine
from chaoskit.run.feed import stored_samples
from chaoskit.run.halting import Halting
from chaoskit.run.history import first, read_timeline
from chaoskit.run.journal import NAME, Journal, read_records
from chaoskit.run.live import Moment
from chaoskit.run.plan import Plan, make_plan, seed_of
from chaoskit.run.probing import places
from chaoskit.run.processes import started
from chaoskit.run.state import StateRoot

if TYPE_CHECKING:
    from chaoskit.judge.writes import History

WATCHDOG = (sys.executable, "-m", "chaoskit.cli.watchdog")
ROLE_PATIENCE = 15.0
# Pending at once, beside the questions of probes, which must never take their place.
CALLS = 16


@dataclass(frozen=True)
class Wishes:
    """What the command line asks of a run."""

    reports: Path
    runtime: str = "auto"
    quick: bool = False
    seed: int | None = None


@dataclass(frozen=True)
class Conducted:
    """A run that ended: its directory, and what ended it early."""

    folder: Path
    error: BaseException | None


class Watch(Protocol):
    """Whoever puts the run back when this process cannot."""

    def alive(self) -> bool: ...

    def dismiss(self) -> None: ...


class Unwatched:
    """For a world in this process's own memory, which ends with it."""

    def alive(self) -> bool:
        return True

    def dismiss(self) -> None:
        """Nobody is there."""


def watched(journal: Journal) -> Watch:
    """The watchdog's process, ready and named in the journal."""
    watchdog = WatchdogProcess.spawn(WATCHDOG, journal.folder)
    pid = watchdog.process.pid
    journal.append("process", what="watchdog", pid=pid, started=started(pid))
    return watchdog


LoadFor = Callable[[Plan, Opened], Load]


def run_bound(
    bound: Bound, opened: Opened, wishes: Wishes, stop: StopFlag, show: Callable[[Moment], None]
) -> Conducted:
    """Run one experiment file; raises ChaoskitError when it may not start."""
    return run_opened(
        bound.experiment, opened, wishes, stop, show,
        load_for=lambda plan, at: locust(bound, plan, at),
        files=(bound.path, bound.system_path), hidden=bound.hidden,
    )  # fmt: skip


def run_opened(
    experiment: Experiment,
    opened: Opened,
    wishes: Wishes,
    stop: StopFlag,
    show: Callable[[Moment], None],
    *,
    load_for: LoadFor,
    files: tuple[Path, ...] = (),
    engine: type[Engine] = Engine,
    watch: Callable[[Journal], Watch] = watched,
    hidden: Hidden = str,
) -> Conducted:
    """Halts, lock, leftovers, plan, journal, watchdog, engine; in this order.

    `hidden` takes the secrets of the documents out of what is kept, shown and returned; an error
    that is raised, because the run may not start, has them still.
    """
    state, clock, run = StateRoot(), SystemClock(), new_run()
    world = opened.target.world.describe()
    halting = Halting(opened.target.system.halt_when, opened.folder)
    state.refuse_if_halted()
    halting.refuse_if_halted()
    with state.lock(lock_name(world), run):
        refuse_leftovers(state, world, clock)
        plan = _plan(experiment, opened, wishes, run, clock)
        plan = plan.model_copy(update={"document": shown(files[0]) if files else ""})
        folder = _folder(wishes.reports, plan, files, hidden)
        journal = Journal(folder, clock, hidden=hidden)
        head(plan, world, journal)
        state.open_run(run, folder)
        watchdog = watch(journal)
        around = Surroundings(
            load=load_for(plan, opened),
            journal=journal,
            clock=clock,
            calls=ThreadCalls(clock, CALLS + places(plan)),
            stop=stop,
            watchdog=watchdog,
            folder=folder,
            ledger=_ledger(plan, opened, clock, hidden),
            halted=lambda: state.halted() or halting.halted(),
            show=lambda moment: show(replace(moment, note=hidden(moment.note))),
        )
        try:
            with halting.watching():
                error = conduct(plan, opened.target, around, state, engine)
                return Conducted(folder, mask_error(error, hidden))
        finally:
            watchdog.dismiss()
            mask_file(folder / "load" / "load.log", hidden)


def _plan(
    experiment: Experiment, opened: Opened, wishes: Wishes, run: str, clock: SystemClock
) -> Plan:
    seed = seed_of(wishes.seed, experiment)
    limit = clock.now() + ROLE_PATIENCE
    while True:
        try:
            return make_plan(experiment, opened.target, run=run, seed=seed, quick=wishes.quick)
        except TargetError:
            # A role may be on its way after an earlier run; give it the time a failover takes.
            if clock.now() > limit:
                raise
            clock.sleep(0.5)


def _folder(reports: Path, plan: Plan, files: tuple[Path, ...], hidden: Hidden) -> Path:
    folder = reports / plan.experiment.experiment / plan.run
    folder.mkdir(parents=True)
    (folder / "plan.json").write_text(masked_plan(plan, hidden))
    for path, name in zip(files, ("experiment.yaml", "system.yaml"), strict=False):
        shutil.copyfile(path, folder / name)
    return folder


def locust(bound: Bound, plan: Plan, opened: Opened) -> Load:
    """The load that an experiment's file asks for, against the system as it was opened."""
    from chaoskit.load import LocustLoad

    asked = plan.experiment.data_safety
    return LocustLoad(
        plan.experiment.load,
        bound.locustfile,
        opened.entry,
        bound.system.outcomes,
        others=opened.entries[1:],
        ledger=plan.system.ledgers[asked.ledger] if asked else None,
        seed=plan.seed,
    )


def _ledger(plan: Plan, opened: Opened, clock: Clock, hidden: Hidden) -> Ledger | None:
    from chaoskit.ledger import HttpLedger

    if (asked := plan.experiment.data_safety) is None:
        return None
    spec, target = plan.system.ledgers[asked.ledger], opened.target
    return HttpLedger(asked.ledger, spec, target.world, plan.system, opened.entry, clock, hidden)


def _history(folder: Path, plan: Plan) -> History | None:
    """What became of the writes; all that offend are listed in a file beside it."""
    from chaoskit.judge.ledger import examine
    from chaoskit.ledger import read_history, write_offenders

    if (asked := plan.experiment.data_safety) is None:
        return None
    history = read_history(folder, asked.ledger, plan.system.ledgers[asked.ledger])
    write_offenders(folder, examine(history)[1])
    return history


def judge_run(folder: Path) -> Verdict:
    """Judge a run directory, write verdict.json, return the verdict.

    Raises JournalError where the journal is not there, damaged, or has lost its first record.
    """
    from chaoskit.judge.verdict import judge

    if (opening := first(read_records(folder / NAME), "run")) is None:
        raise JournalError(f"{folder / NAME}: the record that begins the run is lost")
    plan = Plan.model_validate_json((folder / "plan.json").read_text())
    verdict = judge(
        plan.experiment,
        read_timeline(folder),
        stored_samples(folder),
        system=plan.system.system,
        runtime=plan.runtime,
        started_at=opening.get("at", ""),
        version=__version__,
        cost_per_second=plan.system.cost_per_second,
        entrance=plan.system.entrance,
        writes=_history(folder, plan),
    )
    (folder / "verdict.json").write_text(verdict.model_dump_json(indent=1))
    return verdict
