"""What a gate shows, its windows, and the rules for too little evidence."""

from __future__ import annotations

import pytest
from judge_build import DEGRADED, FAILED, OK, SHED, Row, build, claim, gate, steady

from chaoskit.judge.gates import implied_gates, judge_phase
from chaoskit.judge.samples import Samples
from chaoskit.model.verdict import Status

HELD, VIOLATED, INCONCLUSIVE = Status


# -- what a gate shows --------------------------------------------------------------------------


def test_a_held_gate_shows_its_figure_and_its_bound() -> None:
    found = gate("checkout success >= 98%", steady(0, 10, bad=2))
    assert (found.status, found.shown, found.bound, found.samples) == (HELD, "99 %", ">= 98%", 200)
    assert found.observed == 0.99
    assert found.reason == ""


def test_a_violated_gate_says_observed_against_bound() -> None:
    found = gate("checkout success >= 99%", steady(0, 30, bad=30), end=30)
    assert found.status is VIOLATED
    assert found.reason == "checkout success was 95 % against >= 99%"


def test_a_figure_just_beyond_its_bound_is_not_rounded_onto_it() -> None:
    rows = steady(0, 1000, bad=1)
    assert gate("checkout success >= 100%", rows, end=1000).shown == "99.995 %"
    found = gate("checkout p50 < 50ms", steady(0, 10, latency=0.05001))
    assert (found.status, found.shown) == (VIOLATED, "50.01 ms")


def test_an_infinite_percentile_is_shown_as_failed() -> None:
    found = gate("checkout p95 < 1s", steady(0, 10, bad=20))
    assert (found.status, found.observed, found.shown) == (VIOLATED, None, "∞ (failed)")


def test_a_bound_is_met_by_a_latency_stored_in_four_bytes() -> None:
    found = gate("checkout p95 <= 300ms", steady(0, 10, latency=0.3))
    assert (found.status, found.observed, found.shown) == (HELD, 0.3, "300 ms")


@pytest.mark.parametrize("share", [0.5, 2.5, 10, 99.7, 55, 33.3])
def test_exactly_on_a_share_is_within_it(share: float) -> None:
    bad = round(share * 10)
    rows = [(i / 100, "a", FAILED if i < bad else OK, 0.1) for i in range(1000)]
    assert gate(f"a failed <= {share}%", rows).status is HELD
    assert gate(f"a failed < {share}%", rows).status is VIOLATED
    assert gate(f"a success >= {100 - share}%", rows).status is HELD
    assert gate(f"a success > {100 - share}%", rows).status is VIOLATED


# -- sliding windows ----------------------------------------------------------------------------


def test_the_worst_window_may_begin_between_two_samples() -> None:
    # Every window that begins at a sample holds a good one; from just after the first, none does.
    rows = [(0, "a", OK, 0), *[(1 + i / 100, "a", FAILED, 0) for i in range(100)]]
    rows += [(2.85 + i / 100, "a", OK, 0) for i in range(700)]
    found = gate("a success >= 0.5% for 1.9s", rows)
    assert (found.status, found.observed) == (VIOLATED, 0)
    assert "the worst 1.9 s, from" in found.reason


def test_a_short_dip_breaks_a_window_and_not_the_whole() -> None:
    rows = [(t, s, FAILED if 30 <= t < 33 else o, lat) for t, s, o, lat in steady(0, 60)]
    assert gate("checkout success >= 90%", rows, end=60).status is HELD
    found = gate("checkout success >= 90% for 10s", rows, end=60)
    assert (found.status, found.shown) == (VIOLATED, "70 %")


def test_a_window_longer_than_the_phase_is_inconclusive() -> None:
    found = gate("checkout success >= 90% for 10s", steady(0, 8), end=8)
    assert (found.status, found.missing) == (INCONCLUSIVE, 2)
    assert "longer than" in found.reason


def test_a_window_without_data_is_no_pass() -> None:
    rows = [r for r in steady(0, 30) if not 10 <= r[0] < 15]
    found = gate("checkout success >= 90% for 2s", rows, end=30)
    assert found.status is INCONCLUSIVE
    assert found.reason.startswith("no data in the 2 s from 9.9")


# -- an outage that the phase is too short for ----------------------------------------------------


