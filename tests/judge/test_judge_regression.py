"""Two sets of runs: no false alarm where runs differ by themselves, and harm that is found."""

from __future__ import annotations

import numpy as np
import pytest
from judge_build import FAILED

from chaoskit.judge.regression import Margins, compare
from chaoskit.judge.repeats import fisher
from chaoskit.judge.samples import DTYPE, Samples
from chaoskit.judge.sums import parts_of
from chaoskit.model.baseline import Bucket, Part, Percentile, RunSums
from chaoskit.model.comparison import Comparison, Told
from chaoskit.model.verdict import Status

RATE, SECONDS = 50, 60


def run(
    seed: int, *, spread: float = 0.0, slower: float = 1.0, failing: float = 0.0,
    seconds: int = SECONDS,
) -> RunSums:  # fmt: skip
    """One endpoint in one phase under a slow drift (AR(1), rho 0.9 a second), 0.2 % failed.

    `spread` is the standard deviation of ln(latency) between runs.
    """
    random = np.random.default_rng(seed)
    drift = np.zeros(seconds)
    for now in range(1, seconds):
        drift[now] = 0.9 * drift[now - 1] + random.normal(0, 0.06)
    array = np.zeros(seconds * RATE, DTYPE)
    array["start"] = np.arange(len(array)) / RATE
    noise = random.normal(0, 0.5, len(array)) + np.repeat(drift, RATE)
    array["latency"] = 0.02 * slower * np.exp(noise + random.normal(0, spread))
    array["code"] = np.where(random.random(len(array)) < 0.002 + failing, FAILED << 14, 200)
    parts = parts_of(Samples(array, ("checkout",)), "baseline", 0.0, float(seconds))
    return RunSums(
        run=f"r{seed}", experiment="x", system="s", runtime="docker", status=Status.HELD,
        parts=parts,
    )  # fmt: skip


def sides(pair: int, base: int, new: int, spread: float, **harm: float) -> Comparison:
    first = pair * 100
    return compare(
        [run(first + i, spread=spread) for i in range(base)],
        [run(first + base + i, spread=spread, **harm) for i in range(new)],
    )


def told(found: Comparison, metric: str) -> Told:
    return next(c.told for c in found.changes if c.metric == metric)


@pytest.mark.parametrize(("base", "new"), [(1, 1), (3, 3), (4, 1), (6, 6)])
@pytest.mark.parametrize("spread", [0.0, 0.2, 0.5])
def test_fifty_pairs_without_a_change_show_one_regression_at_most(
    base: int, new: int, spread: float
) -> None:
    alarms = [bool(sides(pair, base, new, spread).told(Told.REGRESSED)) for pair in range(50)]
    assert sum(alarms) <= 1


@pytest.mark.parametrize(
    ("harm", "metric"), [({"slower": 1.4}, "p95"), ({"failing": 0.02}, "failed")]
)
def test_harm_is_found_with_runs_enough(harm: dict[str, float], metric: str) -> None:
    found = [sides(pair, 8, 8, 0.05, **harm) for pair in range(10)]
    assert [told(one, metric) for one in found] == [Told.REGRESSED] * 10


def known(number: int, **p95: tuple[float, float]) -> RunSums:
    """A run of which only the p95 of each endpoint is known: milliseconds, and its error."""
    parts = tuple(
        Part(
            phase="baseline", series=name, seconds=60, buckets=(Bucket(ok=300),) * 6,
            latency={"p95": Percentile(seconds=value / 1000, error=error)},
        )
        for name, (value, error) in p95.items()
    )  # fmt: skip
    return run(number).model_copy(update={"parts": parts})


def test_a_run_that_nobody_is_sure_of_hides_not_how_much_the_others_differ() -> None:
    """Checkout met a stall in one run; browse, which did not, differs by 1.4 between runs."""
    base = [known(1, browse=(10, 0.05), checkout=(12, 1.2)),
            known(2, browse=(14, 0.05), checkout=(12, 0.05))]  # fmt: skip
    new = [known(3, browse=(18, 0.05), checkout=(12, 0.05)),
           known(4, browse=(25, 0.05), checkout=(12, 0.05))]  # fmt: skip
    assert not compare(base, new).told(Told.REGRESSED)


def test_many_requests_are_not_many_runs() -> None:
    """Where days differ by a fifth, one long run on each side proves nothing of a tenth."""
    base, new = run(1, seconds=1200), run(2, seconds=1200, slower=1.15)
    one = compare([base], [new], Margins(latency=1.05))
    assert told(one, "p95") is Told.UNKNOWN
    assert "one run on each side" in " ".join(one.notes)


