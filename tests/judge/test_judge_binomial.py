"""Exact limits of a share: they are where the binomial distribution says, however few were bad."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaoskit.judge.binomial import least, most


def at_most(bad: int, count: int, share: float) -> float:
    """The chance of `bad` or fewer, from whole binomial coefficients."""
    return math.fsum(
        math.comb(count, k) * share**k * (1 - share) ** (count - k) for k in range(bad + 1)
    )


@given(st.integers(1, 200), st.data(), st.sampled_from([0.05, 0.01, 0.2]))
def test_a_limit_is_the_share_at_which_so_few_or_so_many_are_as_unlikely_as_asked(
    count: int, draw: st.DataObject, chance: float
) -> None:
    bad = draw.draw(st.integers(0, count))
    high, low = most(bad, count, chance), least(bad, count, chance)
    assert 0 <= low <= bad / count <= high <= 1
    if bad < count:
        assert at_most(bad, count, high) == pytest.approx(chance)
    if bad > 0:
        assert 1 - at_most(bad - 1, count, low) == pytest.approx(chance)


@given(st.integers(2, 5000), st.data())
def test_one_more_bad_raises_both_limits(count: int, draw: st.DataObject) -> None:
    bad = draw.draw(st.integers(0, count - 1))
    for limit in (most, least):
        assert limit(bad, count, 0.05) < limit(bad + 1, count, 0.05)


@pytest.mark.parametrize(("bad", "count", "low", "high"), [
    (0, 600, 0.0, 1 - 0.05 ** (1 / 600)), (600, 600, 0.05 ** (1 / 600), 1.0),
])  # fmt: skip
def test_none_and_all_have_one_limit_only(bad, count, low, high) -> None:
    found = least(bad, count, 0.05), most(bad, count, 0.05)
    assert found == pytest.approx((low, high), abs=1e-12)


def test_of_millions_it_is_the_normal_curve() -> None:
    count, bad = 10_000_000, 500_000
    reach = 1.6449 * math.sqrt(0.05 * 0.95 / count)
    assert most(bad, count, 0.05) == pytest.approx(0.05 + reach, abs=0.01 * reach)
    assert least(bad, count, 0.05) == pytest.approx(0.05 - reach, abs=0.01 * reach)
