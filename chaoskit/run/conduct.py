"""Conducts one run from lock to last record, in the order the guarantee needs.

Halt, lock, leftovers, run directory, journal head, watchdog; only then the engine. It must
never start the engine without a watchdog that has said it is ready.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from chaoskit.errors import ChaoskitError, JournalError, Outstanding
from chaoskit.ports import Clock, Json
from chaoskit.run import processes
from chaoskit.run.around import Surroundings
from chaoskit.run.engine import Engine
from chaoskit.run.history import first, leftovers, outstanding
from chaoskit.run.journal import NAME, VERSION, Journal, Record, read_head, read_records
from chaoskit.run.plan import Plan
from chaoskit.run.state import StateRoot
from chaoskit.run.target import Target

END_PATIENCE = 5.0
LEFTOVER_PATIENCE = 10.0


def new_run() -> str:
    """A fresh run id: `<UTC time>-<4 hex>`; ids sort by time."""
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(2)}"


@dataclass
class WatchdogProcess:
    """The watchdog's process; it reads the pipe that only this process can write."""

    process: subprocess.Popen[str]

    @classmethod
    def spawn(cls, command: Sequence[str], folder: Path) -> WatchdogProcess:
        """Start it in a session of its own and wait until it says ready.

        Raises ChaoskitError when it does not: then nothing may be injected.
        """
        with (folder / "watchdog.log").open("w") as log:
            process = subprocess.Popen(
                [*command, str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            process.kill()
            process.communicate()
            said = (folder / "watchdog.log").read_text().strip().splitlines()[-1:]
            raise ChaoskitError(f"the watchdog did not start: {' '.join(said) or 'no word'}")
        return cls(process)

    def alive(self) -> bool:
        return self.process.poll() is None

    def dismiss(self) -> None:
        """Close the pipe: it looks once more and ends.

        Where something is still in force it goes on trying; nobody needs to wait for that.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=END_PATIENCE)
        self.process.stdout.close()


def lock_name(world: Json) -> str:
    """What is locked: one system on one engine."""
    name = f"{world['runtime']}/{world.get('project') or world['system']}"
    return f"{name} at {host}" if (host := _host(world)) else name


def _host(world: Json) -> str | None:
    """Where the engine listens; None where the runtime has none, or an older journal names none."""
    engine = world.get("engine")
    host = engine.get("host") if isinstance(engine, dict) else None
    return host if isinstance(host, str) else None


def head(plan: Plan, world: Json, journal: Journal) -> None:
    """The journal's first record: all that `revert` needs to open the world again."""
    journal.append(
        "run",
        version=VERSION,
        run=plan.run,
        experiment=plan.experiment.experiment,
        system=plan.system.system,
        seed=plan.seed,
        quick=plan.quick,
        pid=os.getpid(),
        started=processes.started(os.getpid()),
        world=world,
    )


def conduct(
    plan: Plan,
    target: Target,
    around: Surroundings,
    state: StateRoot,
    engine: type[Engine] = Engine,
) -> BaseException | None:
    """Run `plan`; returns what ended it early (see `Engine.run`), None after a full course.

    The lock is held and the journal's head is written; `around.watchdog` is running.
    """
    try:
        return engine(plan, target, around).run()
    finally:
        if not leftovers(around.journal.records()):
            state.close_run(plan.run)


def refuse_leftovers(state: StateRoot, world: Json, clock: Clock) -> None:
    """Raises Outstanding when an earlier run on the same system left something in force.

    A watchdog that is still at work is given a moment. A run of which nobody can read what it
    left, or on which system, may have been on any.
    """
    for folder in state.gone_runs():
        raise Outstanding(f"{gone_sentence(folder)} `chaoskit revert` then forgets it")
    limit = clock.now() + LEFTOVER_PATIENCE
    for folder in state.open_runs():
        while refusal := _refusal(folder, world):
            if not _attended(folder) or clock.now() > limit:
                raise Outstanding(refusal)
            clock.sleep(0.2)
        if _settled(folder):
            state.close_run(folder.name)


def gone_sentence(folder: Path) -> str:
    """What is to be said of a run whose directory was removed before it was put back."""
    return (
        f"the directory of run {folder.name} is gone ({folder}), and with it the record of what it "
        "may have left in force; look at the system (`chaoskit system status`)."
    )


def _refusal(folder: Path, world: Json) -> str:
    """Why nothing may run on `world` before the run in `folder` is in order; empty if it may."""
    named = None
    try:
        named = _target_of(read_head(folder / NAME))
        # One that names no engine may have been on any.
        here = {lock_name(world), lock_name({**world, "engine": None})}
        if named is not None and named not in here:
            return ""
        records = read_records(folder / NAME)
    except JournalError as error:
        return _unknown(folder, named or "any system", str(error))
    left = leftovers(records)
    if left and named is None:
        return _unknown(folder, "any system", f"its journal does not say where: {', '.join(left)}")
    return _sentence(folder, records, left) if left else ""


def _target_of(head: Record | None) -> str | None:
    """What the run locked, as `lock_name` names it; None where the record does not say."""
    world = (head or {}).get("world")
    if not isinstance(world, dict):
        return None
    named = (world.get("runtime"), world.get("project") or world.get("system"))
    return lock_name(world) if all(isinstance(name, str) and name for name in named) else None


def _attended(folder: Path) -> bool:
    try:
        return watchdog_at_work(read_records(folder / NAME))
    except JournalError:
        return False


def _settled(folder: Path) -> bool:
    """Nothing of it is in force, and its runner is gone: one that lives may still inject."""
    try:
        records = read_records(folder / NAME)
    except JournalError:
        return False
    begun = first(records, "run") or {}
    return not leftovers(records) and not processes.alive(begun.get("pid", 0), begun.get("started"))


def watchdog_at_work(records: list[Record]) -> bool:
    """Whether the watchdog that these records name still runs."""
    found = [r for r in records if r["kind"] == "process" and r.get("what") == "watchdog"]
    return any(processes.alive(r.get("pid", 0), r.get("started")) for r in found)


def _sentence(folder: Path, records: list[Record], left: list[str]) -> str:
    said = f"run {folder.name} left in force: {', '.join(left)}; put it back with: "
    said += f"chaoskit revert {folder}"
    return said if outstanding(records) else f"{said}; {_past(folder)}"


def _unknown(folder: Path, where: str, why: str) -> str:
    return (
        f"run {folder.name} may have left something in force on {where}: {why}. "
        f"Try: chaoskit revert {folder}; {_past(folder)}"
    )


def _past(folder: Path) -> str:
    """The way past what no other try would put back."""
    return (
        "once you have looked at the system yourself (`chaoskit system status`), "
        f"this lets runs start again: chaoskit revert --forget {folder}"
    )
