"""Answers that take their time: what is in flight is neither good nor bad yet."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from chaoskit.model.samples import Outcome
from chaoskit.model.timeline import Timeline
from chaoskit.model.verdict import Status
from tests.run.scene import Scene, experiment

LOAD = {"locustfile": "load.py", "rate": "60/s", "timeout": "5s"}
OK = Outcome.OK, 200


class SlowSuccesses(Scene):
    """While the master is down `quick` of ten requests fail at once, the others succeed late."""

    quick = 1
    asked = 0

    def answer(self, t: float, series: str) -> tuple[float, Outcome, int]:
        self.asked += 1
        if self.states["cache1"] != "running":
            quick = self.asked % 10 < self.quick
            return (0.001, Outcome.FAILED, 503) if quick else (1.5, Outcome.OK, 200)
        return 0.02, Outcome.OK, 200


@pytest.fixture
def scene(tmp_path: Path) -> SlowSuccesses:
    return SlowSuccesses(tmp_path)


def test_quick_failures_do_not_abort_what_mostly_succeeds(scene: SlowSuccesses) -> None:
    scene.plan_for = experiment(
        load=LOAD, expect=["browse success >= 80%"], abort_when=["browse success < 50%"]
    )
    timeline = scene.run()
    assert timeline.stop_kind is None
    assert scene.verdict().status is Status.HELD


@pytest.mark.parametrize(("quick", "aborts"), [(10, True), (9, True), (6, True), (5, False)])
def test_what_is_bad_whatever_is_in_flight_aborts_at_once(
    scene: SlowSuccesses, quick: int, aborts: bool
) -> None:
    scene.quick = quick
    scene.plan_for = experiment(
        load=LOAD, expect=["browse success >= 1%"], abort_when=["browse success <= 45%"]
    )
    timeline = scene.run()
    assert (timeline.stop_kind == "abort") is aborts
    (injection,) = timeline.injections
    assert injection.acknowledged is not None
    assert injection.revert_begun is not None
    open_for = injection.revert_begun - injection.acknowledged
    assert open_for < 2 if aborts else open_for > 25


def phases(timeline: Timeline) -> dict[str, tuple[float, float]]:
    return {span.phase: (span.begin, span.end or 0.0) for span in timeline.spans}


def test_the_baseline_is_judged_once_it_is_answered(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.load._answer = lambda t, series: (2.0, Outcome.OK, 200)
    scene.plan_for = experiment(load=LOAD, steady_state=["browse rate >= 56/s"])
    timeline = scene.run()
    assert timeline.stop_kind is None
    found = phases(timeline)
    begin, end = found["baseline"]
    assert end - begin == pytest.approx(20, abs=0.2)
    assert found["fault"][0] - end == pytest.approx(2, abs=0.3)
    assert scene.verdict().status is Status.HELD, scene.verdict().reasons


def test_quick_answers_cost_no_time_before_the_fault(tmp_path: Path) -> None:
    found = phases(Scene(tmp_path).run())
    assert found["fault"][0] - found["baseline"][1] == pytest.approx(0.2)


def test_a_hang_at_the_end_of_the_baseline_is_seen_before_the_fault(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    broken = scene.clock.start + 15.0

    def answer(t: float, series: str) -> tuple[float, Outcome, int]:
        return (5.0, Outcome.FAILED, 0) if t >= broken else (0.02, Outcome.OK, 200)

    scene.load._answer = answer
    scene.plan_for = experiment(load=LOAD, steady_state=["browse success >= 99%"])
    timeline = scene.run()
    assert timeline.injections == ()
    assert timeline.stop_kind == "unfit"


def test_nobody_waits_longer_than_the_timeout_for_the_baseline(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.load._answer = lambda t, series: (0.02 if t < scene.clock.start + 15 else 60, *OK)
    scene.plan_for = experiment(load=LOAD)
    found = phases(scene.run())
    assert 5 < found["fault"][0] - found["baseline"][1] < 6.5


SLOW = {"locustfile": "load.py", "rate": "60/s", "timeout": "30s"}


def slow(scene: Scene) -> Scene:
    """An endpoint that takes six seconds as usual, and may take thirty."""
    scene.load._answer = lambda t, series: (6.0, *OK)
    scene.plan_for = experiment(load=SLOW, steady_state=["browse success >= 99%"])
    return scene


def test_what_is_under_way_at_the_end_of_hold_has_its_time(tmp_path: Path) -> None:
    scene = slow(Scene(tmp_path))
    scene.run()
    assert scene.verdict().status is Status.HELD, scene.verdict().reasons


def test_a_run_that_is_stopped_does_not_wait_for_the_last_answers(tmp_path: Path) -> None:
    graces = []
    for folder, at in (("whole", None), ("halted", 40.0)):
        (tmp_path / folder).mkdir()
        scene = slow(Scene(tmp_path / folder))
        if at is not None:
            scene.clock.at(at, partial(scene.stop.request, "halted", "halted by ana"))
        end, asked = scene.load.stop, list[float]()
        scene.load.stop = lambda grace=5.0, end=end, asked=asked: (  # type: ignore[method-assign]
            asked.append(grace), end(grace)
        )[1]  # fmt: skip
        scene.run()
        graces.append(asked)
    assert graces == [[34.0, 5.0], [5.0]]