def test_what_is_no_worse_is_said_so() -> None:
    found = compare(
        [run(i, seconds=600) for i in range(8)], [run(50 + i, seconds=600) for i in range(8)],
        Margins(latency=1.1),
    )  # fmt: skip
    assert {c.told for c in found.changes} <= {Told.NO_WORSE, Told.UNKNOWN}
    assert told(found, "p95") is Told.NO_WORSE
    assert told(found, "failed") is Told.NO_WORSE


def test_the_error_of_a_percentile_is_about_what_repeats_show() -> None:
    parts = [run(seed).parts[0].latency["p95"] for seed in range(200)]
    values = np.log([one.seconds or 0.0 for one in parts])
    errors = np.array([one.error or 0.0 for one in parts])
    # Neighbouring buckets hang together, so a run sees a little less than all of it.
    assert 0.6 < np.sqrt((errors**2).mean()) / values.std(ddof=1) < 1.2


def test_fishers_chance_is_exact() -> None:
    # 3 of 3 against 0 of 3: one of the 20 ways to place three failures among six runs.
    assert fisher(0, 3, 3, 3) == pytest.approx(1 / 20)
    assert fisher(1, 10, 1, 10) == pytest.approx(1 - 9 / 38)
    assert fisher(2, 5, 0, 5) == pytest.approx(1.0)


def test_too_few_requests_and_percentiles_without_end_are_said() -> None:
    lost = run(3, failing=0.2)
    found = compare([run(1)], [lost])
    rows = {c.metric: c for c in found.changes if c.told is Told.UNKNOWN}
    assert "no end" in rows["p95, p99"].reason
    assert told(found, "failed") is Told.REGRESSED
    short = compare([run(1, seconds=10)], [run(2, seconds=10)])
    rows = {c.metric: c for c in short.changes if c.told is Told.UNKNOWN}
    assert "needs 1000 requests in each run, and one has 500" in rows["p99"].reason


# -- verdicts that were not settled -------------------------------------------------------------

HELD, VIOLATED, OPEN = Status


def verdict(old: list[Status], new: list[Status]) -> tuple[Comparison, str]:
    """Runs with these verdicts and nothing else; and why the verdict is told as it is."""
    numbered = iter(range(100))
    base, later = (
        [
            RunSums(run=f"r{next(numbered)}", experiment="x", system="s", runtime="local", status=s)
            for s in side
        ]
        for side in (old, new)
    )
    found = compare(base, later)
    return found, next(c.reason for c in found.changes if c.metric == "verdict")


@pytest.mark.parametrize(
    ("old", "new", "becomes", "why"),
    [
        ([VIOLATED] * 8, [OPEN] * 8, Told.UNKNOWN, "NEW never settled it"),
        ([OPEN], [OPEN], Told.UNKNOWN, "neither side ever settled it"),
        ([OPEN], [VIOLATED], Told.UNKNOWN, "BASE never settled it"),
        ([OPEN], [HELD], Told.UNKNOWN, "BASE never settled it"),
        ([HELD], [OPEN], Told.UNKNOWN, "it held in BASE, and is inconclusive in NEW"),
        ([HELD, HELD], [HELD, OPEN], Told.UNKNOWN, "it held in BASE, and is inconclusive in NEW"),
        ([HELD, OPEN], [VIOLATED], Told.REGRESSED, "it never failed in 1 run of BASE"),
        ([HELD, OPEN], [HELD], Told.NO_WORSE, ""),
        ([VIOLATED] * 2, [HELD, OPEN], Told.UNKNOWN, "it always failed in BASE: more runs"),
        ([VIOLATED] * 8, [HELD] * 8 + [OPEN], Told.IMPROVED, ""),
        ([VIOLATED], [HELD], Told.IMPROVED, ""),
        # Eight that are not settled are no eight that passed.
        ([VIOLATED] + [OPEN] * 20, [VIOLATED] * 8, Told.NO_WORSE, ""),
        ([VIOLATED, HELD] + [OPEN] * 20, [VIOLATED] * 4, Told.UNKNOWN, "but not always"),
        ([VIOLATED] + [HELD] * 20, [VIOLATED] * 4, Told.REGRESSED, "more often than chance"),
    ],
)
def test_a_run_that_did_not_settle_it_has_not_passed(
    old: list[Status], new: list[Status], becomes: Told, why: str
) -> None:
    found, reason = verdict(old, new)
    assert told(found, "verdict") is becomes
    assert why in reason
    if becomes is Told.UNKNOWN:
        assert found.exit_code(strict=True) == 3
