"""A stop goes on in the engine though whoever asked for it is gone, and lands within its grace."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chaoskit.errors import Interrupted, TargetError
from chaoskit.ports import Json, NodeState
from chaoskit.run.calls import ThreadCalls
from chaoskit.run.history import outstanding, read_timeline
from chaoskit.run.journal import NAME, Journal, read_records
from chaoskit.run.lengths import WARMUP
from chaoskit.run.revert import LANDS_WITHIN
from chaoskit.run.reverting import Worlds, revert_run
from chaoskit.run.watchdog import OVERRUN, REVERT_PATIENCE, Watchdog
from chaoskit.world.by_hand import by_hand
from chaoskit.world.fake import HANG, FakeClock, FakeWorld
from tests.crash.sweep import closed
from tests.run.leftovers import POINTS, announce, fake_world, leave
from tests.run.scene import Scene, experiment

GRACE = 10.0  # of `stop`, where none is given
BEGUN = 1000.0
PutBack = Callable[[Path, FakeWorld, FakeClock], bool]


def by_watchdog(folder: Path, world: FakeWorld, clock: FakeClock) -> bool:
    pipe = closed()
    try:
        return Watchdog(folder, world, clock, pipe).watch()
    finally:
        os.close(pipe)


def by_revert(folder: Path, world: FakeWorld, clock: FakeClock) -> bool:
    return revert_run(folder, Worlds(lambda description: world, by_hand), clock).clear


BOTH = pytest.mark.parametrize("put_back", [by_watchdog, by_revert])


@pytest.fixture
def world(tmp_path: Path, clock: FakeClock) -> FakeWorld:
    made = fake_world(tmp_path / "world.json")
    made.clock = clock
    return made


def asked(tmp_path: Path, world: FakeWorld, clock: FakeClock, name: str, **more: float) -> Path:
    """A run whose runner has announced a fault of web1 and asked for it, and no more is known."""
    folder = leave(tmp_path / "run", world, clock)
    announce(Journal(folder, clock), world, clock, name, "web1", **more)
    return folder


def records(folder: Path) -> list[dict[str, Any]]:
    return read_records(folder / NAME)


def moments(world: FakeWorld, step: str) -> list[float]:
    return [t for t, what in world.moments if what == step]


def stop(world: FakeWorld) -> None:
    world.node("web1").reach(NodeState.STOPPED)


@BOTH
@pytest.mark.parametrize("lands", [0.5, 4.0, GRACE, GRACE + LANDS_WITHIN - 1.0])
def test_a_stop_that_lands_when_its_runner_is_long_dead_is_put_back_at_once(
    tmp_path: Path, world: FakeWorld, clock: FakeClock, before: Json, put_back: PutBack,
    lands: float,
) -> None:  # fmt: skip
    folder = asked(tmp_path, world, clock, "0-stop")
    clock.at(lands, lambda: stop(world))
    assert put_back(folder, world, clock)
    assert world.fingerprint(POINTS) == before
    (down,), (up,) = moments(world, "stop web1"), moments(world, "start web1")
    assert up - down <= 1.0
    (end,) = (r for r in records(folder) if r["kind"] == "end")
    assert end["restored"]
    assert end["t"] >= BEGUN + GRACE + LANDS_WITHIN


@BOTH
def test_until_it_cannot_land_any_more_it_is_left(
    tmp_path: Path, world: FakeWorld, clock: FakeClock, put_back: PutBack
) -> None:
    folder = asked(tmp_path, world, clock, "0-stop")
    left: list[str] = []
    clock.at(GRACE, lambda: left.extend(i.fault for i in outstanding(records(folder))))
    assert put_back(folder, world, clock)
    assert left == ["stop"], "whoever dies now must leave it to the next"
    assert outstanding(records(folder)) == []


def test_what_a_revert_started_again_was_not_gone_already(
    tmp_path: Path, world: FakeWorld, clock: FakeClock
) -> None:
    folder = asked(tmp_path, world, clock, "0-stop")
    clock.at(5.0, lambda: stop(world))
    (line,) = revert_run(folder, Worlds(lambda description: world, by_hand), clock).lines
    assert line.result == "put back"


@BOTH
@pytest.mark.parametrize("late", [0.0, GRACE + LANDS_WITHIN, -500.0])
def test_nobody_waits_where_nothing_can_land_any_more(
    tmp_path: Path, world: FakeWorld, clock: FakeClock, put_back: PutBack, late: float
) -> None:
    """No grace; or it is over; or the machine, and with it the clock, has begun anew since."""
    folder = asked(tmp_path, world, clock, "0-stop" if late else "0-kill")
    now = FakeClock(BEGUN + late)
    assert put_back(folder, world, now)
    assert now.now() - (BEGUN + late) < 2.0


@BOTH
def test_nobody_waits_where_the_deed_came_back(
    tmp_path: Path, world: FakeWorld, clock: FakeClock, before: Json, put_back: PutBack
) -> None:
    folder = leave(tmp_path / "run", world, clock, ("stop", "web1"))
    assert put_back(folder, world, clock)
    assert clock.now() - BEGUN < 2.0
    assert world.fingerprint(POINTS) == before


def test_a_stop_whose_call_failed_is_put_back_when_it_lands_all_the_same(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    use = {"name": "stop", "selection": {"node": "web1"}}
    scene.plan_for = experiment(faults=[use])
    before = scene.world.fingerprint(["web1"])
    scene.clock.at(15, lambda: scene.world.fail_next("reach", TargetError("no answer in 20s")))
    scene.clock.at(29, lambda: stop(scene.world))
    timeline = scene.run()
    (injection,) = timeline.injections
    assert injection.begun is not None
    assert injection.begun < BEGUN + 29 < injection.begun + GRACE, "it lands while it may"
    assert not isinstance(scene.error, Interrupted)
    assert "no answer in 20s" in str(scene.error)
    assert timeline.restored
    assert scene.world.fingerprint(["web1"]) == before
    (down,), (up,) = moments(scene.world, "stop web1"), moments(scene.world, "start web1")
    assert up - down <= 1.0


# --- a deed that takes its time ------------------------------------------------------------------


def run_with(tmp_path: Path, use: Json, fault: str, takes: float) -> Scene:
    """A run whose injection comes back `takes` seconds after it was asked for."""
    clock = FakeClock(breath=0.002)
    scene = Scene(tmp_path, clock=clock, calls=ThreadCalls(clock))
    phases = {"baseline": "20s", "fault": fault, "recovery": {"within": "20s", "hold": "10s"}}
    scene.plan_for = experiment(faults=[use | {"selection": {"node": "web1"}}], phases=phases)
    scene.world.fail_next("reach", HANG)
    clock.at(WARMUP + 20.0 + takes, scene.world.release)
    scene.run()
    return scene


@pytest.mark.parametrize(("fault", "takes"), [("30s", 64.0), ("90s", 55.0)])
def test_a_stop_may_take_all_of_its_grace(tmp_path: Path, fault: str, takes: float) -> None:
    """Longer than the fault phase, and within it: neither is an engine that hangs."""
    scene = run_with(tmp_path, {"name": "stop", "arguments": {"grace": "60s"}}, fault, takes)
    (injection,) = read_timeline(tmp_path).injections
    assert scene.error is None
    assert injection.acknowledged is not None
    assert injection.begun is not None
    assert injection.acknowledged - injection.begun > takes - 5.0
    assert injection.reverted is not None
    assert [r["kind"] for r in records(tmp_path)].count("stuck") == 0


def test_a_deed_that_does_not_come_back_in_time_is_named(tmp_path: Path) -> None:
    run_with(tmp_path, {"name": "kill"}, "10s", 43.0)
    (stopped,) = (r for r in records(tmp_path) if r["kind"] == "stopped")
    assert stopped["reason"].startswith("kill on web1: no answer in time")


# --- a runner that is on time ---------------------------------------------------------------------


def look(folder: Path, world: FakeWorld, now: float) -> bool:
    """Whether the watchdog takes over at `now`."""
    return Watchdog(folder, world, FakeClock(now), -1).look()


def test_a_runner_whose_stop_takes_longer_than_the_fault_lasts_is_on_time(
    tmp_path: Path, world: FakeWorld, clock: FakeClock
) -> None:
    folder = asked(tmp_path, world, clock, "0-stop", lasts=3.0)
    back = BEGUN + GRACE + 1.0
    assert not look(folder, world, back)
    clock.sleep(back - BEGUN)
    stop(world)
    Journal(folder, clock).append("injected", id="0-stop")
    assert not look(folder, world, back + 2.0), "it is looked at before it is put back"
    assert look(folder, world, back + 2.0 + OVERRUN + 0.1)
    assert world.node("web1").facts().state is NodeState.RUNNING


def test_a_runner_that_hangs_in_a_stop_is_overdue_once_it_cannot_land_any_more(
    tmp_path: Path, world: FakeWorld, clock: FakeClock
) -> None:
    folder = asked(tmp_path, world, clock, "0-stop", lasts=3.0)
    assert look(folder, world, BEGUN + GRACE + LANDS_WITHIN + OVERRUN + 0.1)


def test_a_runner_that_waits_for_a_stop_to_land_is_on_time(
    tmp_path: Path, world: FakeWorld, clock: FakeClock
) -> None:
    folder = asked(tmp_path, world, clock, "0-stop", lasts=3.0)
    Journal(folder, clock).append("reverting", id="0-stop", by="runner")
    last = BEGUN + GRACE + LANDS_WITHIN
    assert not look(folder, world, last + REVERT_PATIENCE - 0.1)
    assert look(folder, world, last + REVERT_PATIENCE + 0.1)


def test_a_runner_that_has_a_stop_under_way_is_on_time_with_what_waits_for_it(
    tmp_path: Path, world: FakeWorld, clock: FakeClock
) -> None:
    folder = asked(tmp_path, world, clock, "0-stop", lasts=3.0)
    undo = {
        "node": "web2",
        "injection": "1-kill",
        "grace": 0.0,
        "was": "running",
        "wanted": "killed",
    }
    other = Journal(folder, clock)
    other.append(
        "injecting", id="1-kill", fault="kill", point="web2", trouble="unavailable", shape="held",
        undo=undo, deadline=BEGUN + 3.0,
    )  # fmt: skip
    other.append("injected", id="1-kill")
    assert not look(folder, world, BEGUN + GRACE + LANDS_WITHIN)
    assert look(folder, world, BEGUN + GRACE + LANDS_WITHIN + OVERRUN + 0.1)
