"""A token bucket: how many requests a node takes on per second, with a burst of as many.

It must never wait: a request without a token is refused at once, so that the others stay fast.
"""

from __future__ import annotations

import time
from collections.abc import Callable


class Limiter:
    """A bucket that refills at `rate` tokens a second."""

    def __init__(
        self, rate: float, *, enabled: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._tokens = rate
        self._enabled = enabled
        self._clock = clock
        self._at = clock()

    def admits(self) -> bool:
        """Whether there is a token for one more request; takes it."""
        now = self._clock()
        self._tokens = min(self._rate, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if not self._enabled:
            return True
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
