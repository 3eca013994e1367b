"""How often the verdict is wrong where nothing happened, and how often it finds what did.

    python benchmarks/verdict.py reports/healthy/*            # recorded runs, resampled in pairs
    python benchmarks/verdict.py --windows 100 RUN            # one long run, cut into windows
    python benchmarks/verdict.py --record 60 --windows 100    # makes that run on the local shop

Figures go to verdict.json (resampled) and windows.json (cut). The long run is the load of the
healthy experiment, sent without a break and with no runner beside it. Measured, never judged.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from continuous import HEALTHY, sent
from planted import FAULTS, Fault, Watch, means, one_probe
from recorded import Recording, Setting, by_runtime, judged, pair, recording, windows

from chaoskit.judge.samples import Samples
from chaoskit.model.expectation import Expectation

HERE = Path(__file__).parent
SETTINGS = (Setting(60, 1.25), Setting(120, 1.5))
# Both phases from the same minute, which is easier than life, or from any minute of an hour, which
# is harder: what one run sees of itself lies between.
SOURCES = {"one run": 10.0, "several runs": 30.0}
# Two minutes: a comparison of phases under half a minute sees drift, not the fault.
LENGTH = 120.0
Figures = dict[str, Any]
Draw = Callable[[int], tuple[Recording, Samples]]
# The same with a fault in its second half, and when that began.
Harmed = Callable[[np.random.Generator, int], tuple[Recording, Samples, float]]


def false_alarms(draw: Draw, count: int, setting: Setting) -> Figures:
    """Verdicts over pairs in which nothing happened, and the alarms of other rules."""
    random, verdicts = np.random.default_rng(1), Counter[str]()
    others = Counter({"one_probe": 0, "means": 0})
    for number in range(count):
        origin, samples = draw(number)
        contract = setting.contract(samples.names)
        verdicts[judged(origin.plan, contract, samples, setting.phase).status] += 1
        others["one_probe"] += one_probe(random, samples, setting.phase, 2 * setting.phase)
        others["means"] += means(samples, setting.phase, 2 * setting.phase)
    known = {name: verdicts[name] for name in ("held", "inconclusive", "violated")}
    return {"pairs": count, **known, "others": dict(others)}


def power(draw: Draw, count: int, setting: Setting) -> Figures:
    """For each fault of known size: how often it is found, by whom, and after how long."""
    return {
        name: found(planting(fault, draw, setting), count, setting)
        for name, fault in FAULTS.items()
    }


def planting(fault: Fault, draw: Draw, setting: Setting) -> Harmed:
    def harmed(random: np.random.Generator, number: int) -> tuple[Recording, Samples, float]:
        origin, samples = draw(number)
        return origin, *fault(random, samples, setting.phase, 2 * setting.phase)

    return harmed


def found(harmed: Harmed, count: int, setting: Setting) -> Figures:
    """What each rule makes of the first `count` windows, and the seconds from onset to abort."""
    random, times, told = np.random.default_rng(2), list[float](), Counter[str]()
    begin, end = setting.phase, 2 * setting.phase
    for number in range(count):
        origin, samples, onset = harmed(random, number)
        contract = setting.contract(samples.names)
        when = watch(origin, contract, samples, setting).aborts_at()
        status = judged(origin.plan, contract, samples, setting.phase).status
        told["aborted"] += when is not None
        told["violated" if when is not None else status] += 1
        told["one_probe"] += one_probe(random, samples, begin, end)
        told["means"] += means(samples, begin, end)
        times += [] if when is None else [when - onset]
    names = ("aborted", "violated", "inconclusive", "held", "one_probe", "means")
    return {"windows": count, **{name: told[name] for name in names}, "abort": spread(times)}


def watch(origin: Recording, contract: Sequence[str], samples: Samples, setting: Setting) -> Watch:
    load = origin.plan.experiment.load
    return Watch(
        [Expectation.parse(text) for text in contract], samples,
        setting.phase, 2 * setting.phase, float(load.rate), float(load.timeout),
    )  # fmt: skip


def spread(times: list[float]) -> Figures | None:
    """Seconds from the fault's onset to the abort."""
    if not times:
        return None
    return {"median": round(median(times), 2), "p90": round(float(np.quantile(times, 0.9)), 2)}


