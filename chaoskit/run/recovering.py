"""Watches the recovery: when steady state and full strength were reached, each journalled once.

It must never stop anything, and never call steady what may still turn out otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from chaoskit.judge.live import is_steady
from chaoskit.judge.phases import recovery_origin
from chaoskit.judge.recovery import following
from chaoskit.judge.samples import Samples
from chaoskit.judge.windows import SLACK
from chaoskit.run.around import Surroundings
from chaoskit.run.calls import Call
from chaoskit.run.history import timeline
from chaoskit.run.plan import Plan
from chaoskit.run.target import Target, in_short

STRENGTH_EVERY = 1.0
STRENGTH_TIMEOUT = 20.0
LAST_CHANCE = 0.2


class Recovering:
    """The recovery of one run, from when it counts: that may be before the fault phase is over.

    It counts from monotonic `since`, None before that is known, and both must be reached by
    `limit`; what was reached by then is taken also where it is known only later. `answered` tells
    whether everything that began before a monotonic time has its sample; after the longest timeout
    nobody asks.
    """

    def __init__(
        self, plan: Plan, target: Target, around: Surroundings, baseline: Samples,
        answered: Callable[[float], bool],
    ) -> None:  # fmt: skip
        self._plan = plan
        self._target = target
        self._around = around
        self._baseline = baseline
        self._answered = answered
        self._candidate = self._due = math.inf
        self._asked: tuple[float, Call] | None = None
        self._steady = self._strong = False
        self.since: float | None = None
        self.limit: float | None = None
        self.note = ""

    @property
    def recovered(self) -> bool:
        return self._steady and self._strong

    def over(self, now: float) -> bool:
        """Whether nothing is left to wait for: both are reached, or cannot be in time any more."""
        if self.limit is None:
            return True
        steady = self._steady or self._candidate > self.limit
        return steady and (self._strong or (self._asked is None and now > self.limit))

    def look(self, samples: Samples, now: float) -> None:
        """Journal what was reached since the last look; all faults must have been put back."""
        limit = self._begin(now) if self.limit is None else self.limit
        if limit is None:
            return
        if not self._steady and (when := self._look_steady(samples, now, limit)) is not None:
            self._steady = True
            self._tell("steady", when)
        if not self._strong and (when := self._look_strength(now, limit)) is not None:
            self._strong = True
            self._tell("strength", when)

    def _begin(self, now: float) -> float | None:
        records = self._around.journal.records()
        origin = recovery_origin(self._plan.experiment, timeline(records))
        if origin is not None and origin <= now + SLACK:
            self.since = self._candidate = self._due = round(origin, 6)
            self.limit = round(origin + self._plan.experiment.phases.recovery.within, 6)
        return self.limit

    def _tell(self, what: str, when: float) -> None:
        self._around.journal.append("recovered", what=what, when=round(when, 6))

    def _look_steady(self, samples: Samples, now: float, limit: float) -> float | None:
        """Slide a short window on, each as soon as nothing that began in it is open any more.

        What hangs may fail: how many have been answered says nothing of the others.
        """
        length, known_after = self._plan.steady_window, self._plan.steady_known
        claims = self._plan.experiment.steady_state
        while self._candidate <= limit:
            end = self._candidate + length
            if now <= self._candidate + known_after and (now < end or not self._answered(end)):
                return None
            if is_steady(claims, samples, self._candidate, end, baseline=self._baseline):
                return self._candidate
            self._candidate = following(self._candidate)
        return None

    def _look_strength(self, now: float, limit: float) -> float | None:
        if self._asked is None:
            if not self._due <= now <= limit:
                return None
            calls, missing = self._around.calls, self._target.missing
            self._asked = now, calls.submit("readiness", missing, STRENGTH_TIMEOUT)
        when, call = self._asked
        if late := call.overdue(now):
            raise late
        if not call.done:
            return None
        left = call.result()
        self.note = in_short(left)
        self._asked, self._due = None, min(when + STRENGTH_EVERY, limit - LAST_CHANCE)
        return None if left else when
