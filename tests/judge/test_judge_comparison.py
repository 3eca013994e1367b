"""Comparisons with the baseline: their laws, and what they find in latencies that hang together."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judge_build import FAILED, OK, build, claim, steady

from chaoskit.judge.comparison import Shares, highest, lower, student, upper
from chaoskit.judge.gates import judge_expectation, judge_phase
from chaoskit.judge.samples import DTYPE, Samples
from chaoskit.model.verdict import Gate, Status

HELD, VIOLATED, INCONCLUSIVE = Status
ORDER = {VIOLATED: 0, INCONCLUSIVE: 1, HELD: 2}
SPLIT, END = 120.0, 240.0
P95, FAILURES = "p95 vs baseline <= x1.5", "failed vs baseline <= +0.5pt"


def correlated(
    seed: int, *, slower: float = 1.0, failing: float = 0.0, rate: int = 50, end: float = END
) -> Samples:
    """Log-normal latencies under a slow AR(1) drift (rho 0.9 a second), 0.1 % failed.

    From SPLIT on they are `slower` times as long, and `failing` more of them fail.
    """
    random = np.random.default_rng(seed)
    drift = np.zeros(int(end))
    for now in range(1, len(drift)):
        drift[now] = 0.9 * drift[now - 1] + random.normal(0, 0.06)
    array = np.zeros(int(end) * rate, DTYPE)
    array["start"] = np.arange(len(array)) / rate
    late = array["start"] >= SPLIT
    noise = random.normal(0, 0.5, len(array)) + np.repeat(drift, rate)
    array["latency"] = 0.02 * np.exp(noise) * np.where(late, slower, 1.0)
    failed = random.random(len(array)) < np.where(late, 0.001 + failing, 0.001)
    array["code"] = np.where(failed, FAILED << 14, 200)
    return Samples(array, ("checkout",))


def fault(samples: Samples, *texts: str) -> list[Status]:
    contract = [claim(text) for text in texts]
    gates = judge_phase(
        contract, samples, SPLIT, END,
        phase="fault", baseline=samples.between(0, SPLIT), rate=50,
    )  # fmt: skip
    return [gate.status for gate in gates if not gate.implied]


# -- what it finds ------------------------------------------------------------------------------


def test_where_nothing_changed_sixty_runs_hold_and_none_cries_harm() -> None:
    found = [status for seed in range(60) for status in fault(correlated(seed), P95, FAILURES)]
    assert (found.count(HELD), found.count(VIOLATED)) == (120, 0)


@pytest.mark.parametrize("seed", range(12))
def test_half_as_slow_again_or_one_in_a_hundred_failing_is_found(seed: int) -> None:
    assert fault(correlated(seed, slower=1.5), "p95 vs baseline <= x1.1") == [VIOLATED]
    assert fault(correlated(seed, slower=2.2), P95) == [VIOLATED]
    assert fault(correlated(seed, failing=0.03), FAILURES) == [VIOLATED]
    assert fault(correlated(seed, failing=0.01), FAILURES) != [HELD]


def test_exactly_at_its_margin_a_claim_is_seldom_settled_and_little_harm_is_proven() -> None:
    found = [fault(correlated(seed, failing=0.005), FAILURES)[0] for seed in range(60)]
    # Not 7 any more: six failures of 6000 are not known as well as twelve alike buckets say.
    assert [found.count(status) for status in (HELD, VIOLATED)] == [6, 2]


def test_what_is_not_settled_says_how_many_seconds_would_settle_it() -> None:
    # All failures of a minute in one of six buckets: 1 % with a standard error of 1 %, as before.
    burst = steady(0, 60, bad=12) + steady(60, 120, bad=12)
    found = short(burst, "checkout failed vs baseline <= +0.5pt")
    assert found.status is INCONCLUSIVE
    reach = student(0.95, 10) * np.hypot(0.01, 0.01)
    assert found.missing == pytest.approx(60 * ((reach / 0.005) ** 2 - 1))


@pytest.mark.parametrize("end", [SPLIT + 5, SPLIT])
def test_a_few_seconds_are_no_evidence(end: float) -> None:
    assert of(correlated(1, slower=9), P95, end).status is INCONCLUSIVE


def of(samples: Samples, text: str, end: float = END) -> Gate:
    return judge_expectation(
        claim(text), samples, SPLIT, end,
        phase="fault", baseline=samples.between(0, SPLIT), rate=50,
    )  # fmt: skip


# -- how often it says held at the very margin ----------------------------------------------------


@pytest.mark.parametrize(("seconds", "count", "usual"), [
    (60, 600, 0.0), (60, 720, 0.0), (60, 1200, 0.0), (60, 1800, 0.0), (60, 2400, 0.0),
    (60, 1200, 0.001), (60, 1200, 0.005),
])  # fmt: skip
def test_a_rise_of_exactly_the_margin_is_called_held_in_one_of_twenty_runs(
    seconds: int, count: int, usual: float
) -> None:
    # Whatever the buckets, none make a smaller bound than the same bad requests spread evenly.
    befores = [(chance, even(bad, count, seconds)) for bad, chance in likely(count, usual)]
    afters = [(chance, even(bad, count, seconds)) for bad, chance in likely(count, usual + 0.005)]
    t = student(0.95, 2 * len(befores[0][1].each) - 2)
    held = sum(
        first * second
        for first, before in befores
        for second, after in afters
        if highest(after, before, 1.0, t) < before.mean + 0.005
    )
    assert held <= 0.05


def likely(count: int, share: float) -> list[tuple[int, float]]:
    """How many of `count` independent requests are bad, with its chance, but for the rarest."""
    chances, ways = [(1 - share) ** count], 1.0
    for bad in range(1, 100):
        ways *= (count - bad + 1) / bad
        chances.append(ways * share**bad * (1 - share) ** (count - bad))
    return [(bad, chance) for bad, chance in enumerate(chances) if chance > 1e-5]


def even(bad: int, count: int, seconds: int) -> Shares:
    """So many bad ones in buckets that are as alike as can be."""
    size = max(6, seconds // 10)
    each = np.array([bad // size + (place < bad % size) for place in range(size)])
    return Shares(each * (size / count), float(seconds), bad, count)


# -- laws ---------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(
    st.lists(st.integers(0, 20), min_size=6, max_size=6),
    st.lists(st.integers(0, 5), min_size=6, max_size=6),
    st.integers(0, 30),
)
def test_more_bad_requests_raise_the_bound_of_a_claim(each, more, usual) -> None:
    def of(buckets: list[int]) -> Shares:
        return Shares(np.array(buckets) * (6 / 1200), 60.0, sum(buckets), 1200)

    worse = [a + b for a, b in zip(each, more, strict=True)]
    low, high = (highest(of(x), even(usual, 1200, 60), 1.5, 1.8) for x in (each, worse))
    assert low <= high + 1e-12


BUCKETS = st.lists(st.integers(0, 20), min_size=6, max_size=9)
MANY = settings(max_examples=300)


@MANY
@given(BUCKETS, st.lists(st.integers(0, 20), min_size=9, max_size=9), st.integers(0, 10))
def test_more_bad_requests_raise_both_bounds(each, more, spread) -> None:
    before = np.array(each) / 100
    after = before + np.array(more[: len(each)]) / 100
    for bound in (upper, lower):
        low, high = (bound(x, spread / 1000, 2.0) for x in (before, after))
        assert low <= high + 1e-12


@MANY
@given(BUCKETS, st.integers(0, 10))
def test_the_bounds_are_at_least_those_of_the_formula_and_in_order(each, spread) -> None:
    x = np.array(each) / 100
    reach = 2.0 * np.hypot(x.std(ddof=1) / np.sqrt(len(x)), spread / 1000)
    assert upper(x, spread / 1000, 2.0) >= x.mean() + reach - 1e-12
    assert x.mean() - reach - 1e-12 <= lower(x, spread / 1000, 2.0) <= x.mean() + 1e-12


LAWFUL = (FAILURES, "failed vs baseline <= x3", "success vs baseline >= -1pt", P95)
CHOSEN = st.sets(st.integers(0, 1199), max_size=150)


@settings(max_examples=60)
@given(CHOSEN, CHOSEN, st.sampled_from(LAWFUL))
def test_a_request_that_fails_instead_never_betters_a_comparison(first, second, text) -> None:
    fewer, more = (short(failing(chosen, 0.02), text).status for chosen in (first, first | second))
    assert ORDER[more] <= ORDER[fewer]


def failing(chosen: set[int], latency: float, series: str = "checkout") -> list:
    """A minute of 20/s as baseline with 1 % failed, and one of which the `chosen` fail."""
    before = [(i / 20, series, OK if i % 100 else FAILED, latency) for i in range(1200)]
    return before + [
        (60 + i / 20, series, FAILED if i in chosen else OK, latency) for i in range(1200)
    ]


def short(rows: list | Samples, text: str) -> Gate:
    samples = rows if isinstance(rows, Samples) else build(rows)
    return judge_expectation(
        claim(text), samples, 60, 120,
        phase="fault", baseline=samples.between(0, 60), rate=20,
    )  # fmt: skip


@settings(max_examples=30)
@given(
    CHOSEN,
    st.lists(st.integers(0, 2400), max_size=4),
    st.randoms(),
    st.text("abcxyz", min_size=1),
    st.sampled_from(LAWFUL),
)
def test_the_files_their_order_and_the_names_leave_no_trace(
    chosen, cuts, random, name, text
) -> None:
    rows = failing(chosen, 0.02)
    borders = [0, *sorted(cuts), len(rows)]
    parts = [build(rows[low:high], ("checkout",)) for low, high in pairwise(borders)]
    random.shuffle(parts)
    one = short(rows, f"checkout {text}")
    assert short(parts[0].merge(*parts[1:]), f"checkout {text}") == one
    renamed = short(failing(chosen, 0.02, name), f"{name} {text}")
    assert (renamed.status, renamed.low, renamed.high) == (one.status, one.low, one.high)


@pytest.mark.parametrize(("share", "freedom", "value"), [
    (0.95, 10, 1.8125), (0.975, 22, 2.0739), (0.99, 10, 2.7638), (0.95, 120, 1.6577),
])  # fmt: skip
def test_students_quantile_is_that_of_the_tables(share, freedom, value) -> None:
    assert student(share, freedom) == pytest.approx(value, abs=2e-4)


def test_an_extreme_and_a_window_are_compared_exactly() -> None:
    rows = steady(0, 60) + steady(60, 120)
    for text in ("checkout max vs baseline <= x1", "checkout failed vs baseline <= +1pt for 5s"):
        found = short(rows, text)
        assert (found.status, found.low, found.high) == (HELD, None, None)