def resampling(pools: Sequence[list[Recording]], setting: Setting, piece: float) -> Draw:
    """Pairs from each pool in turn; the same number draws the same pair."""

    def draw(number: int) -> tuple[Recording, Samples]:
        pool, random = pools[number % len(pools)], np.random.default_rng((number, int(piece)))
        return pool[0], pair(random, pool, setting, piece)

    return draw


def resampled_figures(
    recordings: list[Recording], setting: Setting, source: str, pairs: int, planted: int
) -> Figures:
    pools = {"one run": [[r] for r in recordings], "several runs": by_runtime(recordings)}
    draw = resampling(pools[source], setting, SOURCES[source])
    found = {"piece_seconds": SOURCES[source], "false_alarms": false_alarms(draw, pairs, setting)}
    return {**found, "power": power(draw, planted, setting)}


def window_figures(recorded: Recording, count: int, planted: int, length: float) -> Figures:
    """The same on windows of one continuous load."""
    cut = list(windows(recorded, count, length))
    overlapping = length * count > recorded.length * (1 + 1e-9)
    found: Figures = {}
    for factor in sorted({s.factor for s in SETTINGS}):
        setting = Setting(length / 2, factor)
        every, some = (
            [(recorded, cut[n * len(cut) // total]) for n in range(total)]
            for total in (count, planted)
        )
        alarms = false_alarms(every.__getitem__, count, setting)
        harm = power(some.__getitem__, planted, setting)
        found[str(setting)] = {
            "overlapping": overlapping, "false_alarms": alarms, "power": harm,
        }  # fmt: skip
    return found


def record(minutes: float, reports: Path) -> Path:
    """One long healthy load on the local shop; its directory."""
    with sent("continuous", HEALTHY, reports) as course:
        print(f"{minutes:g} minutes of load, kept in {course.folder}", flush=True)
        course.wait(course.begin + 60 * minutes)
    return course.folder


def keep(name: str, recordings: list[Recording], figures: Figures) -> None:
    sources = [
        {"run": r.run, "runtime": r.runtime, "requests": len(r.samples),
         "seconds": round(r.length, 1)}
        for r in recordings
    ]  # fmt: skip
    path = HERE / name
    known = json.loads(path.read_text()) if path.exists() else {}
    if known.get("recordings") == sources:
        # The same samples: what was not measured this time is kept.
        figures = {key: known["figures"].get(key, {}) | new for key, new in figures.items()}
        figures = known["figures"] | figures
    content = {"recordings": sources, "figures": figures}
    path.write_text(json.dumps(content, indent=1) + "\n")
    print(json.dumps(content, indent=1))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", type=Path, help="directories of healthy runs")
    parser.add_argument("--record", type=float, metavar="MINUTES", help="make one long run first")
    parser.add_argument("--reports", type=Path, default=Path("reports"), help="where it goes")
    parser.add_argument("--windows", type=int, help="cut one run instead of resampling several")
    parser.add_argument("--length", type=float, help="seconds of a window; default: 120")
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--planted", type=int, help="windows for each fault; default 50, or 20")
    parser.add_argument("--only", help="one part, as `x1.5, 120 s + 120 s one run`")
    wishes = parser.parse_args()
    folders = [record(wishes.record, wishes.reports)] if wishes.record else wishes.runs
    if not folders:
        parser.error("name run directories, or --record MINUTES")
    recordings = [recording(folder) for folder in folders]
    if wishes.windows or wishes.record:
        count = wishes.windows or 100
        length = wishes.length or LENGTH
        figures = window_figures(recordings[0], count, wishes.planted or 20, length)
        keep("windows.json", recordings[:1], figures)
    else:
        for setting in SETTINGS:
            for source in (s for s in SOURCES if wishes.only in (None, f"{setting} {s}")):
                figures = resampled_figures(
                    recordings, setting, source, wishes.pairs, wishes.planted or 50
                )
                keep("verdict.json", recordings, {str(setting): {source: figures}})
    return 0


if __name__ == "__main__":
    sys.exit(main())
