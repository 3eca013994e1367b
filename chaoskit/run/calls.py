"""Calls to foreign systems, in a bounded pool with deadlines.

The engine only decides; it must never block in a foreign call, or a halt would not be seen.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

from chaoskit.errors import TargetError
from chaoskit.ports import Clock


@dataclass(frozen=True)
class Call:
    """A pending call; `deadline` is on the monotonic clock."""

    what: str
    future: Future[Any]
    deadline: float

    @property
    def done(self) -> bool:
        return self.future.done()

    def result(self) -> Any:
        """The result, or the call's own exception; raises TargetError while it is not done."""
        if not self.done:
            raise self._unanswered()
        return self.future.result()

    def overdue(self, now: float) -> TargetError | None:
        """The error to raise when it did not answer in time."""
        if self.done or now <= self.deadline:
            return None
        return self._unanswered()

    def _unanswered(self) -> TargetError:
        return TargetError(f"{self.what}: no answer in time; is the target or the engine hung?")


class Calls(Protocol):
    def submit(self, what: str, deed: Callable[[], Any], timeout: float) -> Call: ...

    def close(self) -> None: ...


class ThreadCalls:
    """Calls in daemon threads: a hung foreign call must not keep the process alive."""

    def __init__(self, clock: Clock, size: int = 16) -> None:
        self._clock = clock
        self._free = threading.BoundedSemaphore(size)

    def submit(self, what: str, deed: Callable[[], Any], timeout: float) -> Call:
        """Start `deed` now; raises TargetError when too many calls are still pending."""
        if not self._free.acquire(blocking=False):
            raise TargetError(f"{what}: too many calls are pending; is the engine hung?")
        future: Future[Any] = Future()
        threading.Thread(target=self._make, args=(deed, future), name=what, daemon=True).start()
        return Call(what, future, self._clock.now() + timeout)

    def _make(self, deed: Callable[[], Any], future: Future[Any]) -> None:
        try:
            settle(future, deed)
        finally:
            self._free.release()

    def close(self) -> None:
        """Daemon threads end with the process."""


def settle(future: Future[Any], deed: Callable[[], Any]) -> None:
    """Run `deed` and keep its result or its exception in `future`."""
    try:
        future.set_result(deed())
    except BaseException as error:  # noqa: BLE001 - handed on by Call.result()
        future.set_exception(error)


class InlineCalls:
    """Calls made at once, for worlds whose time is not real."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def submit(self, what: str, deed: Callable[[], Any], timeout: float) -> Call:
        future: Future[Any] = Future()
        settle(future, deed)
        return Call(what, future, self._clock.now() + timeout)

    def close(self) -> None:
        """Nothing to let go of."""


class StopFlag:
    """The first request to stop wins; set from signal handlers and threads alike."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.kind: str | None = None
        self.reason = ""

    def request(self, kind: str, reason: str) -> None:
        with self._lock:
            if self.kind is None:
                self.reason = reason
                self.kind = kind
