"""Gates against a slow judge, and the laws that hold for every set of samples."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from judge_build import DEGRADED, FAILED, OK, build, claim, gate
from test_judge_metrics import slow_measure
from test_judge_samples import ROWS

from chaoskit.judge.claims import needed
from chaoskit.model.verdict import Status

HELD, VIOLATED, INCONCLUSIVE = Status
METRICS = ("success", "degraded", "shed", "failed", "p50", "p90", "max", "rate", "outage")


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
