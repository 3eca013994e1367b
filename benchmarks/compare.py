"""How often `chaoskit compare` cries harm where nothing changed, and how often it finds harm.

    python benchmarks/compare.py            # figures go to compare.json

Reads stored healthy runs, but those that prove nothing, and changes nothing. Three kinds of pairs:
the stored runs as they are, as many on each side as there are; the same, as if the machine had had
another speed in each of them; and resampled runs, each made of 10 s segments drawn at random from
all stored runs of one runtime, in several sizes. Into the NEW side of a pair nothing is planted, or
the slowest tenth of each series becomes 20 % slower (so that p95 and p99 do, and p50 does not), or
one more request in a hundred fails. The figures are measured, never judged.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chaoskit.judge.regression import ALPHA, Margins, compare
from chaoskit.judge.samples import DTYPE, Samples
from chaoskit.judge.sums import PHASES, parts_of, sums
from chaoskit.model.baseline import Part, RunSums
from chaoskit.model.comparison import Comparison, Told
from chaoskit.model.samples import Outcome
from chaoskit.report.source import Run, read_run

SUMS = Path(__file__).with_suffix(".json")
STORED = Path(__file__).parents[1] / "reports" / "healthy"
SEGMENT = 10.0
PHASE_SECONDS = {"baseline": 20.0, "fault": 30.0, "hold": 10.0}
# Runs on each side, and how many times as long as the stored ones each is.
SIZES = ((1, 1), (6, 1), (12, 1), (12, 5))
# Runs on each side of pairs of stored runs as they are.
WHOLE = (1, 2, 3, 6)
# Other speeds: the factor that is one standard deviation of them.
SPEEDS = 1.9
Plant = Callable[[np.ndarray, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Stored:
    """One stored run: its sums, its samples, and the phases that segments are drawn from."""

    sums: RunSums
    array: np.ndarray
    names: tuple[str, ...]
    spans: tuple[tuple[str, float, float], ...]


def stored(folder: Path) -> Stored:
    run: Run = read_run(folder)
    spans = tuple(
        (s.phase, s.begin, s.end)
        for s in run.verdict.spans
        if s.phase in PHASES and s.end is not None and s.end - s.begin >= SEGMENT
    )
    return Stored(sums(run.verdict, run.samples), run.samples.array, run.samples.names, spans)


def nothing(array: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return array


def slower(array: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The slowest tenth of each series takes 20 % longer."""
    changed = array.copy()
    for series in np.unique(array["series"]):
        mine = array["series"] == series
        tail = mine & (array["latency"] >= np.quantile(array["latency"][mine], 0.9))
        changed["latency"][tail] *= 1.2
    return changed


