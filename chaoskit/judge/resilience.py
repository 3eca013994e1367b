"""From many judged runs to what they prove of each system: the score, the histories, the cost.

Pure: the time of the report is given. It must never put a number on what was not measured, and
never fold coverage, outcome and age into one figure that hides which of them is bad.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from chaoskit.judge.standing import Age, Catalogue, by_experiment, points, wilson
from chaoskit.model.resilience import (
    Declared,
    Downtime,
    History,
    LeftOut,
    PastRun,
    PointCells,
    Recovered,
    Recoveries,
    Resilience,
    Score,
    Share,
    Spread,
    SystemResilience,
)
from chaoskit.model.verdict import Status


@dataclass(frozen=True)
class Evidence:
    """What lies in a folder: judged runs, the systems' declared points, and what counts not."""

    runs: tuple[PastRun, ...]
    systems: Mapping[str, tuple[Declared, ...]]
    left_out: tuple[LeftOut, ...] = ()


def resilience(found: Evidence, age: Age, catalogue: Catalogue, version: str) -> Resilience:
    """All systems by name; runs that begin after `age.as_of` must not be among the evidence."""
    of_system: dict[str, list[PastRun]] = {}
    for run in sorted(found.runs, key=lambda r: (r.at, r.run)):
        of_system.setdefault(run.system, []).append(run)
    return Resilience(
        chaoskit=version,
        as_of=age.as_of,
        max_age=age.most,
        systems=tuple(
            _system(name, of_system[name], found.systems.get(name, ()), age, catalogue)
            for name in sorted(of_system)
        ),
        left_out=found.left_out,
    )


def _system(
    name: str, runs: list[PastRun], declared: Sequence[Declared], age: Age, catalogue: Catalogue
) -> SystemResilience:
    map_ = points(declared, runs, age, catalogue)
    return SystemResilience(
        system=name,
        runs=len(runs),
        first=runs[0].at,
        last=runs[-1].at,
        quick=sum(r.quick for r in runs),
        score=score(map_),
        points=map_,
        experiments=tuple(
            History(experiment=e, runtime=t, hypothesis=own[-1].hypothesis, runs=tuple(own))
            for (e, t), own in by_experiment(runs).items()
        ),
        recoveries=tuple(_recoveries(point.point, runs) for point in map_ if _tested(point)),
        downtime=tuple(
            _downtime(own) for own in by_experiment(r for r in runs if r.faults).values()
        ),
        unrestored=tuple(r for r in runs if not r.restored),
    )


def score(seen: Sequence[PointCells]) -> Score:
    """The score over the declared points; over those that runs tell of where none is declared.

    `covered` is a plain share of all declared cells: they are counted, not sampled, so it has no
    interval. `held` has Wilson's, which is right for the other cells only as far as those tested
    are like them. `at_least` and `at_most` assume nothing: they are the worst-case bounds for a
    share with missing outcomes (Manski, Partial Identification of Probability Distributions,
    2003, chapter 1), every other cell failing and every other cell holding.
    """
    sized = any(point.declared for point in seen)
    cells = [c for point in seen for c in point.cells if point.declared or not sized]
    current = [c for c in cells if c.current]
    held = sum(c.status is Status.HELD for c in current)
    size = len(cells) if sized else None
    ages = [c.age for c in current if c.age is not None]
    return Score(
        covered=None if size is None else Share(part=len(current), whole=size),
        held=wilson(held, len(current)),
        at_least=held / size if size else None,
        at_most=(size - len(current) + held) / size if size else None,
        violated=len(current) - held,
        inconclusive=sum(c.status is Status.INCONCLUSIVE for c in cells),
        stale=sum(c.status is Status.HELD and not c.current for c in cells),
        never=None if size is None else sum(c.status is None for c in cells),
        newest=min(ages, default=None),
        oldest=max(ages, default=None),
    )


def _tested(point: PointCells) -> bool:
    return any(cell.status is not None for cell in point.cells)


def _recoveries(point: str, runs: Iterable[PastRun]) -> Recoveries:
    """Of the conclusive runs whose faults hit the point; one that hit several counts at each.

    An inconclusive run may have come back from nothing: its fault may not have been in force.
    """
    hit = (r for r in runs if any(c.point == point for c in r.coverage))
    own = [r for r in hit if r.status is not Status.INCONCLUSIVE]
    told = tuple(filter(None, map(_recovered, own)))
    runtimes = sorted({r.runtime for r in told})
    measured = [r.impact for r in own if r.impact is not None]
    return Recoveries(
        point=point,
        runs=told,
        spreads=tuple(_spread([r for r in told if r.runtime == name]) for name in runtimes),
        felt=sum(i.felt for i in measured),
        measured=len(measured),
    )


def _spread(told: Sequence[Recovered]) -> Spread:
    times = [r.took for r in told if r.took is not None]
    return Spread(
        runtime=told[0].runtime, runs=len(told), newest=told[-1].took,
        median=median(times) if times else None, worst=max(times, default=None),
        missed=len(told) - len(times),
    )  # fmt: skip


def _recovered(run: PastRun) -> Recovered | None:
    """Both steady state and full strength must be back; None where recovery was not watched."""
    figures = run.recovery
    if figures is None:
        return None
    steady, full = figures.steady, figures.full_strength
    took = None if steady is None or full is None else max(steady, full)
    return Recovered(
        run=run.run, experiment=run.experiment, runtime=run.runtime, at=run.at, quick=run.quick,
        took=took, within=figures.within,
    )  # fmt: skip


def _downtime(runs: list[PastRun]) -> Downtime:
    impacts = [r.impact for r in runs if r.impact is not None]
    areas = [max(0.0, i.area or 0.0) for i in impacts]
    costs = [c for r in runs if (c := _cost(r)) is not None]
    return Downtime(
        experiment=runs[0].experiment, runtime=runs[0].runtime, runs=len(runs),
        measured=len(impacts), felt=sum(i.felt for i in impacts),
        area=sum(areas) if impacts else None, worst=max(areas, default=None),
        priced=len(costs), cost=sum(costs) if costs else None,
    )  # fmt: skip


def _cost(run: PastRun) -> float | None:
    """A fault that nobody felt cost nothing, where the system's owner states a cost at all."""
    if run.impact is None or run.impact.felt:
        return None if run.impact is None else run.impact.cost
    return None if run.cost_per_second is None else 0.0
