"""The samples of a run as they come in, of the load and of probes.

It must never drop one; a torn record is cut.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from chaoskit.judge.samples import Samples
from chaoskit.model.samples import RECORD
from chaoskit.ports import Load, UnderWay
from chaoskit.run.probing import ANSWERS, PROBES, Probing

SAMPLES = "samples.bin"
SERIES = "series.json"


class Feed:
    """All samples that the load has flushed so far, and all that probes have answered."""

    def __init__(self, load: Load, probing: Probing) -> None:
        self._load = load
        self._probing = probing
        self._rest = b""  # of a record that is not whole yet
        self.samples = Samples.empty()
        """Everything so far, sorted by intended start."""
        self.under_way = UnderWay()
        """Requests that may have no sample among them."""

    def refresh(self) -> None:
        """Take in what is new."""
        # Asked first: what is answered meanwhile is in the samples, whatever was said of it.
        self.under_way = self._load.under_way()
        raw, names = self._load.read()
        raw = self._rest + raw
        whole = len(raw) - len(raw) % RECORD.size
        self._rest = raw[whole:]
        self._take(Samples.from_bytes(raw[:whole], names))
        self._take(self._probing.news())

    def end(self) -> int:
        """Take in the answers that are still to come; how many questions could not be asked."""
        self._probing.close()
        self._take(self._probing.news())
        return self._probing.unasked

    @property
    def unknown(self) -> dict[str, int]:
        """By probe, how many questions were answered without a word of the system."""
        return dict(self._probing.unknown)

    def _take(self, new: Samples) -> None:
        # What was computed of the samples so far is kept with them: no news, nothing lost.
        if len(new) or set(new.names) - set(self.samples.names):
            self.samples = self.samples.merge(new)

    def store(self, folder: Path) -> None:
        """Write `series.json` and `samples.bin`, the one that is looked for last."""
        _write(folder / SERIES, json.dumps(list(self.samples.names)).encode())
        _write(folder / SAMPLES, self.samples.to_bytes())


def _write(path: Path, content: bytes) -> None:
    """All of it or nothing: half of the samples would pass for all of them. Raises OSError."""
    fresh = path.with_name(f"{path.name}.new")
    try:
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


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
