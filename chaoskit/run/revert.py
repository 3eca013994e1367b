"""Puts injections back from the journal alone: newest first, past failures, then looks again.

The same code serves the runner's own unwinding, the watchdog and `chaoskit revert`. It must
never need the experiment file, and never report as reverted what it has not looked at.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from chaoskit.errors import ChaoskitError, Fenced, InvalidInput, JournalError
from chaoskit.faults import find
from chaoskit.model.timeline import InjectionRecord
from chaoskit.ports import Clock, World
from chaoskit.run.history import outstanding, readable
from chaoskit.run.journal import Journal

SETTLE = 1.0
STILL = "it is still in force after the undo"
UNKNOWN = (
    "this version does not know the fault '{}', so nothing was guessed; "
    "use the chaoskit that wrote the journal"
)
# One injection that cannot be put back must not stop the next. A foreign library's own errors
# that no room translated are OSErrors.
FAILURES = (ChaoskitError, OSError, LookupError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True)
class Undone:
    """What became of one injection."""

    injection: InjectionRecord
    result: Literal["put back", "already gone", "left"]
    detail: str = ""


def announce(journal: Journal, found: Iterable[InjectionRecord]) -> None:
    """Journal that these are being put back, before the first of them is."""
    for injection in found:
        tell(journal, "reverting", id=injection.id, by=journal.writer)


def tell(journal: Journal, kind: str, **fields: str) -> None:
    """Journal a step of the undo: a full disk must not keep a fault in force.

    The deed then stays announced and unreported, so the next look undoes it once more.
    """
    try:
        journal.append(kind, **fields)
    except Fenced:
        raise
    except JournalError as error:
        warnings.warn(str(error), RuntimeWarning, stacklevel=2)


def stuck(journal: Journal, injection: str, error: str) -> None:
    """Journal that the injection called `injection` is not put back, and why."""
    tell(journal, "stuck", id=injection, by=journal.writer, error=error)


def revert_one(injection: InjectionRecord, journal: Journal, world: World) -> Undone:
    """Undo one injection and look whether it is gone; a failure is journalled, not raised."""
    gone, left = False, ""
    try:
        spec = find(injection.fault).spec
    except InvalidInput:
        left = UNKNOWN.format(injection.fault)
    else:
        try:
            # A look that fails is no reason not to try: the undo may need less than the look.
            gone = not _may_be_in_force(injection, world)
            spec.revert(injection.undo, world)
            left = STILL if _in_force(injection, world) else ""
        except FAILURES as error:
            left = f"{type(error).__name__}: {error}"
    if left:
        stuck(journal, injection.id, left)
        return Undone(injection, "left", left)
    tell(journal, "reverted", id=injection.id, by=journal.writer)
    return Undone(injection, "already gone" if gone else "put back")


def _in_force(injection: InjectionRecord, world: World) -> bool:
    # An event is over once it has happened: its revert only looks whether all is well.
    if injection.shape == "event":
        return False
    return find(injection.fault).spec.active(injection.undo, world).listed


def revert_outstanding(
    journal: Journal, world: World, clock: Clock, *, settle: float = SETTLE
) -> list[Undone]:
    """Put back everything outstanding in `journal`, then look again after `settle` seconds.

    A call that was in flight when its process died may land after the first look.
    """
    found = outstanding(journal.records())
    announce(journal, found)
    done = [revert_one(injection, journal, world) for injection in found]
    if found:
        clock.sleep(settle)
    return look_again(done, journal, world)


def look_again(done: list[Undone], journal: Journal, world: World) -> list[Undone]:
    """Repeat the undo of whatever is (again) in force."""
    return [
        revert_one(one.injection, journal, world)
        if one.result == "left" or _may_be_in_force(one.injection, world)
        else one
        for one in done
    ]


def _may_be_in_force(injection: InjectionRecord, world: World) -> bool:
    """Where it cannot be seen, it may be."""
    try:
        return _in_force(injection, world)
    except FAILURES:
        return True


def landed_late(journal: Journal, world: World) -> list[Undone]:
    """Look once more at every injection of this run and undo what came in force after all."""
    found = [i for i in readable(journal.records())[::-1] if i.shape == "held"]
    return [revert_one(i, journal, world) for i in found if _may_be_in_force(i, world)]