@pytest.mark.parametrize("bad", [0, 200], ids=["well", "down"])
def test_an_outage_that_could_not_show_has_not_held(bad: int) -> None:
    found = gate("checkout outage <= 12s", steady(0, 10, bad=bad))
    assert (found.status, found.missing) == (INCONCLUSIVE, 2)
    assert found.reason.startswith(
        "an outage beyond 12 s is longer than the 10 s that were judged; about 2 s more"
    )
    down = steady(0, 13, bad=260)
    assert gate("checkout outage <= 12s", down, end=13).status is VIOLATED
    assert gate("checkout outage <= 12s", steady(0, 13), end=13).status is HELD


def test_an_outage_as_long_as_the_phase_is_beyond_a_strict_bound_only() -> None:
    down = steady(0, 10, bad=200)
    assert gate("checkout outage < 10s", down).status is VIOLATED
    assert gate("checkout outage < 10s", steady(0, 10)).status is HELD
    assert gate("checkout outage <= 10s", down).status is INCONCLUSIVE


def test_one_success_settles_an_outage() -> None:
    assert gate("a outage <= 6s", [(5, "a", OK, 0.1)]).status is HELD
    assert gate("a outage <= 6s", []).status is INCONCLUSIVE


def test_an_outage_longer_than_its_windows_never_shows() -> None:
    found = gate("checkout outage <= 5s for 3s", steady(0, 10, bad=200))
    assert (found.status, found.missing) == (INCONCLUSIVE, None)
    assert found.reason == "an outage beyond 5 s is longer than the windows of 3 s that were judged"


def test_an_outage_against_a_baseline_that_had_one_may_be_too_long_to_show() -> None:
    before = _baseline([r for r in steady(0, 60) if not 10 <= r[0] < 20])
    down = steady(100, 115, bad=300)
    found = gate("checkout outage vs baseline <= x2", down, 100, 115, baseline=before)
    assert found.status is INCONCLUSIVE
    assert "is longer than the 15 s that were judged" in found.reason


# -- too little evidence ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("a p99 < 1s", 300), ("a p95 < 1s", 60), ("a p99.9 < 1s", 3000), ("a p50 < 1s", 6),
        ("a success >= 99%", 300), ("a success >= 99.5%", 600), ("a failed <= 10%", 30),
        ("a success >= 100%", 30), ("a degraded <= 0%", 30), ("a degraded <= 100%", 30),
        ("a max < 1s", 30), ("a rate >= 1/s", 1),
    ],
)  # fmt: skip
def test_the_least_number_of_samples(text: str, least: int) -> None:
    rows = [(i * 10 / least, "a", OK, 0.1) for i in range(least)]
    assert gate(text, rows, end=0.5 if "rate" in text else 10).status is HELD
    few = gate(text, rows[:-1])
    assert few.status is INCONCLUSIVE
    if least > 1:
        assert few.reason.startswith(f"too few samples: {least - 1} of {least}")
        assert few.missing == pytest.approx(10 / (least - 1))


def test_too_few_samples_are_violated_only_beyond_what_the_least_number_allows() -> None:
    # 99 % needs 300, and those allow 3.
    rows = steady(0, 1, bad=3)
    assert gate("checkout success >= 99%", rows, end=1).status is INCONCLUSIVE
    rows = steady(0, 1, bad=4)
    assert gate("checkout success >= 99%", rows, end=1).status is VIOLATED
    slow = [(t, s, o, 2.0 if i < 4 else lat) for i, (t, s, o, lat) in enumerate(steady(0, 1))]
    assert gate("checkout p95 < 1s", slow, end=1).status is VIOLATED
    assert gate("checkout p95 < 1s", slow[1:], end=1).status is INCONCLUSIVE


def test_no_data_is_never_a_pass() -> None:
    for text in ("a success >= 0%", "a failed <= 100%", "a rate >= 0/s", "a outage <= 1h"):
        found = gate(text, steady(0, 10))
        assert (found.status, found.observed, found.shown) == (INCONCLUSIVE, None, "no data")
        assert found.missing is None
    assert gate("success >= 99%", Samples.empty()).missing == 300 / 20
    shed = gate("a p95 < 1s", [(1, "a", SHED, 0.1)])
    assert (shed.status, shed.reason) == (INCONCLUSIVE, "no data: all requests were shed")


# -- against the baseline -----------------------------------------------------------------------


def _baseline(rows: list[Row], end: float = 60) -> Samples:
    return build(rows).between(0, end)


