"""An observer that is silent, raises or hangs: it tells nothing, and decides nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaoskit.errors import TargetError
from chaoskit.model.verdict import Status
from chaoskit.ports import Answer, NodeState
from chaoskit.run.feed import stored_samples
from chaoskit.run.journal import read_records
from tests.run.asked import STEADY, Asked, asked_scene, gate_of, system
from tests.run.scene import experiment

SILENT = Answer(False, (), "Prometheus does not answer", known=False)


@pytest.fixture
def scene(tmp_path: Path) -> Asked:
    return asked_scene(tmp_path)


def test_a_probe_that_raises_told_nothing(scene: Asked) -> None:
    def says() -> Answer:
        raise TargetError("the engine is gone")

    scene.says = says
    timeline = scene.run()
    assert timeline.stop_kind == "unfit"
    assert "lag success >= 90%: no data: probe 'lag' gave none" in (timeline.stopped or "")


def silent_from(scene: Asked, first: float, last: float, answer: Answer) -> None:
    """`lag` tells nothing from `first` to `last`, in seconds of the run, and `answer` otherwise."""
    begun = scene.clock.now()
    scene.says = lambda: SILENT if first <= scene.clock.now() - begun < last else answer


def during_the_fault(scene: Asked, otherwise: Answer) -> None:
    def says() -> Answer:
        up = scene.world.node("cache1").facts().state == NodeState.RUNNING
        return otherwise if up else SILENT

    scene.says = says


@pytest.mark.parametrize("claim", ["lag outage <= 5s", "lag success >= 90%"])
def test_an_observer_that_is_silent_while_the_fault_is_open_ends_nothing(
    scene: Asked, claim: str
) -> None:
    during_the_fault(scene, Answer(True))
    scene.plan_for = experiment(
        steady_state=["browse success >= 99%", claim], abort_when=["lag outage > 3s"]
    )
    timeline = scene.run()
    assert timeline.stop_kind is None
    assert gate_of(scene, "baseline", claim).status == Status.HELD
    found = gate_of(scene, "fault", claim)
    assert found.status == Status.INCONCLUSIVE
    assert "gave no" in found.reason
    verdict = scene.verdict()
    assert verdict.status == Status.INCONCLUSIVE
    assert found.reason in verdict.reasons[0]
    records = read_records(scene.folder / "journal.jsonl")
    assert next(r["counts"] for r in records if r["kind"] == "unknown") == {"lag": 120}
    told = [(r["ok"], r.get("known", True)) for r in records if r["kind"] == "probe"]
    assert told == [(False, False), (True, True)]


def test_what_must_not_happen_is_not_shown_by_an_observer_that_is_silent(scene: Asked) -> None:
    claim = "lag success <= 0%"
    during_the_fault(scene, Answer(False, (), "no alert"))
    scene.plan_for = experiment(steady_state=["browse success >= 99%", claim])
    scene.run()
    assert gate_of(scene, "fault", claim).status == Status.INCONCLUSIVE
    assert scene.verdict().status == Status.INCONCLUSIVE


def test_a_recovery_that_an_observer_keeps_silent_about_is_open(scene: Asked) -> None:
    hit = False

    def says() -> Answer:
        nonlocal hit
        hit |= scene.world.node("cache1").facts().state != NodeState.RUNNING
        return SILENT if hit else Answer(True)

    scene.says = says
    scene.plan_for = experiment(steady_state=STEADY, expect=["browse success >= 99%"])
    timeline = scene.run()
    assert timeline.steady_at is None
    (recovery,) = (g for g in scene.verdict().gates if g.metric == "recovery")
    assert recovery.status == Status.INCONCLUSIVE
    assert recovery.reason.startswith("80 looks of probe 'lag' gave no data: steady state was not")


def test_a_silent_moment_that_could_not_decide_changes_nothing(scene: Asked) -> None:
    silent_from(scene, 30, 31, Answer(True))
    scene.run()
    assert gate_of(scene, "fault", "lag success >= 90%").samples < 120
    assert scene.verdict().status == Status.HELD


def test_an_observer_that_hangs_told_nothing(scene: Asked) -> None:
    def says() -> Answer:
        scene.clock.sleep(1.5)
        return Answer(True)

    scene.says = says
    second_hand = {"state": {"node": "web1"}, "every": "250ms", "timeout": "1s"}
    scene.system = system(lag=second_hand)
    scene.plan_for = experiment(
        steady_state=["browse success >= 99%"], abort_when=["lag p95 > 60s for 60s"]
    )
    scene.run()
    assert not len(stored_samples(scene.folder).of("lag"))
