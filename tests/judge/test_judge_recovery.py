"""Recovery as the judge has it: with all samples, also those that came in after it was told."""

from __future__ import annotations

import pytest
from judge_build import FAILED, OK, SPANS, Row, build, experiment, injection, steady, timeline

from chaoskit.judge.verdict import judge
from chaoskit.model.timeline import Span, Timeline
from chaoskit.model.verdict import Gate, RecoveryFigures, Status

HELD, VIOLATED, INCONCLUSIVE = Status
GOOD = steady(0, 130, rate=40)
CLAIMS = ("checkout success >= 99%",)
# Steady was told at 95 s, 4 s after the revert; the load was watched until 126 s.
LONG = (
    *SPANS[:2],
    Span(phase="recovery", begin=90, end=100),
    Span(phase="hold", begin=100, end=126),
)


def bad(begin: float, end: float, each: int = 1) -> list[Row]:
    return [
        (t, s, FAILED if begin <= t < end and not i % each else o, latency)
        for i, (t, s, o, latency) in enumerate(GOOD)
    ]


def recovery(
    rows: list[Row], times: Timeline | None = None, **claims: object
) -> tuple[Gate, RecoveryFigures]:
    claimed = experiment(**{"steady_state": CLAIMS, **claims})
    found = judge(
        claimed, times or timeline(spans=LONG), build(rows),
        system="shop", runtime="fake", started_at="", version="",
    )  # fmt: skip
    (gate,) = (g for g in found.gates if g.metric == "recovery")
    assert found.recovery is not None
    return gate, found.recovery


def test_what_was_told_and_is_so_stays() -> None:
    gate, figures = recovery(GOOD)
    assert (gate.status, figures.steady, figures.full_strength) == (HELD, 4, 5)


@pytest.mark.parametrize(
    ("until", "steady_after", "status"),
    [(96, 5, HELD), (102.9, 12, HELD), (110.9, 20, HELD), (111.2, None, VIOLATED)],
)
def test_what_failed_after_it_was_told_was_not_steady(
    until: float, steady_after: float | None, status: Status
) -> None:
    gate, figures = recovery(bad(95, until))
    assert gate.status is status
    assert figures.steady == steady_after
    if steady_after is None:
        assert gate.reason == "steady state was not reached, against 20s from revert acknowledged"


def test_told_too_soon_and_not_waited_for_is_no_violation() -> None:
    """The load ended at 106 s, five seconds before the time was over."""
    gate, figures = recovery(bad(95, 106, each=20), timeline())
    assert (gate.status, figures.steady) == (INCONCLUSIVE, None)
    assert "before steady state could be waited for" in gate.reason


def test_what_was_told_too_late_stays_too_late() -> None:
    gate, figures = recovery(bad(91, 112), timeline(spans=LONG, steady_at=112.0))
    assert (gate.status, figures.steady) == (VIOLATED, 21)


RARE = (*CLAIMS, "refund success >= 99%")
UNTOLD = timeline(spans=LONG, steady_at=None)


def refunds(*at: float, failed: tuple[float, ...] = ()) -> list[Row]:
    """Requests of a rare series: one each second of the baseline, then only these."""
    times = (*range(30), *at, *failed)
    return [(t, "refund", FAILED if t in failed else OK, 0.05) for t in times]


def test_a_request_that_was_never_sent_violates_no_recovery() -> None:
    """Reverted at 91 s, so it must begin by 111 s; what was missing is named."""
    gate, figures = recovery([*GOOD, *refunds()], UNTOLD, steady_state=RARE)
    assert (gate.status, figures.steady) == (INCONCLUSIVE, None)
    assert "windows of 2 s without a request of refund were steady otherwise" in gate.reason
    assert "a longer 'within' or a higher rate would tell" in gate.reason


def test_series_that_are_never_asked_together_violate_no_recovery() -> None:
    refund, ledger = refunds(93, 99, 105), [(t, "ledger", OK, 0.05) for t in (*range(30), 96, 102)]
    claims = (*RARE, "ledger success >= 99%", "all success >= 99%")
    gate, _ = recovery([*GOOD, *refund, *ledger], UNTOLD, steady_state=claims)
    assert gate.status is INCONCLUSIVE
    assert "without a request of ledger and refund were steady otherwise" in gate.reason


def test_a_load_that_rests_for_the_whole_recovery_violates_none() -> None:
    gate, _ = recovery(steady(0, 91, rate=40), UNTOLD)
    assert gate.status is INCONCLUSIVE
    assert "windows of 2 s without a request of checkout were" in gate.reason


def test_a_rare_request_that_fails_until_the_end_violates() -> None:
    gate, _ = recovery([*GOOD, *refunds(failed=(94, 100, 106, 112))], UNTOLD, steady_state=RARE)
    assert gate.status is VIOLATED
    gate, _ = recovery([*GOOD, *refunds(failed=(94, 100))], UNTOLD, steady_state=RARE)
    assert gate.status is INCONCLUSIVE  # from 100 s on nobody asked


def test_what_requests_show_violates_whatever_else_is_missing() -> None:
    """All others fail; or a system answers nothing, and only the rare series is claimed."""
    gate, _ = recovery([*bad(91, 131), *refunds()], UNTOLD, steady_state=RARE)
    assert gate.status is VIOLATED
    dead = [*bad(91, 131), *refunds(failed=(94,))]
    gate, _ = recovery(dead, UNTOLD, steady_state=RARE[1:])
    assert gate.status is VIOLATED


def test_a_rare_request_excuses_no_full_strength_that_came_too_late() -> None:
    late = timeline(spans=LONG, steady_at=None, full_strength_at=112.0)
    gate, _ = recovery([*GOOD, *refunds()], late, steady_state=RARE)
    assert gate.status is VIOLATED


def test_recovery_counts_only_once_the_surge_is_over() -> None:
    early = timeline(
        injections=(injection(revert_begun=50.0, reverted=51.0),), revert_acknowledged=51.0,
        steady_at=81.0, full_strength_at=52.0,
    )  # fmt: skip
    surge = {"to": "40/s", "after": "10s", "for": "40s"}
    load = {"locustfile": "load.py", "rate": "20/s", "surge": surge}
    gate, figures = recovery(GOOD, early, load=load)
    assert (gate.status, figures.full_strength) == (HELD, 0)
    assert figures.steady == pytest.approx(81 - (29.8 + 10 + 40))
    gate, figures = recovery(GOOD, early)
    assert (gate.status, figures.steady) == (VIOLATED, 30)
