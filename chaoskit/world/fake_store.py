"""Where a fake world keeps its state: in memory, or in a file that other processes can open.

Every change is read, made and written under one lock, so that a process that dies by SIGKILL
leaves the state before the change or the one after it. It must never know what it keeps.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chaoskit.ports import Json


class Store:
    """One JSON object. With a `path` it lives there and `first` counts only if nothing does."""

    def __init__(self, first: Json, path: Path | None = None) -> None:
        self.path = path
        self._memory = first
        self._text = ""
        self._seen: Json = {}
        self._lock = threading.RLock()
        if path is not None and not path.exists():
            with self._held():
                self._write(first)

    @contextmanager
    def change(self) -> Iterator[Json]:
        """The state, to be changed in place; not kept when the body raises (on disk)."""
        with self._lock, self._held():
            state = self._read()
            yield state
            self._write(state)

    def look(self) -> Json:
        """The state as it is now; not to be changed."""
        with self._lock:
            return self._memory if self.path is None else self._glance(self.path.read_text())

    def _glance(self, text: str) -> Json:
        """Looks outnumber changes by thousands: a text already read is not parsed again."""
        if text != self._text:
            self._text, self._seen = text, json.loads(text)
        return self._seen

    @contextmanager
    def _held(self) -> Iterator[None]:
        if self.path is None:
            yield
            return
        with open(f"{self.path}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _read(self) -> Json:
        if self.path is None:
            return self._memory
        found: Json = json.loads(self.path.read_text())
        return found

    def _write(self, state: Json) -> None:
        if self.path is None:
            return
        fresh = Path(f"{self.path}.new")
        fresh.write_text(json.dumps(state, indent=1))
        os.replace(fresh, self.path)
