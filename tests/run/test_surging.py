"""A surge of traffic: it belongs to the fault phase, and what judges the phase reckons with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chaoskit.model.experiment import Experiment
from chaoskit.model.samples import Outcome
from chaoskit.model.timeline import PhaseName, Timeline
from chaoskit.model.verdict import Status
from chaoskit.run.feed import stored_samples
from chaoskit.run.journal import NAME, read_records
from chaoskit.run.plan import Plan
from chaoskit.world.fake import FakeLoad
from tests.run.scene import Scene, experiment

SURGE = {"to": "180/s", "after": "5s", "for": "10s"}


def surging(**changes: Any) -> Experiment:
    load = {"locustfile": "load.py", "rate": "60/s", "timeout": "1s", "surge": SURGE}
    return experiment(load=load, faults=[], **changes)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(tmp_path, plan_for=surging())
    made.load = FakeLoad(made.clock, 60, {"browse": 1}, made.answer, surge=made.plan_for.load.surge)
    return made


def lasted(timeline: Timeline, phase: PhaseName) -> tuple[float, float]:
    span = timeline.span(phase)
    assert span is not None
    assert span.end is not None
    return span.begin, span.end


def counted(scene: Scene, begin: float, end: float) -> int:
    start = stored_samples(scene.folder).start
    return int(np.count_nonzero((start >= begin) & (start < end)))


def test_a_surge_lies_in_the_fault_phase_and_nowhere_else(scene: Scene) -> None:
    timeline = scene.run()
    assert scene.verdict().status is Status.HELD
    (origin, over), hold = lasted(timeline, "fault"), lasted(timeline, "hold")
    assert counted(scene, origin - 10, origin) == pytest.approx(600, abs=8)
    assert counted(scene, origin, over) == pytest.approx(60 * 20 + 180 * 10, abs=20)
    assert counted(scene, origin + 6, origin + 14) == pytest.approx(8 * 180, abs=2)
    assert counted(scene, *hold) == pytest.approx(60 * 10, abs=8)


def test_a_budget_is_not_spent_while_the_surge_may_still_save_it(scene: Scene) -> None:
    # 216 failed: more than a tenth of 1800 arrivals, less than a tenth of the 3000 with the surge.
    scene.plan_for = surging(expect=["browse success >= 90%", "failed <= 10%"])

    def answer(t: float, series: str) -> tuple[float, Outcome, int]:
        early = scene.clock.start + 23.6 < t < scene.clock.start + 27.2
        return (0.02, Outcome.FAILED, 503) if early else (0.02, Outcome.OK, 200)

    scene.load = FakeLoad(scene.clock, 60, {"browse": 1}, answer, surge=scene.plan_for.load.surge)
    timeline = scene.run()
    assert timeline.stop_kind is None
    assert scene.verdict().status is Status.HELD


def test_a_violation_ends_the_surge_with_its_phase(scene: Scene) -> None:
    def answer(t: float, series: str) -> tuple[float, Outcome, int]:
        return (0.02, Outcome.FAILED, 503) if overrun(scene, t) else (0.02, Outcome.OK, 200)

    scene.load = FakeLoad(scene.clock, 60, {"browse": 1}, answer, surge=scene.plan_for.load.surge)
    timeline = scene.run()
    (begin, end), hold = lasted(timeline, "fault"), lasted(timeline, "hold")
    assert timeline.stop_kind == "violated"
    assert end < begin + 12
    assert counted(scene, *hold) == pytest.approx(600, abs=8)


def overrun(scene: Scene, t: float) -> bool:
    """The shop cannot carry the surge: it fails while that lasts."""
    records = [r for r in read_records(scene.folder / NAME) if r.get("phase") == "fault"]
    begun = next((r["t"] for r in records if r["event"] == "begun"), None)
    ended = next((r["t"] for r in records if r["event"] == "ended"), None)
    return begun is not None and t > begun + 5 and (ended is None or t < ended)


def test_a_quick_run_scales_the_surge_with_its_phase(scene: Scene) -> None:
    plan = scene.plan(quick=True)
    surge = plan.experiment.load.surge
    assert surge is not None
    share = plan.experiment.phases.fault / 30
    assert (surge.after, surge.lasts) == pytest.approx((5 * share, 10 * share))
    assert surge.to == 180


def test_a_plan_with_a_surge_survives_its_file(scene: Scene) -> None:
    plan = scene.plan()
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
