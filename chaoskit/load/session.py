"""One course of load in the child: load the script, say ready, send, drain, leave.

It must flush at least every 250 ms and must never outlive its grace when asked to stop.
"""

from __future__ import annotations

import os
import signal
import time
from array import array
from pathlib import Path
from typing import Any

import gevent
import locust.log
from gevent.event import Event

from chaoskit.errors import LoadError
from chaoskit.load.arrivals import Dispatcher, Stage
from chaoskit.load.book import Book, book_file
from chaoskit.load.gauge import Gauge
from chaoskit.load.lifeline import DEFAULT_GRACE, Lifeline, drained
from chaoskit.load.order import Order
from chaoskit.load.recorder import MOST_NAMES, Recorder, facts_file, open_file
from chaoskit.load.script import Script, load_script
from chaoskit.load.seats import Seats
from chaoskit.load.timetable import Timetable

FLUSH_EVERY = 0.2
FACTS_EVERY = 1.0


class Session:
    """Everything one course of load needs, made before it says that it is ready."""

    def __init__(self, order: Order, lifeline: Lifeline) -> None:
        self._order = order
        self._lifeline = lifeline
        self._folder = Path(order.folder)
        self._stop = Event()
        self._gauge = Gauge(order)
        self._script: Script = load_script(order, self._gauge.notes)
        self._recorder = Recorder(self._folder, order.worker)
        self._book = self._opened_book(order)
        self._stage = Stage(order, self._recorder, self._gauge, self._book)
        self._facts_due = 0.0

    def _opened_book(self, order: Order) -> Book | None:
        if order.ledger is None:
            return None
        file = book_file(self._folder, order.worker)
        return Book(file, order.ledger, order.outcomes, self._gauge.notes)

    def run(self) -> None:
        """From ready to drained; returns when asked to stop."""
        gevent.signal_handler(signal.SIGTERM, self._stop.set)
        # Locust leaves its event hooks untyped.
        events: Any = self._script.environment.events
        events.request.add_listener(self._stage.heard)
        events.init.fire(environment=self._script.environment, runner=None, web_ui=None)
        events.test_start.fire(environment=self._script.environment)
        if locust.log.unhandled_greenlet_exception:
            raise LoadError("a listener to init or test_start raised; its traceback is in load.log")
        self._write_facts()
        os.write(self._order.ready, b"ready\n")
        if (begin := self._begin()) is not None:
            self._send(begin)
        self._drain()
        self._write_facts()
        events.test_stop.fire(environment=self._script.environment)

    def _begin(self) -> float | None:
        # Told to a thread of the operating system, which cannot wake a greenlet by itself.
        while self._lifeline.begin is None and not self._stop.wait(0.01):
            pass
        return self._lifeline.begin

    def _send(self, begin: float) -> None:
        order = self._order
        seats = Seats(self._script.environment, order.timeout, self._book)
        dispatcher = Dispatcher(self._stage, seats, order.places)
        timetable = Timetable(order, begin, self._lifeline)
        arrivals = timetable.arrivals(self._script.tasks)
        self._gauge.begin()
        sender = gevent.spawn(dispatcher.run, arrivals, timetable.due, self._stop)
        while not self._stop.wait(FLUSH_EVERY):
            if sender.ready():
                sender.get()
            self._save(dispatcher.next)
        sender.join()

    def _drain(self) -> None:
        # Now, so that the count of arrivals is right even if this process is killed in the drain.
        self._write_facts()
        usual = drained(DEFAULT_GRACE)
        while self._stage.waiting and time.monotonic() < (self._lifeline.drained or usual):
            self._recorder.flush()
            gevent.sleep(0.02)
        now = time.monotonic()
        for arrival in tuple(self._stage.open):
            arrival.end_with_load(now)
        self._recorder.flush()
        open_file(self._folder, self._order.worker).unlink(missing_ok=True)

    def _save(self, due: float) -> None:
        """Write down what is known; all arrivals before `due` have been sent."""
        now = time.monotonic()
        # Told last: whoever reads it finds the sample of everything else.
        under_way = array("d", [min(due, now), *self._stage.unanswered()])
        self._recorder.flush()
        self._replace(open_file(self._folder, self._order.worker), under_way.tobytes())
        if time.monotonic() >= self._facts_due:
            self._gauge.look()
            self._write_facts()

    def _write_facts(self) -> None:
        if self._recorder.crowded:
            self._gauge.notes.add(
                "names",
                f"more than {MOST_NAMES} request names: give requests with an id in the path a "
                "name=, the rest is counted together",
            )
            self._recorder.crowded = False
        facts = self._gauge.facts().model_dump_json().encode()
        self._replace(facts_file(self._folder, self._order.worker), facts)
        self._facts_due = time.monotonic() + FACTS_EVERY

    @staticmethod
    def _replace(path: Path, content: bytes) -> None:
        """At once, so that nobody reads a half."""
        fresh = path.with_suffix(".new")
        fresh.write_bytes(content)
        fresh.replace(path)
