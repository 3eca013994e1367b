"""The fake world itself: planned failures, restart policies, other processes, time and load."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chaoskit.errors import InvalidInput, LoadError, NotOurs, TargetError
from chaoskit.faults import find
from chaoskit.model.samples import RECORD, Outcome
from chaoskit.model.system import System
from chaoskit.model.timeline import LoadFacts
from chaoskit.ports import Answer, Load, NodeState, Probe
from chaoskit.world import open_world
from chaoskit.world.fake import HANG, FakeClock, FakeLoad, FakeProbe, FakeWorld

CUT = {"kind": "cut"}


def a_world(**more: Any) -> FakeWorld:
    tiers = {"web": ["web1", "web2"], "cache": ["cache1"]}
    return FakeWorld("shop", tiers, {"web -> cache": ["web-cache1", "web-cache2"]}, **more)


def test_it_can_be_made_from_a_system() -> None:
    system = System.model_validate(
        {
            "system": "shop",
            "entry": {"url": "http://127.0.0.1:1"},
            "tiers": {"web": {"layer": "application", "nodes": ["web1"]}},
            "links": {"client -> web": {"proxies": ["client-web"]}},
        }
    )
    world = FakeWorld.of(system)
    assert set(world.nodes()) == {"web1"}
    assert world.link("client -> web").observe("x", CUT).carriers == ("client-web",)


def test_a_planned_failure_happens_once_and_changes_nothing() -> None:
    world = a_world()
    world.fail_next("reach", TargetError("the engine is gone"))
    with pytest.raises(TargetError, match="engine is gone"):
        world.node("web1").reach(NodeState.KILLED)
    assert world.node("web1").facts().state is NodeState.RUNNING
    world.node("web1").reach(NodeState.KILLED)
    assert world.node("web1").facts().state is NodeState.KILLED


def test_a_call_that_hangs_lands_late() -> None:
    world = a_world()
    world.fail_next("reach", HANG)
    call = threading.Thread(target=world.node("web1").reach, args=(NodeState.FROZEN,))
    call.start()
    call.join(0.05)
    assert call.is_alive()
    assert world.node("web1").facts().state is NodeState.RUNNING
    world.release()
    call.join(5)
    assert world.node("web1").facts().state is NodeState.FROZEN


def test_closing_lets_hanging_calls_go() -> None:
    world = a_world()
    world.fail_next("survey", HANG)
    call = threading.Thread(target=world.link("web -> cache").survey)
    call.start()
    while "survey web -> cache" not in world.calls:
        os.sched_yield()
    call.join(0.05)
    world.close()
    call.join(5)
    assert not call.is_alive()


def test_calls_and_steps_are_told() -> None:
    clock = FakeClock()
    world = a_world(clock=clock)
    steps: list[str] = []
    world.on_call = steps.append
    world.node("web1").reach(NodeState.KILLED)
    assert world.calls == ["reach web1 killed"]
    assert steps == [
        "before disarm web1",
        "after disarm web1",
        "before kill web1",
        "after kill web1",
    ]
    assert world.moments == [(clock.now(), "disarm web1"), (clock.now(), "kill web1")]


def test_a_crash_is_answered_by_the_restart_policy_unless_it_was_disarmed() -> None:
    world = a_world()
    world.crash("web1")
    seen = world.node("web1").facts()
    assert (seen.state, seen.restarts, seen.incarnation) == (NodeState.RUNNING, 1, "2")
    world.on_call = _raise_after("disarm")
    with pytest.raises(RuntimeError):
        world.node("web1").reach(NodeState.KILLED)
    world.crash("web1")
    assert world.node("web1").facts().state is NodeState.KILLED


def test_a_crash_asked_for_is_one_step_and_leaves_the_policy_armed() -> None:
    world = a_world()
    steps: list[str] = []
    world.on_call = steps.append
    world.node("web1").crash()
    assert (world.calls, steps) == (["crash web1"], ["before crash web1", "after crash web1"])
    seen = world.node("web1").facts()
    assert (seen.state, seen.restarts, seen.incarnation) == (NodeState.RUNNING, 1, "2")
    world.without_policy("web1")
    world.node("web1").crash()
    seen = world.node("web1").facts()
    assert (seen.state, seen.exit_code, seen.incarnation) == (NodeState.KILLED, 137, "2")


def _raise_after(step: str) -> Callable[[str], None]:
    def tell(told: str) -> None:
        if told.startswith(f"after {step}"):
            raise RuntimeError(told)

    return tell


def test_a_node_somebody_removes_is_not_ours_any_more() -> None:
    world = a_world()
    node = world.node("web1")
    world.remove("web1")
    with pytest.raises(NotOurs):
        world.node("web1")
    with pytest.raises(NotOurs):
        node.reach(NodeState.RUNNING)


def test_pings_and_programs_can_be_set() -> None:
    world = a_world()
    node = world.node("web1")
    assert node.answers() is True
    world.ping("web1", False)
    assert node.answers() is False
    world.ping("web1", None)
    assert node.answers() is None
    world.program("web1", lambda command: (3, " ".join(command)))
    assert node.execute(("say", "hello")) == (3, "say hello")


def test_a_cut_refuses_the_clients_and_a_reset_makes_them_come_again() -> None:
    world = a_world()
    world.traffic("web -> cache", 2)
    link = world.link("web -> cache")
    first = link.observe("x", CUT)
    assert first.connections == len(set(first.sessions)) == 4
    link.impose("x", CUT)
    assert link.observe("x", CUT).connections == 0
    link.lift("x", CUT, link.survey() | {"web-cache1": {"enabled": True}})
    reset = {"kind": "reset", "burst": 1.0}
    before = link.observe("y", reset)
    link.impose("y", reset)
    after = link.observe("y", reset)
    assert after.connections == before.connections
    assert not set(after.sessions) & set(before.sessions)


def test_one_endpoint_of_a_link() -> None:
    link = a_world().link("web -> cache/cache2")
    assert link.observe("x", CUT).carriers == ("web-cache2",)
    with pytest.raises(NotOurs, match="cache9"):
        a_world().link("web -> cache/cache9")


def test_a_world_in_memory_cannot_be_opened_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="path"):
        open_world(a_world().describe())
    with pytest.raises(InvalidInput, match=r"gone\.json"):
        FakeWorld.on_disk(tmp_path / "gone.json")
    with pytest.raises(InvalidInput, match="docker, fake"):
        open_world({"runtime": "abacus"})


@pytest.mark.parametrize("step", ["before disarm", "after disarm", "before kill", "after kill"])
def test_another_process_can_undo_what_a_killed_one_left(tmp_path: Path, step: str) -> None:
    world = a_world(path=tmp_path / "world.json")
    before = world.fingerprint(["web1"])
    kind = find("kill")
    undo = kind.spec().plan(world.node("web1"), world, "i-1")  # type: ignore[call-arg]
    child = os.fork()
    if child == 0:
        mine = FakeWorld.on_disk(tmp_path / "world.json")
        mine.on_call = lambda told: (
            os.kill(os.getpid(), signal.SIGKILL) if told.startswith(step) else None
        )
        kind.spec.inject(undo, mine)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    kind.spec.revert(undo, open_world(world.describe()))
    assert world.fingerprint(["web1"]) == before


def test_two_processes_never_lose_each_others_changes(tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    world = a_world(path=path)
    child = os.fork()
    if child == 0:
        other = FakeWorld.on_disk(path)
        for _ in range(50):
            other.crash("web1")
        os._exit(0)
    for _ in range(50):
        world.crash("web2")
    assert os.waitpid(child, 0)[1] == 0
    assert [world.node(name).facts().restarts for name in ("web1", "web2")] == [50, 50]


def test_the_clock_moves_only_by_sleeping_and_keeps_the_order_of_events() -> None:
    clock, seen = FakeClock(start=100.0), []
    clock.at(5, lambda: seen.append(("five", clock.now())))
    clock.at(2, lambda: clock.at(3, lambda: seen.append(("three", clock.now()))))
    assert clock.now() == 100.0
    clock.sleep(4)
    assert seen == [("three", 103.0)]
    clock.sleep(4)
    assert seen == [("three", 103.0), ("five", 105.0)]
    assert clock.now() == 108.0
    assert clock.wall() == "2026-01-01T00:00:08.000Z"


def test_load_makes_the_same_samples_every_time(tmp_path: Path) -> None:
    clock = FakeClock(start=0.0)

    def answer(t: float, series: str) -> tuple[float, Outcome, int]:
        return (0.5, Outcome.FAILED, 500) if t >= 1 else (0.1, Outcome.OK, 200)

    load = FakeLoad(clock, rate=4, series={"browse": 3, "checkout": 1}, answer=answer)
    load.start(tmp_path, begin=0.0)
    clock.sleep(1.25)
    first, names = load.read()
    assert names == ("browse", "checkout")
    assert [row[2] for row in RECORD.iter_unpack(first)] == [0, 0, 0, 1]
    load.stop()
    rest, _ = load.read()
    rows = list(RECORD.iter_unpack(rest))
    assert [(row[0], row[3]) for row in rows] == [(1.0, 3 << 14 | 500), (1.25, 3 << 14 | 500)]
    assert load.facts() == LoadFacts(planned=6, sent=6)
    assert (tmp_path / "worker-0.bin").read_bytes() == first + rest
    clock.sleep(10)
    assert load.read()[0] == b""


def test_load_can_look_at_the_world_it_asks(tmp_path: Path) -> None:
    clock = FakeClock(start=0.0)
    world = a_world(clock=clock)
    clock.at(2, lambda: world.node("cache1").reach(NodeState.KILLED))

    def answer(t: float, series: str) -> tuple[float, Outcome, int]:
        up = world.node("cache1").facts().state is NodeState.RUNNING
        return 0.01, Outcome.OK if up else Outcome.DEGRADED, 200

    load = FakeLoad(clock, rate=10, answer=answer)
    load.start(tmp_path, begin=0.0)
    codes = []
    for _ in range(40):
        clock.sleep(0.1)
        codes += [row[3] >> 14 for row in RECORD.iter_unpack(load.read()[0])]
    assert set(codes[:18]) == {Outcome.OK}
    assert set(codes[-18:]) == {Outcome.DEGRADED}


def test_load_can_die(tmp_path: Path) -> None:
    load = FakeLoad(FakeClock(), rate=10)
    load.prepare(tmp_path)
    assert load.read()[0] == b""
    load.start(tmp_path, begin=1000.0)
    load.check()
    load.fail("ModuleNotFoundError: no module named 'shop_client'")
    with pytest.raises(LoadError, match="shop_client"):
        load.check()


def test_load_and_probe_are_what_the_ports_say() -> None:
    load: Load = FakeLoad(FakeClock(), rate=1)
    probe: Probe = FakeProbe("strength", lambda: Answer(False, (), "cache2 is not linked"))
    assert load.facts().planned == 0
    assert probe.ask().detail == "cache2 is not linked"
