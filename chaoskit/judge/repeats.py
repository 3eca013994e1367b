"""What is not a figure: verdicts, gates and times to recover of runs that were repeated.

A gate that never failed and now does is a regression as it stands; where it failed before, only
more failures than chance explains are one. A run that did not settle a gate has not passed it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from chaoskit.judge.comparison import student
from chaoskit.judge.wording import plural, seconds
from chaoskit.model.baseline import GateState, RunSums
from chaoskit.model.comparison import Change, Told
from chaoskit.model.verdict import Status

# One-sided, for a gate that had failed before; and for recovery.
RARE = 0.001
# Runs beyond the first of each side that a time to recover needs.
REPEATS = 4
# Of the time declared: how much longer a recovery may take, and what a look can tell apart.
SHARE_OF_WITHIN = 0.1
RESOLUTION = 0.1


def states(condition: str, old: Sequence[RunSums], new: Sequence[RunSums]) -> list[Change]:
    """Verdict, putting back and gates of one condition, in all runs."""
    found = [
        _state(condition, "–", "verdict", [r.status for r in old], [r.status for r in new]),
        _state(condition, "–", "everything was put back", _put_back(old), _put_back(new)),
    ]
    keys = dict.fromkeys(_key(gate) for run in (*old, *new) for gate in run.gates)
    found += [_gate(condition, key, old, new) for key in keys]
    return found


def _put_back(runs: Sequence[RunSums]) -> list[Status]:
    return [Status.HELD if run.restored else Status.VIOLATED for run in runs]


Key = tuple[str, str, bool]


def _key(gate: GateState) -> Key:
    return gate.phase, gate.expectation, gate.implied


def _became(key: Key, runs: Sequence[RunSums]) -> list[Status]:
    """A gate in each run that judged it; of the implied ones only the violated are kept.

    One that is not kept held, unless the run proves nothing: then nobody knows.
    """
    found = []
    for run in runs:
        known = [gate.status for gate in run.gates if _key(gate) == key]
        if not known and key[2]:
            known = [Status.INCONCLUSIVE if run.left_out else Status.HELD]
        found += known
    return found


def _gate(condition: str, key: Key, old: Sequence[RunSums], new: Sequence[RunSums]) -> Change:
    return _state(condition, key[0], key[1], _became(key, old), _became(key, new))


def _state(condition: str, phase: str, what: str, old: list[Status], new: list[Status]) -> Change:
    told, reason = _told(old, new)
    return Change(
        told=told, condition=condition, phase=phase, series="–", metric=what,
        old=_counted(old), new=_counted(new), reason=reason,
    )  # fmt: skip


def _told(old: list[Status], new: list[Status]) -> tuple[Told, str]:
    if not old or not new:
        return Told.UNKNOWN, f"not judged in {'NEW' if old else 'BASE'}"
    earlier, later = (len(side) - side.count(Status.INCONCLUSIVE) for side in (old, new))
    before, after = (side.count(Status.VIOLATED) for side in (old, new))
    if not earlier:
        return Told.UNKNOWN, "BASE never settled it" if later else "neither side ever settled it"
    if after and not before:
        return Told.REGRESSED, f"it never failed in {plural(earlier, 'run')} of BASE"
    if Status.INCONCLUSIVE in new and not before:
        return Told.UNKNOWN, "it held in BASE, and is inconclusive in NEW"
    if not later:
        return Told.UNKNOWN, "NEW never settled it"
    if before == len(old) and not after and later == len(new):
        return Told.IMPROVED, ""
    return _flaky(before, earlier, after, later) if before else (Told.NO_WORSE, "")


def _flaky(before: int, old: int, after: int, new: int) -> tuple[Told, str]:
    """It failed in BASE already: only what chance does not explain is a change (Fisher's test).

    Of each side how many runs failed, and how many settled it.
    """
    if after == new and before == old:
        return Told.NO_WORSE, ""
    if fisher(before, old, after, new) < RARE:
        return Told.REGRESSED, "it fails more often than chance explains (Fisher's exact test)"
    if fisher(old - before, old, new - after, new) < RARE:
        return Told.IMPROVED, ""
    often = "failed in BASE already, but not always" if before < old else "always failed in BASE"
    return Told.UNKNOWN, f"it {often}: more runs would tell"


def fisher(before: int, old: int, after: int, new: int) -> float:
    """The chance of `after` or more of all failures in NEW, if runs of both sides are alike."""
    failed, runs = before + after, old + new
    most = min(failed, new)
    ways = (math.comb(new, k) * math.comb(old, failed - k) for k in range(after, most + 1))
    return sum(ways) / math.comb(runs, failed)


def _counted(states: list[Status]) -> str:
    if len(set(states)) == 1:
        return f"{states[0]}{f' ({len(states)} runs)' if len(states) > 1 else ''}"
    told = [f"{states.count(s)} {s}" for s in Status if s in states]
    return ", ".join(told) or "not judged"


def recovery(condition: str, old: Sequence[RunSums], new: Sequence[RunSums]) -> Change | None:
    """Times to steady state and full strength, whichever is later; None where none was measured.

    Seconds as they are, with Student's t over the runs and one variance for both sides.
    """
    sides = [_times(side) for side in (old, new)]
    if not all(sides):
        return None
    before, after = (np.array(side) for side in sides)
    within = max(r.recovery.within for r in (*old, *new) if r.recovery)
    margin, repeats = SHARE_OF_WITHIN * within, len(before) + len(after) - 2
    change = float(after.mean() - before.mean())
    row = Change(
        told=Told.UNKNOWN, condition=condition, phase="recovery", series="–",
        metric="time to recover", old=_range(before), new=_range(after),
        margin=f"+{seconds(margin)}",
    )  # fmt: skip
    if repeats < REPEATS:
        more = REPEATS - repeats
        why = f"a time to recover needs {plural(more, 'more run')}; the declared bound is a gate"
        return row.model_copy(update={"reason": why, "runs": more})
    around = ((before - before.mean()) ** 2).sum() + ((after - after.mean()) ** 2).sum()
    spread = max(RESOLUTION, math.sqrt(float(around) / repeats))
    error = spread * math.sqrt(1 / len(before) + 1 / len(after))
    low = change - student(1 - RARE, repeats) * error
    high = change + student(0.95, repeats) * error
    told = Told.REGRESSED if low > margin else Told.NO_WORSE if high < margin else Told.UNKNOWN
    if change + student(1 - RARE, repeats) * error < -margin:
        told = Told.IMPROVED
    why = "recoveries differ too much from run to run" if told is Told.UNKNOWN else ""
    figures = {"low": low, "high": high, "told": told, "reason": why}
    return row.model_copy(update={"change": f"{change:+.2g} s", **figures})


def _times(runs: Sequence[RunSums]) -> list[float]:
    """Of runs that recovered; that one did not is what its gate says."""
    told = [r.recovery for r in runs if r.recovery]
    return [
        max(one.steady, one.full_strength)
        for one in told
        if one.steady is not None and one.full_strength is not None
    ]


def _range(times: np.ndarray) -> str:
    low, high = seconds(float(f"{times.min():.3g}")), seconds(float(f"{times.max():.3g}"))
    return low if low == high else f"{low} … {high}"
