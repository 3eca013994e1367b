"""The intervals of the per-request table keep their level; nothing is said of what is unknown."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from judge_build import FAILED, SHED, build, experiment, steady, timeline

from chaoskit.judge.intervals import with_intervals
from chaoskit.judge.metrics import figures
from chaoskit.judge.samples import DTYPE, Samples
from chaoskit.judge.verdict import judge
from chaoskit.model.verdict import SeriesFigures

LASTS = 60.0


def table(samples: Samples, end: float = LASTS) -> SeriesFigures:
    """The row of all requests between 0 and `end`."""
    return with_intervals(figures(samples, 0, end, "fault"), samples, 0, end)[0]


def alike(share: float, together: int, tail: float, random: np.random.Generator) -> Samples:
    """60 s of 20/s: `share` fails and each latency is lognormal, `together` neighbours alike."""
    count = round(LASTS * 20)
    array = np.zeros(count, DTYPE)
    array["start"] = np.arange(count) / 20
    groups = np.repeat(np.arange(count // together), together)
    failed = random.random(count // together) < share
    array["latency"] = np.exp(tail * random.standard_normal(count // together)[groups]) / 20
    array["code"] = np.where(failed[groups], FAILED, 0).astype(int) << 14
    return Samples(array, ("a",))


def many(share: float, together: int, tail: float = 0.5) -> Iterator[SeriesFigures]:
    random = np.random.default_rng(11)
    for _ in range(400):
        yield table(alike(share, together, tail, random))


@pytest.mark.parametrize(("share", "together"), [(0.02, 1), (0.2, 1), (0.2, 20), (0.0002, 1)])
def test_the_interval_of_a_success_has_the_true_share_in_it(share: float, together: int) -> None:
    """95 % of the time; where twenty fail at a time it is wider, and a little less often."""
    rows = list(many(share, together))
    inside = [r.success_low <= 1 - share <= r.success_high for r in rows]
    assert np.mean(inside) >= (0.94 if together == 1 else 0.9)
    if share == 0.2:
        width = np.mean([r.success_high - r.success_low for r in rows])
        assert width == pytest.approx(0.05 if together == 1 else 0.22, rel=0.25)


@pytest.mark.parametrize("together", [1, 10])
def test_the_interval_of_a_p95_has_the_true_one_in_it(together: int) -> None:
    """The 95th percentile of this lognormal is exp(1.6449 * 0.5) / 20."""
    true = float(np.exp(1.6449 * 0.5)) / 20
    inside = [
        row.p95_low <= true and (row.p95_high is None or true <= row.p95_high)
        for row in many(0.0, together)
    ]
    assert np.mean(inside) >= 0.92


def test_a_load_that_changes_its_rate_does_not_widen_it() -> None:
    level = table(build(steady(0, 60, rate=40)))
    surge = table(build([*steady(0, 30, rate=20), *steady(30, 60, rate=60)]))
    assert (level.planned, level.success_low) == (surge.planned, surge.success_low)


def test_a_hundred_per_cent_of_few_is_not_certain() -> None:
    row = table(build(steady(0, 60, rate=2)))
    assert row.success_high == 1.0
    assert row.success_low == pytest.approx(1 - 3.84 / (120 + 3.84), abs=1e-4)


def test_a_percentile_that_falls_on_failed_requests_has_no_end() -> None:
    row = table(build(steady(0, 60, rate=20, bad=100)))
    assert (row.p95, row.p95_low, row.p95_high) == (None, pytest.approx(0.05), None)


@pytest.mark.parametrize(
    ("rows", "end"),
    [
        (steady(0, 60, rate=3), 60.0),  # nine requests beyond its p95
        (steady(0, 60, bad=1200, outcome=SHED), 60.0),
        (steady(0, 5.9, rate=100), 5.9),
    ],
)
def test_too_little_to_tell_has_no_interval(rows, end: float) -> None:
    row = table(build(rows), end)
    assert (row.p95_low, row.p95_high) == (None, None)
    assert (row.success_low is None) is (end < 6)


def test_every_phase_of_a_verdict_that_is_long_enough_has_them() -> None:
    told = judge(
        experiment(), timeline(), build(steady(0, 106)),
        system="shop", runtime="fake", started_at="", version="0",
    )  # fmt: skip
    rows = {(r.series, r.phase): r for r in told.figures}
    for phase in ("baseline", "fault", "hold"):
        row = rows["checkout", phase]
        assert row.success_low < 1 == row.success_high
        assert row.p95_low == row.p95 == row.p95_high
    assert rows["checkout", "recovery"].success_low is None  # five seconds
