"""The log of a game day: JSON lines, on disk as they are entered, never changed.

It is all that is remembered of the day: who said what when, and what the tool did. A torn last
line is skipped by readers and closed before the next one. It must never hold a secret of the
game day's file: only what people type, and names.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import ValidationError

from chaoskit.errors import InUse, JournalError
from chaoskit.model.frozen import Frozen
from chaoskit.ports import Clock

Kind = Literal[
    "opened",  # the tool: the log was opened or resumed; `text` is the game day's title
    "answer",  # a person: `item` is the number in the go/no-go list, `value` yes or no
    "checked",  # the tool: `item` as above, `value` yes or no, `text` why not
    "go",  # owner or facilitator
    "no_go",  # owner or facilitator, `text` why
    "step",  # `step`, `value` is begun, ended or skipped; `how` when it ended (see HOWS)
    "prediction",  # a person: `step`, `text`
    "running",  # the tool: `run` is the directory of the run that `step` has begun
    "injected",  # the tool: `step`, `text` is what; it is in force from now on
    "released",  # `value`: asked (by a person), put back (the tool: it is; `text` why)
    "ran",  # the tool: the deed of a step is over: `how`, `run`, `text`
    "recovered",  # the tool: the system is at full strength again, `step`
    "alert",  # the tool: `value` new: the system's own alert `text` came; or unanswered: why
    "seen",  # a person notices
    "mitigated",  # a person has acted
    "note",  # a person
    "halt",  # anybody, `text` why
    "finding",  # a person
    "action",  # a person: an action item: `text`, `owner`, `due`; its id is `item`; `how` carried
    "action_closed",  # `item` is the action's id
    "closed",  # the day is over
]
KINDS: tuple[Kind, ...] = get_args(Kind)
SUFFIX = ".log.jsonl"
TOOL = "chaoskit"  # the person under whose name the tool enters what it did itself


class Entry(Frozen):
    """One line. `n` counts from 1; `t` is monotonic seconds, `at` UTC with milliseconds.

    `role` is the role that the person acted in (empty for the tool); `step` the step's number as
    text, empty outside of one; `run` a run directory.
    """

    n: int
    t: float
    at: str
    kind: Kind
    person: str = TOOL
    role: str = ""
    step: str = ""
    text: str = ""
    item: str = ""
    value: str = ""
    how: str = ""
    run: str = ""
    owner: str = ""
    due: str = ""


class Log:
    """The log beside a game day's file. For several threads at once; one process at a time."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._clock = clock
        self._entries: list[Entry] = []
        self._held = False
        self._news = threading.Condition()

    def entries(self) -> tuple[Entry, ...]:
        """What was read and entered so far, oldest first."""
        with self._news:
            return tuple(self._entries)

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Read what is there and hold the log; raises InUse while another process has it."""
        with self._file() as descriptor:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InUse(
                    f"{self.path} is kept by another `chaoskit gameday run`: use its console, or "
                    "end it first"
                ) from None
            with self._news:
                self._entries = list(read_entries(self.path))
                self._held = True
            try:
                yield
            finally:
                with self._news:
                    self._held = False

    def append(self, kind: Kind, **fields: Any) -> Entry:
        """Enter one line; it is on disk when this returns. Raises JournalError when it is not.

        A log that is not held takes nothing: what a thread says too late is another session's.
        """
        with self._news:
            if not self._held:
                raise JournalError(f"{self.path}: the log is not open; nothing was done")
            entry = Entry(
                n=self._entries[-1].n + 1 if self._entries else 1,
                t=round(self._clock.now(), 3),
                at=self._clock.wall(),
                kind=kind,
                **fields,
            )
            self._write(entry)
            self._entries.append(entry)
            self._news.notify_all()
        return entry

    def wait(self, after: int, seconds: float) -> int:
        """The number of the newest entry, at once if it is above `after`, else within `seconds`."""
        with self._news:
            self._news.wait_for(lambda: self._newest() > after, timeout=seconds)
            return self._newest()

    def _newest(self) -> int:
        return self._entries[-1].n if self._entries else 0

    @contextmanager
    def _file(self) -> Iterator[int]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o644)
        except OSError as error:
            raise JournalError(
                f"{self.path}: the game day's log cannot be opened: {error.strerror}"
            ) from error
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _write(self, entry: Entry) -> None:
        line = json.dumps(entry.model_dump(exclude_defaults=True), ensure_ascii=False).encode()
        with self._file() as descriptor:
            try:
                size = os.fstat(descriptor).st_size
                torn = size and os.pread(descriptor, 1, size - 1) != b"\n"
                whole = (b"\n" if torn else b"") + line + b"\n"
                written = os.write(descriptor, whole)
                os.fsync(descriptor)
            except OSError as error:
                raise JournalError(
                    f"{self.path}: the game day's log cannot be written: {error.strerror}; "
                    "nothing was done"
                ) from error
            if written != len(whole):
                raise JournalError(f"{self.path}: written only in part; is the disk full?")


def read_entries(path: Path) -> tuple[Entry, ...]:
    """All whole entries, oldest first; none when there is no log. Torn lines are skipped.

    Raises JournalError when it cannot be read.
    """
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise JournalError(f"{path}: the log cannot be read: {error.strerror}") from error
    return tuple(entry for line in lines if (entry := _entry(line)) is not None)


def _entry(line: bytes) -> Entry | None:
    try:
        return Entry.model_validate_json(line)
    except ValidationError:
        return None


def between(first: str, last: str) -> float:
    """Seconds from one `at` to another."""
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()


def seconds(first: Entry, last: Entry) -> float:
    """Seconds from one entry to another, by the monotonic clock.

    By the calendar's where the machine was started anew between them.
    """
    found = last.t - first.t
    return round(found if found >= 0 else between(first.at, last.at), 3)


def log_of(file: Path) -> Path:
    """Where the log of a game day's file is: `day.yaml` has `day.log.jsonl` beside it."""
    return file.with_name(f"{file.stem}{SUFFIX}")
