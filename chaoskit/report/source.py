"""Reads a run directory: all that the pages are made from, and nothing beside it.

A run that died early lacks files; only the verdict is indispensable, and the samples that it
counts. It must never write.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from chaoskit.errors import ChaoskitError, InvalidInput
from chaoskit.judge.samples import DTYPE, Samples
from chaoskit.model.verdict import Verdict
from chaoskit.run.feed import SAMPLES, stored_samples
from chaoskit.run.journal import NAME, Record, read_records
from chaoskit.run.probing import PROBES

Json = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """One run as it lies on disk; `samples` is empty and `plan` {} where a file is missing."""

    directory: Path
    verdict: Verdict
    samples: Samples
    plan: Json
    journal: tuple[Record, ...]

    @property
    def origin(self) -> float:
        """Zero of every time in the report: the baseline's begin, or the earliest known time."""
        spans = {s.phase: s.begin for s in self.verdict.spans}
        if "baseline" in spans:
            return spans["baseline"]
        return min([*spans.values(), *map(float, self.samples.start[:1])], default=0.0)

    @property
    def end(self) -> float:
        """The last time anything is known of, never before the origin."""
        ends = [t for s in self.verdict.spans for t in (s.begin, s.end) if t is not None]
        return max([*ends, *map(float, self.samples.start[-1:]), self.origin])


def read_run(directory: Path) -> Run:
    """The run in `directory`; raises ChaoskitError naming the file and what to do.

    InvalidInput where the verdict counts requests and their samples are gone: pages made without
    them would say that no request was ever sent.
    """
    verdict, samples = read_verdict(directory / "verdict.json"), _samples(directory)
    counted = sum(row.planned for row in verdict.figures if row.series == "all")
    if counted and not len(samples):
        raise InvalidInput(
            f"{directory / SAMPLES}: the samples are gone, and the verdict counts {counted} "
            "requests; the pages are left as they are. Restore the file from where the run was "
            "kept whole"
        )
    return Run(
        directory=directory,
        verdict=verdict,
        samples=samples,
        plan=stored_json(directory / "plan.json", dict) or {},
        journal=_journal(directory / NAME),
    )


def read_verdict(path: Path) -> Verdict:
    """The verdict in `path`; raises ChaoskitError saying how to make it."""
    try:
        return Verdict.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        hint = f"`chaoskit judge {path.parent}` makes it"
        raise ChaoskitError(f"{path}: this run has no verdict yet; {hint}") from error
    except ValidationError as error:
        hint = f"`chaoskit judge {path.parent}` makes it anew"
        raise ChaoskitError(f"{path}: not a verdict of this version; {hint}\n{error}") from error


def _samples(directory: Path) -> Samples:
    """Whole records only; those of the load's own files where its runner died before the end.

    A series without a name is no reason to show nothing.
    """
    path = directory / SAMPLES
    if not path.exists():
        return stored_samples(directory)
    raw = path.read_bytes()
    array = np.frombuffer(raw, DTYPE, count=len(raw) // DTYPE.itemsize)
    names = [str(name) for name in stored_json(directory / "series.json", list) or []]
    highest = int(array["series"].max()) if len(array) else -1
    names += [f"series {i}" for i in range(len(names), highest + 1)]
    return Samples(array, tuple(names), probes=stored_json(directory / PROBES, dict) or {})


def stored_json(path: Path, kind: type) -> Any:
    """What `path` holds, None where it is missing; raises ChaoskitError for anything else."""
    if not path.exists():
        return None
    try:
        read = json.loads(path.read_bytes())
    except ValueError as error:
        raise ChaoskitError(f"{path}: not JSON ({error}); restore it or remove it") from error
    if not isinstance(read, kind):
        raise ChaoskitError(f"{path}: expected a JSON {kind.__name__}; restore it or remove it")
    return read


def _journal(path: Path) -> tuple[Record, ...]:
    return tuple(read_records(path)) if path.exists() else ()
