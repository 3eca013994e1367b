"""Deaths of single parts, on the fake world: who dies, what hangs, what is recreated meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from chaoskit.errors import ChaoskitError, Fenced
from chaoskit.ports import NodeState
from chaoskit.run import processes
from chaoskit.run.calls import ThreadCalls
from chaoskit.run.claim import claim
from chaoskit.run.history import first, outstanding
from chaoskit.run.journal import Journal, read_records
from chaoskit.run.revert import revert_outstanding
from chaoskit.run.watchdog import CLAIM_PATIENCE, OVERRUN, REVERT_PATIENCE, Watchdog
from chaoskit.world.fake import HANG, FakeClock, FakeWorld
from tests.crash.cases import POINTS, Case
from tests.crash.sweep import closed
from tests.run.scene import Scene, experiment, kill, latency


def records(folder: Path) -> list[dict[str, Any]]:
    return read_records(folder / "journal.jsonl")


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Calls in threads of their own, so that one may hang."""
    clock = FakeClock(breath=0.002)
    made = Scene(tmp_path, clock=clock, calls=ThreadCalls(clock))
    made.plan_for = experiment(faults=[kill("web1")])
    yield made
    made.world.release()
    for thread in threading.enumerate():
        if thread.name.startswith(("kill", "revert", "evidence")):
            thread.join(10)


# --- the runner hangs ---------------------------------------------------------------------------


def test_a_runner_woken_after_the_watchdog_put_back_may_only_report(scene: Scene) -> None:
    """It hangs in the undo past the deadline; the watchdog is faster; then the call returns."""
    before = scene.world.fingerprint(POINTS)
    watching = FakeWorld.on_disk(scene.folder / "world.json")
    woken = Watch(scene, watching)
    # The injection has made its call by then: the next one is the undo of it.
    scene.clock.at(30, lambda: scene.world.fail_next("reach", HANG))
    scene.clock.at(80, woken.look_and_release)
    scene.run()
    assert woken.put_back, "the watchdog did not take over"
    assert isinstance(scene.error, Fenced)
    told = records(scene.folder)
    fence = next(n for n, r in enumerate(told) if r["kind"] == "fenced")
    assert {r["writer"] for r in told[fence:]} == {"watchdog"}
    assert scene.world.fingerprint(POINTS) == before
    assert outstanding(told) == []


class Watch:
    """The watchdog's looks, made by hand at one moment of the fake clock."""

    def __init__(self, scene: Scene, world: FakeWorld) -> None:
        self.scene, self.world, self.put_back = scene, world, False

    def look_and_release(self) -> None:
        watchdog = Watchdog(self.scene.folder, self.world, FakeClock(self.scene.clock.now()), -1)
        self.put_back = watchdog.look()
        self.scene.world.release()


def test_what_a_woken_runner_wanted_to_inject_next_is_never_injected(tmp_path: Path) -> None:
    """Hung in the deed of the first fault; fenced; the second fault of the plan never happens."""
    clock = FakeClock(breath=0.002)
    scene = Scene(tmp_path, clock=clock, calls=ThreadCalls(clock))
    late = latency("web -> cache") | {"after": "20s"}
    scene.plan_for = experiment(
        faults=[kill("web1") | {"lasts": "5s"}, late],
        phases={"baseline": "20s", "fault": "60s", "recovery": {"within": "20s", "hold": "10s"}},
    )
    before = scene.world.fingerprint(POINTS)
    woken = Watch(scene, FakeWorld.on_disk(tmp_path / "world.json"))
    scene.world.fail_next("reach", HANG)
    scene.clock.at(34, woken.look_and_release)
    scene.run()
    assert woken.put_back
    assert isinstance(scene.error, Fenced)
    assert scene.world.fingerprint(POINTS) == before
    told = records(tmp_path)
    assert [r["fault"] for r in told if r["kind"] == "injecting"] == ["kill"]
    assert not [call for call in scene.world.calls if call.startswith("impose")]


