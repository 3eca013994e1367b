"""Looks of a probe that told nothing of the system: when they were due, and what they could mean.

Each question leaves a sample unless nobody could say what the answer is, so those are missing from
its schedule. This module must never take a missing look for an answer; it only asks what if.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from chaoskit.judge.samples import DTYPE, Array, Samples
from chaoskit.judge.windows import SLACK
from chaoskit.judge.wording import plural
from chaoskit.model.expectation import Expectation
from chaoskit.model.samples import Outcome
from chaoskit.model.verdict import Gate, RecoveryFigures, Status


def missing(part: Samples, begin: float, end: float, every: float) -> Array:
    """When a probe with the samples `part` was asked in begin..end without a sample, ascending."""
    known = part.start
    if not len(known):
        return begin + every * (np.arange(math.floor((end - begin) / every + SLACK)) + 0.5)
    first, last = float(known[0]), float(known[-1])
    before = math.floor((first - begin) / every + SLACK)
    after = math.ceil((end - last) / every - SLACK) - 1
    gaps = np.round(np.diff(known) / every).astype(int) - 1
    between = [
        known[place] + every * np.arange(1, gaps[place] + 1) for place in np.flatnonzero(gaps > 0)
    ]
    ahead = first - every * np.arange(before, 0, -1)
    return np.concatenate([ahead, *between, last + every * np.arange(1, max(after, 0) + 1)])


def supposed(part: Samples, series: str, due: Array, outcome: Outcome) -> Samples:
    """`part` with looks of `series` that were `due`, as if each had been answered so, at once."""
    looks = np.zeros(len(due), DTYPE)
    looks["start"], looks["series"] = due, part.names.index(series)
    looks["code"] = outcome << 14
    both = np.concatenate([part.array, looks])
    return Samples(both, part.names, window=part.window, probes=part.probes)


def at_best(part: Samples, series: str, begin: float, end: float) -> Samples:
    """With every missing look ok, so that what nobody saw is no outage; requests as they are."""
    every = part.probes.get(series)
    due = () if every is None or not len(part) else missing(part, begin, end, every)
    return supposed(part, series, np.asarray(due), Outcome.OK) if len(due) else part


def unseen_recovery(
    gate: Gate,
    figures: RecoveryFigures,
    steady_state: Iterable[Expectation],
    samples: Samples,
    origin: float,
) -> Gate:
    """The gate of a recovery from `origin` on, inconclusive where steady state could not be seen.

    It is waited for with probes, too: while one of them tells nothing, it may have been reached.
    """
    strong = figures.full_strength is not None and figures.full_strength <= figures.within
    if gate.status is not Status.VIOLATED or not strong:
        return gate
    for name in dict.fromkeys(e.series for e in steady_state if e.series in samples.probes):
        end, every = origin + figures.within, samples.probes[name]
        lacking = len(missing(samples.between(origin, end).of(name), origin, end, every))
        if lacking:
            reason = f"{plural(lacking, 'look')} of probe '{name}' gave no data: {gate.reason}"
            return gate.model_copy(update={"status": Status.INCONCLUSIVE, "reason": reason})
    return gate
