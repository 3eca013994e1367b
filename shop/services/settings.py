"""What a program is told by its environment: its name, where to listen, whom to call.

It must never reach for os.environ anywhere but in `from_environ`, so that tests can state it all.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from . import mechanisms

FOREVER = 60.0  # what "no timeout" means here: long enough to hurt, short enough to end a test


@dataclass(frozen=True)
class Settings:
    """One node's place in the shop."""

    node: str = "node"
    host: str = "0.0.0.0"
    port: int = 8080
    without: frozenset[str] = frozenset()
    urls: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rate: float = 100.0

    def has(self, mechanism: str) -> bool:
        """Whether a mechanism is in place; a name outside the table is a bug of ours."""
        if mechanism not in mechanisms.KNOWN:
            raise mechanisms.UnknownMechanism([mechanism])
        return mechanism not in self.without

    def seconds(self, limit: float) -> float:
        """A time limit, or practically none where timeouts were taken out."""
        return limit if self.has("timeouts") else FOREVER

    def attempts(self, count: int) -> int:
        """How often to try, or once where retries were taken out."""
        return count if self.has("retries") else 1

    def endpoints(self, variable: str) -> tuple[str, ...]:
        """The addresses of one downstream; a missing variable is refused by name."""
        found = self.urls.get(variable, ())
        if not found:
            raise ValueError(f"{variable} is not set: a comma list of URLs is needed")
        return found


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip().rstrip("/") for part in text.split(",") if part.strip())


def from_environ(environ: Mapping[str, str]) -> Settings:
    """Settings from environment variables."""
    urls = {key: _split(value) for key, value in environ.items() if key.endswith("_URLS")}
    return Settings(
        node=environ.get("SHOP_NODE", "node"),
        host=environ.get("HOST", "0.0.0.0"),
        port=int(environ.get("PORT", "8080")),
        without=mechanisms.parse(environ.get("SHOP_WITHOUT", "")),
        urls=urls,
        rate=float(environ.get("SHOP_RATE", "100")),
    )


def read() -> Settings:
    """This process's settings; a mistake ends it with one sentence instead of a traceback."""
    try:
        return from_environ(os.environ)
    except ValueError as mistake:
        sys.exit(f"shop: {mistake}")
