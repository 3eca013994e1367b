"""Exact one-sided limits of a share, from so many bad ones among so many that are independent.

Clopper and Pearson, The Use of Confidence or Fiducial Limits (Biometrika 26, 1934). Where few are
bad no other limit keeps its promise: this module must never round, nor take the normal curve for
the binomial one.
"""

from __future__ import annotations

import math

import numpy as np

# Standard deviations: what lies further below adds less than a float can tell.
_REACH = 10.0
_HALVINGS = 60


def most(bad: int, count: int, chance: float) -> float:
    """The share at which `bad` or fewer of `count` come about with this `chance`; 1: all are bad.

    No larger share is likely. None of n leaves 3 / n for a chance of 5 %.
    """
    if bad >= count:
        return 1.0
    first = max(0, bad - math.ceil(_REACH * (1 + math.sqrt(bad * (1 - bad / count)))))
    places = np.arange(first, bad + 1)
    steps = np.log((count - places[1:] + 1) / places[1:])
    ways = _ways(first, count) + np.concatenate(([0.0], np.cumsum(steps)))
    low, high = bad / count, 1.0
    for _ in range(_HALVINGS):
        share = (low + high) / 2
        each = ways + places * math.log(share) + (count - places) * math.log1p(-share)
        low, high = (share, high) if float(np.exp(each).sum()) > chance else (low, share)
    return high


def least(bad: int, count: int, chance: float) -> float:
    """The share at which `bad` or more of `count` come about with this `chance`; 0: none is bad."""
    return 1 - most(count - bad, count, chance)


def _ways(bad: int, count: int) -> float:
    """ln of the binomial coefficient."""
    return math.lgamma(count + 1) - math.lgamma(bad + 1) - math.lgamma(count - bad + 1)
