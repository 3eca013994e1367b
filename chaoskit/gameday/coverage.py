"""The coverage map of one day: what its runs say of each failure point and class of trouble.

A step that was not run, or a fault that was only held, proves nothing: its cells stay untested.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from chaoskit.document.gamedays import BoundGameDay
from chaoskit.faults import find
from chaoskit.gameday.standing import Standing
from chaoskit.gameday.view import CellView
from chaoskit.model.experiment import FaultUse
from chaoskit.model.verdict import Verdict


def coverage(bound: BoundGameDay, standing: Standing, ids: Iterable[str]) -> tuple[CellView, ...]:
    """The cells of the steps `ids`, each once; the latest run of a cell wins."""
    found: dict[tuple[str, str], CellView] = {}
    for id in ids:
        for point, trouble in _planned(bound, int(id)):
            cell = CellView(point=point, trouble=trouble, status="never tested")
            found.setdefault((point, trouble), cell)
        ran = standing.step(id).ran
        verdict = read_verdict(ran.run) if ran and ran.run else None
        for tested in verdict.coverage if verdict else ():
            cell = CellView(point=tested.point, trouble=tested.trouble, status=tested.status.value)
            found[tested.point, tested.trouble] = cell
    return tuple(found.values())


@lru_cache(maxsize=64)
def _stored(path: str, changed: int) -> Verdict | None:
    try:
        return Verdict.model_validate_json(Path(path).read_bytes())
    except (OSError, ValidationError):
        return None


def read_verdict(run: str) -> Verdict | None:
    """The verdict in a run directory; None where there is none that can be read."""
    path = Path(run) / "verdict.json"
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        return None
    return _stored(str(path), changed)


def _planned(bound: BoundGameDay, number: int) -> Iterator[tuple[str, str]]:
    step = bound.gameday.agenda[number - 1]
    experiment = bound.experiments.get(number)
    uses = experiment.experiment.faults if experiment else ()
    for use in (*uses, *((step.inject,) if step.inject else ())):
        yield _point(bound, use), find(use.name).trouble


def _point(bound: BoundGameDay, use: FaultUse) -> str:
    """The tier or link that a fault bites."""
    if use.selection.link is not None:
        return use.selection.link.partition("/")[0].strip()
    name = str(use.selection.node)
    return name if name in bound.system.tiers else bound.system.tier_of(name) or name
