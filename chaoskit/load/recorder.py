"""Samples and series names to files that only grow: whole records, names before their first use.

It must never drop a sample and never block on anything but the disk.
"""

from __future__ import annotations

import os
from pathlib import Path

from chaoskit.model.samples import Outcome, pack

MOST_NAMES = 1000
OVERFLOW = "(other names)"
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


def files(folder: Path, worker: int = 0) -> tuple[Path, Path]:
    """Where the records and the names of one worker stand."""
    return folder / f"worker-{worker}.bin", folder / f"worker-{worker}.names"


def facts_file(folder: Path, worker: int = 0) -> Path:
    """Where one worker says what it measures of itself."""
    return folder / f"worker-{worker}.json"


def open_file(folder: Path, worker: int = 0) -> Path:
    """Where one worker says what is under way: when it says so, then the intended starts."""
    return folder / f"worker-{worker}.open"


def error_file(folder: Path, worker: int = 0) -> Path:
    """Where one worker leaves what it died of."""
    return folder / f"worker-{worker}.error"


class Recorder:
    """Buffers records until `flush`; `crowded` says that names had to be put together."""

    def __init__(self, folder: Path, worker: int = 0) -> None:
        records, names = files(folder, worker)
        self._records = os.open(records, _FLAGS, 0o644)
        self._names = os.open(names, _FLAGS, 0o644)
        self._series: dict[str, int] = {}
        self._buffer = bytearray()
        self.crowded = False

    def add(
        self, name: str, start: float, latency: float, outcome: Outcome, status: int = 0
    ) -> None:
        """One sample: `start` monotonic seconds, `latency` seconds."""
        self._buffer += pack(start, max(latency, 0.0), self._index(name), outcome, status)

    def flush(self) -> None:
        """Hand every whole record to the kernel; raises OSError when the disk refuses."""
        if self._buffer:
            whole, self._buffer = self._buffer, bytearray()
            write_all(self._records, whole)

    def _index(self, name: str) -> int:
        index = self._series.get(name)
        return self._enter(name) if index is None else index

    def _enter(self, name: str) -> int:
        if len(self._series) >= MOST_NAMES and name != OVERFLOW:
            self.crowded = True
            return self._index(OVERFLOW)
        # One name a line: what would break the line becomes a space.
        line = " ".join(name.split()) or "(unnamed)"
        write_all(self._names, f"{line}\n".encode())
        return self._series.setdefault(name, len(self._series))


def write_all(file: int, content: bytes | bytearray) -> None:
    """All of it, however little the kernel takes at a time; raises OSError when it refuses."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(file, rest) :]
