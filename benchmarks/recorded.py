"""Recorded healthy samples, cut and joined into pairs of phases, and judged as a real run is.

A pair is made of pieces that lie anywhere in the recordings of one runtime; what hangs together
within a piece still does. Shorter pieces are easier for the judge: compare two lengths.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chaoskit.judge.samples import Samples
from chaoskit.judge.verdict import join, judge
from chaoskit.model.experiment import Experiment
from chaoskit.model.timeline import Span, Timeline
from chaoskit.model.verdict import Verdict
from chaoskit.run.feed import stored_samples
from chaoskit.run.history import read_timeline
from chaoskit.run.plan import Plan


@dataclass(frozen=True)
class Recording:
    """All samples from the begin of the baseline on; starts count from there, in seconds."""

    run: str
    plan: Plan
    samples: Samples
    length: float

    @property
    def runtime(self) -> str:
        return self.plan.runtime


@dataclass(frozen=True)
class Setting:
    """How long the phases are (seconds), and by which factor a percentile may rise."""

    phase: float
    factor: float

    def __str__(self) -> str:
        return f"x{self.factor:g}, {self.phase:g} s + {self.phase:g} s"

    def contract(self, series: Sequence[str]) -> tuple[str, ...]:
        """Two budgets over all requests, and three comparisons for each series."""
        budgets = ("success >= 99%", "p99 < 800ms")
        return budgets + tuple(
            f"{name} {claim}"
            for name in series
            for claim in (
                "failed vs baseline <= +0.5pt",
                f"p95 vs baseline <= x{self.factor:g}",
                f"p99 vs baseline <= x{self.factor:g}",
            )
        )


def recording(folder: Path) -> Recording:
    """The run in `folder`, without its warm-up."""
    timeline = read_timeline(folder)
    begin = next(s.begin for s in timeline.spans if s.phase == "baseline")
    plan = Plan.model_validate_json((folder / "plan.json").read_text())
    every = stored_samples(folder)
    # What was killed has no end: it ends with its last request.
    end = max(every.start[-1] if s.end is None else s.end for s in timeline.spans)
    kept = every.between(begin, end)
    return Recording(folder.name, plan, moved(kept, -begin), end - begin)


def moved(samples: Samples, by: float) -> Samples:
    array = samples.array.copy()
    array["start"] += by
    return Samples(array, samples.names)


def by_runtime(recordings: Sequence[Recording]) -> list[list[Recording]]:
    """Recordings of one runtime only are alike."""
    known = dict.fromkeys(r.runtime for r in recordings)
    return [[r for r in recordings if r.runtime == runtime] for runtime in known]


def resampled(
    random: np.random.Generator, pool: Sequence[Recording], length: float, piece: float
) -> Samples:
    """`length` seconds from 0 on, made of pieces of so many seconds from anywhere in the pool."""
    weights = np.array([r.length for r in pool])
    parts = []
    for at in np.arange(0, length, piece):
        one = pool[random.choice(len(pool), p=weights / weights.sum())]
        begin = random.uniform(0, max(0.0, one.length - piece))
        parts.append(moved(one.samples.between(begin, begin + min(piece, length - at)), at - begin))
    return Samples.empty().merge(*parts)


def pair(
    random: np.random.Generator, pool: Sequence[Recording], setting: Setting, piece: float
) -> Samples:
    """A baseline and then a fault phase in which nothing happened."""
    before, after = (resampled(random, pool, setting.phase, piece) for _ in range(2))
    return before.merge(moved(after, setting.phase))


def windows(recorded: Recording, count: int, length: float) -> Iterator[Samples]:
    """`count` windows of `length` seconds, evenly spread; they overlap where they must."""
    for begin in np.linspace(0, recorded.length - length, count):
        yield moved(recorded.samples.between(begin, begin + length), -begin)


def judged(plan: Plan, contract: Sequence[str], samples: Samples, phase: float) -> Verdict:
    """The verdict of a run with these samples, a baseline and a fault phase of so many seconds.

    Nothing follows the fault phase here, so that nothing can be said of a recovery, nor is it.
    """
    experiment = Experiment.model_validate(
        plan.experiment.model_dump()
        | {"expect": contract, "phases": {"baseline": f"{phase}s", "fault": f"{phase}s", **AFTER}}
    )
    timeline = Timeline(
        run="resampled", experiment=experiment.experiment,
        spans=(Span(phase="baseline", begin=0, end=phase),
               Span(phase="fault", begin=phase, end=2 * phase)),
        steady_at=2 * phase, full_strength_at=2 * phase,
    )  # fmt: skip
    found = judge(
        experiment, timeline, samples,
        system=plan.system.system, runtime=plan.runtime, started_at="", version="",
    )  # fmt: skip
    gates = tuple(gate for gate in found.gates if gate.metric != "recovery")
    status, reasons = join(experiment, timeline, gates)
    return found.model_copy(update={"status": status, "reasons": reasons, "gates": gates})


AFTER = {"recovery": {"within": "1s", "hold": "0s"}}
