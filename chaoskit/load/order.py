"""What the parent asks of the child: one JSON line on the child's standard input.

It must never stand on the command line or in a file: the host may carry a password.
"""

from __future__ import annotations

import math
import os
from typing import Literal

from chaoskit.model.frozen import Frozen
from chaoskit.model.ledger import LedgerSpec
from chaoskit.model.system import Outcomes


class Order(Frozen):
    """`rate` in arrivals per second, `timeout` in seconds. When it begins is told later."""

    folder: str
    locustfile: str
    host: str
    entries: tuple[str, ...] = ()
    rate: float
    timeout: float
    arrivals: Literal["constant", "poisson"]
    in_flight: int
    outcomes: Outcomes
    ledger: LedgerSpec | None = None
    seed: int
    parent: int
    parent_is_main_thread: bool
    ready: int

    @property
    def arrival_limit(self) -> float:
        """Seconds after which an arrival is given up, however many requests it makes."""
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
