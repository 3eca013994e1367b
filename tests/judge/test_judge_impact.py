"""Impact, detection, recovery and dip area of planted outages, found in the samples alone."""

from __future__ import annotations

import numpy as np
import pytest
from judge_build import DEGRADED, FAILED, OK, SHED, Row, build, experiment, steady, timeline

from chaoskit.judge.impact import measured_impact
from chaoskit.judge.samples import DTYPE, Samples
from chaoskit.model.timeline import Timeline
from chaoskit.model.verdict import Impact

GOOD = steady(0, 106, rate=40)


def found(rows: list[Row] | Samples = GOOD, cost: float | None = None, **changes) -> Impact | None:
    samples = rows if isinstance(rows, Samples) else build(rows)
    return measured_impact(experiment(), timeline(**changes), samples, cost)


def bad(begin: float, end: float, outcome=FAILED, latency: float = 0.05) -> list[Row]:
    return [
        (t, s, outcome, latency) if begin <= t < end else (t, s, o, lat) for t, s, o, lat in GOOD
    ]


@pytest.mark.parametrize("how", [(FAILED, 5.0), (SHED, 0.01), (OK, 0.4)])
def test_a_planted_outage_is_found_where_it_was_planted(how) -> None:
    impact = found(bad(40, 55, *how), cost=10)
    assert impact is not None
    assert (impact.felt, impact.to_impact, impact.to_detect) == (True, 10, 0.75)
    assert (impact.to_recover, impact.after_removal, impact.depth) == (25, -36, 1)
    assert impact.area == pytest.approx(15, abs=0.02)
    assert impact.cost == pytest.approx(150, abs=0.2)


def test_an_outage_that_outlives_its_fault_is_counted_from_both_ends() -> None:
    impact = found(bad(30, 94))
    assert impact is not None
    assert (impact.to_impact, impact.to_recover, impact.after_removal) == (0, 64, 3)
    assert impact.cost is None


def test_what_is_not_over_has_no_time_to_recover() -> None:
    impact = found(bad(80, 106))
    assert impact is not None
    assert (impact.to_impact, impact.to_recover, impact.after_removal) == (50, None, None)
    assert impact.area == pytest.approx(26, abs=0.1)


@pytest.mark.parametrize("rows", [GOOD, bad(40, 90, DEGRADED), bad(40, 40.05)])
def test_good_answers_fallbacks_and_a_stray_failure_are_no_impact(rows) -> None:
    impact = found(rows)
    assert impact == Impact(felt=False, resolution=0.25)


def test_a_partial_loss_has_its_depth_and_a_fifth_of_the_area() -> None:
    rows = [
        (t, s, FAILED if 40 <= t < 60 and i % 5 == 0 else o, lat)
        for i, (t, s, o, lat) in enumerate(GOOD)
    ]
    impact = found(rows)
    assert impact is not None
    assert impact.depth == pytest.approx(0.2)
    assert impact.area == pytest.approx(4, abs=0.2)
    assert impact.to_impact == pytest.approx(10, abs=0.5)
    assert impact.to_recover == pytest.approx(30, abs=0.5)


def test_without_a_fault_a_baseline_or_samples_nothing_is_measured() -> None:
    assert found(injections=()) is None
    assert found(spans=timeline().spans[1:]) is None
    assert found([]) is None
    assert measured_impact(experiment(), Timeline(run="r", experiment="e"), build(GOOD), 1) is None


def test_where_only_chance_fails_requests_no_alarm_rises() -> None:
    alarms = [found(scattered(seed, 0.01)) for seed in range(100)]
    assert sum(impact is not None and impact.felt for impact in alarms) == 0


def test_a_fifth_more_failures_is_found_where_it_is() -> None:
    found_ones = [found(scattered(seed, 0.01, more=0.2)) for seed in range(20)]
    for impact in found_ones:
        assert impact is not None
        assert impact.to_impact == pytest.approx(10, abs=3)
        assert impact.to_recover == pytest.approx(30, abs=3)
        assert impact.area == pytest.approx(4, abs=1.5)


def scattered(seed: int, share: float, more: float = 0.0) -> Samples:
    """100/s for 106 s of which `share` fail, and `more` of them from 40 s to 60 s."""
    random = np.random.default_rng(seed)
    array = np.zeros(10600, DTYPE)
    array["start"] = np.arange(10600) / 100
    array["latency"] = 0.05
    dip = (array["start"] >= 40) & (array["start"] < 60)
    array["code"] = np.where(random.random(10600) < share + more * dip, FAILED << 14, 200)
    return Samples(array, ("checkout",))
