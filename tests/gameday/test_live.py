"""The run that is on, against its bounds: what a figure keeps, breaks, or cannot say."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaoskit.document import load_gameday
from chaoskit.gameday.live import live
from chaoskit.model.expectation import Expectation
from chaoskit.model.experiment import Experiment
from chaoskit.model.verdict import SeriesFigures
from chaoskit.run.live import Moment
from tests.gameday.desk import write

CLAIMS = (
    "all success >= 99%", "all failed <= 5%", "all p95 < 300ms", "all rate >= 50/s",
    "all p95 vs baseline <= x1.5", "all p99.9 < 1s", "search success >= 99%",
)  # fmt: skip


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    found = load_gameday(write(tmp_path)).experiments[2].experiment
    return found.model_copy(update={"expect": tuple(map(Expectation.parse, CLAIMS))})


def row(failed: int = 0, p95: float | None = 0.25) -> SeriesFigures:
    return SeriesFigures(
        series="all", phase="fault", planned=300, ok=290 - failed, degraded=10, shed=0,
        failed=failed, rate=60 - failed / 5, p50=0.1, p95=p95, p99=0.3, outage=0.0,
    )  # fmt: skip


def test_each_bound_of_the_phase_is_kept_broken_or_unknown(experiment: Experiment) -> None:
    found = live([Moment("fault", 5, 5, (row(failed=30),))], experiment)
    assert found is not None
    assert [b.kept for b in found.bounds] == [False, False, True, True, None, None, None]
    assert [b.observed for b in found.bounds][:4] == ["90 %", "10 %", "250 ms", "54/s"]
    assert found.bounds[-1].observed == "no figure"


def test_outside_of_the_fault_the_steady_state_counts(experiment: Experiment) -> None:
    found = live([Moment("baseline", 5, 5, (row(),))], experiment)
    assert found is not None
    assert [b.expectation for b in found.bounds] == ["all success >= 99%", "all p95 < 300ms"]


def test_the_history_goes_on_over_phases(experiment: Experiment) -> None:
    looks = [
        Moment("baseline", 1.0, 1.0, (row(),)),
        Moment("baseline", 2.0, 0.0, (row(),)),
        Moment("fault", 0.5, 1.5, (row(p95=None),)),
    ]
    found = live(looks, experiment)
    assert found is not None
    assert [point[0] for point in found.history] == [1.0, 2.0, 2.5]
    assert found.history[-1] == (2.5, 1.0, None, 60.0)


def test_a_fault_held_by_hand_has_no_bounds_and_nothing_is_shown_before_the_first_look() -> None:
    assert live([], None) is None
    found = live([Moment("fault", 1.0, 599.0)], None)
    assert found is not None
    assert (found.left, found.bounds, found.history) == (599.0, (), ())