def test_a_runner_is_left_alone_until_it_is_overdue(tmp_path: Path) -> None:
    case = Case(tmp_path, "kill")
    case.prepare()
    case.hold_open()
    deadline = first(case.records(), "injecting")["deadline"]  # type: ignore[index]
    for late, overdue in ((OVERRUN - 0.1, False), (OVERRUN + 0.1, True)):
        watchdog = Watchdog(case.run, case.world(), FakeClock(deadline + late), -1)
        assert watchdog.look() is overdue


# --- the watchdog -------------------------------------------------------------------------------


def test_the_watchdog_killed_first_ends_the_run_and_everything_is_put_back(scene: Scene) -> None:
    before = scene.world.fingerprint(POINTS)

    def killed() -> None:
        scene.watch.here = False

    scene.clock.at(30, killed)
    timeline = scene.run()
    assert isinstance(scene.error, ChaoskitError)
    assert "the watchdog is gone" in str(scene.error)
    assert timeline.restored
    assert scene.world.fingerprint(POINTS) == before
    (injection,) = timeline.injections
    assert injection.reverted is not None
    assert injection.reverted < 1000 + 33


def test_a_watchdog_that_is_gone_before_the_fault_phase_lets_nothing_be_injected(
    scene: Scene,
) -> None:
    scene.watch.here = False
    timeline = scene.run()
    assert timeline.injections == ()
    assert [call for call in scene.world.calls if call.startswith("reach")] == []
    assert isinstance(scene.error, ChaoskitError)


def test_a_load_that_will_not_end_does_not_hold_the_undo_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The load's end waits for the undo here: were it awaited first, neither would come."""
    case = Case(tmp_path, "kill")
    case.prepare()
    case.hold_open()
    journal = Journal(case.run, FakeClock(), "runner")
    journal.append("process", what="load", pid=1, started="never")
    undone, waited = threading.Event(), []
    world = case.world()
    world.on_call = lambda step: undone.set() if step == "after start web1" else None
    monkeypatch.setattr(processes, "end", lambda *_, **__: waited.append(undone.wait(20)))
    assert Watchdog(case.run, world, FakeClock(2000.0), closed()).watch()
    assert waited == [True]


def test_after_a_clean_end_it_neither_writes_nor_calls(tmp_path: Path) -> None:
    case = Case(tmp_path, "kill")
    case.prepare()
    case.hold_open()
    journal = Journal(case.run, FakeClock(), "runner")
    case.world().node("web1").reach("running")  # type: ignore[arg-type]
    journal.append("reverted", id=first(case.records(), "injecting")["id"], by="runner")  # type: ignore[index]
    journal.append("end", restored=True, differences=[])
    written, world = journal.path.read_bytes(), case.world()
    assert Watchdog(case.run, world, FakeClock(2000.0), closed()).watch()
    assert journal.path.read_bytes() == written
    assert world.calls == []


# --- `chaoskit revert` ---------------------------------------------------------------------------


def held(tmp_path: Path) -> tuple[Case, Any]:
    """A run whose fault is in force, and how its world was before."""
    case = Case(tmp_path, "kill")
    case.prepare()
    before = case.world().fingerprint(POINTS)
    case.hold_open()
    return case, before


def ends(case: Case) -> list[str]:
    return [r["writer"] for r in case.records() if r["kind"] == "end"]


def test_a_revert_that_dies_once_it_has_fenced_leaves_it_to_the_watchdog(tmp_path: Path) -> None:
    case, before = held(tmp_path)
    Journal(case.run, FakeClock(1500.0), "revert").fence("chaoskit revert was called")
    clock = FakeClock(2000.0)
    assert Watchdog(case.run, case.world(), clock, closed()).watch()
    assert clock.now() < 2000.0 + CLAIM_PATIENCE, "nobody was at it, so nobody was to be waited for"
    assert case.wrong(before) == ""
    assert ends(case) == ["watchdog"]


