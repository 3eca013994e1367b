"""When arrivals are due and which task each one is: pure, and the same for the same seed.

No clock here. Gaps and choices draw from streams of their own, so that neither shifts the other.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import accumulate, count
from typing import Literal, TypeVar

T = TypeVar("T")


def due_times(
    begin: float, rate: float, arrivals: Literal["constant", "poisson"], seed: int
) -> Iterator[float]:
    """Intended starts in seconds on `begin`'s clock, without end; `rate` per second."""
    if arrivals == "constant":
        # begin + k/rate, not a running sum: rounding must not drift over hours.
        return (begin + k / rate for k in count())
    draw = random.Random(f"arrivals {seed}")
    gaps = (draw.expovariate(rate) for _ in count())
    return accumulate(gaps, initial=begin)


def choices(options: Sequence[T], weights: Sequence[float], seed: int) -> Iterator[T]:
    """One option for each arrival, by weight, without end."""
    draw = random.Random(f"choices {seed}")
    bounds = list(accumulate(weights))
    return (draw.choices(options, cum_weights=bounds)[0] for _ in count())
