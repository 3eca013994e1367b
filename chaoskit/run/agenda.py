"""When each step of a plan opens and closes, and the worker calls that do it.

It must never decide whether a run goes on: a failed or overdue call is raised to the engine.
"""

from __future__ import annotations

from dataclasses import dataclass

from chaoskit.ports import Clock
from chaoskit.run.calls import Call, Calls
from chaoskit.run.injections import ROLE_PATIENCE, Injections
from chaoskit.run.plan import Plan, Step

SAMPLE_EVERY = 1.0
DEED = 30.0
# What a busy machine may add between the end of a fault and the begin of its undo.
SLACK = 1.0


@dataclass
class Item:
    """One step with its times (monotonic seconds) and what is under way for it."""

    step: Step
    index: int
    opens: float
    closes: float
    opening: Call | None = None
    sampling: Call | None = None
    closing: Call | None = None
    sampled: float = 0.0

    @property
    def deeds(self) -> tuple[Call, ...]:
        return tuple(c for c in (self.opening, self.closing) if c is not None)

    @property
    def calls(self) -> tuple[Call, ...]:
        return self.deeds if self.sampling is None else (*self.deeds, self.sampling)

    @property
    def is_open(self) -> bool:
        return self.opening is not None and self.opening.done and self.closing is None


class Agenda:
    """The fault phase of one plan."""

    def __init__(self, plan: Plan, injections: Injections, calls: Calls, clock: Clock) -> None:
        self._plan = plan
        self._injections = injections
        self._calls = calls
        self._clock = clock
        self._items: list[Item] = []

    @property
    def patience(self) -> float:
        """Seconds that the slowest deed of the plan may take beside its usual time."""
        return max((step.patience for step in self._plan.steps), default=0.0)

    def begin(self, begin: float) -> None:
        """The fault phase began at `begin`."""
        self._items = [
            Item(step, index, begin + step.offset, begin + step.ends)
            for index, step in enumerate(self._plan.steps)
        ]

    @property
    def over(self) -> bool:
        """Whether there were steps and every one has been opened and closed."""
        return bool(self._items) and all(
            item.closing is not None and item.closing.done for item in self._items
        )

    def tend(self, now: float) -> None:
        """Start what is due, take in what is done; raises what a call raised.

        What ends is closed before anything is opened: one after the other is not both at once.
        """
        for item in self._items:
            self._collect(item, now)
            if item.is_open and now >= item.closes:
                item.closing = self._close(item)
        for item in self._items:
            if item.opening is None and now >= item.opens:
                item.opening = self._open(item)
            elif item.is_open and item.sampling is None and now >= item.sampled + SAMPLE_EVERY:
                item.sampling = self._sample(item, now)

    def _collect(self, item: Item, now: float) -> None:
        for call in item.calls:
            if late := call.overdue(now):
                raise late
            if call.done:
                call.result()
        if item.sampling is not None and item.sampling.done:
            item.sampling = None

    def _open(self, item: Item) -> Call:
        step = item.step
        # However long the undo may be put off, nothing is open longer than was allowed.
        deadline = min(item.closes + SLACK, item.opens + self._plan.experiment.max_duration)
        return self._calls.submit(
            f"{step.use.name} on {step.use.selection}",
            lambda: self._injections.open(step, item.index, deadline),
            ROLE_PATIENCE + DEED + step.patience,
        )

    def _sample(self, item: Item, now: float) -> Call:
        item.sampled = now
        return self._calls.submit(
            f"evidence of {item.step.use.name}", lambda: self._measure(item), DEED
        )

    def _measure(self, item: Item) -> None:
        if item.step.shape == "event":
            return
        for one in self._injections.still_open():
            if one.step == item.step:
                self._injections.sample(one)

    def _close(self, item: Item) -> Call:
        mine = [one for one in self._injections.still_open() if one.step == item.step]
        return self._calls.submit(
            f"revert of {item.step.use.name}", lambda: self._injections.close(mine), DEED
        )

    def finish(self) -> None:
        """Wait for deeds under way, then put everything back; raises what a deed raised.

        A look that is still under way is not waited for: it would hold the fault open beyond
        its deadline, and what it sees once the undo has begun is not written down.
        """
        self.settle(DEED + self.patience)
        for item in self._items:
            for call in item.deeds:
                call.result()
        self._injections.close(self._injections.still_open())

    def settle(self, patience: float) -> None:
        """Wait at most `patience` seconds for deeds under way; their errors are not raised."""
        limit = self._clock.now() + patience
        while self._clock.now() < limit and not all(c.done for i in self._items for c in i.deeds):
            self._clock.sleep(0.02)
