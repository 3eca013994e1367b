"""The lattice: every way in which a run can end, and what it may be called then."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judge_build import (
    DEGRADED,
    FAILED,
    GOOD,
    SPANS,
    Row,
    bad,
    build,
    experiment,
    injection,
    judged,
    timeline,
    verdict,
)

from chaoskit.judge.samples import Samples
from chaoskit.judge.verdict import judge
from chaoskit.model.evidence import Evidence
from chaoskit.model.timeline import Span, Timeline
from chaoskit.model.verdict import Status, Verdict

HELD, VIOLATED, INCONCLUSIVE = Status


def test_a_full_course_within_its_claims_held() -> None:
    found = verdict()
    assert (found.status, found.exit_code) == (HELD, 0)
    assert found.reasons == ("all 13 gates held; 1 fault proven in force",)
    assert found.recovery is not None
    assert (found.recovery.steady, found.recovery.full_strength) == (4, 5)
    assert [c.model_dump(mode="json") for c in found.coverage] == [
        {"point": "cache", "trouble": "unavailable", "status": "held"}
    ]
    assert [r.phase for r in found.figures if r.series == "all"] == [
        "baseline", "fault", "recovery", "hold",
    ]  # fmt: skip


def test_a_verdict_survives_json() -> None:
    found = verdict(bad(30, 90))
    assert Verdict.model_validate(json.loads(found.model_dump_json())) == found


def test_the_fault_window_is_from_acknowledged_to_revert_begun() -> None:
    outside = [
        (t, s, FAILED if 29.8 <= t < 30 or 90 <= t < 96 else o, lat)
        for t, s, o, lat in GOOD
    ]  # fmt: skip
    assert verdict(outside).status is HELD
    assert verdict(bad(30, 31)).status is VIOLATED
    assert verdict(bad(89, 90)).status is VIOLATED


def test_with_several_faults_it_ends_when_none_is_open_any_more() -> None:
    first = injection(revert_begun=50.0, reverted=51.0)
    second = injection(id="i2", acknowledged=70.0, revert_begun=80.0, reverted=81.0)
    times = timeline(injections=(first, second))
    assert verdict(bad(78, 80), times).status is VIOLATED
    assert verdict(bad(80, 90), times).status is HELD
    event = injection(id="i2", shape="event", acknowledged=70.0, revert_begun=None)
    assert verdict(bad(80, 90), timeline(injections=(first, event))).status is VIOLATED


def test_expect_replaces_the_steady_state_in_the_fault_phase_only() -> None:
    contract = {"expect": ["checkout success >= 90%", "checkout degraded <= 100%"]}
    assert verdict(bad(30, 33), **contract).status is HELD
    assert verdict(bad(40, 90, DEGRADED), **contract).status is HELD
    assert verdict(bad(40, 90, DEGRADED)).status is VIOLATED
    assert verdict(bad(97, 99), **contract).status is VIOLATED
    assert verdict(bad(97, 99, DEGRADED), **contract).status is VIOLATED


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        ({"steady_at": None}, "steady state was not reached, against 20s"),
        ({"full_strength_at": None}, "full strength was not reached, against 20s"),
        ({"steady_at": 112.0}, "steady state took 21 s, against 20s"),
    ],
)
def test_recovery_needs_steady_state_and_full_strength_in_time(times, reason) -> None:
    spans = (*SPANS[:2], Span(phase="recovery", begin=90, end=112))
    found = verdict(times=timeline(spans=spans, **times))
    assert found.status is VIOLATED
    assert found.reasons[0].startswith("recovery: recovery within 20s is violated: ")
    assert reason in found.reasons[0]


def test_an_experiment_without_faults_is_judged_by_its_phases() -> None:
    times = timeline(injections=(), revert_acknowledged=None)
    assert verdict(times=times, faults=[]).status is HELD
    assert verdict(bad(40, 45), times, faults=[]).status is VIOLATED


SURGE = {
    "locustfile": "load.py",
    "rate": "20/s",
    "surge": {"to": "90/s", "after": "5s", "for": "9s"},
}


def surged(times: Timeline, rows: list[Row] = GOOD, **claims: Any) -> Verdict:
    return judge(
        experiment(load=SURGE, **claims), times, build(rows), system="shop", runtime="fake",
        started_at="", version="0", entrance="client -> gateway",
    )  # fmt: skip


def test_a_surge_is_trouble_to_the_entrance() -> None:
    times = timeline(injections=(), revert_acknowledged=None)
    found = surged(times, faults=[])
    assert found.reasons == (
        "all 13 gates held; no fault was asked for; "
        "the surge to 90/s, from 5s to 14s of the fault phase was sent",
    )
    cell = {"point": "client -> gateway", "trouble": "exhausted", "status": "held"}
    assert [c.model_dump(mode="json") for c in found.coverage] == [cell]
    beside = surged(timeline())
    assert [c.point for c in beside.coverage] == ["cache", "client -> gateway"]


def test_a_surge_while_no_fault_was_open_is_not_judged_and_so_not_held() -> None:
    late = injection(acknowledged=50.0, evidence=((51.0, Evidence(listed=True, felt=True)),))
    found = surged(timeline(injections=(late,)))
    assert found.status is INCONCLUSIVE
    assert "the surge was not judged, because no fault was open" in found.reasons[0]
    assert [c.point for c in found.coverage] == ["cache"]


def test_without_a_span_of_its_own_hold_is_as_long_as_it_asks() -> None:
    whole = (*SPANS[:2], Span(phase="recovery", begin=90, end=106))
    assert verdict(times=timeline(spans=whole)).status is HELD
    assert verdict(bad(97, 100), timeline(spans=whole)).status is VIOLATED
    cut = (*SPANS[:2], Span(phase="recovery", begin=90, end=100))
    assert verdict(times=timeline(spans=cut)).status is INCONCLUSIVE


# -- violated, inconclusive, held ---------------------------------------------------------------


@pytest.mark.parametrize("kind", ["violated", "abort"])
def test_a_run_stopped_for_harm_is_violated(kind: str) -> None:
    found = verdict(times=timeline(stop_kind=kind, stopped="checkout success was 12 %"))
    assert found.status is VIOLATED
    assert "checkout success was 12 %" in found.reasons[0]


AGAINST = {"expect": ["checkout failed vs baseline <= +0.5pt"]}


def test_harm_proven_in_a_part_of_the_phase_decides_also_at_its_end() -> None:
    # 6 s of 60 s in one bucket: its interval alone would not settle it.
    found = verdict(bad(60, 66), **AGAINST)
    assert found.status is VIOLATED
    assert "harm is proven after 3" in found.reasons[0]
    assert verdict(**AGAINST).status is HELD


def test_a_short_burst_beyond_the_margin_is_neither_held_nor_proven() -> None:
    found = verdict(bad(60, 61), **AGAINST)
    assert found.status is INCONCLUSIVE
    assert "its interval holds the bound; about" in found.reasons[0]


def test_a_violated_gate_beats_a_phase_that_is_missing() -> None:
    times = timeline(spans=SPANS[:3])
    assert verdict(bad(30, 90), times).status is VIOLATED


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"spans": SPANS[:3]}, "the hold after recovery was not completed"),
        ({"spans": (*SPANS[:3], Span(phase="hold", begin=96))}, "the hold after recovery"),
        ({"injections": (injection(revert_begun=None, reverted=None),)}, "the fault phase was not"),
        ({"injections": ()}, "only 0 of 1 faults were injected"),
        ({"revert_acknowledged": None}, "nothing says that the faults were reverted"),
    ],
)
def test_a_missing_phase_is_inconclusive(changes, reason) -> None:
    found = verdict(times=timeline(**changes))
    assert found.status is INCONCLUSIVE
    assert any(reason in r for r in found.reasons)


def test_one_inconclusive_gate_is_enough() -> None:
    found = verdict(expect=["checkout success >= 99%", "browse p95 < 1s"])
    assert found.status is INCONCLUSIVE
    assert found.reasons == (
        "fault: browse p95 < 1s is inconclusive: no data: no request was planned",
    )


def test_not_restored_is_said_and_beats_every_exit_code() -> None:
    found = verdict(times=timeline(restored=False, differences=("cache-1: stopped",)))
    assert (found.status, found.exit_code) == (HELD, 4)
    assert found.reasons[-1] == "the system was not restored: cache-1: stopped"


DEATHS: tuple[Callable[[], Timeline], ...] = (
    lambda: Timeline(run="r", experiment="e"),
    lambda: Timeline(run="r", experiment="e", spans=(Span(phase="baseline", begin=0),)),
    lambda: timeline(spans=SPANS[:1], injections=(), revert_acknowledged=None, steady_at=None),
    lambda: timeline(
        spans=(SPANS[0], Span(phase="fault", begin=30)), steady_at=None, full_strength_at=None,
        injections=(injection(acknowledged=None, revert_begun=None, reverted=None, evidence=()),),
        revert_acknowledged=None,
    ),
    lambda: timeline(spans=(*SPANS[:2], Span(phase="recovery", begin=90)), steady_at=None),
)  # fmt: skip


@pytest.mark.parametrize("death", DEATHS)
@pytest.mark.parametrize("rows", [[], GOOD], ids=["no samples", "samples"])
def test_a_run_that_died_early_still_has_a_verdict_and_no_pass(death, rows) -> None:
    found = judged(build(rows), death(), experiment())
    assert found.status is INCONCLUSIVE
    assert found.reasons


def test_no_samples_is_never_a_pass() -> None:
    assert judged(Samples.empty(), timeline(), experiment()).status is INCONCLUSIVE


@pytest.mark.parametrize(("since", "status"), [(76.5, VIOLATED), (80.0, HELD)])
def test_an_abort_condition_that_is_true_at_the_end_is_told(since: float, status: Status) -> None:
    """All hangs until its timeout: what began in the last 3 s is known after the phase only."""
    hanging = [(t, s, FAILED, 3.0) if since <= t < 90 else (t, s, o, lat) for t, s, o, lat in GOOD]
    claims = {
        "expect": ["checkout success >= 1%"],
        "abort_when": ["checkout success < 50% for 13s"],
    }
    found = verdict(hanging, **claims)
    assert found.status is status
    told = [gate.reason for gate in found.gates if gate.reason.startswith("abort condition")]
    assert told == ["abort condition is true: checkout success < 50% for 13s"] * (
        status is VIOLATED
    )


# -- laws ---------------------------------------------------------------------------------------

ORDER = {VIOLATED: 0, INCONCLUSIVE: 1, HELD: 2}


@settings(max_examples=25)
@given(st.sets(st.integers(1200, 4399), max_size=60), st.sets(st.integers(1200, 4399), max_size=20))
def test_more_failures_after_the_baseline_never_better_a_verdict(first, second) -> None:
    def failing(chosen: set[int]) -> list[Row]:
        return [(t, s, FAILED if i in chosen else o, lat) for i, (t, s, o, lat) in enumerate(GOOD)]

    fewer, more = verdict(failing(first)), verdict(failing(first | second))
    assert ORDER[more.status] <= ORDER[fewer.status]


@settings(max_examples=25)
@given(st.sets(st.integers(1200, 3599), max_size=80), st.sets(st.integers(1200, 3599), max_size=20))
def test_more_failures_never_better_a_verdict_of_comparisons(first, second) -> None:
    def failing(chosen: set[int]) -> list[Row]:
        return [(t, s, FAILED if i in chosen else o, lat) for i, (t, s, o, lat) in enumerate(GOOD)]

    against = {"expect": [*AGAINST["expect"], "checkout p95 vs baseline <= x1.5"]}
    fewer, more = (verdict(failing(x), **against) for x in (first, first | second))
    assert ORDER[more.status] <= ORDER[fewer.status]


@settings(max_examples=10)
@given(st.text("abcxyz", min_size=1), st.integers(0, 400))
def test_the_name_of_a_request_does_not_change_a_verdict_of_comparisons(name, length) -> None:
    rows = bad(40, 40 + length / 100)
    claims = ("{} success >= 99%", "{} failed vs baseline <= +0.5pt")

    def named(series: str) -> Verdict:
        steady_state, expect = ([text.format(series)] for text in claims)
        renamed = [(t, series, o, lat) for t, _, o, lat in rows]
        return verdict(renamed, steady_state=steady_state, expect=expect)

    one, other = named("checkout"), named(name)
    assert (one.status, one.impact) == (other.status, other.impact)
    assert [g.status for g in one.gates] == [g.status for g in other.gates]


@settings(max_examples=10)
@given(st.permutations(range(3)))
def test_the_order_of_worker_files_does_not_change_a_verdict(order) -> None:
    rows = [(t, "browse" if n % 5 else "checkout", *r) for n, (t, _, *r) in enumerate(bad(30, 31))]
    workers = [build(rows[0::3]), build(rows[1::3], ("browse", "checkout")), build(rows[2::3])]
    one = judged(workers[0].merge(*workers[1:]), timeline(), experiment())
    workers = [workers[place] for place in order]
    assert judged(workers[0].merge(*workers[1:]), timeline(), experiment()) == one
