"""Calibration: what is measured of a healthy load is what comparisons of later runs then need."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from judge_build import claim, experiment, injection, timeline
from test_judge_comparison import correlated

from chaoskit.document import load_experiments
from chaoskit.errors import InvalidInput
from chaoskit.judge.calibration import calibrated, noise
from chaoskit.judge.gates import judge_phase
from chaoskit.judge.margins import (
    Lengths,
    out_of_reach,
    smallest_factor,
    smallest_points,
    told,
    warnings,
)
from chaoskit.model.calibration import Calibration
from chaoskit.model.timeline import LoadFacts, Span
from chaoskit.model.verdict import Status
from chaoskit.run.plan import shortened
from chaoskit.units import Duration

SPANS = (Span(phase="baseline", begin=0, end=300), Span(phase="fault", begin=300, end=600))
MINUTES = Lengths(120, 120)


def healthy(seed: int = 1, **changes) -> Calibration:
    usual = {"spans": SPANS, "injections": (), "load": LoadFacts(lateness_p95=0.004)}
    found = timeline(**usual | changes)
    return calibrated(found, correlated(seed, end=600), system="shop", runtime="local", at="")


def claims(*texts: str, baseline: str = "2m", fault: str = "2m", hold: str = "10s"):
    return experiment(
        expect=texts,
        phases={
            "baseline": baseline, "fault": fault, "recovery": {"within": "20s", "hold": hold}
        },
    )  # fmt: skip


# -- what is measured ---------------------------------------------------------------------------


def test_what_hangs_together_has_a_design_effect_and_what_does_not_has_none() -> None:
    found = healthy().of("checkout")
    assert found is not None
    assert found.rate == pytest.approx(50)
    assert found.shares["failed"].design < 2
    median = min(found.tail, key=lambda point: abs(point.noise.share - 0.5))
    assert median.noise.design > 5


def test_what_was_never_seen_wavers_as_if_half_a_request_had_been_bad() -> None:
    start = np.arange(6000) / 100
    found = noise(start, np.zeros(6000, bool), 0, 60)
    assert (found.share, found.design) == (0, 1)
    assert found.spread == pytest.approx(np.sqrt(0.5 / 6001 / 100), rel=1e-3)


def test_the_spread_is_that_of_a_second_whatever_the_length() -> None:
    random = np.random.default_rng(5)
    start = np.sort(random.uniform(0, 4000, 200_000))
    bad = random.random(200_000) < 0.1
    spreads = [noise(start[start < end], bad[start < end], 0, end).spread for end in (1000, 4000)]
    assert spreads == pytest.approx([np.sqrt(0.09 / 50)] * 2, rel=0.2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"injections": (injection(),)}, "had faults"),
        ({"spans": (Span(phase="baseline", begin=0, end=50),)}, "has 50s of load"),
        ({"spans": ()}, "has 0s of load"),
        ({"stop_kind": "unfit", "stopped": "baseline unfit"}, r"ended early \(baseline unfit\)"),
        ({"load": LoadFacts(doubts=("killed",))}, r"samples are in doubt \(killed\)"),
        ({"load": LoadFacts(saturated=True, unsent=3, planned=9)}, r"\(3 of 9 arrivals unsent\)"),
    ],
)
def test_what_is_no_measure_is_refused(changes, said) -> None:
    with pytest.raises(InvalidInput, match=said):
        healthy(**changes)


def test_a_generator_that_is_late_and_keeps_up_is_what_is_measured() -> None:
    late = healthy(load=LoadFacts(lateness_p95=0.8, lateness_p99=2.0, sent=10, planned=10))
    assert (late.lateness_p95, late.lateness_p99) == (0.8, 2.0)


def test_a_calibration_outlives_its_file() -> None:
    found = healthy()
    assert Calibration.model_validate_json(found.model_dump_json()) == found


# -- what can be told with it -------------------------------------------------------------------


def test_longer_phases_tell_smaller_margins_apart() -> None:
    known = healthy().of("checkout")
    assert known is not None
    spans = [Lengths(s, s) for s in (60, 120, 300, 900)]
    factors = [smallest_factor(known, 0.95, span) for span in spans]
    points = [smallest_points(known.shares["failed"], span) for span in spans]
    assert factors == sorted(factors, reverse=True)
    assert points == sorted(points, reverse=True)
    assert 1 < factors[-1] < factors[0] < 2


def test_nine_of_ten_healthy_runs_hold_at_the_smallest_margin() -> None:
    known = healthy().of("checkout")
    assert known is not None
    factor = told("p95", smallest_factor(known, 0.95, MINUTES))
    rise = told("failed", smallest_points(known.shares["failed"], MINUTES))
    for text in (f"p95 vs baseline <= {factor}", f"failed vs baseline <= +{rise}"):
        held = sum(status is Status.HELD for status in map(_status(text), range(40)))
        assert held >= 32, text


def _status(text: str):
    def judged(seed: int) -> Status:
        samples = correlated(100 + seed)
        (gate,) = judge_phase(
            [claim(text), claim("degraded <= 1%"), claim("shed <= 1%")], samples, 120, 240,
            phase="fault", baseline=samples.between(0, 120), rate=50,
        )[:1]  # fmt: skip
        return gate.status

    return judged


# -- warnings -----------------------------------------------------------------------------------


def test_what_can_be_settled_is_not_warned_of() -> None:
    asked = claims("p95 vs baseline <= x2", "failed vs baseline <= +2pt", "checkout p99 < 300ms")
    assert warnings(healthy(), asked) == ()


def test_a_margin_below_what_can_be_told_names_it_and_the_time_it_takes() -> None:
    (said,) = warnings(healthy(), claims("checkout p95 vs baseline <= x1.1"))
    assert said.startswith("fault: checkout p95 vs baseline <= x1.1: no margin below x1.")
    assert "can be told from 120 s and 120 s on this machine; it takes about " in said
    (share,) = warnings(healthy(), claims("failed vs baseline <= +0.05pt"))
    assert "no margin below 0." in share


def test_the_time_that_it_names_is_enough() -> None:
    (said,) = warnings(healthy(), claims("p95 vs baseline <= x1.1"))
    lasts = f"{said.split(' and ')[-1].removesuffix(' s')}s"
    assert warnings(healthy(), claims("p95 vs baseline <= x1.1", baseline=lasts, fault=lasts)) == ()


def test_a_hold_against_the_baseline_is_looked_at_with_its_own_length() -> None:
    asked = claims(hold="5s").model_copy(update={"steady_state": (claim("p95 vs baseline <= x2"),)})
    assert warnings(healthy(), asked) == (
        "hold: all p95 vs baseline <= x2: a comparison needs 6 s of each phase",
    )


def test_too_few_requests_are_foreseen() -> None:
    (said,) = warnings(healthy(), claims("p99.9 < 1s", fault="30s"))
    assert said == (
        "fault: all p99.9 < 1s: needs 3000 requests, about 1500 come in 30 s; it takes 60 s"
    )


def test_a_generator_later_than_the_claim_allows_is_foreseen() -> None:
    late = healthy(load=LoadFacts(lateness_p95=0.02))
    (said,) = warnings(late, claims("checkout p95 < 100ms"))
    assert said == (
        "the load generator is late by 20 ms here (p95), and may be by at most 10 ms "
        "(a tenth of the smallest latency bound 100 ms)"
    )


def test_a_series_that_was_not_there_and_an_exact_comparison_are_left_alone() -> None:
    asked = claims("elsewhere p95 vs baseline <= x1.01", "outage vs baseline <= x1.01")
    assert warnings(healthy(), asked) == ()


def test_a_phase_that_is_too_short_for_a_claim_to_break_is_foreseen_without_any_measure() -> None:
    asked = claims("checkout outage <= 12s", "success >= 90% for 20s", fault="10s")
    assert [*out_of_reach(asked)] == [
        "fault: checkout outage <= 12s: an outage beyond 12 s is longer than the 10 s that are "
        "judged",
        "fault: all success >= 90% for 20s: the window of 20 s is longer than the 10 s that are "
        "judged",
    ]
    assert [*out_of_reach(claims("checkout outage <= 12s", fault="15s"))] == []


def test_what_is_judged_of_the_fault_phase_is_the_time_with_faults() -> None:
    asked = claims("outage <= 12s", fault="30s")
    (fault,) = asked.faults
    short = fault.model_copy(update={"after": Duration(10), "lasts": Duration(10)})
    assert [*out_of_reach(asked.model_copy(update={"faults": (short,)}))] == [
        "fault: all outage <= 12s: an outage beyond 12 s is longer than the 10 s that are judged"
    ]
    both = asked.model_copy(update={"faults": (short, fault)})
    assert [*out_of_reach(both)] == []


def test_a_steady_state_longer_than_the_hold_is_foreseen() -> None:
    asked = claims().model_copy(update={"steady_state": (claim("outage <= 10s"),)})
    assert [said.partition(":")[0] for said in out_of_reach(asked)] == ["hold"]


@pytest.mark.parametrize("name", ["database-loss", "gateway-loss"])
def test_the_shops_outages_can_show_also_in_a_quick_run(name: str) -> None:
    path = Path(__file__).parents[2] / f"experiments/shop/{name}.yaml"
    (bound,) = load_experiments([path])
    assert any(claim.metric == "outage" for claim in bound.experiment.expect)
    for asked in (bound.experiment, shortened(bound.experiment)):
        assert [*out_of_reach(asked)] == []
