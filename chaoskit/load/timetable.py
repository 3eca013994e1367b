"""What one process of the load sends, and when: its part of all arrivals, at their due times.

Arrival k belongs to worker k mod `workers`, so that the parts together are the whole schedule
whatever their number. It must never wait: whoever asks does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Protocol, TypeVar

from chaoskit.load.order import Order
from chaoskit.load.schedule import choices, ticks
from chaoskit.model.surge import Pace


class Weighted(Protocol):
    """What is chosen for an arrival, by its weight among all."""

    @property
    def weight(self) -> float: ...


Task = TypeVar("Task", bound=Weighted)


class Told(Protocol):
    """When the fault phase began and ended (monotonic seconds); None until that is known."""

    @property
    def surge(self) -> float | None: ...

    @property
    def calm(self) -> float | None: ...


class Timetable:
    """Due times that follow the fault phase as soon as its begin and its end are told."""

    def __init__(self, order: Order, begin: float, told: Told) -> None:
        self._order = order
        self._told = told
        self._pace = Pace(begin, order.rate)
        self._surged = self._calmed = False

    def arrivals(self, tasks: Sequence[Task]) -> Iterator[tuple[float, Task]]:
        """Each arrival of this worker: how many come before it, and its task."""
        order = self._order
        chosen = choices(tasks, [task.weight for task in tasks], order.seed)
        whole = zip(ticks(order.arrivals, order.seed), chosen, strict=False)
        return islice(whole, order.worker, None, order.workers)

    def due(self, number: float) -> float:
        """When the arrival that `number` come before is due, by what has been told so far."""
        told, surge = self._told, self._order.surge
        if surge is not None and told.surge is not None and not self._surged:
            self._surged = True
            self._pace.surge(surge, told.surge)
        if self._surged and told.calm is not None and not self._calmed:
            self._calmed = True
            self._pace.calm(told.calm)
        return self._pace.due(number)
