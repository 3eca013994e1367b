"""Log lines for conditions that last: one when it begins, one when it is over.

It must never write a line per request; a condition that flickers counts as still going on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

LOG = logging.getLogger("shop")
QUIET_FOR = 2.0


class Notice:
    """A lasting condition such as 'serving without the cache'."""

    def __init__(
        self,
        what: str,
        clock: Callable[[], float] = time.monotonic,
        quiet_for: float = QUIET_FOR,
    ) -> None:
        self._what = what
        self._quiet_for = quiet_for
        self._clock = clock
        self._seen: float | None = None

    def happened(self, why: object = "") -> None:
        """The condition was met just now."""
        if self._seen is None:
            LOG.warning("%s: begun%s", self._what, f" ({why})" if str(why) else "")
        self._seen = self._clock()

    def passed(self) -> None:
        """It was not met just now; over once it has been quiet for a while."""
        if self._seen is not None and self._clock() - self._seen >= self._quiet_for:
            LOG.warning("%s: ended", self._what)
            self._seen = None