def test_it_does_not_wait_for_the_runner_to_notice_that_it_was_fenced_off(tmp_path: Path) -> None:
    case, before = held(tmp_path)
    clock = FakeClock(1001.0)
    watchdog = Watchdog(case.run, case.world(), clock, -1)
    assert not watchdog.look()
    Journal(case.run, clock, "revert").fence("chaoskit revert was called")
    assert watchdog.look()
    assert case.wrong(before) == ""
    assert not watchdog.look()


def test_a_revert_that_hangs_is_given_its_time_and_then_passed(tmp_path: Path) -> None:
    case, before = held(tmp_path)
    clock = FakeClock(2000.0)
    with claim(case.run, clock, "chaoskit revert", 0):
        Journal(case.run, clock, "revert").fence("chaoskit revert was called")
        assert Watchdog(case.run, case.world(), clock, closed()).watch()
    assert 2000.0 + REVERT_PATIENCE <= clock.now() < 2000.0 + REVERT_PATIENCE + 5
    assert case.wrong(before) == ""


def test_a_revert_that_ends_its_work_is_not_disturbed(tmp_path: Path) -> None:
    case, before = held(tmp_path)
    clock = FakeClock(2000.0)
    journal = Journal(case.run, clock, "revert")
    with ExitStack() as reverting:
        reverting.enter_context(claim(case.run, clock, "chaoskit revert", 0))
        journal.fence("chaoskit revert was called")

        def put_back() -> None:
            revert_outstanding(journal, case.world(), FakeClock(2005.0))
            journal.append("end", restored=True, differences=[])
            reverting.close()

        clock.at(5, put_back)
        assert Watchdog(case.run, case.world(), clock, closed()).watch()
    assert {r["by"] for r in case.records() if r["kind"] == "reverted"} == {"revert"}
    assert ends(case) == ["revert"]
    assert case.wrong(before) == ""


def test_what_the_runner_lands_after_a_revert_was_done_is_put_back_by_the_watchdog(
    tmp_path: Path,
) -> None:
    case, before = held(tmp_path)
    case.play_revert()
    assert case.wrong(before) == ""
    assert ends(case) == ["revert"]
    case.world().node("web1").reach(NodeState.KILLED)
    assert case.play_watchdog(closed())
    assert case.wrong(before) == ""


# --- the target ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["kill", "pause", "stop"])
def test_a_node_recreated_in_the_middle_ends_as_it_was(tmp_path: Path, fault: str) -> None:
    scene = Scene(tmp_path)
    use = {"name": fault, "selection": {"node": "web1"}}
    scene.plan_for = experiment(faults=[use])
    before = scene.world.fingerprint(POINTS)
    scene.clock.at(35, lambda: scene.world.recreate("web1"))
    timeline = scene.run()
    assert timeline.restored
    assert scene.world.fingerprint(POINTS) == before
    (injection,) = timeline.injections
    assert not injection.proven, "it was not in force any more, and must not count as proven"


def test_a_node_that_is_taken_away_in_the_middle_is_named_and_not_restored(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.plan_for = experiment(faults=[kill("web1")])
    scene.clock.at(35, lambda: scene.world.remove("web1"))
    timeline = scene.run()
    assert not timeline.restored
    assert scene.verdict().exit_code == 4
    assert "web1" in " ".join(timeline.differences)


@pytest.mark.parametrize("fault", ["latency", "cut"])
def test_a_proxy_that_forgets_in_the_middle_ends_as_it_was(tmp_path: Path, fault: str) -> None:
    scene = Scene(tmp_path)
    rest = {"arguments": {"delay": "80ms"}} if fault == "latency" else {}
    scene.plan_for = experiment(
        faults=[{"name": fault, "selection": {"link": "web -> cache"}, **rest}]
    )
    before = scene.world.fingerprint(POINTS)
    scene.clock.at(35, lambda: scene.world.forget("web-cache1"))
    timeline = scene.run()
    assert timeline.restored
    assert scene.world.fingerprint(POINTS) == before
    (injection,) = timeline.injections
    assert not injection.proven
