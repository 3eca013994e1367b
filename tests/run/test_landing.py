"""An injection that is still on its way when the run ends: the last record must be true of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaoskit.errors import Interrupted, NotRestored
from chaoskit.model.timeline import Timeline
from chaoskit.run.calls import ThreadCalls
from chaoskit.run.injections import LANDING
from chaoskit.run.unwind import NOT_BACK
from chaoskit.world.fake import HANG, FakeClock
from tests.run.scene import Scene, experiment

STOPPED_AT = 30.0
PHASES = {"baseline": "20s", "fault": "60s", "recovery": {"within": "20s", "hold": "10s"}}
FAULTS = ("kill", "stop", "latency", "crash")


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Calls in threads of their own; stopped some seconds after the fault phase has begun."""
    clock = FakeClock(breath=0.002)
    made = Scene(tmp_path, clock=clock, calls=ThreadCalls(clock))
    made.clock.at(STOPPED_AT, lambda: made.stop.request("interrupted", "stopped by SIGINT"))
    yield made
    made.world.release()
    for thread in threading.enumerate():
        if thread.name.startswith(FAULTS):
            thread.join(10)


def use(name: str, **arguments: Any) -> dict[str, Any]:
    selection = {"link": "web -> cache"} if name == "latency" else {"node": "cache1"}
    return {"name": name, "selection": selection, "arguments": arguments}


def records(scene: Scene) -> list[dict[str, Any]]:
    lines = (scene.folder / "journal.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def run_and_let_land(scene: Scene, call: str, after: float) -> Timeline:
    """The deed's `call` hangs from the begin of the fault phase until `after` s from the stop."""
    scene.world.fail_next(call, HANG)
    scene.clock.at(STOPPED_AT + after, scene.world.release)
    return scene.run()


def points(scene: Scene) -> Any:
    return scene.world.fingerprint(["cache1", "web -> cache"])


@pytest.mark.parametrize(
    ("fault", "call", "step"),
    [
        (use("kill"), "reach", "kill cache1"),
        (use("latency", delay="80ms"), "impose", "impose web-cache1"),
        (use("crash"), "crash", "crash cache1"),
    ],
    ids=["kill", "latency", "crash"],
)
def test_what_lands_after_the_first_undo_is_undone_before_the_last_record(
    scene: Scene, fault: dict[str, Any], call: str, step: str
) -> None:
    before = points(scene)
    scene.world.without_policy("cache1")
    scene.plan_for = experiment(faults=[fault], phases=PHASES)
    timeline = run_and_let_land(scene, call, after=5.0)
    landed = next(t for t, what in scene.world.moments if what == step)
    undone = [r["t"] for r in records(scene) if r["kind"] == "reverted"]
    assert undone[0] < landed < undone[-1]
    (end,) = [r["t"] for r in records(scene) if r["kind"] == "end"]
    assert end >= undone[-1]
    assert timeline.restored
    assert isinstance(scene.error, Interrupted)
    assert points(scene) == before
    assert scene.verdict().exit_code == 130


def test_what_never_comes_back_is_named_and_not_restored(scene: Scene) -> None:
    scene.plan_for = experiment(faults=[use("kill")], phases=PHASES)
    timeline = run_and_let_land(scene, "reach", after=10_000.0)
    (injection,) = timeline.injections
    assert injection.outstanding
    assert injection.stuck == NOT_BACK
    assert not timeline.restored
    assert timeline.differences == (f"kill on cache1 was not put back: {NOT_BACK}",)
    assert isinstance(scene.error, NotRestored)
    assert "chaoskit revert" in str(scene.error)
    assert scene.verdict().exit_code == 4
    end = records(scene)[-1]
    assert injection.begun is not None
    assert LANDING <= end["t"] - injection.begun < LANDING + 5


def test_a_polite_stop_is_waited_for_as_long_as_it_may_take(scene: Scene) -> None:
    scene.plan_for = experiment(faults=[use("stop", grace="40s")], phases=PHASES)
    timeline = run_and_let_land(scene, "reach", after=LANDING)
    assert timeline.restored
    assert scene.states["cache1"] == "running"


def test_nobody_waits_where_nothing_is_under_way(scene: Scene) -> None:
    timeline = scene.run()
    (injection,) = timeline.injections
    assert injection.reverted is not None
    assert records(scene)[-1]["t"] - injection.reverted < 2
    assert [r["kind"] for r in records(scene)].count("reverted") == 1
