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
LOOK_EVERY = 0.5
# A foreign system goes on with what it was asked for when the asker is gone: it waits for the
# grace, kills what is left then, and takes the rest down. Seconds for all but the grace.
LANDS_WITHIN = 10.0
STILL = "it is still in force after the undo"
MAY_LAND = "it was asked for and never came back, so it may still take effect"
UNKNOWN = (
    "this version does not know the fault '{}', so nothing was guessed; "
    "use the chaoskit that wrote the journal"
)
# One injection that cannot be put back must not stop the next. A foreign library's own errors
# that no room translated are OSErrors.
FAILURES = (ChaoskitError, OSError, LookupError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True)
class Undone:
    """What became of one injection. `found`: it was, or may have been, in force before."""

    injection: InjectionRecord
    result: Literal["put back", "already gone", "left"]
    detail: str = ""
    found: bool = False


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


def lands_until(injection: InjectionRecord) -> float:
    """Monotonic time until which a polite deed that never came back may take effect; else 0.

    A container engine goes on with a stop whose client is dead or gave up: until the grace is
    over the node runs as before, and then it goes down.
    """
    grace = injection.undo.get("grace")
    if injection.acknowledged is not None or injection.begun is None:
        return 0.0
    if not isinstance(grace, int | float) or grace <= 0:
        return 0.0
    return injection.begun + grace + LANDS_WITHIN


def may_land(injection: InjectionRecord, now: float) -> bool:
    """Whether it may come into force yet, whatever a look shows just now."""
    # A clock that shows less than the journal has begun anew since, and with it all that waited.
    return injection.begun is not None and injection.begun <= now < lands_until(injection)


def revert_one(injection: InjectionRecord, journal: Journal, world: World, clock: Clock) -> Undone:
    """Undo one injection and look whether it is gone; a failure is journalled, not raised.

    What may land yet is left, though it was undone: whoever is at it looks again until then.
    """
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
            if may_land(injection, clock.now()):
                left = left or MAY_LAND
        except FAILURES as error:
            left = f"{type(error).__name__}: {error}"
    if left:
        stuck(journal, injection.id, left)
        return Undone(injection, "left", left, not gone)
    tell(journal, "reverted", id=injection.id, by=journal.writer)
    return Undone(injection, "already gone" if gone else "put back", "", not gone)


def _in_force(injection: InjectionRecord, world: World) -> bool:
    # An event is over once it has happened: its revert only looks whether all is well.
    if injection.shape == "event":
        return False
    return find(injection.fault).spec.active(injection.undo, world).listed


def revert_outstanding(
    journal: Journal, world: World, clock: Clock, *, settle: float = SETTLE
) -> list[Undone]:
    """Put back everything outstanding in `journal`, then look again after `settle` seconds.

    A call that was in flight when its process died may land after the first look. One that was
    given a grace is looked at until that is over (see `lands_until`).
    """
    found = outstanding(journal.records())
    announce(journal, found)
    done = [revert_one(injection, journal, world, clock) for injection in found]
    if found:
        clock.sleep(settle)
    done = _look_again(done, journal, world, clock)
    return _outlast(done, journal, world, clock)


def _look_again(done: list[Undone], journal: Journal, world: World, clock: Clock) -> list[Undone]:
    """Repeat the undo of whatever is (again) in force."""
    return [
        _once_more(one, journal, world, clock)
        if one.result == "left" or _may_be_in_force(one.injection, world)
        else one
        for one in done
    ]


def _outlast(done: list[Undone], journal: Journal, world: World, clock: Clock) -> list[Undone]:
    """While anything may land yet, undo at once what does; then look again at all."""
    if not any(may_land(one.injection, clock.now()) for one in done):
        return done
    while any(may_land(one.injection, clock.now()) for one in done):
        clock.sleep(LOOK_EVERY)
        done = [
            _once_more(one, journal, world, clock)
            if may_land(one.injection, clock.now()) and _may_be_in_force(one.injection, world)
            else one
            for one in done
        ]
    return _look_again(done, journal, world, clock)


def _once_more(one: Undone, journal: Journal, world: World, clock: Clock) -> Undone:
    """The same undo again; what an earlier one has put back was not gone already."""
    again = revert_one(one.injection, journal, world, clock)
    if one.found and again.result == "already gone":
        return Undone(one.injection, "put back", found=True)
    return again


def _may_be_in_force(injection: InjectionRecord, world: World) -> bool:
    """Where it cannot be seen, it may be."""
    try:
        return _in_force(injection, world)
    except FAILURES:
        return True


def landed_late(journal: Journal, world: World, clock: Clock) -> list[Undone]:
    """Look once more at every injection of this run and undo what came in force after all."""
    found = [i for i in readable(journal.records())[::-1] if i.shape == "held"]
    return landed(found, journal, world, clock)


def landed(
    found: Iterable[InjectionRecord], journal: Journal, world: World, clock: Clock
) -> list[Undone]:
    """Undo what of these came in force after all."""
    return [revert_one(i, journal, world, clock) for i in found if _may_be_in_force(i, world)]
