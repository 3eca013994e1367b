"""What is said while the run goes on, with `now` somewhere inside it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judge_build import DEGRADED, FAILED, OK, Row, build, claim, steady
from test_judge_samples import ROWS

from chaoskit.judge.aborting import abort_due
from chaoskit.judge.gates import judge_phase
from chaoskit.judge.live import is_steady, pulse, spent
from chaoskit.judge.samples import Samples
from chaoskit.model.verdict import Gate, Status

NAMES = ("checkout", "a", "b", "c")


def at(now: float, text: str | list[str], rows: list[Row], **more) -> Gate | None:
    """`spent` in a window 0..60 at 20/s, with the samples that have begun by `now`."""
    contract = [claim(t) for t in ([text] if isinstance(text, str) else text)]
    seen = build([r for r in rows if r[0] < now], NAMES)
    return spent(contract, seen, 0, now, 60, 20, **more)


def failing(begin: float, end: float, *, until: float = 60) -> list[Row]:
    """20/s, all failing within begin..end."""
    return [(t, s, FAILED if begin <= t < end else o, lat) for t, s, o, lat in steady(0, until)]


def test_a_budget_is_spent_by_the_first_failure_that_the_rest_cannot_make_good() -> None:
    # 1 % of 1200 planned is 12.
    assert at(10.60, "checkout success >= 99%", failing(10, 60)) is None
    gate = at(10.65, "checkout success >= 99%", failing(10, 60))
    assert gate is not None
    assert (gate.status, gate.phase) == (Status.VIOLATED, "fault")
    assert gate.reason.endswith("against >= 99%")


def test_requests_in_flight_may_still_be_good() -> None:
    rows = [(i / 20, "checkout", FAILED, 0) for i in range(13)]
    assert at(59, "checkout success >= 99%", rows) is not None
    # 13 of 1300 would be within it: the pace before the window says that so many may come.
    before = [(i / 30 - 30, "checkout", OK, 0) for i in range(900)]
    assert at(59, "checkout success >= 99%", before + rows) is None


def test_percentiles_max_and_rate_are_budgets_too() -> None:
    slow = [(t, s, o, 2.0 if t < 4 else lat) for t, s, o, lat in steady(0, 60)]
    assert at(3, "checkout p95 <= 1s", slow) is None  # 60 of 1200 may be slow
    assert at(3.1, "checkout p95 <= 1s", slow) is not None
    assert at(0.1, "checkout max <= 1s", slow) is not None
    assert at(29, "checkout rate >= 10/s", failing(0, 60)) is None
    assert at(31, "checkout rate >= 10/s", failing(0, 60)) is not None


def test_an_outage_is_spent_when_the_newest_sample_lies_beyond_it() -> None:
    rows = failing(10, 40)
    assert at(21.9, "checkout outage <= 12s", rows) is None
    gate = at(22.2, "checkout outage <= 12s", rows)
    assert gate is not None
    assert gate.observed is not None
    assert 12 < gate.observed < 12.3
    assert at(50, "checkout outage <= 12s", rows) is not None  # also long after


def test_silence_is_not_an_outage_as_long_as_nothing_has_failed() -> None:
    assert at(50, "checkout outage <= 12s", steady(0, 10)) is None


def test_grace_waits_for_requests_that_may_still_answer() -> None:
    rows = failing(10, 40)
    assert at(26, "checkout outage <= 12s", rows, grace=5) is None
    assert at(27.2, "checkout outage <= 12s", rows, grace=5) is not None


def test_a_window_is_spent_when_it_is_past() -> None:
    rows = failing(10, 13)
    assert at(11, "checkout success >= 90% for 10s", rows) is None
    assert at(15, "checkout success >= 90% for 10s", rows) is not None
    assert at(15, "checkout success >= 70% for 10s", rows) is None


def test_an_undeclared_degraded_answer_spends_the_implied_budget() -> None:
    rows = steady(0, 60, bad=1, outcome=DEGRADED)
    gate = at(1, "checkout success >= 99%", rows)
    assert gate is not None
    assert (gate.expectation, gate.implied) == ("checkout degraded <= 0%", True)
    assert at(1, ["checkout success >= 99%", "checkout degraded <= 5%"], rows) is None


def test_nothing_is_spent_without_data_or_without_the_baseline_it_needs() -> None:
    assert at(30, ["a success >= 99%", "a outage <= 1s", "a rate >= 1/s"], []) is None
    assert at(30, "checkout p95 vs baseline <= x1.5", failing(0, 60)) is None


@given(ROWS, st.integers(0, 84), st.sampled_from([
    "a success >= 60%", "a failed <= 10%", "a p90 <= 500ms", "a max <= 1s", "a outage <= 3s",
    "a success >= 50% for 3s", "a p50 <= 600ms for 2s", "all rate >= 1/s for 4s",
]))  # fmt: skip
def test_what_is_spent_is_violated_at_the_end_however_good_the_rest_is(rows, now, text) -> None:
    rows = rows * 30
    now /= 8
    contract = [claim(text), claim("all degraded <= 100%"), claim("all shed <= 100%")]
    seen = [r for r in rows if r[0] < now]
    rate = len(rows) / 10.5
    gate = spent(contract, build(seen, NAMES), 0, now, 10.5, rate)
    if gate is None:
        return
    rest = [(t, s, OK, 0.0) for t, s, _, _ in rows if t >= now]
    for more in ([], rest):
        end = judge_phase(contract, build(seen + more, NAMES), 0, 10.5, phase="fault", rate=rate)
        if more or "rate" not in text:
            assert end[0].status is Status.VIOLATED


# -- abort --------------------------------------------------------------------------------------


def abort(text: str, rows: list[Row], now: float, **more) -> Gate | None:
    seen = build([r for r in rows if r[0] < now], NAMES)
    return abort_due([claim(text)], seen, 0, now, **more)


def test_abort_needs_the_condition_in_every_second() -> None:
    text = "checkout success < 50% for 10s"
    assert abort(text, failing(10, 60), 19.3) is None
    gate = abort(text, failing(10, 60), 20.05)
    assert gate is not None
    assert (gate.status, gate.shown) == (Status.VIOLATED, "0 %")
    assert text in gate.reason
    relieved = [r for r in failing(10, 60) if not 14 <= r[0] < 15] + [
        (14 + i / 20, "checkout", OK, 0) for i in range(20)
    ]
    assert abort(text, relieved, 20.05) is None


def test_a_second_without_data_is_not_true() -> None:
    gap = [r for r in failing(10, 60) if not 14 <= r[0] < 16]
    assert abort("checkout success < 50% for 10s", gap, 20.05) is None
    assert abort("checkout success < 50%", [], 20) is None


def test_without_for_the_last_second_counts() -> None:
    assert abort("checkout success < 50%", failing(10, 60), 10.3) is None
    assert abort("checkout success < 50%", failing(10, 60), 10.8) is not None
    assert abort("checkout success < 50%", failing(10, 60), 0.5) is None


def test_hanging_requests_do_not_keep_a_run_from_its_abort() -> None:
    # The requests of the last 5 s are still waiting for their timeout: there is no sample yet.
    seen = [r for r in failing(10, 60) if r[0] < 20.05]
    assert abort("checkout success < 50% for 10s", seen, 25, grace=5) is not None
    assert abort("checkout success < 50% for 10s", seen, 25) is not None


def slow_successes(until: float, rate: float = 60, slow: float = 1.5) -> list[Row]:
    """One of ten fails at once, the others succeed late."""
    return [
        (i / rate, "checkout", FAILED if i % 10 == 0 else OK, 0.001 if i % 10 == 0 else slow)
        for i in range(round(until * rate))
    ]


def early(text: str | list[str], rows: list[Row], now: float) -> Gate | None:
    """As the engine looks at `now`: what has been answered, and when the others began."""
    texts = [text] if isinstance(text, str) else text
    begun = [r for r in rows if r[0] < now]
    seen = build([r for r in begun if r[0] + r[3] <= now], NAMES)
    waiting = [r[0] for r in begun if r[0] + r[3] > now]
    return abort_due([claim(t) for t in texts], seen, 0, now, waiting=waiting)


def test_quick_failures_among_slow_successes_abort_nothing() -> None:
    rows = slow_successes(20)
    assert abort("checkout success < 50%", rows, 30) is None
    texts = ["success < 50%", "failed > 20% for 3s", "p50 > 2s", "outage > 1s", "rate < 20/s"]
    for text in texts:
        for tick in range(11, 200):
            assert early(f"checkout {text}", rows, tick / 10) is None, (text, tick)
            assert early(text, rows, tick / 10) is None, (text, tick)


def test_total_failure_aborts_at_once_although_other_requests_are_slow() -> None:
    others = steady(0, 60, series="a", latency=0.2)
    rows = sorted(failing(10, 60) + others)
    assert early("checkout success < 50%", rows, 10.5) is None
    assert early("checkout success < 50%", rows, 11.1) is not None
    assert early("checkout success < 50% for 10s", rows, 20.3) is not None
    assert early("checkout outage > 5s", rows, 15.1) is None
    assert early("checkout outage > 5s", rows, 15.4) is not None
    assert early("checkout rate < 1/s", rows, 11.1) is None  # 4 others may be its own
    assert early("checkout rate < 5/s", rows, 11.1) is not None


def test_what_is_in_flight_may_be_bad_as_well() -> None:
    rows = [(t, s, o, 0.001 if n % 2 else 3.0) for n, (t, s, o, _) in enumerate(steady(0, 9))]
    for text in ("success >= 99%", "p90 < 10ms", "failed < 1%"):
        assert early(f"checkout {text}", rows, 5) is None


ANSWERS = st.lists(
    st.tuples(st.sampled_from([OK, FAILED, DEGRADED]), st.sampled_from([0.001, 0.2, 1.5, 4.0])),
    min_size=40, max_size=80,
)  # fmt: skip


@given(ANSWERS, st.integers(4, 32), st.sampled_from([
    "checkout success < 50%", "checkout failed > 20% for 2s", "checkout p50 > 1s",
    "checkout rate < 3/s", "checkout degraded > 30%", "success < 70%",
]))  # fmt: skip
def test_what_aborts_at_once_is_true_whatever_the_rest_come_to(answers, quarter, text) -> None:
    rows = [(i / 10, "checkout", *answer) for i, answer in enumerate(answers)]
    now = quarter / 4
    if early(text, rows, now) is None:
        return
    # The same seconds, once all of them are answered.
    last = max(r[0] for r in rows if r[0] + r[3] <= now)
    assert abort(text, rows, last + 1e-9) is not None


def test_abort_by_outage_counts_from_the_last_success() -> None:
    assert abort("checkout outage > 5s", failing(10, 60), 14.8) is None
    assert abort("checkout outage > 5s", failing(10, 60), 15.2) is not None
    assert abort("checkout outage > 5s for 3s", failing(10, 60), 17.8) is None
    assert abort("checkout outage > 5s for 3s", failing(10, 60), 18.2) is not None
    assert abort("checkout outage > 5s", failing(10, 20), 30) is None


# -- steadiness and figures ---------------------------------------------------------------------


def is_it_steady(texts: list[str], rows: list[Row], **more) -> bool:
    return is_steady([claim(t) for t in texts], build(rows, NAMES), 0, 5, **more)


def test_steady_is_exact_and_needs_no_least_number() -> None:
    assert is_it_steady(["checkout success >= 99%"], [(1, "checkout", OK, 0.1)])
    assert not is_it_steady(["checkout success >= 99%"], steady(0, 5, bad=2))
    assert is_it_steady(["checkout success >= 99%"], steady(0, 5, bad=1))
    assert not is_it_steady(["checkout p95 < 10ms"], steady(0, 5))


def test_steady_needs_data_for_every_series_it_names() -> None:
    assert not is_it_steady(["a success >= 99%"], steady(0, 5))
    assert not is_it_steady([], [])
    assert is_it_steady([], steady(0, 5))


def test_fallback_answers_are_not_steady_unless_declared() -> None:
    rows = steady(0, 5, bad=1, outcome=DEGRADED)
    assert not is_it_steady(["checkout success >= 99%"], rows)
    assert is_it_steady(["checkout success >= 99%", "checkout degraded <= 5%"], rows)


def test_steady_against_the_baseline_only_once_there_is_one() -> None:
    text = "checkout p95 vs baseline <= x1.5"
    before = build(steady(-60, 0, latency=0.01), NAMES).between(-60, 0)
    assert is_it_steady([text], steady(0, 5))
    assert not is_it_steady([text], steady(0, 5), baseline=before)
    assert is_it_steady([text], steady(0, 5, latency=0.012), baseline=before)


@pytest.mark.parametrize(
    "before",
    [
        steady(-2, 0),  # 40 of 60
        steady(-60, 0, bad=1200),
        [],
    ],
    ids=["too short", "failed", "empty"],
)
def test_steady_asks_nothing_that_the_baseline_cannot_tell(before: list[Row]) -> None:
    text, baseline = "checkout p95 vs baseline <= x1.5", build(before, NAMES).between(-60, 0)
    assert is_it_steady([text], steady(0, 5), baseline=baseline)
    assert not is_it_steady([text], steady(0, 5, series="a"), baseline=baseline)
    assert not is_it_steady([text, "success >= 99%"], steady(0, 5, bad=9), baseline=baseline)


def test_a_window_longer_than_the_look_is_read_as_the_whole_of_it() -> None:
    assert is_it_steady(["checkout success >= 99% for 10s"], steady(0, 5))
    assert not is_it_steady(["checkout success >= 99% for 10s"], steady(0, 5, bad=2))


def test_an_outage_longer_than_the_look_is_none_where_something_succeeds() -> None:
    assert is_it_steady(["checkout outage <= 12s"], steady(0, 5, bad=99))
    assert not is_it_steady(["checkout outage <= 12s"], steady(0, 5, bad=100))


def test_the_pulse_is_the_table_of_the_last_seconds() -> None:
    table = pulse(build(steady(0, 20, bad=20)), 20, 5, "hold")
    assert [(r.series, r.phase, r.planned, r.failed, r.rate) for r in table] == [
        ("all", "hold", 100, 0, 20), ("checkout", "hold", 100, 0, 20),
    ]  # fmt: skip
    assert pulse(Samples.empty(), 20)[0].planned == 0
