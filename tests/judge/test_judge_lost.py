"""A fault that was lost while it was open: what is judged then, and what is said."""

from __future__ import annotations

from typing import Any

from judge_build import FAILED, build, experiment, injection, steady, timeline

from chaoskit.judge.phases import fault_window
from chaoskit.judge.verdict import judge
from chaoskit.model.timeline import InjectionRecord, Timeline
from chaoskit.model.verdict import Status, Verdict

GOOD = steady(0, 110, rate=40)


def verdict(times: Timeline, begin: float = 0, end: float = 0) -> Verdict:
    """Judged over requests that fail from `begin` to `end`."""
    rows = [(t, s, FAILED if begin <= t < end else o, lat) for t, s, o, lat in GOOD]
    return judge(
        experiment(), times, build(rows), system="shop", runtime="fake", started_at="", version="0"
    )


def lost_at(last_listed: float | None, **changes: Any) -> InjectionRecord:
    return injection(lost=70.0, lost_because="somebody", last_listed=last_listed, **changes)


def test_a_loss_comes_first_of_the_reasons() -> None:
    found = verdict(
        timeline(injections=(lost_at(60.0),), stop_kind="interrupted", stopped="SIGINT")
    )
    assert "was lost: somebody" in found.reasons[0]
    assert "interrupted: SIGINT" in found.reasons[1]


def test_the_window_ends_where_a_lost_fault_was_last_seen() -> None:
    whole = timeline(injections=(injection(), lost_at(60.0, id="i2")))
    assert fault_window(whole).span == (30.0, 60.0)
    assert fault_window(timeline()).span == (30.0, 90.0)


def test_of_several_losses_the_earliest_ends_the_window() -> None:
    both = timeline(injections=(lost_at(65.0), lost_at(50.0, id="i2")))
    assert fault_window(both).span == (30.0, 50.0)


def test_a_fault_that_no_look_ever_listed_leaves_the_time_before_it_was_due() -> None:
    late = lost_at(None, id="i2", begun=49.9, acknowledged=50.0)
    assert fault_window(timeline(injections=(injection(), late))).span == (30.0, 50.0)
    assert fault_window(timeline(injections=(lost_at(None),))).span is None


def test_only_what_was_in_force_is_judged() -> None:
    times = timeline(injections=(lost_at(60.0),))
    after = [g for g in verdict(times, 61, 80).gates if g.phase == "fault"]
    assert after
    assert all(g.status is Status.HELD for g in after)
    before = verdict(times, 31, 50)
    assert before.status is Status.INCONCLUSIVE
    assert any(r.startswith("it would otherwise be violated: fault: ") for r in before.reasons)
