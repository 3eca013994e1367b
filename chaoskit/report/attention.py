"""The runs that prove nothing, and those that left something: none of them may be hidden."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from chaoskit.model.resilience import LeftOut, PastRun, Resilience, SystemResilience
from chaoskit.model.verdict import Status
from chaoskit.report import words


@dataclass(frozen=True)
class Attention:
    """A run that a reader should look at, and why; `past` where it has a verdict."""

    folder: str
    experiment: str
    when: str
    what: str
    why: str
    past: PastRun | None = None


def attention(system: SystemResilience, left_out: Iterable[LeftOut]) -> Iterator[Attention]:
    """Not restored first, then without a conclusion, then what counts for nothing."""
    yield from map(_unrestored, system.unrestored)
    for history in system.experiments:
        yield from (_open(r) for r in history.runs if r.status is Status.INCONCLUSIVE)
    yield from (_left(one) for one in left_out if one.system == system.system)


def homeless(told: Resilience) -> Iterator[Attention]:
    """What belongs to no system that the report has a section for."""
    known = {system.system for system in told.systems}
    yield from (_left(one) for one in told.left_out if one.system not in known)


def _unrestored(run: PastRun) -> Attention:
    how = f"chaoskit revert {shlex.quote(run.run)}"
    return _past(run, "not restored", f"something may have been left in force: {how}")


def _open(run: PastRun) -> Attention:
    what = run.stop_kind if run.stop_kind in ("halted", "interrupted", "failed") else None
    return _past(run, what or "inconclusive", run.reasons[0] if run.reasons else "no reason given")


def _past(run: PastRun, what: str, why: str) -> Attention:
    return Attention(run.folder, run.experiment, words.date(run.at), what, why, run)


def _left(one: LeftOut) -> Attention:
    when = words.NONE if one.at is None else words.date(one.at)
    return Attention(one.folder, one.experiment, when, one.what, one.why)
