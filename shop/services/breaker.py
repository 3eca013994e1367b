"""A circuit breaker: after a few failures in a row an endpoint is left alone for a while.

While open, one trial at a time is let through once the wait is over; its outcome closes the
breaker or opens it again for longer. One that nobody tried for a while is closed on probation, so
that the first visitors after a quiet time do not find it open behind each other's trial. It must
never count refusals that are answers (a 404, a sold out item): only Unavailable is a failure.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .failures import BreakerOpen, Unavailable

LOG = logging.getLogger("shop")
QUIET_FOR = 2.0


class Breaker:
    """The state of one endpoint as seen by one client."""

    def __init__(
        self,
        name: str,
        *,
        enabled: bool = True,
        threshold: int = 3,
        open_for: float = 1.0,
        longest: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._enabled = enabled
        self._threshold = threshold
        self._first_wait = self._wait = open_for
        self._longest = longest
        self._clock = clock
        self._failures = 0
        self._opened: float | None = None
        self._trying = False

    @property
    def is_open(self) -> bool:
        """Whether requests are being kept away."""
        return self._opened is not None

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Hold this around one attempt; raises BreakerOpen instead of entering."""
        trial = self._enter()
        try:
            yield
        except Unavailable as failure:
            self._failed(trial, failure)
            raise
        else:
            self._succeeded(trial)
        finally:
            # also after a cancelled attempt, which says nothing about the endpoint
            self._trying = self._trying and not trial

    def _enter(self) -> bool:
        if self._opened is None:
            return False
        overdue = self._clock() - self._opened - self._wait
        if overdue >= QUIET_FOR:
            self._close("on probation")
            self._failures = self._threshold - 1
            return False
        if self._trying or overdue < 0:
            raise BreakerOpen(f"{self.name}: breaker open")
        self._trying = True
        return True

    def _succeeded(self, trial: bool) -> None:
        if trial:
            self._close("tried")
        if self._opened is None:
            self._failures = 0

    def _close(self, why: str) -> None:
        LOG.warning("breaker %s: closed (%s)", self.name, why)
        self._opened = None
        self._wait = self._first_wait

    def _failed(self, trial: bool, why: Unavailable) -> None:
        if trial:
            self._opened = self._clock()
            self._wait = min(self._wait * 2, self._longest)
        elif self._opened is None:
            self._failures += 1
            if self._enabled and self._failures >= self._threshold:
                LOG.warning("breaker %s: opened (%s)", self.name, why)
                self._opened = self._clock()
