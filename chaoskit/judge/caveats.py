"""What stands in the way of a comparison: sides that lack runs, and runs that prove nothing.

Every run that is left out is named with its reason. This module must never leave one out because
of what its figures are.
"""

from __future__ import annotations

from collections.abc import Sequence

from chaoskit.judge.wording import plural
from chaoskit.model.baseline import RunSums
from chaoskit.model.comparison import Change, Told


def worthy(runs: Sequence[RunSums]) -> list[RunSums]:
    """The runs whose figures are evidence."""
    return [run for run in runs if not run.left_out]


def none_left(condition: str, old: Sequence[RunSums], new: Sequence[RunSums]) -> Change:
    """One row for all figures, where a side has no run that is `worthy`."""
    empty = " and ".join(name for name, runs in (("BASE", old), ("NEW", new)) if not runs)
    return Change(
        told=Told.UNKNOWN, condition=condition, phase="–", series="–", metric="every figure",
        old=_runs(old), new=_runs(new), reason=f"no run of {empty} is left that proves anything",
    )  # fmt: skip


def alone(sides: dict[str, tuple[list[RunSums], ...]]) -> list[Change]:
    """Conditions that only one side has."""
    return [
        Change(
            told=Told.UNKNOWN, condition=condition, phase="–", series="–", metric="verdict",
            old=_runs(old), new=_runs(new),
            reason=f"only {'BASE' if old else 'NEW'} has runs of {condition}",
        )
        for condition, (old, new) in sides.items()
        if not (old and new)
    ]  # fmt: skip


def _runs(side: Sequence[RunSums]) -> str:
    return f"{len(side)} run{'' if len(side) == 1 else 's'}" if side else "no run"


def notes(
    old: Sequence[RunSums], new: Sequence[RunSums], both: dict[str, tuple[list[RunSums], ...]]
) -> tuple[str, ...]:
    """What to know of both sides, the gravest first; `both` are the conditions they share."""
    found = []
    twice = sorted({run.run for run in old} & {run.run for run in new})
    if twice:
        found.append(f"on both sides, so that it proves nothing: {', '.join(twice)}")
    for condition, pair in both.items():
        found += _left_out(condition, *pair)
        earlier, later = map(worthy, pair)
        if not (earlier and later):
            continue
        if len(earlier) + len(later) == 2:
            found.append(
                f"{condition}: one run on each side, so how much runs differ from each other is "
                "assumed, not measured; keep several in BASE"
            )
        rates = [sum(r.rate for r in side) / len(side) for side in (earlier, later)]
        if max(rates) > 1.1 * min(rates):
            found.append(f"{condition}: the load differs, {rates[0]:.3g}/s and {rates[1]:.3g}/s")
    versions = {run.chaoskit for run in (*old, *new)}
    if len(versions) > 1:
        found.append(f"judged by different versions of chaoskit: {', '.join(sorted(versions))}")
    return tuple(found)


def _left_out(condition: str, old: Sequence[RunSums], new: Sequence[RunSums]) -> list[str]:
    """Which runs prove nothing, each with its first reason, and whether any are left."""
    found = []
    for name, side in (("BASE", old), ("NEW", new)):
        why = [f"{run.run} ({run.left_out[0]})" for run in side if run.left_out]
        if why:
            many = f"{plural(len(why), 'run')} of {name} left out of the figures"
            rest = "" if len(why) < len(side) else "; NONE IS LEFT, so no figure can be told"
            found.append(f"{condition}: {many}: {'; '.join(why)}{rest}")
    return found