def test_a_factor_of_the_baseline() -> None:
    before = _baseline(steady(0, 60, latency=0.1))
    text = "checkout p95 vs baseline <= x1.5"
    held = gate(text, steady(100, 160, latency=0.15), 100, 160, baseline=before)
    assert (held.status, held.bound) == (HELD, "<= x1.5 of the baseline (150 ms)")
    slower = steady(100, 160, latency=0.16)
    assert gate(text, slower, 100, 160, baseline=before).status is VIOLATED


def test_points_above_the_baseline() -> None:
    # Every 100th fails, so each bucket is alike: but 12 of 1200 are not known better than that.
    before = _baseline(_every(100, 0))
    text = "checkout failed vs baseline <= +{}pt"
    held = gate(text.format(1), _every(100, 100), 100, 160, baseline=before)
    assert (held.status, held.bound) == (HELD, "<= +1pt of the baseline (2 %)")
    near = gate(text.format(0.5), _every(100, 100), 100, 160, baseline=before)
    assert (near.status, near.bound) == (INCONCLUSIVE, "<= +0.5pt of the baseline (1.5 %)")
    assert gate(text.format(0.5), _every(50, 100), 100, 160, baseline=before).status is VIOLATED


def test_within_the_margin_is_not_held_when_chance_could_have_done_it() -> None:
    before = _baseline(steady(0, 60, bad=12))  # 1 %, all in the first second
    text = "checkout failed vs baseline <= +0.5pt"
    found = gate(text, steady(100, 160, bad=12), 100, 160, baseline=before)
    assert found.status is INCONCLUSIVE
    assert found.missing is not None
    assert "its interval holds the bound; about" in found.reason
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.01 < 0.015 < found.high
    assert found.shown.startswith("1 % (")


def _every(step: int, begin: float) -> list[Row]:
    rows = steady(begin, begin + 60)
    return [(t, s, OK if i % step else FAILED, lat) for i, (t, s, _, lat) in enumerate(rows)]


def test_a_rate_against_the_baseline_uses_the_baselines_own_window() -> None:
    before = _baseline(steady(0, 60, rate=20))
    text = "checkout rate vs baseline >= x0.9"
    assert gate(text, steady(100, 110, rate=18), 100, 110, baseline=before).status is HELD
    assert gate(text, steady(100, 110, rate=17), 100, 110, baseline=before).status is VIOLATED


@pytest.mark.parametrize(
    ("before", "why"),
    [
        (None, "no baseline"),
        (_baseline([]), "no data"),
        (_baseline(steady(0, 1)), "too few samples: 20 of 60"),
        (_baseline(steady(0, 10, bad=200)), "infinite"),
    ],
)
def test_a_baseline_that_cannot_carry_a_comparison_is_inconclusive(before, why) -> None:
    found = gate("checkout p95 vs baseline <= x1.5", steady(0, 10, bad=200), baseline=before)
    assert found.status is INCONCLUSIVE
    assert why in found.reason


# -- implied gates ------------------------------------------------------------------------------


def _implied(contract: list[str], rows: list[Row]) -> list[tuple[str, Status]]:
    claims = [claim(text) for text in contract]
    found = implied_gates(claims, build(rows), 0, 10, phase="fault", rate=20)
    assert all(g.implied for g in found)
    return [(g.expectation, g.status) for g in found]


def test_degraded_and_shed_are_forbidden_where_nothing_else_is_said() -> None:
    assert _implied([], steady(0, 10, bad=1, outcome=DEGRADED)) == [
        ("checkout degraded <= 0%", VIOLATED), ("checkout shed <= 0%", HELD),
    ]  # fmt: skip


@pytest.mark.parametrize("stated", ["checkout degraded <= 100%", "all degraded <= 5%"])
def test_an_expectation_states_otherwise(stated: str) -> None:
    rows = steady(0, 10, bad=1, outcome=DEGRADED)
    assert _implied([stated], rows) == [("checkout shed <= 0%", HELD)]


def test_a_rare_series_has_no_implied_gate_until_one_is_bad() -> None:
    assert _implied([], steady(0, 1)) == []
    assert _implied([], steady(0, 1, bad=1, outcome=SHED)) == [("checkout shed <= 0%", VIOLATED)]


def test_in_the_baseline_nothing_is_compared_with_itself() -> None:
    contract = [claim("checkout p95 vs baseline <= x1.5"), claim("checkout success >= 99%")]
    found = judge_phase(contract, build(steady(0, 30)), 0, 30, phase="baseline", rate=20)
    assert [g.expectation for g in found if not g.implied] == ["checkout success >= 99%"]
