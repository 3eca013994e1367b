"""What stands of many runs: the proof that each experiment gives, and the state of each cell.

A cell is a failure point under one class of trouble. This module must never let an old pass, a
short run or another experiment's pass hide a violation, and never call untested what failed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import NormalDist
from typing import get_args

from chaoskit.model.resilience import Cell, Declared, PastRun, PointCells, PointKind, Proof, Share
from chaoskit.model.timeline import Trouble
from chaoskit.model.verdict import Status

TROUBLES: tuple[Trouble, ...] = get_args(Trouble)
CONFIDENCE = 0.95

# Names of the faults that cause a class of trouble at a kind of point.
Catalogue = Mapping[tuple[PointKind, Trouble], tuple[str, ...]]


@dataclass(frozen=True)
class Age:
    """When the report is made, and the age in seconds from which a pass proves nothing any more."""

    as_of: datetime
    most: float

    def of(self, at: datetime) -> float:
        return max(0.0, (self.as_of - at).total_seconds())

    def stale(self, at: datetime) -> bool:
        return self.of(at) > self.most


def wilson(part: int, whole: int) -> Share:
    """`part` of `whole` independent trials with the 95 % score interval; no interval of none.

    Wilson, Probable Inference, the Law of Succession, and Statistical Inference (JASA 22, 1927);
    it keeps its level for few trials and for shares near 0 and 1 (Brown, Cai and DasGupta,
    Interval Estimation for a Binomial Proportion, Statistical Science 16, 2001).
    """
    if not whole:
        return Share(part=part, whole=whole)
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    share, shrink = part / whole, 1 + z * z / whole
    centre = (share + z * z / (2 * whole)) / shrink
    half = z / shrink * math.sqrt(share * (1 - share) / whole + z * z / (4 * whole * whole))
    # At both ends the formula gives 0 and 1 but for rounding.
    low = 0.0 if part == 0 else round(centre - half, 9)
    high = 1.0 if part == whole else round(centre + half, 9)
    return Share(part=part, whole=whole, low=low, high=high)


def points(
    declared: Sequence[Declared], runs: Iterable[PastRun], age: Age, catalogue: Catalogue
) -> tuple[PointCells, ...]:
    """Every declared point, then those that only runs know of; `runs` oldest first."""
    told: dict[tuple[str, Trouble], list[PastRun]] = {}
    for run in runs:
        for cell in run.coverage:
            told.setdefault((cell.point, cell.trouble), []).append(run)
    names = {d.point for d in declared}
    gone = dict.fromkeys(point for point, _ in told if point not in names)
    known = [(d, True) for d in declared]
    known += [(Declared(point=p, kind="link" if "->" in p else "tier"), False) for p in gone]
    return tuple(
        PointCells(
            **dict(point), declared=here,
            cells=tuple(
                _cell(trouble, told.get((point.point, trouble), []), age,
                      catalogue.get((point.kind, trouble), ()))
                for trouble in TROUBLES
            ),
        )
        for point, here in known
    )  # fmt: skip


def _cell(trouble: Trouble, runs: list[PastRun], age: Age, faults: tuple[str, ...]) -> Cell:
    """Violated where any experiment's proof is, else held where any is; see `_proof`.

    A pass counts until it is stale. A violation counts until a run of its experiment holds.
    """
    if not runs:
        return Cell(trouble=trouble, faults=faults)
    proofs = tuple(p for own in by_experiment(runs).values() if (p := _proof(own, age)))
    violated = any(p.status is Status.VIOLATED for p in proofs)
    status = Status.VIOLATED if violated else Status.HELD
    return Cell(
        trouble=trouble,
        status=status if proofs else Status.INCONCLUSIVE,
        current=violated or any(not p.stale for p in proofs),
        age=min((p.age for p in proofs if p.status is status), default=None),
        proofs=proofs,
        faults=faults,
    )


def by_experiment(runs: Iterable[PastRun]) -> dict[tuple[str, str], list[PastRun]]:
    """The runs of each experiment and runtime, in their order; by name."""
    found: dict[tuple[str, str], list[PastRun]] = {}
    for run in runs:
        found.setdefault((run.experiment, run.runtime), []).append(run)
    return dict(sorted(found.items()))


def _passed(run: PastRun) -> bool:
    return run.status is Status.HELD and run.restored


def _proof(runs: list[PastRun], age: Age) -> Proof | None:
    """The newest conclusive run of one experiment; None without any.

    A quick run that held replaces no full run: with shorter phases it proves less. One that was
    violated does. A run that held and left something behind proves nothing.
    """
    conclusive = [r for r in runs if r.status is Status.VIOLATED or _passed(r)]
    if any(not r.quick for r in conclusive):
        conclusive = [r for r in conclusive if not (r.quick and r.status is Status.HELD)]
    if not conclusive:
        return None
    newest = conclusive[-1]
    fresh = [r for r in conclusive if not age.stale(r.at)]
    return Proof(
        experiment=newest.experiment, runtime=newest.runtime, status=newest.status,
        run=newest.run, folder=newest.folder, at=newest.at, age=age.of(newest.at),
        stale=age.stale(newest.at), quick=newest.quick,
        held=wilson(sum(r.status is Status.HELD for r in fresh), len(fresh)),
        doubts=sum(r.status is Status.INCONCLUSIVE and r.at > newest.at for r in runs),
    )  # fmt: skip
