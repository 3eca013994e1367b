"""Arrivals: sent when they are due, whatever became of the ones before; each leaves its samples.

Latency counts from the intended start for an arrival's first request and from the real start for
later ones. No arrival may end without a sample, except one whose task asked for nothing, and
no failure of one without a failed sample.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import gevent
from gevent.event import Event
from locust.exception import InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately

from chaoskit.load.blame import first_line, place
from chaoskit.load.book import Book
from chaoskit.load.gauge import Gauge
from chaoskit.load.order import Order
from chaoskit.load.outcome import classify
from chaoskit.load.recorder import Recorder
from chaoskit.load.script import TaskChoice
from chaoskit.load.seats import MARK, NOTED, STREAMED, Seat, Seats
from chaoskit.model.samples import Outcome

# Locust's own ways to leave a task early; none of them is a failure.
_LEAVING = (InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately)
# While it waits for an arrival the fault phase may begin: how often the due time is looked at.
_LOOK_EVERY = 0.05


@dataclass(eq=False, slots=True)
class Issued:
    """A request that went out. `start` is what its latency counts from, `sent` the real start."""

    arrival: Arrival
    name: str
    start: float
    sent: float


class Arrival:
    """One planned task. Leaving its context settles whatever has no sample yet."""

    def __init__(self, intended: float, choice: TaskChoice, stage: Stage) -> None:
        self.intended = intended
        self.choice = choice
        self.finished = False
        self.late = 0.0
        self._stage = stage
        self._pending: set[Issued] = set()
        self._issued = 0
        self._since = intended
        self._thought = 0.0
        self._thinks = False
        self._paused = intended
        self._refused = False
        self._settled = False
        self._limit: gevent.Timeout | None = None

    def issue(self, name: str, now: float) -> Issued:
        first = self.intended + self._thought, self.late
        start, late = (now, 0.0) if self._issued else first
        self._stage.gauge.issued(self.choice.name, name, start, late)
        issued = Issued(self, name, start, now)
        self._issued += 1
        self._pending.add(issued)
        return issued

    def answer(self, issued: Issued, name: str, end: float, outcome: Outcome, status: int) -> None:
        """Record it once; an answer after the arrival was given up is not counted twice."""
        if issued in self._pending:
            self._pending.discard(issued)
            self._since, self._refused = time.monotonic(), outcome >= Outcome.SHED
            self._stage.recorder.add(name, issued.start, end - issued.start, outcome, status)

    @contextmanager
    def thinking(self) -> Iterator[None]:
        """Meanwhile it waits for nobody: it takes no place and no time of its limit."""
        self._thinks, self._paused = True, time.monotonic()
        self._stage.thinking += 1
        self._stage.gauge.notes.drop(f"wait {self.choice.user_class.__name__}")
        self._put_off()
        try:
            yield
        finally:
            self._thinks = False
            self._stage.thinking -= 1
            self._since = time.monotonic()
            self._thought += self._since - self._paused
        if self._settled:
            raise InterruptTaskSet(reschedule=False)  # type: ignore[no-untyped-call]
        self._set_off()

    def unanswered(self) -> tuple[float, ...]:
        """The intended starts of what waits; of what a client of its own may have sent, at most."""
        if self._settled:
            return ()
        if not self._issued:
            thinks = time.monotonic() - self._paused if self._thinks else 0.0
            return (self.intended + self._thought + thinks,)
        waiting = tuple(issued.start for issued in self._pending)
        return waiting if waiting or self._thinks else (self._since,)

    def give_up(self, now: float, failed: bool) -> None:
        """Everything without an answer has failed; `failed` also says that the task did.

        A task that fails between its requests leaves a failed sample of its own name for the one
        that it did not send, unless the last answer had failed already and tells as much.
        """
        if self._settled:
            return
        self._settled = True
        told = bool(self._pending) or self._refused
        for issued in self._pending:
            self._stage.recorder.add(issued.name, issued.start, now - issued.start, Outcome.FAILED)
        self._pending.clear()
        if failed and not told:
            self._stage.fail(self.choice.name, now if self._issued else self.intended, now)

    def end_with_load(self, now: float) -> None:
        """The load has been stopped: what waits has failed, a next request is not due any more."""
        self.give_up(now, failed=not self._thinks)

    def _set_off(self) -> None:
        """From now on it has the whole time limit again."""
        self._limit = gevent.Timeout.start_new(self._stage.limit, False)

    def _put_off(self) -> None:
        if self._limit is not None:
            self._limit.close()

    def __enter__(self) -> Self:
        self._set_off()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        self._put_off()
        self._stage.open.discard(self)
        overdue = error is not None and error is self._limit
        self._note(None if overdue else error)
        self.give_up(time.monotonic(), not self.finished and not isinstance(error, _LEAVING))
        # A task may raise anything: it is a finding about the target or the script, and recorded.
        return overdue or isinstance(error, Exception)

    def _note(self, error: BaseException | None) -> None:
        notes, task = self._stage.gauge.notes, self.choice.name
        if error is not None and not isinstance(error, _LEAVING):
            what = f"{type(error).__name__}: {first_line(error)}"
            notes.add(
                f"raised {task}", f"task {task} raised {what} at {place(error, self._stage.script)}"
            )
        elif error is None and not self.finished:
            notes.add(f"given up {task}", f"task {task} was given up after its time limit")
        elif self.finished and self._pending:
            sentence = f"task {task} left a request without a result: use `with` for catch_response"
            notes.add(f"left {task}", sentence)
        elif self.finished and not self._issued:
            notes.add(f"idle {task}", f"task {task} made no request: its arrival has no sample")


class Stage:
    """What all arrivals share, and the listener to Locust's `request` event."""

    def __init__(
        self, order: Order, recorder: Recorder, gauge: Gauge, book: Book | None = None
    ) -> None:
        self.open: set[Arrival] = set()
        self.thinking = 0
        self.limit = order.arrival_limit
        self._book = book
        self.script = order.locustfile
        self.recorder = recorder
        self.gauge = gauge
        self._rules = order.outcomes
        self._timeout = order.timeout

    @property
    def waiting(self) -> int:
        """Open arrivals that wait for an answer, or are about to ask."""
        return len(self.open) - self.thinking

    def unanswered(self) -> Iterator[float]:
        """The intended starts of all that was sent and has no sample yet."""
        for arrival in self.open:
            yield from arrival.unanswered()

    def fail(self, task: str, intended: float, now: float) -> None:
        self.gauge.lost[task] += 1
        self.recorder.add(task, intended, now - intended, Outcome.FAILED)

    def heard(
        self,
        name: str,
        response_time: float,
        exception: BaseException | None = None,
        response: Any = None,
        context: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """One request has ended; `response_time` in milliseconds."""
        taken, marks = (response_time or 0.0) / 1000, context or {}
        status = int(getattr(response, "status_code", 0) or 0)
        headers = getattr(response, "headers", None)
        # Nobody else can read an answer that the task reads from the wire.
        whole = None if marks.get(STREAMED) else response
        if self._book is not None and marks.get(NOTED) is not None:
            now = time.monotonic()
            self._book.end(marks[NOTED], now, status, headers, exception is not None, whole)
        issued = marks[MARK] if MARK in marks else self._from_own_client(name, taken)
        if issued is None:
            return
        end, failed = issued.sent + taken, exception is not None
        if whole is None:
            # Locust's figure ends with the headers; where a `with` block reads the answer, it has.
            end = max(end, time.monotonic())
            failed = failed or end - issued.sent > self._timeout
        outcome = classify(self._rules, status, headers, failed, name, whole)
        issued.arrival.answer(issued, name, end, outcome, status)

    def _from_own_client(self, name: str, taken: float) -> Issued | None:
        arrival: Arrival | None = getattr(gevent.getcurrent(), "arrival", None)
        if arrival is None:
            sentence = f"request {name} was made outside of a task's own greenlet: not counted"
            self.gauge.notes.add(f"stray {name}", sentence)
            return None
        return arrival.issue(name, time.monotonic() - taken)


class Dispatcher:
    """Sends one arrival at each due time; beyond `in_flight` waiting ones it is unsent."""

    def __init__(self, stage: Stage, seats: Seats, in_flight: int) -> None:
        self._stage = stage
        self._seats = seats
        self._in_flight = in_flight
        self.next = -math.inf
        """When the next arrival is due: all that were due before have been sent."""

    def run(
        self,
        arrivals: Iterator[tuple[float, TaskChoice]],
        due: Callable[[float], float],
        stop: Event,
    ) -> None:
        """Send them all, each when `due` says of its number, until `stop`."""
        for number, choice in arrivals:
            intended = self._await(number, due, stop)
            if stop.is_set():
                return
            self._send(intended, choice)

    def _await(self, number: float, due: Callable[[float], float], stop: Event) -> float:
        intended = self.next = due(number)
        ahead = intended - time.monotonic()
        if ahead <= 0:
            # Late: let the arrivals that were sent start before the next one is looked at.
            gevent.sleep(0)
        while ahead > 0 and not stop.wait(min(ahead, _LOOK_EVERY)):
            # A surge that begins meanwhile brings it forward.
            intended = self.next = due(number)
            ahead = intended - time.monotonic()
        return intended

    def _send(self, intended: float, choice: TaskChoice) -> None:
        gauge, stage = self._stage.gauge, self._stage
        gauge.planned += 1
        if stage.waiting >= self._in_flight:
            gauge.unsent += 1
            stage.fail(choice.name, intended, time.monotonic())
            return
        gauge.sent += 1
        arrival = Arrival(intended, choice, stage)
        stage.open.add(arrival)
        gevent.spawn(self._serve, arrival)

    def _serve(self, arrival: Arrival) -> None:
        arrival.late = time.monotonic() - arrival.intended
        self._stage.gauge.lateness.add(arrival.late)
        gevent.getcurrent().arrival = arrival
        seat: Seat | None = None
        with arrival:
            seat = self._seats.take(arrival.choice.user_class)
            seat.issuer = arrival
            arrival.choice.task(seat.user)
            arrival.finished = True
        # A user that was cut off or raised may be in any state: the next arrival gets a new one.
        if seat is not None and arrival.finished:
            self._seats.give_back(seat)
