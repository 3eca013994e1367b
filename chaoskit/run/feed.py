"""The samples of a run as they come in. It must never drop one; a torn record is cut."""

from __future__ import annotations

import json
from pathlib import Path

from chaoskit.judge.samples import Samples
from chaoskit.ports import Load

SAMPLES = "samples.bin"
SERIES = "series.json"


class Feed:
    """All samples that the load has flushed so far."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._raw = bytearray()
        self._names: tuple[str, ...] = ()
        self._samples: Samples | None = Samples.empty()

    def refresh(self) -> None:
        """Take in what is new."""
        raw, names = self._load.read()
        if raw or names != self._names:
            self._raw += raw
            self._names = names
            self._samples = None

    @property
    def samples(self) -> Samples:
        """Everything so far, sorted by intended start."""
        if self._samples is None:
            # merge() sorts; answers arrive in the order they ended, not in which they began.
            self._samples = Samples.from_bytes(bytes(self._raw), self._names).merge()
        return self._samples

    def store(self, folder: Path) -> None:
        """Write `samples.bin` and `series.json`."""
        (folder / SAMPLES).write_bytes(self.samples.to_bytes())
        (folder / SERIES).write_text(json.dumps(list(self.samples.names)))


def stored_samples(folder: Path) -> Samples:
    """The samples of a run directory; those of the load's own files when the run died early."""
    if (folder / SAMPLES).exists():
        names = json.loads((folder / SERIES).read_text())
        return Samples.from_bytes((folder / SAMPLES).read_bytes(), tuple(names))
    parts = [_worker(path) for path in sorted((folder / "load").glob("worker-*.bin"))]
    return Samples.empty().merge(*parts)


def _worker(path: Path) -> Samples:
    names = path.with_suffix(".names").read_text().splitlines()
    return Samples.from_bytes(path.read_bytes(), tuple(names))
