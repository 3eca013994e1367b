"""Gates against a slow judge, and the rules for too little evidence."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from judge_build import DEGRADED, FAILED, OK, SHED, Row, build, claim, steady
from test_judge_metrics import slow_measure
from test_judge_samples import ROWS

from chaoskit.judge.claims import needed
from chaoskit.judge.gates import implied_gates, judge_expectation, judge_phase
from chaoskit.judge.samples import Samples
from chaoskit.model.verdict import Gate, Status

HELD, VIOLATED, INCONCLUSIVE = Status
METRICS = ("success", "degraded", "shed", "failed", "p50", "p90", "max", "rate", "outage")


def gate(text: str, rows: list[Row] | Samples, begin: float = 0, end: float = 10, **more) -> Gate:
    samples = rows if isinstance(rows, Samples) else build(rows, ("a", "b", "c", "checkout"))
    return judge_expectation(claim(text), samples, begin, end, phase="fault", rate=20, **more)


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


# -- against a slow judge -----------------------------------------------------------------------


@given(
    ROWS,
    st.sampled_from(METRICS),
    st.sampled_from(["<=", "<", ">=", ">"]),
    st.integers(0, 16),
)
def test_with_enough_samples_a_gate_is_the_plain_comparison(rows, metric, op, level) -> None:
    rows = rows * 60  # enough for every least number, the same shares and quantiles
    figure = {"rate": f"{level * 10}/s"}.get(metric, f"{level / 16}s")
    bound = f"{level * 6.25}%" if metric in ("success", "degraded", "shed", "failed") else figure
    expectation = claim(f"a {metric} {op} {bound}")
    inside = [r for r in rows if r[1] == "a"]
    value = slow_measure(metric, inside, 0, 10.5)
    found = gate(str(expectation), rows, 0, 10.5)
    if value is None:
        assert found.status is INCONCLUSIVE
    else:
        assert found.status is (HELD if expectation.satisfied_by(value) else VIOLATED)
        assert found.observed == (None if math.isinf(value) else pytest.approx(value))


@given(
    st.lists(ROWS.filter(bool), min_size=1, max_size=3),
    st.sampled_from([m for m in METRICS if m not in ("degraded", "shed")]),
    st.sampled_from(["<=", "<", ">=", ">"]),
    st.integers(1, 15),
    st.integers(1, 10),
)
def test_every_sliding_window_is_looked_at(groups, metric, op, level, length) -> None:
    assume(not (op in (">=", ">") and metric == "outage"))
    rows = [r for group in groups for r in group] * 20
    bounds = {"success": f"{level * 6.25}%", "failed": f"{level * 6.25}%", "rate": f"{level * 5}/s"}
    text = f"all {metric} {op} {bounds.get(metric, f'{level / 16}s')} for {length}s"
    expectation = claim(text)
    # Starts are multiples of 1/8: windows from every 1/16 hold every set that there can be.
    statuses, values = set(), []
    for step in range(round((10.5 - length) * 16) + 1):
        begin, end = step / 16, step / 16 + length
        inside = [r for r in rows if begin <= r[0] < end]
        if metric == "rate":
            value = sum(r[2] in (OK, DEGRADED) for r in inside) / length
        elif metric == "outage":
            value = min(length, slow_measure("outage", rows, 0, 10.5) or 0)
        else:
            value = slow_measure(metric, inside, begin, end)
        values.append(value)
        statuses.add(None if value is None else expectation.satisfied_by(value))
    found = gate(text, rows, 0, 10.5)
    if False not in statuses:
        few = found.samples < needed(expectation, expectation.bound.value)
        assert found.status is (INCONCLUSIVE if None in statuses or few else HELD)
    else:
        assert found.status is not HELD
    if statuses == {True} and found.status is HELD:
        worst = (min if op in (">=", ">") else max)(values)
        if not (metric in ("p50", "p90", "max") and op in (">=", ">")):
            assert found.observed == (None if math.isinf(worst) else pytest.approx(worst))


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


# -- too little evidence ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("a p99 < 1s", 300), ("a p95 < 1s", 60), ("a p99.9 < 1s", 3000), ("a p50 < 1s", 6),
        ("a success >= 99%", 300), ("a success >= 99.5%", 600), ("a failed <= 10%", 30),
        ("a success >= 100%", 30), ("a degraded <= 0%", 30), ("a degraded <= 100%", 30),
        ("a max < 1s", 30), ("a rate >= 1/s", 1), ("a outage <= 20s", 1),
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
    before = _baseline(steady(0, 60, bad=12))  # 1 %
    text = "checkout failed vs baseline <= +0.5pt"
    held = gate(text, steady(100, 160, bad=18), 100, 160, baseline=before)
    assert (held.status, held.bound) == (HELD, "<= +0.5pt of the baseline (1.5 %)")
    assert gate(text, steady(100, 160, bad=19), 100, 160, baseline=before).status is VIOLATED


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


# -- laws ---------------------------------------------------------------------------------------

ORDER = {VIOLATED: 0, INCONCLUSIVE: 1, HELD: 2}
CONTRACT = (
    "a success >= 60%", "a failed <= 10%", "a p50 < 500ms", "a p90 <= 900ms", "a max <= 1s",
    "a rate >= 2/s", "a outage <= 3s", "a success >= 50% for 3s", "a p50 <= 600ms for 2s",
    "all rate >= 1/s for 4s",
)  # fmt: skip


@given(ROWS, st.sets(st.integers(0, 39), min_size=1), st.sampled_from(CONTRACT))
def test_a_request_that_fails_instead_never_betters_a_gate(rows, chosen, text) -> None:
    worse = [
        (t, s, FAILED if i in chosen and o in (OK, DEGRADED) else o, lat)
        for i, (t, s, o, lat) in enumerate(rows)
    ]
    assert ORDER[gate(text, worse, 0, 10.5).status] <= ORDER[gate(text, rows, 0, 10.5).status]


@given(ROWS.map(lambda rows: rows * 30), st.integers(1, 60), st.sampled_from(CONTRACT[:7]))
def test_more_failed_requests_never_better_a_settled_gate(rows, extra, text) -> None:
    before = gate(text, rows, 0, 10.5)
    after = gate(text, rows + [(5.0, "a", FAILED, 0.0)] * extra, 0, 10.5)
    assert before.status is INCONCLUSIVE or ORDER[after.status] <= ORDER[before.status]


@given(ROWS, st.permutations(["a", "b", "c"]), st.sampled_from(CONTRACT))
def test_names_and_their_order_do_not_matter(rows, names, text) -> None:
    renamed = [(t, s.upper() * 2, o, lat) for t, s, o, lat in rows]
    one = gate(text, build(rows, tuple(names)), 0, 10.5)
    other = gate(text.replace("a ", "AA ", 1), build(renamed, ("BB", "AA", "CC")), 0, 10.5)
    if text.startswith("all"):
        other = gate(text, build(renamed, ("BB", "AA", "CC")), 0, 10.5)
    assert (one.status, one.observed, one.samples) == (other.status, other.observed, other.samples)
