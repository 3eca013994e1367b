"""Puts back what runs left in force: each run by itself, past whatever stands in the way.

The worlds are opened from the journals' own words by whom it is given. It must never fight a
runner that is alive and on time unless it is told to, and never call nothing left what it could
not read.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from chaoskit.errors import ChaoskitError, JournalError, worst
from chaoskit.faults import all_faults
from chaoskit.model.timeline import InjectionRecord
from chaoskit.ports import Clock, Json, World
from chaoskit.run import processes
from chaoskit.run.claim import claim
from chaoskit.run.history import Unreadable, first, leftovers, outstanding, unreadable
from chaoskit.run.journal import NAME, Journal, Record
from chaoskit.run.revert import FAILURES, SETTLE, Undone, revert_outstanding, stuck
from chaoskit.run.watchdog import overdue

CLAIM_PATIENCE = 5.0
LEFT, UNREADABLE = 4, JournalError.exit_code
NO_HEAD = "the journal's first record cannot be read: nothing says how to open its world"


@dataclass(frozen=True)
class Worlds:
    """The ways to a world: open it from its description, and what to type without it."""

    open: Callable[[Json], World]
    by_hand: Callable[[Json, Json], tuple[str, ...]]


@dataclass(frozen=True)
class Line:
    """What became of one injection; `by_hand` are shell commands for one that is left.

    `hopeless`: what would put it back cannot be read, so that another try does no more.
    """

    fault: str
    point: str
    result: Literal["put back", "already gone", "left"]
    detail: str = ""
    by_hand: tuple[str, ...] = ()
    hopeless: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of one run. `notes` say why nothing was done, or what was odd."""

    folder: Path
    lines: tuple[Line, ...] = ()
    notes: tuple[str, ...] = ()
    exit_code: int = 0
    clear: bool = False  # nothing of it is in force any more, and nothing will be

    @property
    def left(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.result == "left")

    @property
    def hopeless(self) -> bool:
        """Something is left or unknown, and no other try would do more."""
        return bool(self.exit_code) and all(line.hopeless for line in self.left)


def exit_code(outcomes: list[Outcome]) -> int:
    """4 where something is left, 5 where a journal says nothing, else 0."""
    return worst([outcome.exit_code for outcome in outcomes])


def revert_run(
    folder: Path, worlds: Worlds, clock: Clock, *, named: bool = False, settle: float = SETTLE
) -> Outcome:
    """Put back what the run in `folder` left; raises nothing for what goes wrong on the way.

    `named`: the user asked for this run, so a runner that is alive and on time is fenced off.
    `settle`: seconds until the second look. Another process that is at the same run is given
    five seconds; one that is still at it then is named, and what it has not done yet is left.
    """
    journal = Journal(folder, clock, "revert")
    try:
        records = journal.records()
        if idle := _nothing_to_do(folder, records):
            return idle
        if not named and (sentence := _on_time(records, clock)):
            return Outcome(folder, notes=(sentence,))
        with claim(folder, clock, "chaoskit revert", CLAIM_PATIENCE) as rival:
            records = journal.records()
            if idle := _nothing_to_do(folder, records):
                return replace(idle, notes=("nothing is outstanding (any more)",))
            if rival:
                return _left_to(rival, folder, records, worlds)
            return _put_back(journal, worlds, clock, settle)
    except JournalError as error:
        return Outcome(folder, notes=(_placed(folder, error),), exit_code=UNREADABLE)


def _placed(folder: Path, error: JournalError) -> str:
    said = str(error)
    return said if str(folder) in said else f"{folder / NAME}: {said}"


def _nothing_to_do(folder: Path, records: list[Record]) -> Outcome | None:
    if leftovers(records):
        return None
    head = first(records, "run") or {}
    # A runner that lives may still inject: nothing may forget its run before it does.
    alive = processes.alive(head.get("pid", 0), head.get("started"))
    return Outcome(folder, notes=("nothing is outstanding",), clear=not alive)


def _on_time(records: list[Record], clock: Clock) -> str:
    """Why the run is its runner's business still; empty when it is ours."""
    head = first(records, "run") or {}
    pid = head.get("pid", 0)
    if not processes.alive(pid, head.get("started")):
        return ""
    if first(records, "fenced") or first(records, "end"):
        return ""
    if overdue(outstanding(records), clock.now()):
        return ""
    return (
        f"it is under way and on time (process {pid}): nothing was touched. Stop it with Ctrl-C "
        "or `chaoskit halt`, or name the run to take it over"
    )


