"""The samples of a run as they come in, of the load and of probes.

It must never drop one; a torn record is cut.
"""

from __future__ import annotations

import json
from pathlib import Path

from chaoskit.judge.samples import Samples
from chaoskit.ports import Load
from chaoskit.run.probing import ANSWERS, PROBES, Probing

SAMPLES = "samples.bin"
SERIES = "series.json"


class Feed:
    """All samples that the load has flushed so far, and all that probes have answered."""

    def __init__(self, load: Load, probing: Probing) -> None:
        self._load = load
        self._probing = probing
        self._answers = 0
        self._raw = bytearray()
        self._names: tuple[str, ...] = ()
        self._samples: Samples | None = Samples.empty()

    def refresh(self) -> None:
        """Take in what is new."""
        raw, names = self._load.read()
        if raw or names != self._names or self._probing.answers != self._answers:
            self._raw += raw
            self._names, self._answers = names, self._probing.answers
            self._samples = None

    def end(self) -> int:
        """Take in the answers that are still to come; how many questions could not be asked."""
        self._probing.close()
        self._samples = None
        return self._probing.unasked

    @property
    def samples(self) -> Samples:
        """Everything so far, sorted by intended start."""
        if self._samples is None:
            # merge() sorts; answers arrive in the order they ended, not in which they began.
            load = Samples.from_bytes(bytes(self._raw), self._names)
            self._samples = load.merge(self._probing.samples)
        return self._samples

    def store(self, folder: Path) -> None:
        """Write `samples.bin` and `series.json`."""
        (folder / SAMPLES).write_bytes(self.samples.to_bytes())
        (folder / SERIES).write_text(json.dumps(list(self.samples.names)))


def stored_samples(folder: Path) -> Samples:
    """The samples of a run directory; those of the load's own files when the run died early."""
    probes = json.loads((folder / PROBES).read_text()) if (folder / PROBES).exists() else {}
    if (folder / SAMPLES).exists():
        names = json.loads((folder / SERIES).read_text())
        return Samples.from_bytes((folder / SAMPLES).read_bytes(), tuple(names), probes)
    parts = [_worker(path) for path in sorted((folder / "load").glob("worker-*.bin"))]
    if (folder / ANSWERS).exists():
        parts.append(Samples.from_bytes((folder / ANSWERS).read_bytes(), probes, probes))
    return Samples.empty().merge(*parts)


def _worker(path: Path) -> Samples:
    names = path.with_suffix(".names").read_text().splitlines()
    return Samples.from_bytes(path.read_bytes(), tuple(names))
