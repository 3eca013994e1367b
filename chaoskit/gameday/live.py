"""The run that is on, against its bounds: from the last looks at it. Pure; it reads no clock."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from chaoskit.gameday.view import BoundView, LiveView
from chaoskit.judge.wording import shown
from chaoskit.model.expectation import SHARES, Expectation
from chaoskit.model.experiment import Experiment
from chaoskit.model.verdict import SeriesFigures
from chaoskit.run.live import Moment


def live(moments: Sequence[Moment], experiment: Experiment | None) -> LiveView | None:
    """The last look, with what counts in its phase against it; None before the first one."""
    if not moments:
        return None
    last = moments[-1]
    contract: tuple[Expectation, ...] = ()
    if experiment is not None:
        contract = experiment.contract if last.phase == "fault" else experiment.steady_state
    return LiveView(
        phase=last.phase,
        elapsed=last.elapsed,
        left=last.left,
        figures=last.figures,
        bounds=tuple(_against(one, last.figures) for one in contract if last.figures),
        note=last.note,
        history=_history(moments),
    )


def _against(claim: Expectation, figures: Iterable[SeriesFigures]) -> BoundView:
    row = next((f for f in figures if f.series == claim.series), None)
    value = None if row is None else observed(claim.metric, row)
    kept = None if value is None or claim.vs_baseline else claim.satisfied_by(value)
    bound = math.nan if claim.vs_baseline else claim.bound.value
    said = "no figure" if value is None else shown(claim.metric, value, bound)
    return BoundView(series=claim.series, expectation=str(claim), observed=said, kept=kept)


def observed(metric: str, row: SeriesFigures) -> float | None:
    """A metric of one row, in its base unit; None where the row does not have it."""
    if metric == "success":
        return (row.ok + row.degraded) / row.planned if row.planned else None
    if metric in SHARES:
        return float(getattr(row, metric)) / row.planned if row.planned else None
    if metric in ("p50", "p95", "p99", "rate", "outage"):
        found: float | None = getattr(row, metric)
        return found
    return None


def _history(
    moments: Sequence[Moment],
) -> tuple[tuple[float, float | None, float | None, float], ...]:
    found, before, phase, last = [], 0.0, "", 0.0
    for moment in moments:
        if moment.phase != phase:  # each phase counts its own seconds
            before, phase = before + last, moment.phase
        last = moment.elapsed
        total = next((f for f in moment.figures if f.series == "all"), None)
        if total is not None:
            success = observed("success", total)
            found.append((round(before + last, 3), success, total.p95, total.rate))
    return tuple(found)