def _left_to(rival: str, folder: Path, records: list[Record], worlds: Worlds) -> Outcome:
    """What another process is putting back just now is not in order yet."""
    note = f"{rival} is putting it back just now; look again with: chaoskit revert {folder}"
    detail = f"{rival} has not put it back yet"
    done = [Undone(i, "left", detail) for i in outstanding(records)]
    return Outcome(folder, _lines(done, records, worlds), (note,), LEFT)


def _put_back(journal: Journal, worlds: Worlds, clock: Clock, settle: float) -> Outcome:
    """The claim is held: fence the runner off, undo, look again, write the last record."""
    with _warned() as said:
        _fence(journal)
        records = journal.records()
        done = _undone(journal, worlds, clock, settle, records)
        lines = _lines(done, records, worlds)
        left = [line for line in lines if line.result == "left"]
        tell_end(journal, left)
    clear = not left and not said
    return Outcome(journal.folder, lines, tuple(said), LEFT if left else 0, clear)


@contextmanager
def _warned() -> Iterator[list[str]]:
    """The warnings of the block as sentences, filled in at its end."""
    sentences: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RuntimeWarning)
        yield sentences
        sentences += dict.fromkeys(str(one.message) for one in caught)


def _fence(journal: Journal) -> None:
    """A journal that cannot be written must not keep a fault in force."""
    if journal.fenced:
        return
    try:
        journal.fence("chaoskit revert was called")
    except (JournalError, OSError) as error:
        warnings.warn(f"the runner cannot be fenced off: {error}", RuntimeWarning, stacklevel=2)


def _description(records: list[Record]) -> Json:
    found = (first(records, "run") or {}).get("world")
    return found if isinstance(found, dict) else {}


def _undone(
    journal: Journal, worlds: Worlds, clock: Clock, settle: float, records: list[Record]
) -> list[Undone]:
    found = outstanding(records)
    if not (description := _description(records)):
        return _stuck(journal, found, NO_HEAD)
    try:
        world = worlds.open(description)
    except FAILURES as error:
        why = str(error) if isinstance(error, ChaoskitError) else f"{type(error).__name__}: {error}"
        return _stuck(journal, found, f"its world cannot be opened: {why}")
    try:
        return revert_outstanding(journal, world, clock, settle=settle)
    finally:
        world.close()


def _stuck(journal: Journal, found: list[InjectionRecord], why: str) -> list[Undone]:
    for injection in found:
        stuck(journal, injection.id, why)
    return [Undone(injection, "left", why) for injection in found]


def _lines(done: list[Undone], records: list[Record], worlds: Worlds) -> tuple[Line, ...]:
    """What was tried, then what nobody could try."""
    description = _description(records)
    tried = [_line(one, description, worlds) for one in done]
    return (*tried, *(_hopeless_line(one, description, worlds) for one in unreadable(records)))


def _line(one: Undone, description: Json, worlds: Worlds) -> Line:
    fault, left = one.injection.fault, one.result == "left"
    commands = _commands(fault, one.injection.undo, description, worlds) if left else ()
    headless = left and not description
    return Line(fault, one.injection.point, one.result, one.detail, commands, headless)


def _hopeless_line(one: Unreadable, description: Json, worlds: Worlds) -> Line:
    commands = _commands(one.fault, one.undo, description, worlds)
    return Line(one.fault, one.point, "left", one.why, commands, hopeless=True)


def _commands(fault: str, undo: Json, description: Json, worlds: Worlds) -> tuple[str, ...]:
    """None for a fault that this version does not know: what undoes it is not guessed."""
    known = fault in {kind.name for kind in all_faults()}
    return worlds.by_hand(description, undo) if known else ()


def tell_end(journal: Journal, left: list[Line]) -> None:
    """The last record; one that cannot be written leaves the run to the next look."""
    try:
        journal.append(
            "end",
            restored=not left,
            differences=[
                f"{one.fault} on {one.point} was not put back: {one.detail}" for one in left
            ],
            by_hand=[command for one in left for command in one.by_hand],
        )
    except JournalError as error:
        warnings.warn(str(error), RuntimeWarning, stacklevel=2)
