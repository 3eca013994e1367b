"""Faults of known size planted into healthy samples, and what each rule makes of them.

The rules of others stand beside ours: one probe, as a single request at a random moment, and
thresholds of means. They see the same samples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from chaoskit.judge.harm import harmed
from chaoskit.judge.live import spent
from chaoskit.judge.samples import Samples
from chaoskit.model.expectation import Expectation
from chaoskit.model.samples import Outcome

# Of each series, these are the slow ones that a fault of the tail stretches.
TAIL = 0.03
TICK = 0.25  # seconds between two looks of the engine
Planted = tuple[Samples, float]
Fault = Callable[[np.random.Generator, Samples, float, float], Planted]


def failing(share: float) -> Fault:
    """So many more of the requests fail."""

    def plant(random: np.random.Generator, samples: Samples, begin: float, end: float) -> Planted:
        array = samples.array.copy()
        inside = _inside(samples, begin, end)
        _fail(array, inside & (random.random(len(array)) < share))
        return Samples(array, samples.names), begin

    return plant


def slower_tail(factor: float) -> Fault:
    """The slowest 3 % of each series take so many times as long."""

    def plant(random: np.random.Generator, samples: Samples, begin: float, end: float) -> Planted:
        array = samples.array.copy()
        inside = _inside(samples, begin, end)
        for number in range(len(samples.names)):
            mine = inside & (array["series"] == number)
            slow = mine & (array["latency"] >= np.quantile(array["latency"][mine], 1 - TAIL))
            array["latency"][slow] *= factor
        return Samples(array, samples.names), begin

    return plant


def outage(lasts: float) -> Fault:
    """Every request of so many seconds fails."""

    def plant(random: np.random.Generator, samples: Samples, begin: float, end: float) -> Planted:
        at = random.uniform(begin, end - lasts)
        array = samples.array.copy()
        _fail(array, _inside(samples, at, at + lasts))
        return Samples(array, samples.names), at

    return plant


def stall(lasts: float) -> Fault:
    """Nothing is answered for so many seconds; what waits then is answered at once."""

    def plant(random: np.random.Generator, samples: Samples, begin: float, end: float) -> Planted:
        at = random.uniform(begin, end - lasts)
        array = samples.array.copy()
        start, ended = array["start"], array["start"] + array["latency"]
        array["latency"] += np.where((start < at) & (ended > at), lasts, 0)
        waiting = _inside(samples, at, at + lasts)
        array["latency"] += np.where(waiting, at + lasts - start, 0)
        return Samples(array, samples.names), at

    return plant


FAULTS: dict[str, Fault] = {
    "errors +1 %": failing(0.01),
    "errors +5 %": failing(0.05),
    "p99 x1.5": slower_tail(1.5),
    "p99 x3": slower_tail(3),
    "2 s outage": outage(2),
    "3 s stall": stall(3),
}


def _inside(samples: Samples, begin: float, end: float) -> np.ndarray:
    return (samples.start >= begin) & (samples.start < end)


def _fail(array: np.ndarray, chosen: np.ndarray) -> None:
    array["code"][chosen] = int(Outcome.FAILED) << 14 | 500


@dataclass(frozen=True)
class Watch:
    """The fault phase from `begin` to `end` as the engine watches it, look by look."""

    contract: Sequence[Expectation]
    samples: Samples
    begin: float
    end: float
    rate: float
    timeout: float

    def aborts_at(self) -> float | None:
        """When a budget is spent or harm proven (seconds); None: not while the phase lasts.

        What was found once is found in every later look, so halving finds the first.
        """
        looks = np.arange(self.begin + TICK, self.end + TICK / 2, TICK)
        low, high = 0, len(looks)
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self._ends(looks[middle]) else (middle + 1, high)
        return float(looks[low]) if low < len(looks) else None

    def _ends(self, now: float) -> bool:
        every = self.samples
        seen = Samples(every.array[every.start + every.latency <= now], every.names)
        baseline = every.between(0, self.begin)
        broken = spent(
            self.contract, seen, self.begin, now, self.end, self.rate,
            baseline=baseline, grace=self.timeout,
        ) or harmed(
            self.contract, seen, self.begin, now, baseline=baseline, grace=self.timeout
        )  # fmt: skip
        return broken is not None


def one_probe(random: np.random.Generator, samples: Samples, begin: float, end: float) -> bool:
    """Whether a single request at a random moment of begin..end failed."""
    part = samples.between(begin, end)
    return bool(part.outcome[random.integers(len(part))] == Outcome.FAILED)


def means(samples: Samples, begin: float, end: float) -> bool:
    """Whether the mean latency rose by more than a quarter, or more than 1 % failed."""
    before, after = samples.between(0, begin), samples.between(begin, end)
    slower = after.latency.mean() > 1.25 * before.latency.mean()
    return bool(slower or (after.outcome == Outcome.FAILED).mean() > 0.01)
