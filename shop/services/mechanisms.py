"""The one table of every mechanism that protects the shop, and what the shop is without it.

It is documentation (`python3 -m services.mechanisms` prints it) and the vocabulary of SHOP_WITHOUT.
It must never decide how a mechanism works: each lives in its own module and only asks here
whether it was taken out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Mechanism:
    """One protection: its name in SHOP_WITHOUT, who has it, and what its absence means."""

    name: str
    where: str
    without: str


TABLE: tuple[Mechanism, ...] = (
    Mechanism("cache-fallback", "catalog", "cache gone: 503 instead of asking the database"),
    Mechanism("stale-answers", "catalog", "database gone: 503 instead of the last known answer"),
    Mechanism("recommend-fallback", "web", "recommend gone: browse fails with it"),
    Mechanism("retries", "web, catalog, order", "one attempt only, no other instance is asked"),
    Mechanism("timeouts", "web, catalog, order", "every wait lasts up to 60 s"),
    Mechanism("circuit-breaker", "web, catalog, order", "every request asks a dead endpoint"),
    Mechanism("rate-limit", "web", "a surge is let in whole instead of shed with 429"),
    Mechanism("bulkhead", "web", "calls to all downstreams queue for a few shared places"),
    Mechanism("feature-switches", "web", "switches are accepted and shown, but nothing obeys them"),
    Mechanism("idempotent-orders", "order", "a repeated order_id creates a second order"),
    Mechanism("outbox", "order", "delivery is fired before the commit and forgotten"),
    Mechanism("connection-recovery", "catalog, order", "pools keep handing out broken connections"),
    Mechanism("gateway-checks", "gateway", "dead web nodes stay in rotation"),
    Mechanism("gateway-failover", "gateway", "the virtual IP does not move"),
    Mechanism("db-failover", "database", "no standby is promoted"),
    Mechanism("cache-failover", "cache", "no replica is promoted"),
    Mechanism("sync-replication", "database", "an acknowledged write may exist on one node only"),
)
KNOWN = frozenset(mechanism.name for mechanism in TABLE)


class UnknownMechanism(ValueError):
    """A name that is not in the table; the message lists those that are."""

    def __init__(self, names: Iterable[str]) -> None:
        unknown, known = ", ".join(sorted(names)), ", ".join(m.name for m in TABLE)
        super().__init__(f"SHOP_WITHOUT names no such mechanism: {unknown} (known: {known})")


def parse(text: str) -> frozenset[str]:
    """The names in a comma list; every unknown one at once is an error."""
    names = frozenset(part.strip() for part in text.split(",") if part.strip())
    if unknown := names - KNOWN:
        raise UnknownMechanism(unknown)
    return names


def render() -> str:
    """The table as a page of Markdown."""
    rows = [f"| `{m.name}` | {m.where} | {m.without} |" for m in TABLE]
    return "\n".join(["| mechanism | where | without it |", "|---|---|---|", *rows])


if __name__ == "__main__":
    print(render())
