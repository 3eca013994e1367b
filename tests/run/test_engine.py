"""The engine's course on the fake world: what it does, in which order, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chaoskit.errors import (
    Halted,
    Interrupted,
    LoadError,
    NotRestored,
    Refused,
    TargetError,
)
from chaoskit.model.samples import Outcome
from chaoskit.model.verdict import Status
from chaoskit.ports import Answer, NodeState
from tests.run.scene import Scene, experiment, kill, latency


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def kinds(scene: Scene) -> list[str]:
    lines = (scene.folder / "journal.jsonl").read_text().splitlines()
    return [json.loads(line)["kind"] for line in lines]


def all_running(scene: Scene) -> bool:
    return set(scene.states.values()) == {"running"}


def test_a_system_that_copes_is_held(scene: Scene) -> None:
    timeline = scene.run()
    assert scene.error is None
    assert [s.phase for s in timeline.spans] == ["warmup", "baseline", "fault", "recovery", "hold"]
    (injection,) = timeline.injections
    assert injection.point == "cache1"
    assert injection.proven
    assert all_running(scene)
    assert timeline.restored
    assert scene.verdict().status == Status.HELD
    assert scene.verdict().exit_code == 0


def test_the_undo_is_on_disk_before_the_deed(scene: Scene) -> None:
    seen: list[str] = []
    scene.world.on_call = lambda step: seen.append(kinds(scene)[-1])
    scene.run()
    deeds = [kind for kind, before in zip(seen, ["", *seen], strict=False) if kind != before]
    assert deeds == ["injecting", "reverting"]


def test_a_healthy_system_without_faults_is_held(scene: Scene) -> None:
    scene.plan_for = experiment(faults=[])
    scene.run()
    assert scene.verdict().status == Status.HELD


def test_a_journal_without_a_word_of_the_load_proves_nothing(scene: Scene) -> None:
    """So it ends where the runner dies while it unwinds."""
    scene.run()
    assert scene.verdict().status == Status.HELD
    journal = scene.folder / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(line for line in lines if json.loads(line)["kind"] != "load"))
    verdict = scene.verdict()
    assert verdict.status == Status.INCONCLUSIVE
    assert "does not say how the load generator fared" in verdict.reasons[0]


def test_a_spent_budget_ends_the_fault_phase_and_recovery_is_measured(scene: Scene) -> None:
    scene.hurts = True
    timeline = scene.run()
    fault = timeline.span("fault")
    assert fault is not None
    assert fault.end is not None
    assert fault.end - fault.begin < 15
    assert timeline.stop_kind == "violated"
    assert timeline.steady_at is not None
    verdict = scene.verdict()
    assert verdict.exit_code == 1
    assert any("browse success >= 99%" in reason for reason in verdict.reasons)
    assert all_running(scene)


def test_harm_proven_against_the_baseline_ends_the_fault_phase(scene: Scene) -> None:
    scene.hurts = True
    scene.plan_for = experiment(expect=["browse failed vs baseline <= +0.5pt"])
    timeline = scene.run()
    fault = timeline.span("fault")
    assert fault is not None
    assert fault.end is not None
    assert fault.end - fault.begin < 15
    assert timeline.stop_kind == "violated"
    assert "harm is proven after" in str(timeline.stopped)
    verdict = scene.verdict()
    assert verdict.exit_code == 1
    assert verdict.impact is not None
    assert verdict.impact.felt
    assert verdict.impact.depth == 1
    assert all_running(scene)


def test_no_harm_keeps_the_fault_open_to_its_end_and_the_comparison_holds(scene: Scene) -> None:
    scene.plan_for = experiment(
        expect=["browse failed vs baseline <= +0.5pt", "browse p95 vs baseline <= x1.5"]
    )
    timeline = scene.run()
    assert timeline.stop_kind is None
    verdict = scene.verdict()
    assert verdict.status is Status.HELD
    assert verdict.impact is not None
    assert not verdict.impact.felt


class Hanging(Scene):
    """Shortly before `until` every fifth answer fails, late; one of 33 while the master is down."""

    until = 0.0
    asked = 0

    def answer(self, t: float, series: str) -> tuple[float, Outcome, int]:
        self.asked += 1
        hung = self.until - 0.9 <= t < self.until
        down = self.world.node("cache1").facts().state != NodeState.RUNNING
        failed = self.asked % 5 == 0 if hung else down and self.asked % 33 == 0
        return (0.95 if hung else 0.02), Outcome.FAILED if failed else Outcome.OK, 200


def test_answers_that_come_after_the_baseline_still_belong_to_it(tmp_path: Path) -> None:
    # What failed in the baseline is known only once it is over; beside it the fault harms little.
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    first, scene = Hanging(tmp_path / "first"), Hanging(tmp_path / "second")
    usual = first.run().span("baseline")
    assert usual is not None
    assert usual.end is not None
    scene.until = usual.end
    scene.plan_for = experiment(expect=["browse failed vs baseline <= +1pt"])
    timeline = scene.run()
    assert timeline.span("baseline") == usual
    assert timeline.stop_kind is None
    assert scene.verdict().status is not Status.VIOLATED


def test_on_violation_continue_keeps_the_fault_open(scene: Scene) -> None:
    scene.hurts = True
    scene.plan_for = experiment(on_violation="continue")
    timeline = scene.run()
    fault = timeline.span("fault")
    assert fault is not None
    assert fault.end is not None
    assert fault.end - fault.begin >= 30
    assert scene.verdict().exit_code == 1


def test_abort_when_ends_the_fault_phase(scene: Scene) -> None:
    scene.hurts = True
    scene.plan_for = experiment(
        expect=["browse success >= 1%", "browse outage <= 60s"],
        abort_when=["browse success < 50% for 5s"],
    )
    timeline = scene.run()
    assert timeline.stop_kind == "abort"
    assert scene.verdict().exit_code == 1


def test_an_unfit_baseline_is_inconclusive_before_any_injection(scene: Scene) -> None:
    scene.load._answer = lambda t, series: (0.02, Outcome.FAILED, 500)
    timeline = scene.run()
    assert timeline.stop_kind == "unfit"
    assert timeline.injections == ()
    assert scene.verdict().exit_code == 3


def test_a_fault_that_nothing_crosses_is_inconclusive(scene: Scene) -> None:
    scene.world.traffic("web -> cache", 0)
    scene.plan_for = experiment(faults=[latency("web -> cache")])
    scene.run()
    verdict = scene.verdict()
    assert verdict.status == Status.INCONCLUSIVE
    assert verdict.exit_code == 3


def test_a_run_starts_only_at_full_strength(scene: Scene) -> None:
    scene.master = lambda: Answer(False, ("cache1",), "cache2 is not linked to its master")
    timeline = scene.run()
    assert isinstance(scene.error, Refused)
    assert "cache2 is not linked" in str(scene.error)
    assert timeline.injections == ()


@pytest.mark.parametrize("when", [5.0, 40.0, 60.0])
def test_an_interrupt_puts_everything_back(scene: Scene, when: float) -> None:
    scene.clock.at(when, lambda: scene.stop.request("interrupted", "stopped by SIGINT"))
    scene.run()
    assert isinstance(scene.error, Interrupted)
    assert all_running(scene)
    assert scene.verdict().exit_code == 130


def test_a_halt_stops_within_a_second_and_says_why(scene: Scene) -> None:
    state: list[str] = []
    scene.halted = lambda: state[0] if state else None
    scene.clock.at(40.0, lambda: state.append("halted by ana: outage elsewhere"))
    timeline = scene.run()
    assert isinstance(scene.error, Halted)
    assert timeline.stopped == "halted by ana: outage elsewhere"
    (injection,) = timeline.injections
    assert injection.reverted is not None
    assert injection.reverted - (scene.clock.start + 40.0) < 1.0
    assert scene.verdict().exit_code == 3


def test_a_load_that_dies_is_a_failure_and_everything_is_put_back(scene: Scene) -> None:
    scene.clock.at(40.0, lambda: scene.load.fail("load.py:3: ZeroDivisionError"))
    scene.run()
    assert isinstance(scene.error, LoadError)
    assert all_running(scene)
    assert scene.verdict().exit_code == 5


def test_an_injection_that_fails_is_a_failure_and_is_put_back(scene: Scene) -> None:
    scene.world.fail_next("reach", TargetError("the engine said 500"))
    scene.run()
    assert isinstance(scene.error, TargetError)
    assert all_running(scene)


def test_an_undo_that_fails_for_good_is_not_restored(scene: Scene) -> None:
    def refuse() -> None:
        for _ in range(10):
            scene.world.fail_next("reach", TargetError("the engine said 500"))

    scene.clock.at(40.0, refuse)
    timeline = scene.run()
    assert isinstance(scene.error, NotRestored)
    said = str(scene.error)
    assert f"put it back with: chaoskit revert {scene.folder}\nor by hand, in this order:" in said
    (injection,) = timeline.injections
    (command,) = scene.world.by_hand(injection.undo)
    assert said.endswith(f"\n  {command}")
    assert scene.verdict().exit_code == 4


def test_without_a_watchdog_nothing_is_injected(scene: Scene) -> None:
    scene.watch.here = False
    timeline = scene.run()
    assert timeline.injections == ()
    assert scene.error is not None


def test_a_recovery_that_comes_too_late_is_violated(scene: Scene) -> None:
    def master() -> Answer:
        slow = scene.clock.now() > scene.clock.start + 40
        return Answer(not slow, ("cache1",), "cache2 is not linked" if slow else "")

    scene.master = master
    timeline = scene.run()
    assert timeline.steady_at is not None
    assert timeline.full_strength_at is None
    assert scene.verdict().exit_code == 1


def test_two_faults_open_and_close_at_their_own_times(scene: Scene) -> None:
    scene.plan_for = experiment(
        faults=[
            kill("web", count=1) | {"after": "5s", "lasts": "10s"},
            latency("web -> cache") | {"after": "2s"},
        ]
    )
    timeline = scene.run()
    fault = timeline.span("fault")
    assert fault is not None
    late, early = sorted(timeline.injections, key=lambda i: i.fault)[::-1]
    assert (early.fault, late.fault) == ("kill", "latency")
    assert early.begun is not None
    assert early.revert_begun is not None
    assert early.begun - fault.begin == pytest.approx(5, abs=0.3)
    assert early.revert_begun - fault.begin == pytest.approx(15, abs=0.3)
    assert late.revert_begun is not None
    assert late.revert_begun - fault.begin == pytest.approx(30, abs=0.3)
    assert scene.verdict().status == Status.HELD


def test_two_masters_for_too_long_end_the_run_with_five(scene: Scene) -> None:
    scene.plan()  # the preview sees one master; then a second one shows up
    both = Answer(True, ("cache1", "cache2"))
    seen = [Answer(True, ("cache1",))]

    def master() -> Answer:
        return both if scene.clock.now() > scene.clock.start + 10 else seen[0]

    scene.master = master
    scene.run()
    assert isinstance(scene.error, TargetError)
    assert "cache1, cache2 all answer as master" in str(scene.error)
    assert all_running(scene)


def test_the_moments_shown_tell_phase_and_what_is_injected(scene: Scene) -> None:
    scene.run()
    fault = [m for m in scene.moments if m.phase == "fault"]
    assert any("kill cache1" in m.injected for m in fault)
    assert fault[-1].left is not None
    assert any(f.series == "browse" for f in fault[-1].figures)
