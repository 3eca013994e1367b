"""Metrics against a second, slow way of computing them."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judge_build import DEGRADED, FAILED, OK, SHED, Row, build
from test_judge_samples import ROWS

from chaoskit.judge.metrics import figures, measure, quantile
from chaoskit.judge.samples import Samples
from chaoskit.model.expectation import METRICS

GOOD = (OK, DEGRADED)


def slow_quantile(values: list[float], percent: Fraction) -> float:
    ordered = sorted(values)
    return next(v for i, v in enumerate(ordered, 1) if Fraction(i, len(ordered)) >= percent)


def slow_measure(metric: str, rows: list[Row], begin: float, end: float) -> float | None:
    """The metric by its definition, with exact fractions; the rows are those of the window."""
    if not rows:
        return None
    wanted = {"success": GOOD, "degraded": (DEGRADED,), "shed": (SHED,), "failed": (FAILED,)}
    if metric in wanted:
        return float(Fraction(sum(r[2] in wanted[metric] for r in rows), len(rows)))
    good = sorted(r[0] for r in rows if r[2] in GOOD)
    if metric == "rate":
        return len(good) / (end - begin)
    if metric == "outage":
        borders = [begin, *good, end]
        return max(b - a for a, b in pairwise(borders))
    times = [math.inf if r[2] == FAILED else r[3] for r in rows if r[2] != SHED]
    if not times:
        return None
    return max(times) if metric == "max" else slow_quantile(times, Fraction(metric[1:]) / 100)


@given(ROWS, st.sampled_from(METRICS))
def test_every_metric_is_what_its_definition_says(rows: list[Row], metric: str) -> None:
    inside = [r for r in rows if 1 <= r[0] < 9]
    part = build(rows, ("a", "b", "c")).between(1, 9)
    assert measure(metric, part, 1, 9) == slow_measure(metric, inside, 1, 9)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=300), st.integers(1, 999))
def test_the_nearest_rank_is_the_inverse_distribution_function(values, per_mille) -> None:
    share = per_mille / 1000
    assert quantile(np.array(values), share) == slow_quantile(values, Fraction(per_mille, 1000))


def test_the_nearest_rank_agrees_with_numpy() -> None:
    values = np.random.default_rng(7).exponential(size=997)
    for share in (0.5, 0.9, 0.95, 0.99, 0.999):
        assert quantile(values, share) == np.quantile(values, share, method="inverted_cdf")


def test_a_product_that_is_a_hair_too_large_does_not_move_the_rank() -> None:
    assert 0.07 * 100 > 7
    assert quantile(np.arange(1.0, 101), 0.07) == 7


def test_failed_requests_are_infinitely_slow_and_shed_ones_are_not_asked() -> None:
    rows = [(i, "a", OK, 0.1) for i in range(8)] + [(8, "a", SHED, 0), (9, "a", FAILED, 0.001)]
    part = build(rows)
    assert measure("max", part, 0, 10) == math.inf
    assert measure("p50", part, 0, 10) == pytest.approx(0.1)
    only_shed = build([(0, "a", SHED, 0.1)])
    assert measure("p95", only_shed, 0, 1) is None


def test_a_window_without_success_is_one_outage() -> None:
    part = build([(3, "a", FAILED, 0.1)])
    assert measure("outage", part, 0, 10) == 10


def test_nothing_measures_nothing() -> None:
    assert measure("success", Samples.empty(), 0, 10) is None


def test_the_table_has_all_first_and_one_row_for_each_series_seen() -> None:
    rows = [(1, "b", OK, 0.1), (2, "a", FAILED, 0.1), (3, "b", DEGRADED, 0.3), (99, "c", OK, 0)]
    table = figures(build(rows), 0, 10, "fault")
    assert [(r.series, r.planned, r.ok, r.degraded, r.shed, r.failed) for r in table] == [
        ("all", 3, 1, 1, 0, 1), ("a", 1, 0, 0, 0, 1), ("b", 2, 1, 1, 0, 0),
    ]  # fmt: skip
    assert table[2].p95 == 0.3  # as written, not as 4 bytes hold it
    assert table[1].p95 is None  # infinite: JSON has no word for it
    assert table[2].rate == 0.2


def test_the_table_of_nothing_has_one_empty_row() -> None:
    (row,) = figures(Samples.empty(), 0, 10, "baseline")
    assert (row.series, row.planned, row.p50, row.outage) == ("all", 0, None, 10)
