"""What became of each occurrence: JSON lines in the state root, appended, fsynced, never changed.

A run that was begun and has no end was cut off: that is how a death is told from a success. The
lock beside it keeps two from working on one schedule; the child that runs an experiment holds it
too, so that it is not free before the child is gone.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from chaoskit.errors import ChaoskitError
from chaoskit.run.journal import sync_folder
from chaoskit.schedule.moments import Occurrence

# With these an occurrence is settled: it is never looked at again.
SETTLED = ("begun", "refused", "missed")


class Log:
    """The log of one schedule file. Kinds and fields: docs/schedule.md."""

    def __init__(self, root: Path, schedule: Path) -> None:
        mark = hashlib.sha256(str(schedule.resolve()).encode()).hexdigest()[:8]
        self.path = root / "schedule" / f"{schedule.stem}-{mark}.jsonl"

    def records(self) -> list[dict[str, Any]]:
        """All records, oldest first; a line that a death has torn is none."""
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ChaoskitError(
                f"{self.path}: the schedule's log cannot be read: {error.strerror}; what ran is "
                "then not known, and nothing is begun"
            ) from error
        return [record for line in lines if (record := _record(line))]

    def append(self, kind: str, at: datetime, **fields: Any) -> None:
        """Write one record; on disk when this returns. Raises ChaoskitError when it is not."""
        line = json.dumps({"kind": kind, "at": at.isoformat(), **fields}).encode() + b"\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                new = file.tell() == 0
                torn = file.tell() and not self.path.read_bytes().endswith(b"\n")
                file.write(b"\n" + line if torn else line)
                file.flush()
                os.fsync(file.fileno())
            if new:
                sync_folder(self.path.parent)
        except OSError as error:
            raise ChaoskitError(
                f"{self.path}: the schedule's log cannot be written: {error.strerror}; "
                "make room there, or name another folder with CHAOSKIT_STATE"
            ) from error

    @contextmanager
    def lock(self) -> Iterator[int | None]:
        """A locked descriptor; None while another process works on this schedule."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            opened = self.path.with_suffix(".lock").open("a")
        except OSError as error:
            raise ChaoskitError(
                f"{self.path.parent}: the schedule's lock cannot be made: {error.strerror}; "
                "name another folder with CHAOSKIT_STATE"
            ) from error
        with opened as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
                return
            yield file.fileno()


def _record(line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) and "kind" in record else {}


def settled_until(records: list[dict[str, Any]], name: str, timing: str) -> datetime | None:
    """What is later than this is still open; None for an entry that is new, or newly timed."""
    found = None
    for record in records:
        if record.get("entry") != name:
            continue
        if record["kind"] == "adopted":
            found = datetime.fromisoformat(record["since"]) if record["timing"] == timing else None
        elif record["kind"] in SETTLED and found:
            found = max(found, datetime.fromisoformat(record["due"]))
    return found


def noted(records: list[dict[str, Any]], kind: str, occurrence: Occurrence) -> bool:
    """Whether a record of `kind` is about this very occurrence."""
    due = occurrence.at.isoformat()
    mine = (r for r in records if r.get("entry") == occurrence.name and r.get("due") == due)
    return any(record["kind"] == kind for record in mine)


def cut_off(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Runs that were begun, and of which neither an end nor a death is recorded."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for record in records:
        key = (record.get("entry", ""), record.get("due", ""))
        if record["kind"] == "begun":
            found[key] = record
        elif record["kind"] in ("ended", "cut-off"):
            found.pop(key, None)
    return list(found.values())
