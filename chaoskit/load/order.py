"""What the parent asks of the child: one JSON line on the child's standard input.

It must never stand on the command line or in a file: the host may carry a password.
"""

from __future__ import annotations

import math
import os
from typing import Literal

from chaoskit.model.frozen import Frozen
from chaoskit.model.ledger import LedgerSpec
from chaoskit.model.surge import Surge
from chaoskit.model.system import Outcomes


class Order(Frozen):
    """`rate` in arrivals per second, `timeout` in seconds. When it begins is told later.

    This is worker `worker` of `workers`, counted from 0, and gets its part of the arrivals and
    of `in_flight`. That would have to be `enough` so that timeouts never fill it.
    """

    folder: str
    locustfile: str
    host: str
    entries: tuple[str, ...] = ()
    rate: float
    timeout: float
    arrivals: Literal["constant", "poisson"]
    surge: Surge | None = None
    in_flight: int
    enough: int = 0
    worker: int = 0
    workers: int = 1
    outcomes: Outcomes
    ledger: LedgerSpec | None = None
    seed: int
    parent: int = 0
    parent_is_main_thread: bool = False
    ready: int = -1

    @property
    def places(self) -> int:
        """This worker's part of `in_flight`."""
        return math.ceil(self.in_flight / self.workers)

    @property
    def arrival_limit(self) -> float:
        """Seconds between two thinks after which an arrival is given up, whatever it asks."""
        return max(4 * self.timeout, 30.0)

    def problems(self) -> list[str]:
        """What makes this order impossible, as sentences."""
        found = []
        if not (math.isfinite(self.rate) and self.rate > 0):
            found.append(f"the rate must be above 0/s, got {self.rate:g}/s")
        if not (math.isfinite(self.timeout) and self.timeout > 0):
            found.append(f"the request timeout must be above 0s, got {self.timeout:g}s")
        return found


def receive(pipe: int) -> Order:
    """Read the order, up to its newline; raises ValueError when it is torn or malformed."""
    line = b""
    while not line.endswith(b"\n"):
        chunk = os.read(pipe, 65536)
        if not chunk:
            break
        line += chunk
    return Order.model_validate_json(line)
