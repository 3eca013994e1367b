"""Synthesises folders of many runs: who ran what, when, and how it ended."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from chaoskit.faults import find
from chaoskit.judge.standing import Age
from chaoskit.model.resilience import Resilience
from chaoskit.model.verdict import CoverageCell, RecoveryFigures, Status
from chaoskit.report import write_resilience
from tests.report import builder

AS_OF = datetime(2025, 6, 1, 12, tzinfo=UTC)
DAY = 86400.0
FAULTS = tuple(map(find, ("kill", "pause", "latency", "bandwidth")))
CACHE = ("cache", "unavailable")
TAKEN = builder.samples(broken=False, until=31)


def run(
    root: Path,
    experiment: str,
    days: float,
    status: str,
    *cells: tuple[str, str],
    whole: bool = True,
    **changes: Any,
) -> Path:
    """One run that began `days` before the report; without `whole` it left only its verdict."""
    at = AS_OF - timedelta(days=days)
    name = f"{at:%Y%m%dT%H%M%SZ}-{sum(experiment.encode()) % 65536:04x}"
    covered = tuple(
        CoverageCell(point=p, trouble=t, status=Status(status))  # type: ignore[arg-type]
        for p, t in cells or (CACHE,)
    )
    fields: dict[str, Any] = {
        "experiment": experiment, "run": name, "started_at": at.isoformat(),
        "status": Status(status), "coverage": covered, "reasons": (f"it was {status}",),
    }  # fmt: skip
    told = builder.verdict(TAKEN, **fields | changes)
    return builder.write(root / experiment / name, told, TAKEN if whole else None)


def recovered(seconds: float | None, within: float = 20) -> RecoveryFigures:
    return RecoveryFigures(within=within, steady=0.5, full_strength=seconds)


def report(root: Path, out: Path | None = None, days: float = 30) -> Resilience:
    told, page = write_resilience(root, out or root, Age(AS_OF, days * DAY), FAULTS)
    assert page == (out or root) / "resilience.html"
    return told


def mixed(root: Path) -> Path:
    """Two systems; proofs of each kind and age; and what proves nothing."""
    for days, seconds in ((40, 4.0), (20, 5.5), (9, None), (2, 3.25)):
        run(root, "cache-loss", days, "violated" if seconds is None else "held",
            recovery=recovered(seconds))  # fmt: skip
    run(root, "cache-loss", 1, "held", quick=True, recovery=recovered(1.5))
    run(root, "cache-loss", 0.5, "inconclusive", recovery=recovered(2.5))
    run(root, "database-loss", 50, "violated", ("database", "unavailable"), impact=None)
    run(root, "narrow-link", 45, "held", ("gateway -> web", "exhausted"))
    run(root, "two-links", 3, "held", ("client -> gateway", "unavailable"),
        ("gateway -> web", "unavailable"), runtime="local", impact=None)  # fmt: skip
    run(root, "lying-web", 3, "inconclusive", ("web", "wrong"), stop_kind="halted")
    run(root, "queue-loss", 5, "held", ("queue", "unavailable"))
    run(root, "ledger-loss", 4, "held", ("ledger", "unavailable"), system="bank", whole=False,
        restored=False, quick=True)  # fmt: skip
    failed(root)
    return root


def failed(root: Path) -> Path:
    """Runs without a verdict that can be read: torn, died, interrupted, empty, held by hand."""
    torn, died, cut, hand = (
        root / name / "20250501T000000Z-00aa" for name in ("torn", "died", "cut", "by-hand")
    )
    for folder in (torn, died, cut, hand, root / "empty" / "20250501T000000Z-00aa"):
        folder.mkdir(parents=True)
    (torn / "verdict.json").write_text("{")
    head = json.dumps({"t": 1, "kind": "run", "version": 1}) + "\n"
    (died / "journal.jsonl").write_text(head)
    stopped = {"t": 2, "kind": "stopped", "stop_kind": "interrupted", "reason": "SIGINT"}
    lines = (json.dumps(r) + "\n" for r in (stopped, {"t": 3, "kind": "end", "restored": True}))
    (cut / "journal.jsonl").write_text(head + "".join(lines))
    (cut / "plan.json").write_text(
        json.dumps({"experiment": {"experiment": "cut"}, "system": {"system": "shop"}})
    )
    (hand / "journal.jsonl").write_text(head)
    return root
