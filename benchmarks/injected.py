"""Faults of known size on a real link of the local shop, and how often and how soon they are found.

    python benchmarks/injected.py              # 20 windows of each fault; says how long it takes
    python benchmarks/injected.py RUN...       # judges again what was recorded; no load, no shop
    python benchmarks/injected.py --piece 60   # whole phases in one piece; takes hours

One load is sent without a break, with every fault in force for many pieces of time (injecting.py).
Windows are put together from such pieces, as verdict.py does from healthy runs, and judged by the
same code; the faults of the same names are planted into the healthy pieces for comparison. Figures
go to injected.json. Several RUNs count as one. Measured, never judged.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from continuous import HEALTHY
from injecting import FAULTS, NOTHING, record
from recorded import Recording, Setting, moved, recording
from verdict import SETTINGS, Figures, Harmed, false_alarms, found, keep, power, resampling

from chaoskit.judge.samples import Samples
from chaoskit.run.feed import stored_samples
from chaoskit.run.history import read_timeline
from chaoskit.run.journal import NAME, read_records
from chaoskit.run.plan import Plan


@dataclass(frozen=True)
class Piece(Recording):
    """A piece of a load; `onset` is when the fault began in it, in seconds."""

    onset: float


def pieces(folder: Path) -> dict[str, list[Piece]]:
    """By fault, in the order in which they were recorded."""
    plan = Plan.model_validate_json((folder / "plan.json").read_text())
    run, every = read_timeline(folder).run, stored_samples(folder)
    found: dict[str, list[Piece]] = {name: [] for name in (NOTHING, *FAULTS)}
    for told in (r for r in read_records(folder / NAME) if r["kind"] == "piece"):
        begin, end = told["begin"], told["end"]
        samples = moved(every.between(begin, end), -begin)
        length, onset = round(end - begin, 6), told.get("on", begin) - begin
        found[told["fault"]].append(Piece(run, plan, samples, length, onset))
    return found


def figures(known: Mapping[str, Sequence[Piece]], setting: Setting) -> Figures:
    """Windows of each fault as injected, and of the same faults planted into healthy pieces."""
    healthy = list(known[NOTHING])
    length = healthy[0].length
    draw = resampling([healthy], setting, length)
    faults = {name: list(known[name]) for name in FAULTS if known[name]}
    count = max(len(mine) for mine in faults.values())
    return {
        "piece_seconds": length,
        "false_alarms": false_alarms(draw, 10 * count, setting),
        "injected": {
            name: injected(windows_of(mine, healthy, FAULTS[name].lasts, setting), mine, setting)
            for name, mine in faults.items()
        },
        "power": power(draw, count, setting),
    }


def injected(harmed: Harmed, mine: Sequence[Piece], setting: Setting) -> Figures:
    ratios: dict[str, list[float]] = {}
    for number in range(len(mine)):
        _, samples, _ = harmed(np.random.default_rng(), number)
        for name in ("all", *samples.names):
            ratios.setdefault(name, []).append(p99_ratio(samples.of(name), setting.phase))
    spreads = {name: spread(some) for name, some in ratios.items()}
    return {**found(harmed, len(mine), setting), "p99_ratio": spreads}


def p99_ratio(samples: Samples, phase: float) -> float:
    """By which factor the p99 was higher in the second half than in the first."""
    halves = (samples.between(0, phase), samples.between(phase, 2 * phase))
    before, after = (float(np.quantile(half.latency, 0.99)) for half in halves)
    return after / before


def spread(values: Sequence[float]) -> Figures:
    return {
        name: round(float(np.quantile(values, share)), 2)
        for name, share in (("least", 0.0), ("median", 0.5), ("most", 1.0))
    }


def windows_of(
    mine: Sequence[Piece], healthy: Sequence[Piece], lasts: float | None, setting: Setting
) -> Harmed:
    """Window by window: a healthy phase, and one with the piece of that number in it.

    What else that phase needs is drawn from the other pieces of the same fault; of one that is
    over in a moment, from healthy pieces. The same number draws the same window.
    """
    count = round(setting.phase / healthy[0].length)

    def harmed(_: np.random.Generator, number: int) -> tuple[Recording, Samples, float]:
        random = np.random.default_rng(number)
        quiet = drawn(random, healthy, 2 * count)
        slots = quiet[count:] if lasts is not None else drawn(random, mine, count)
        at = int(random.integers(count))
        slots[at] = mine[number]
        onset = 0.0 if lasts is None else at * mine[number].length + mine[number].onset
        after = moved(joined(slots), setting.phase)
        return mine[number], joined(quiet[:count]).merge(after), setting.phase + onset

    return harmed


def drawn(random: np.random.Generator, pool: Sequence[Piece], count: int) -> list[Piece]:
    """So many pieces; none twice as long as there are others."""
    chosen = random.choice(len(pool), count, replace=len(pool) < count)
    return [pool[number] for number in chosen]


def joined(parts: Sequence[Piece]) -> Samples:
    """One piece after the other, from 0 on."""
    shifted = [moved(part.samples, n * part.length) for n, part in enumerate(parts)]
    return Samples.empty().merge(*shifted)


def judge(folders: Sequence[Path]) -> None:
    """Figures of all recordings together, kept in injected.json."""
    known: dict[str, list[Piece]] = {name: [] for name in (NOTHING, *FAULTS)}
    for folder in folders:
        for name, some in pieces(folder).items():
            known[name] += some
    lengths = {piece.length for some in known.values() for piece in some}
    if len(lengths) != 1 or not any(known[name] for name in FAULTS):
        raise SystemExit("no fault was recorded, or recordings differ in the length of pieces")
    fit = [s for s in SETTINGS if s.phase % next(iter(lengths)) == 0]
    found: dict[str, Any] = {str(setting): figures(known, setting) for setting in fit}
    keep("injected.json", [recording(folder) for folder in folders], found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", type=Path, help="directories of recorded loads")
    parser.add_argument("--windows", type=int, default=20, help="of each fault; default: 20")
    parser.add_argument("--piece", type=float, default=10.0, help="seconds; default: 10")
    parser.add_argument("--experiment", type=Path, default=HEALTHY, help="whose load is sent")
    parser.add_argument("--reports", type=Path, default=Path("reports"), help="where it is kept")
    wishes = parser.parse_args()
    if wishes.piece < 5 or any(setting.phase % wishes.piece for setting in SETTINGS):
        parser.error("--piece: 5 or more seconds that go into a minute without a rest")
    # Asked to end, it takes away what it put on the link, as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        folders = wishes.runs or [
            record(wishes.experiment, wishes.reports, wishes.windows, wishes.piece)
        ]
    except KeyboardInterrupt:
        print("interrupted; no toxic is left, and what was recorded can be judged: name its folder")
        return 130
    judge(folders)
    return 0


if __name__ == "__main__":
    sys.exit(main())
