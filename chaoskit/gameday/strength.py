"""When is the system at full strength again? Asked after a fault was put back by hand.

An experiment measures that itself, under load. It must never hold up the end of a step.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

EVERY = 0.5


class Strength:
    """Asks `missing` in a thread of its own until it has nothing to say; then calls `told`."""

    def __init__(self, missing: Callable[[], str], told: Callable[[], object]) -> None:
        self._missing, self._told = missing, told
        self._over = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._keep_asking, name="strength", daemon=True).start()

    def stop(self) -> None:
        """Ask no more; an answer that is still on its way is not waited for."""
        self._over.set()

    def _keep_asking(self) -> None:
        while not self._over.is_set():
            if not self._missing():
                if not self._over.is_set():
                    self._told()
                return
            self._over.wait(EVERY)
