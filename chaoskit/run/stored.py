"""Run directories as they lie on disk: what each was, and whether it may be removed.

It must never call a run removable that still runs or may have left something in force; what
cannot be read counts as that.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chaoskit.errors import ChaoskitError
from chaoskit.run import processes
from chaoskit.run.history import first, timeline
from chaoskit.run.journal import NAME, Record, read_records
from chaoskit.run.state import StateRoot

_STARTED = "%Y%m%dT%H%M%SZ"  # how a run's id begins


@dataclass(frozen=True)
class Stored:
    """One run directory. `lasted` in seconds, `size` in bytes; `kept` says why it must stay."""

    folder: Path
    experiment: str
    verdict: str
    at: datetime | None
    lasted: float | None
    restored: bool | None
    size: int
    kept: str = ""

    @property
    def run(self) -> str:
        return self.folder.name


def stored_runs(reports: Path, state: StateRoot) -> list[Stored]:
    """Every run under `reports`, newest first."""
    folders = (path.parent for path in reports.glob(f"*/*/{NAME}") if not path.parent.is_symlink())
    return [look(f, state) for f in sorted(folders, key=lambda f: f.name, reverse=True)]


def look(folder: Path, state: StateRoot) -> Stored:
    """What is known of the run in `folder`, also of one whose journal is damaged."""
    size = sum(p.lstat().st_size for p in folder.rglob("*") if p.is_file() or p.is_symlink())
    name, verdict, at = folder.parent.name, _verdict(folder), _started(folder.name)
    try:
        records = read_records(folder / NAME)
        told = timeline(records)
    except ChaoskitError as error:
        return Stored(folder, name, verdict, at, None, None, size, f"cannot be read: {error}")
    kept = _kept(folder, records, told.restored, state)
    return Stored(
        folder, told.experiment or name, verdict, at, _lasted(records), told.restored, size, kept
    )


def remove(stored: Stored, state: StateRoot) -> str:
    """Delete the directory after a second look; why not, in words, or nothing."""
    kept = look(stored.folder, state).kept
    if not kept:
        try:
            shutil.rmtree(stored.folder)
        except OSError as error:
            return f"cannot be removed: {error}"
    return kept


def _kept(folder: Path, records: list[Record], restored: bool, state: StateRoot) -> str:
    head = first(records, "run")
    if head is None:
        return "its journal has no head: it may be starting"
    if living := still_runs(records):
        return living
    if not restored:
        return f"something is outstanding: chaoskit revert {folder}"
    if folder.resolve() in state.open_runs():
        return f"not yet known to be put back: chaoskit revert {folder}"
    return ""


def still_runs(records: list[Record]) -> str:
    """Which process of the run still lives, in words; empty when none does."""
    for record in (r for r in records if r["kind"] in ("run", "process")):
        if processes.alive(record.get("pid", 0), record.get("started")):
            return f"still runs (process {record['pid']})"
    return ""


def _verdict(folder: Path) -> str:
    try:
        read: Any = json.loads((folder / "verdict.json").read_bytes())
        return str(read["status"])
    except FileNotFoundError:
        return "none"
    except (OSError, ValueError, LookupError, TypeError):
        return "unreadable"


def _started(run: str) -> datetime | None:
    try:
        return datetime.strptime(run.partition("-")[0], _STARTED).replace(tzinfo=UTC)
    except ValueError:
        return None


def _lasted(records: list[Record]) -> float | None:
    """Until the first `end`: a revert days later is not part of the run."""
    last = first(records, "end")
    return None if last is None else float(last["t"]) - float(records[0]["t"])
