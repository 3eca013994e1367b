"""Recovery as the judge has it: with all samples, also those that came in after it was told."""

from __future__ import annotations

import pytest
from judge_build import FAILED, SPANS, Row, build, experiment, injection, steady, timeline

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
    found = judge(
        experiment(steady_state=CLAIMS, **claims), times or timeline(spans=LONG), build(rows),
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
