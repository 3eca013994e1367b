"""Answers that take their time: what is in flight is neither good nor bad yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaoskit.model.samples import Outcome
from chaoskit.model.verdict import Status
from tests.run.scene import Scene, experiment

LOAD = {"locustfile": "load.py", "rate": "60/s", "timeout": "5s"}


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