def failing(array: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """One in a hundred more fails, after 3 s."""
    changed = array.copy()
    hit = random.random(len(array)) < 0.01
    changed["code"][hit] = Outcome.FAILED << 14
    changed["latency"][hit] = 3.0
    return changed


PLANTS: dict[str, tuple[Plant, str]] = {
    "nothing": (nothing, ""),
    "p95 20 % slower": (slower, "p95"),
    "1 % more errors": (failing, "failed"),
}


def resampled(
    pool: Sequence[Stored], times: int, number: int, plant: Plant, random: np.random.Generator
) -> RunSums:
    """A run as long as `times` stored ones, of segments of all runs in `pool`."""
    parts = []
    for phase, seconds in PHASE_SECONDS.items():
        taken = [
            _segment(pool[random.integers(len(pool))], i * SEGMENT, random)
            for i in range(math.ceil(seconds * times / SEGMENT))
        ]
        array = plant(np.concatenate(taken), random)
        parts += parts_of(Samples(array, pool[0].names), phase, 0.0, len(taken) * SEGMENT)
    first = pool[0].sums
    return first.model_copy(update={"run": f"resampled-{number}", "parts": tuple(parts)})


def _segment(run: Stored, at: float, random: np.random.Generator) -> np.ndarray:
    _, begin, end = run.spans[random.integers(len(run.spans))]
    begin += random.random() * (end - begin - SEGMENT)
    start = run.array["start"]
    piece = run.array[(start >= begin) & (start < begin + SEGMENT)].astype(DTYPE)
    piece["start"] += at - begin
    return piece


def planted(run: Stored, plant: Plant, random: np.random.Generator) -> RunSums:
    """A stored run as it is, with `plant` in each of its phases."""
    parts = []
    for phase, begin, end in run.spans:
        start = run.array["start"]
        inside = plant(run.array[(start >= begin) & (start < end)], random)
        parts += parts_of(Samples(inside, run.names), phase, begin, end)
    return run.sums.model_copy(update={"parts": tuple(parts)})


def elsewhere(run: RunSums, random: np.random.Generator) -> RunSums:
    """The same run on a machine of another speed: every latency by one random factor."""
    factor = math.exp(random.normal(0, math.log(SPEEDS)))

    def scaled(part: Part) -> Part:
        moved = {
            name: one.model_copy(update={"seconds": one.seconds and one.seconds * factor})
            for name, one in part.latency.items()
        }
        return part.model_copy(update={"latency": moved})

    return run.model_copy(update={"parts": tuple(map(scaled, run.parts))})


def whole(
    pools: Sequence[list[Stored]], many: int, pairs: int, random: np.random.Generator
) -> Iterator[tuple[list[Stored], list[Stored]]]:
    """Pairs of sides of different stored runs, from the pools in turn."""
    fit = [pool for pool in pools if len(pool) >= 2 * many]
    for i in range(pairs if fit else 0):
        pool = fit[i % len(fit)]
        order = random.permutation(len(pool))
        yield [pool[j] for j in order[:many]], [pool[j] for j in order[many : 2 * many]]


def counted(found: Iterator[Comparison], metric: str) -> dict[str, int]:
    """Pairs, pairs with a regression, and with a regression of what was planted."""
    total: Counter[str] = Counter(pairs=0, regression=0, found=0)
    for comparison in found:
        bad = comparison.told(Told.REGRESSED)
        total["pairs"] += 1
        total["regression"] += bool(bad)
        total["found"] += any(change.metric == metric for change in bad)
    return dict(total) if metric else {k: total[k] for k in ("pairs", "regression")}


def measure(runs: Sequence[Stored], pairs: int, seed: int, margins: Margins) -> list[dict]:
    by_condition: dict[str, list[Stored]] = {}
    for run in runs:
        by_condition.setdefault(run.sums.condition, []).append(run)
    pools = list(by_condition.values())
    rows = []
    for name, (plant, metric) in PLANTS.items():
        random = np.random.default_rng(seed)
        for many in WHOLE:
            alone = (
                compare([r.sums for r in a], [planted(r, plant, random) for r in b], margins)
                for a, b in whole(pools, many, pairs, random)
            )
            rows.append({"kind": "stored", "runs": many, "seconds": 60, "planted": name}
                        | counted(alone, metric))  # fmt: skip
            if plant is nothing:
                moved = (
                    compare(*([elsewhere(r.sums, random) for r in side] for side in pair), margins)
                    for pair in whole(pools, many, pairs, random)
                )
                rows.append({"kind": "other speeds", "runs": many, "seconds": 60, "planted": name}
                            | counted(moved, metric))  # fmt: skip
        for many, times in SIZES:
            drawn = (
                _pair(pools[i % len(pools)], many, times, plant, random, margins)
                for i in range(pairs)
            )
            rows.append(
                {"kind": "resampled", "runs": many, "seconds": 60 * times, "planted": name}
                | counted(drawn, metric)
            )
            print(rows[-1], flush=True)
    return [row for row in rows if row["pairs"]]


def _pair(
    pool: list[Stored], many: int, times: int, plant: Plant, random: np.random.Generator,
    margins: Margins,
) -> Comparison:  # fmt: skip
    base = [resampled(pool, times, i, nothing, random) for i in range(many)]
    new = [resampled(pool, times, many + i, plant, random) for i in range(many)]
    return compare(base, new, margins)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=STORED, help="a folder of stored runs")
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=SUMS)
    parser.add_argument("--margin", type=float, default=Margins().latency)
    given = parser.parse_args()
    folders = sorted(path.parent for path in given.runs.glob("*/samples.bin"))
    found = [stored(folder) for folder in folders]
    for run in found:
        if run.sums.left_out:
            print(f"left out {run.sums.run}: {run.sums.left_out[0]}", flush=True)
    runs = [run for run in found if not run.sums.left_out]
    rows = measure(runs, given.pairs, given.seed, Margins(latency=given.margin))
    told = {
        "stored": [run.sums.run for run in runs],
        "margin_latency": given.margin,
        "margin_share": Margins().share,
        "alpha": ALPHA,
        "speeds": SPEEDS,
        "seed": given.seed,
        "rows": rows,
    }
    given.out.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
