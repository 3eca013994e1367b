"""The way out of a run: put back, end the load, compare, write the last record.

It is walked on every way a run ends, and it is never cut short: it looks at no stop flag.
"""

from __future__ import annotations

from typing import Any

from chaoskit.errors import ChaoskitError, Fenced, JournalError, LoadError, NotRestored
from chaoskit.ports import Json, World
from chaoskit.run.agenda import Agenda
from chaoskit.run.around import Surroundings
from chaoskit.run.feed import Feed
from chaoskit.run.fingerprint import differences, facts
from chaoskit.run.history import outstanding, unreadable
from chaoskit.run.injections import Injections
from chaoskit.run.journal import Journal
from chaoskit.run.plan import Plan
from chaoskit.run.revert import landed_late, stuck
from chaoskit.run.target import Target

ABANDON = 2.0
SETTLE = 0.5
LOOK_EVERY = 0.05
UNSAID = "nothing in the journal says that it was; could it be written?"
NOT_BACK = "the call that injects it never came back, so it may still take effect"


def unwind(
    around: Surroundings,
    target: Target,
    plan: Plan,
    injections: Injections,
    agenda: Agenda,
    feed: Feed,
    before: Json | None,
) -> ChaoskitError | None:
    """Everything that must happen at the end; returns JournalError or NotRestored, never raises.

    `before` is the fingerprint taken before the first injection, None when none was taken.
    """
    injections.shut()
    around.load.calm(around.clock.now())
    try:
        agenda.settle(ABANDON)
        _put_back(around, target.world, injections)
    except Fenced as error:
        return error
    finally:
        _end_load(around, feed)
    return _close(around, target, plan, before)


def _put_back(around: Surroundings, world: World, injections: Injections) -> None:
    """Everything outstanding at once, then once more whatever landed late."""
    if not injections.opened:
        return
    late = set(injections.under_way())
    injections.close(injections.still_open())
    _outlast(around, injections)
    around.clock.sleep(SETTLE)
    # Asked before the last look: what comes back only after it was not looked at.
    missing = injections.under_way()
    injections.close_again(late)
    landed_late(around.journal, world, around.clock)
    for injection in missing:
        stuck(around.journal, injection, NOT_BACK)


def _outlast(around: Surroundings, injections: Injections) -> None:
    """Wait for deeds under way: one that lands after the last look would belie the last record.

    Each is given its time; what has not come back by then is named by the caller.
    """
    clock = around.clock
    while (limits := injections.under_way()) and clock.now() < max(limits.values()):
        injections.close_landed()
        clock.sleep(LOOK_EVERY)


def _end_load(around: Surroundings, feed: Feed) -> None:
    try:
        around.load.stop()
        feed.refresh()
    except (OSError, LoadError) as error:
        tell(around.journal, "warning", reason=str(error))
    tell(around.journal, "load", facts=around.load.facts().model_dump())
    try:
        if unasked := feed.end():
            tell(around.journal, "unasked", count=unasked)
        if unknown := feed.unknown:
            tell(around.journal, "unknown", counts=unknown)
        feed.store(around.folder)
    except (OSError, LoadError) as error:
        tell(around.journal, "warning", reason=f"the samples cannot be stored: {error}")


def _close(
    around: Surroundings, target: Target, plan: Plan, before: Json | None
) -> NotRestored | JournalError | None:
    """Compare the fingerprints and write the last record."""
    records = around.journal.records()
    left, hopeless = outstanding(records), unreadable(records)
    found = [f"{i.fault} on {i.point} was not put back: {i.stuck or UNSAID}" for i in left]
    found += [f"{i.fault} on {i.point} is not known to be put back: {i.why}" for i in hopeless]
    if before is not None:
        found += _differences(around.journal, target, plan, before)
    undos = [*(i.undo for i in left), *(i.undo for i in hopeless)]
    commands = [command for undo in undos for command in target.world.by_hand(undo)]
    last = {"restored": not found, "differences": found, "by_hand": commands}
    unsaid = tell(around.journal, "end", **last) or around.journal.lost()
    if found:
        return _not_restored(around, found, commands)
    return _unrecorded(around.journal, unsaid) if unsaid else None


def _not_restored(around: Surroundings, found: list[str], commands: list[str]) -> NotRestored:
    lines = ["not everything is as it was:", *(f"  {line}" for line in found)]
    lines.append(f"put it back with: chaoskit revert {around.folder}")
    if commands:
        lines += ["or by hand, in this order:", *(f"  {command}" for command in commands)]
    return NotRestored("\n".join(lines))


def _unrecorded(journal: Journal, why: str) -> JournalError:
    """Without its last records a run must not pass for one that was judged whole."""
    if journal.fenced:
        return Fenced(why)
    return JournalError(f"all was put back, but the run is not recorded: {why}")


def _differences(journal: Journal, target: Target, plan: Plan, before: Json) -> list[str]:
    try:
        after = target.world.fingerprint(plan.points)
    except ChaoskitError as error:
        return [f"the state afterwards cannot be read: {error}"]
    known = facts(target, plan.points)
    tell(journal, "fingerprint", when="after", state=after, facts=known)
    return differences(before, after)


def tell(journal: Journal, kind: str, **fields: Any) -> str:
    """Journal on the way out; returns why it could not be written, else an empty sentence.

    A journal that cannot be written, or that was fenced, must not stop the unwinding.
    """
    try:
        journal.append(kind, **fields)
    except ChaoskitError as error:
        return str(error)
    return ""
