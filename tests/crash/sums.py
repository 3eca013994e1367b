"""The sums of a crash sweep on a real world, and how they are written down.

They must never judge: what was left behind is counted, and stays in its case.
"""

from __future__ import annotations

import fcntl
import json
import os
import statistics
from pathlib import Path
from typing import Any

DEATH_KINDS = ("runner", "stopped", "watchdog", "both")
IN_FORCE = ("injecting", "injected", "evidence", "reverting")


def summed(cases: list[dict[str, Any]]) -> dict[str, Any]:
    """Runs, what was left behind, and the seconds until all was as before, by kind of death."""
    found = {}
    for death in DEATH_KINDS:
        mine = [case for case in cases if case["death"] == death]
        open_then = [c for c in mine if c["stage"] in IN_FORCE]
        seconds = sorted(c["seconds"] for c in open_then if c["seconds"] is not None)
        found[death] = {
            "runs": len(mine),
            "in_force": len(open_then),
            "left_behind": sum(bool(case["left"]) for case in mine),
            "seconds_median": _at(seconds, 0.5),
            "seconds_p99": _at(seconds, 0.99),
        }
    return {
        "runs": len(cases),
        "left_behind": sum(bool(case["left"]) for case in cases),
        "by_death": found,
    }


def _at(ordered: list[float], share: float) -> float | None:
    if not ordered:
        return None
    if share == 0.5:
        return round(statistics.median(ordered), 3)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def written(kept: dict[str, Any]) -> str:
    """JSON with one case a line: five hundred of them are to stay readable."""
    parts = []
    for runtime, mine in sorted(kept.items()):
        cases = ",\n   ".join(json.dumps(case) for case in mine["cases"])
        rest = json.dumps({k: v for k, v in mine.items() if k != "cases"}, indent=1)
        body = rest.removesuffix("\n}").replace("\n", "\n ")
        parts.append(f' "{runtime}": {body},\n  "cases": [\n   {cases}\n  ]\n }}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def read(sums: Path) -> dict[str, Any]:
    """What was kept so far, by runtime."""
    kept: dict[str, Any] = json.loads(sums.read_text()) if sums.exists() else {}
    return kept


def keep(sums: Path, mine: dict[str, Any]) -> None:
    """Whole or not at all: a sweep may be killed, and one on the other runtime writes beside it."""
    folder = os.open(sums.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        draft = sums.with_suffix(".new")
        draft.write_text(written(read(sums) | mine))
        draft.replace(sums)
    finally:
        os.close(folder)
