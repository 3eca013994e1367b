"""Harm that is proven while the fault is open: seldom by chance, soon where it is planted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judge_build import claim
from test_judge_comparison import END, FAILURES, P95, SPLIT, correlated

from chaoskit.judge.harm import harmed, wealth
from chaoskit.judge.live import spent
from chaoskit.judge.samples import Samples
from chaoskit.model.verdict import Gate, Status


def look(samples: Samples, now: float, *texts: str, grace: float = 0.0) -> Gate | None:
    contract = [claim(text) for text in texts or (P95, FAILURES)]
    seen = samples.between(0, now)
    return harmed(contract, seen, SPLIT, now, baseline=samples.between(0, SPLIT), grace=grace)


def first(samples: Samples, *texts: str) -> float | None:
    """Seconds of the fault phase until harm is proven, looked for every second."""
    looks = np.arange(SPLIT + 1, END + 1)
    return next((float(t - SPLIT) for t in looks if look(samples, t, *texts)), None)


def test_where_nothing_changed_no_second_of_a_hundred_runs_proves_harm() -> None:
    # The greatest wealth of a run is looked at, so one look at the end tells all of them.
    assert [seed for seed in range(100) if look(correlated(seed), END)] == []


@pytest.mark.parametrize("seed", range(6))
def test_planted_harm_is_proven_early(seed: int) -> None:
    failing = first(correlated(seed, failing=0.05))
    assert failing is not None
    assert failing <= 20
    slower = first(correlated(seed, slower=3))
    assert slower is not None
    assert slower <= 40


def test_the_gate_says_which_claim_after_how_long_and_how_sure() -> None:
    gate = look(correlated(1, failing=0.05), END, FAILURES)
    assert gate is not None
    assert (gate.status, gate.metric, gate.phase) == (Status.VIOLATED, "failed", "fault")
    assert gate.reason.startswith("harm is proven after ")
    assert gate.reason.endswith("at odds of more than 100 to 1")


def test_bad_seconds_in_a_row_are_one_stumble_and_no_harm() -> None:
    """A machine that stood still for 6 s of two minutes wins any bet on these seconds."""
    quiet = correlated(1)
    array = quiet.array.copy()
    stumble = (array["start"] >= SPLIT + 20) & (array["start"] < SPLIT + 26)
    array["latency"][stumble] += 0.3
    stumbled = Samples(array, quiet.names)
    assert wealth(_late_shares(stumbled.between(SPLIT, END)), 0.02).max() > 1000
    assert look(stumbled, END, "p99 vs baseline <= x1.5", FAILURES) is None


def _late_shares(samples: Samples) -> np.ndarray:
    seconds = (samples.start - SPLIT).astype(int)
    late = samples.latency > 0.3
    return np.bincount(seconds, late) / np.bincount(seconds)


def test_what_is_in_flight_is_not_bet_on() -> None:
    samples = correlated(1, failing=0.5)
    assert look(samples, SPLIT + 8) is not None
    assert look(samples, SPLIT + 8, grace=7.5) is None


def test_a_comparison_is_no_budget_and_a_budget_no_comparison() -> None:
    samples = correlated(1, failing=0.5)
    before = samples.between(0, SPLIT)
    contract = [claim(FAILURES)]
    assert spent(contract, samples, SPLIT, END, END, 50, baseline=before) is None
    assert look(samples, END, "failed <= 1%", "max vs baseline <= x2") is None


def test_without_a_baseline_or_seconds_nothing_is_proven() -> None:
    samples = correlated(1, failing=0.5)
    assert harmed([claim(FAILURES)], samples, SPLIT, END, baseline=None) is None
    assert look(samples, SPLIT + 0.5) is None
    assert harmed([claim(P95)], Samples.empty(), 0, 60, baseline=samples) is None


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=60), st.integers(0, 59), st.floats(0.005, 0.5)
)
def test_a_worse_second_never_lessens_the_wealth(shares, place, allowed) -> None:
    worse = list(shares)
    worse[place % len(worse)] = 1.0
    before, after = (wealth(np.array(x), allowed) for x in (shares, worse))
    assert (after >= before * (1 - 1e-9)).all()


def test_a_fair_bet_gains_a_hundredfold_no_oftener_than_once_in_a_hundred() -> None:
    random = np.random.default_rng(4)
    allowed = 0.03
    shares = random.binomial(50, allowed, (1000, 120)) / 50
    assert sum(wealth(row, allowed).max() >= 100 for row in shares) <= 10
