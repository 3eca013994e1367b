"""When arrivals are due and which task each one is: pure, and the same for the same seed.

No clock here. Gaps and choices draw from streams of their own, so that neither shifts the other.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import accumulate, count
from typing import Literal, TypeVar

T = TypeVar("T")


def ticks(arrivals: Literal["constant", "poisson"], seed: int) -> Iterator[float]:
    """How many arrivals are expected before each arrival, without end; the first one: none.

    Poisson arrivals of any rate are those of rate 1 on a clock that runs with the rate
    (Cinlar, Introduction to Stochastic Processes, 1975: the time change).
    """
    if arrivals == "constant":
        return map(float, count())
    draw = random.Random(f"arrivals {seed}")
    return accumulate((draw.expovariate(1.0) for _ in count()), initial=0.0)


def choices(options: Sequence[T], weights: Sequence[float], seed: int) -> Iterator[T]:
    """One option for each arrival, by weight, without end."""
    draw = random.Random(f"choices {seed}")
    bounds = list(accumulate(weights))
    return (draw.choices(options, cum_weights=bounds)[0] for _ in count())
