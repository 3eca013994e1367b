"""The requests of one connection that an http toxic has seen and whose answers are due.

Both directions share it, so that answers go out in the order of the requests. It must never be
shared by two connections.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Exchange:
    """One request. `made` is the answer that is given in upstream's stead, or None."""

    method: str
    at: float
    delay: float = 0.0
    header: dict[str, str] = field(default_factory=dict)
    body: str | None = None
    made: bytes | None = None
    closes: bool = False


@dataclass
class Exchanges:
    """`tunnel`: from here on nothing is HTTP any more, in both directions."""

    waiting: deque[Exchange] = field(default_factory=deque)
    tunnel: bool = False
    wake: Callable[[], Any] = lambda: None
