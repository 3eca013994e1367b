"""The rate of arrivals over time: an even pace, and a surge while the fault phase lasts.

Pure figures: seconds and arrivals per second in, due times out. No clock here, and no randomness.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from chaoskit.model.frozen import Frozen
from chaoskit.units import Duration, Rate


class Surge(Frozen):
    """Another rate than the load's own, in the fault phase only; times count from its begin.

    `to` is reached at once, or evenly `over` a time; `steps` follow each other `every` so long.
    """

    to: Rate | None = None
    over: Duration = Field(default=Duration(0), description="rise to it evenly over this long")
    steps: tuple[Rate, ...] = Field(default=(), description="one rate after the other")
    every: Duration | None = Field(default=None, description="how long each step lasts")
    after: Duration = Field(default=Duration(0), description="from the begin of the fault phase")
    lasts: Duration | None = Field(
        default=None, alias="for", description="default: to the end of the fault phase"
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Surge:
        if (self.to is None) == (not self.steps):
            raise ValueError("a surge needs exactly one of 'to' and 'steps'")
        if self.steps and self.over:
            raise ValueError("'over' goes with 'to'; how long each step lasts is 'every'")
        if self.steps and not self.every:
            raise ValueError("'steps' needs 'every', how long each lasts, such as every: 10s")
        if self.to is not None and self.every is not None:
            raise ValueError("'every' goes with 'steps'; how long a rise takes is 'over'")
        if not all(self._rates):
            raise ValueError("a surge's rates must be more than 0/s")
        if self.lasts is not None and self.lasts <= self.rises:
            raise ValueError(
                f"a surge that takes {self.rises} to reach its last rate must last longer: "
                f"'for' is {self.lasts}"
            )
        return self

    @model_serializer(mode="wrap")
    def _as_written(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = serialize(self)
        if "lasts" in written:
            written["for"] = written.pop("lasts")
        return written

    @property
    def _rates(self) -> tuple[Rate, ...]:
        return self.steps or ((self.to,) if self.to is not None else ())

    @property
    def peak(self) -> Rate:
        """The highest of its rates."""
        return max(self._rates)

    @property
    def rises(self) -> Duration:
        """From its begin until its last rate is reached."""
        if self.every is not None:
            return Duration((len(self.steps) - 1) * self.every)
        return self.over

    def scaled(self, share: float) -> Surge:
        """The same rates in `share` of the time."""
        times = {
            name: None if (was := getattr(self, name)) is None else Duration(was * share)
            for name in ("over", "every", "after", "lasts")
        }
        return self.model_copy(update=times)

    def stretches(self, rate: float) -> Iterator[tuple[float, float, float]]:
        """Seconds from the begin of the fault phase, rate from there on, its rise per second.

        `rate` is the load's own, which it comes from and goes back to.
        """
        after, peak = float(self.after), float(self._rates[-1])
        if self.over:
            yield after, rate, (peak - rate) / self.over
            yield after + self.over, peak, 0.0
        for place, step in enumerate(self.steps or (() if self.over else self._rates)):
            yield after + place * (self.every or 0.0), float(step), 0.0
        if self.lasts is not None:
            yield after + self.lasts, rate, 0.0

    def __str__(self) -> str:
        what = f"to {', '.join(map(str, self._rates))}"
        if self.every is not None:
            what = f"{what}, {self.every} each"
        elif self.over:
            what = f"{what} over {self.over}"
        end = "on" if self.lasts is None else f"to {Duration(self.after + self.lasts)}"
        return f"{what}, from {self.after} {end}"


class Pace:
    """When the n-th arrival is due: the inverse of the rate's integral over time, exactly.

    It begins at `begin` (seconds on any clock) with `rate` per second for ever. What has been
    due stays: a change takes effect from its own time on, and those are told in order.
    """

    def __init__(self, begin: float, rate: float) -> None:
        self._rate = rate
        # Begin, arrivals until then, rate from there on, and its rise per second.
        self._pieces = [(begin, 0.0, rate, 0.0)]

    def surge(self, surge: Surge, origin: float) -> None:
        """The fault phase begins at `origin`."""
        for seconds, rate, rise in surge.stretches(self._rate):
            self._turn(origin + seconds, rate, rise)

    def calm(self, at: float) -> None:
        """The fault phase ends at `at`: from there on the load has its own rate again."""
        first = self._pieces[0]
        self._pieces = [piece for piece in self._pieces if piece[0] < at] or [first]
        self._turn(at, self._rate, 0.0)

    def _turn(self, at: float, rate: float, rise: float) -> None:
        at = max(at, self._pieces[-1][0])
        self._pieces.append((at, self.count(at), rate, rise))

    def count(self, until: float) -> float:
        """How many are due before `until`, with the part of the next one that has passed."""
        piece = next((p for p in reversed(self._pieces) if p[0] <= until), self._pieces[0])
        begin, before, rate, rise = piece
        passed = max(until - begin, 0.0)
        return before + (rate + rise * passed / 2) * passed

    def due(self, number: float) -> float:
        """When `number` arrivals were due before; 0 is the first one's time."""
        piece = next((p for p in reversed(self._pieces) if p[1] <= number), self._pieces[0])
        begin, before, rate, rise = piece
        rest = number - before
        if not rise:
            # No running sum: rounding must not drift over hours.
            return begin + rest / rate
        # The root of rate·x + rise·x²/2 = rest, written so that nothing cancels out.
        return begin + 2 * rest / (rate + math.sqrt(max(rate * rate + 2 * rise * rest, 0.0)))
