"""What makes a run worth nothing as evidence, with and without a violated gate."""

from __future__ import annotations

from typing import Any

import pytest
from judge_build import GOOD, SPANS, bad, build, experiment, injection, timeline, verdict

from chaoskit.judge.verdict import judge
from chaoskit.judge.writes import Attempt, Copy, History
from chaoskit.model.evidence import Evidence
from chaoskit.model.timeline import LoadFacts
from chaoskit.model.verdict import Status, Verdict

HELD, VIOLATED, INCONCLUSIVE = Status

UNPROVEN = Evidence(listed=True, carried=False)
WORTHLESS: dict[str, tuple[dict[str, Any], str]] = {
    "halted": ({"stop_kind": "halted", "stopped": "chaoskit halt"}, "halted: chaoskit halt"),
    "interrupted": ({"stop_kind": "interrupted", "stopped": "SIGINT"}, "interrupted: SIGINT"),
    "failed": ({"stop_kind": "failed", "stopped": "engine down"}, "failure: engine down"),
    "unfit": ({"stop_kind": "unfit", "stopped": "not steady"}, "baseline unfit: not steady"),
    "no look": ({"injections": (injection(evidence=()),)}, "kill at cache-1 (i1) was not proven"),
    "nothing crosses": (
        {"injections": (injection(evidence=((31.0, UNPROVEN),)),)},
        "listed, but carried: no, felt: not measured",
    ),
    "vanished": (
        {"injections": (injection(evidence=(
            (31.0, Evidence(listed=True, felt=True)), (60.0, Evidence(listed=False)),
        )),)},
        "not listed in 1 of 2 looks",
    ),
    "lost": (
        {"injections": (injection(
            lost=61.0, lost_because="web1 was started anew", last_listed=60.0,
        ),), "stop_kind": "lost", "stopped": "web1 was started anew"},
        "(i1) was lost: web1 was started anew (it was seen in force from 1.2 s to 30.2 s of the "
        "fault phase, and judged no further)",
    ),
    "saturated": (
        {"load": LoadFacts(planned=100, sent=60, unsent=40, saturated=True)},
        "saturated (40 of 100 arrivals unsent)",
    ),
    "killed": (
        {"load": LoadFacts(doubts=("the load's last samples are missing: it was killed",))},
        "the load's last samples are missing: it was killed",
    ),
    "late": ({"load": LoadFacts(lateness_p99=0.031)}, "p99 31 ms against at most 30 ms"),
    "no baseline": ({"spans": SPANS[1:]}, "the baseline phase was not completed"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "reason"), WORTHLESS.values(), ids=WORTHLESS.keys())
@pytest.mark.parametrize("rows", [GOOD, bad(30, 90)], ids=["good", "violated"])
def test_a_run_that_is_worth_nothing_is_inconclusive_whatever_else(changes, reason, rows) -> None:
    found = verdict(rows, timeline(**changes))
    assert found.status is INCONCLUSIVE
    assert reason in found.reasons[0]
    violated = any(g.status is VIOLATED for g in found.gates)
    assert violated == any("would otherwise be violated" in r for r in found.reasons)


def test_a_broken_baseline_decides_before_a_violated_fault_phase() -> None:
    found = verdict(bad(0, 90))
    assert found.status is INCONCLUSIVE
    assert found.reasons[0].startswith("baseline unfit: checkout success >= 99% is violated")
    assert "checkout success was 0 % against >= 99%" in found.reasons[0]


def test_a_baseline_with_too_few_samples_is_unfit_too() -> None:
    found = verdict([r for r in GOOD if r[0] > 29])
    assert found.status is INCONCLUSIVE
    assert "too few samples: 39 of 300" in found.reasons[0]


def test_lateness_is_measured_against_the_smallest_latency_claimed() -> None:
    late = timeline(load=LoadFacts(lateness_p99=0.031))
    assert verdict(times=late, steady_state=["checkout p95 < 400ms"]).status is HELD
    assert verdict(times=late, steady_state=["checkout success >= 99%"]).status is HELD
    later = timeline(load=LoadFacts(lateness_p99=0.051))
    assert verdict(times=later, steady_state=["checkout success >= 99%"]).status is INCONCLUSIVE


STALLED = LoadFacts(lateness_p99=0.9, lateness_p95=0.001)


def test_a_stall_of_the_generator_with_fast_answers_hid_nothing() -> None:
    assert verdict(times=timeline(load=STALLED)).status is HELD


def test_a_stall_of_the_generator_may_be_why_a_gate_is_violated() -> None:
    found = verdict(bad(30, 90), timeline(load=STALLED))
    assert found.status is INCONCLUSIVE
    assert found.reasons[0].startswith(
        "the load generator stalled for a moment: lateness p99 900 ms"
    )
    assert "would otherwise be violated" in found.reasons[1]


def test_a_short_stall_is_why_answers_are_slow_and_never_why_they_fail() -> None:
    times = timeline(load=LoadFacts(lateness_p99=0.2, lateness_p95=0.001))
    assert verdict(bad(30, 90), times).status is VIOLATED
    slow = [(t, s, o, 2.0 if 30 <= t < 90 else lat) for t, s, o, lat in GOOD]
    assert verdict(slow, times).status is INCONCLUSIVE


def test_questions_that_nobody_could_ask_are_not_why_a_gate_is_violated() -> None:
    assert verdict(bad(30, 90), timeline(unasked=9)).status is VIOLATED


def test_a_generator_that_is_late_all_along_is_worth_nothing() -> None:
    found = verdict(times=timeline(load=LoadFacts(lateness_p99=0.9, lateness_p95=0.06)))
    assert found.status is INCONCLUSIVE
    assert "the load generator was late: p95 60 ms against at most" in found.reasons[0]


SATURATED = LoadFacts(planned=100, sent=60, unsent=40, saturated=True)
LATE = LoadFacts(lateness_p99=0.9, lateness_p95=0.06)


@pytest.mark.parametrize(("load", "said"), [
    (STALLED, ""), (LATE, "the load generator was late"),
    (SATURATED, "the load generator was saturated"),
], ids=["stalled", "late", "saturated"])  # fmt: skip
def test_a_lost_write_is_lost_whatever_the_load_was(load: LoadFacts, said: str) -> None:
    claims = experiment(data_safety={"ledger": "orders"})
    written = [Attempt(f"o{n}", 40.0 + n, "ok", 40.1 + n) for n in range(40)]

    def found(entries: int, **times: Any) -> Verdict:
        copy = Copy("database1", tuple(a.id for a in written[:entries]))
        return judge(
            claims, timeline(load=load, **times), build(bad(30, 90)), system="shop",
            runtime="fake", started_at="", version="0",
            writes=History("orders", written, [copy]),
        )  # fmt: skip

    lost = found(39)
    assert lost.status is VIOLATED
    assert "1 write lost" in lost.reasons[0]
    assert [r.startswith(said) for r in lost.reasons if "generator" in r] == [True] * bool(said)
    assert found(40).status is INCONCLUSIVE
    cut = found(39, stop_kind="halted", stopped="by hand")
    assert cut.status is INCONCLUSIVE
    assert any("would otherwise be violated: recovery: no ack" in r for r in cut.reasons)
