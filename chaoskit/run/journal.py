"""The write-ahead journal of one run: JSON lines, each on disk before what it announces is done.

It holds data only, never code, and it must never be rewritten: lines are appended, and a torn
tail is closed with a newline so that it reads as one line to skip. Who has read or written it
keeps hold of it, should somebody take it away.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from chaoskit.errors import Fenced, JournalError
from chaoskit.ports import Clock

# Whatever a later version changes: the `world` of its first record goes on naming `runtime`,
# `project` and `system` as this one does, so that an older chaoskit knows whom a run concerns.
VERSION = 1
NAME = "journal.jsonl"
FENCE = "fence"
_LOCK_PATIENCE = 0.5
# For people alone: nobody puts anything back by these.
TEXTS = ("detail", "differences", "error", "evidence", "facts", "reason", "state", "why")

Record = dict[str, Any]


class Journal:
    """Appends records to `folder`/journal.jsonl as `writer` (runner, watchdog or revert).

    A runner that finds the fence raises Fenced: from then on it may only report. `hidden` takes
    secrets out of what is written for people; what puts back stays as it is.
    """

    def __init__(
        self, folder: Path, clock: Clock, writer: str = "runner", hidden: Callable[[str], str] = str
    ) -> None:
        self.folder = folder
        self.path = folder / NAME
        self.writer = writer
        self._clock = clock
        self._known: list[Record] = []
        self._held: int | None = None
        self._hidden = hidden

    def append(self, kind: str, **fields: Any) -> Record:
        """Write one record and fsync it; raises JournalError when it is not durable.

        A journal that was there and is gone is never begun anew: it would say less than was done.
        """
        record: Record = {
            "t": round(self._clock.now(), 6),
            "at": self._clock.wall(),
            "kind": kind,
            "writer": self.writer,
            **{k: _masked(v, self._hidden) if k in TEXTS else v for k, v in fields.items()},
        }
        line = json.dumps(record, allow_nan=False, ensure_ascii=False).encode() + b"\n"
        try:
            with self._opened() as descriptor:
                if self.writer == "runner" and self.fenced:
                    raise Fenced(f"{self.folder}: the watchdog has put this run back; it is over")
                _write(descriptor, line, self.path)
        except JournalError:
            # What was done others must know who hold it; what cannot be kept is not announced.
            if kind != "injecting" and self._held is not None and self._gone:
                _write(self._held, line, self.path)
            raise
        self._known.append(record)
        return record

    def _hold(self) -> None:
        """Keep it open: what is written in it outlives its name, for all who hold it."""
        if self._held is None:
            with suppress(OSError):
                self._held = os.open(self.path, os.O_APPEND | os.O_RDWR)
                weakref.finalize(self, os.close, self._held)

    @property
    def _gone(self) -> bool:
        return self._held is not None and not self.path.exists()

    def lost(self) -> str:
        """What was taken away of it since it was begun, as a sentence; empty while it is whole."""
        if self._gone:
            return f"{self.path}: the journal is gone"
        if _begun(self._known) and not _begun(_whole(self.path)):
            return f"{self.path}: the journal has lost what it said at first"
        return ""

    @property
    def fenced(self) -> bool:
        return (self.folder / FENCE).exists()

    def fence(self, why: str) -> None:
        """Take the run over: from now on the runner's appends raise Fenced.

        Raises JournalError when the fence cannot be set, or be written down.
        """
        with self._opened():
            try:
                # Not synced: it holds off a process that lives, and none outlives the machine.
                (self.folder / FENCE).touch()
            except OSError as error:
                raise JournalError(f"{self.folder}: the fence cannot be set: {error}") from error
        self.append("fenced", by=self.writer, why=why)

    def records(self) -> list[Record]:
        """All whole records, of a journal that is gone as well; those that were cut away, too.

        Raises JournalError as `read_records` does.
        """
        self._hold()
        if self._held is not None and self._gone:
            found = _parsed(os.pread(self._held, os.fstat(self._held).st_size, 0))
        else:
            found = read_records(self.path)
        if _begun(self._known) and not _begun(found):
            return [*self._known, *found]
        # Another thread may have appended since: then what is known here is the newer.
        self._known = max(found, self._known, key=len)
        return found

    def size(self) -> int | None:
        """Bytes; None where it is not there."""
        try:
            return self.path.stat().st_size
        except OSError:
            return None

    @contextmanager
    def _opened(self) -> Iterator[int]:
        begin = os.O_CREAT if self._held is None else 0
        try:
            descriptor = os.open(self.path, begin | os.O_APPEND | os.O_RDWR, 0o644)
        except OSError as error:
            raise JournalError(f"{self.path}: the journal cannot be opened: {error}") from error
        try:
            # A stopped runner may hold the lock for ever; the watchdog must go on without it.
            _lock(descriptor, patience=_LOCK_PATIENCE)
            self._hold()
            yield descriptor
        finally:
            os.close(descriptor)


def _begun(records: list[Record]) -> bool:
    return any(record["kind"] == "run" for record in records)


def _masked(value: Any, hidden: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return hidden(value)
    if isinstance(value, dict):
        return {key: _masked(one, hidden) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(one, hidden) for one in value]
    return value


def _lock(descriptor: int, patience: float) -> None:
    limit = time.monotonic() + patience
    while time.monotonic() < limit:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.005)
        else:
            return


def _write(descriptor: int, line: bytes, path: Path) -> None:
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line
        written = os.write(descriptor, line)
        os.fsync(descriptor)
        if not size:
            # The first record makes the file, and its name is not yet on disk with it.
            sync_folder(path.parent)
    except OSError as error:
        raise JournalError(f"{path}: the journal cannot be written: {error}") from error
    if written != len(line):
        raise JournalError(f"{path}: the journal was written only in part; is the disk full?")


def sync_folder(folder: Path) -> None:
    """Put the names in `folder` on disk; raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_records(path: Path) -> list[Record]:
    """All whole records; lines that are no JSON object (torn, garbage) are skipped.

    Skipping is safe: a record that did not reach the disk whole announced nothing that was done.
    Raises JournalError when there is no journal, or when a newer version of chaoskit wrote it.
    """
    records = _whole(path)
    _refuse_newer(path, records)
    return records


def read_head(path: Path) -> Record | None:
    """The record that begins the run, from a journal of any version; None where none is whole.

    Only its `world` may be read of a later version. Raises JournalError when there is no journal.
    """
    return next((record for record in _whole(path) if record["kind"] == "run"), None)


def _whole(path: Path) -> list[Record]:
    try:
        return _parsed(path.read_bytes())
    except FileNotFoundError as error:
        raise JournalError(f"{path}: there is no journal; is this a run directory?") from error
    except OSError as error:
        raise JournalError(f"{path}: the journal cannot be read: {error.strerror}") from error


def _parsed(content: bytes) -> list[Record]:
    return [r for line in content.splitlines() if (r := _parse(line)) is not None]


def _refuse_newer(path: Path, records: list[Record]) -> None:
    """What a later version means by its records is not guessed."""
    versions = [r.get("version", VERSION) for r in records if r["kind"] == "run"]
    for version in versions:
        if not isinstance(version, int) or version > VERSION:
            raise JournalError(
                f"{path}: the journal has version {version}, this chaoskit reads up to version "
                f"{VERSION}; nothing is guessed: use the chaoskit that wrote it, or a newer one"
            )


def _parse(line: bytes) -> Record | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) and "kind" in record and "t" in record else None
