"""How long the judge takes over ten million samples, and how much memory; kept in judging.json.

    python benchmarks/judging.py
    python benchmarks/judging.py --samples 1000000 --profile    # where time goes; writes nothing

The samples are made: ten series at 4 000 requests a second, a log-normal latency, 0.1 % failed.
They are judged by budgets, windows and comparisons as an experiment asks for them, and the memory
is what the process needed at its peak beyond the samples themselves. Measured, never judged.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import platform
import pstats
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from chaoskit.judge.samples import DTYPE, Samples
from chaoskit.judge.verdict import judge
from chaoskit.model.experiment import Experiment
from chaoskit.model.samples import Outcome
from chaoskit.model.timeline import Span, Timeline
from chaoskit.model.verdict import Verdict

SUMS = Path(__file__).with_name("judging.json")
RATE, SERIES = 4000, 10
MIB = 1 << 20
STEADY = ("success >= 99%", "p99 < 800ms", "outage <= 1s", "s0 p95 < 300ms", "s1 p95 < 300ms")
EXPECT = (
    *STEADY, "success >= 95% for 10s", "s0 p95 <= 400ms for 30s",
    *(f"s{n} {claim}" for n in range(3) for claim in (
        "failed vs baseline <= +0.5pt", "p95 vs baseline <= x1.5", "p99 vs baseline <= x1.5",
    )),
)  # fmt: skip


def made(count: int) -> Samples:
    random = np.random.default_rng(1)
    array = np.empty(count, DTYPE)
    array["start"] = np.arange(count) / RATE
    array["latency"] = random.lognormal(np.log(0.02), 0.5, count)
    array["series"] = random.integers(0, SERIES, count)
    failed = random.random(count) < 0.001
    array["code"] = np.where(failed, int(Outcome.FAILED) << 14 | 500, 200)
    return Samples(array, tuple(f"s{n}" for n in range(SERIES)))


def judged(samples: Samples) -> Verdict:
    """A third baseline, the rest fault phase but for a minute of recovery and ten seconds held."""
    end = len(samples) / RATE
    fault, recovery, hold = end / 3, end - 70, end - 10
    phases = {"baseline": "10m", "fault": "10m", "recovery": {"within": "1m", "hold": "10s"}}
    experiment = Experiment.model_validate({
        "experiment": "judging", "hypothesis": "The judge is quick",
        "load": {"locustfile": "load.py", "rate": f"{RATE}/s"}, "phases": phases,
        "steady_state": STEADY, "expect": EXPECT,
    })  # fmt: skip
    spans = zip(
        ("baseline", "fault", "recovery", "hold"),
        ((0, fault), (fault, recovery), (recovery, hold), (hold, end)), strict=True,
    )  # fmt: skip
    timeline = Timeline(
        run="made", experiment="judging", steady_at=hold, full_strength_at=hold,
        spans=tuple(Span(phase=name, begin=b, end=e) for name, (b, e) in spans),
    )  # fmt: skip
    return judge(
        experiment, timeline, samples, system="made", runtime="none", started_at="", version=""
    )


def measured(count: int) -> dict[str, Any]:
    samples = made(count)
    before = _peak()
    wall, processor = time.perf_counter(), time.process_time()
    verdict = judged(samples)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    return {
        "samples": count,
        "gates": len(verdict.gates),
        "seconds": round(wall, 2),
        "processor_seconds": round(processor, 2),
        "samples_mib": round(samples.array.nbytes / MIB),
        "more_mib": round((_peak() - before) / MIB),
        "python": platform.python_version(),
    }


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=10_000_000)
    parser.add_argument("--profile", action="store_true")
    wishes = parser.parse_args()
    if wishes.profile:
        samples, profile = made(wishes.samples), cProfile.Profile()
        profile.runcall(judged, samples)
        pstats.Stats(profile).sort_stats("tottime").print_stats(20)
        return 0
    found = measured(wishes.samples)
    SUMS.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
