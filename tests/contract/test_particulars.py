"""What is particular to single faults: refusals, figures, evidence that cannot be had."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chaoskit.errors import InvalidInput, PlanError, TargetError
from chaoskit.faults import Undo, find
from chaoskit.ports import NodeState
from chaoskit.world.fake import FakeWorld

LINK = "web -> cache"
EVENTS = ("crash", "restart")
NODE_FAULTS = (*EVENTS, "kill", "pause", "stop")
ARGUMENTS = {"bandwidth": {"rate": "20KB/s"}, "latency": {"delay": "80ms"}}


@pytest.fixture
def world() -> FakeWorld:
    return a_world()


def a_world() -> FakeWorld:
    tiers = {"web": ["web1"], "cache": ["cache1", "cache2"]}
    return FakeWorld("shop", tiers, {LINK: ["web-cache1", "web-cache2"], "client -> web": []})


def plan(world: FakeWorld, name: str, point: str, **arguments: str) -> Undo:
    spec = find(name).spec.model_validate(ARGUMENTS.get(name, {}) | arguments)
    target = world.link(point) if "->" in point else world.node(point)
    return spec.plan(target, world, f"i-{name}")


@pytest.mark.parametrize("rate", ["0B/s", "0KB/s", "999B/s"])
def test_a_bandwidth_that_is_a_stall_is_refused_and_cut_named(rate: str) -> None:
    with pytest.raises(ValidationError, match=r"stalls the link.*use the fault 'cut'"):
        find("bandwidth").spec.model_validate({"rate": rate})


@pytest.mark.parametrize("burst", ["0s", "11s"])
def test_a_reset_is_a_moment(burst: str) -> None:
    with pytest.raises(ValidationError, match="at most 10s"):
        find("reset").spec.model_validate({"burst": burst})


@pytest.mark.parametrize("name", NODE_FAULTS)
@pytest.mark.parametrize("state", [NodeState.STOPPED, NodeState.KILLED, NodeState.FROZEN])
def test_a_node_that_does_not_run_cannot_be_hurt(
    world: FakeWorld, name: str, state: NodeState
) -> None:
    world.node("web1").reach(state)
    with pytest.raises(PlanError, match=f"node 'web1' is {state}, not running"):
        plan(world, name, "web1")


@pytest.mark.parametrize("name", ["bandwidth", "cut", "latency", "reset"])
def test_a_link_without_a_proxy_cannot_be_hurt(world: FakeWorld, name: str) -> None:
    with pytest.raises(PlanError, match="link 'client -> web' has no proxy"):
        plan(world, name, "client -> web")


def test_one_carrier_of_a_link_can_be_hurt_alone(world: FakeWorld) -> None:
    undo = plan(world, "cut", f"{LINK}/cache2")
    find("cut").spec.inject(undo, world)
    carriers = world.fingerprint([LINK])["links"][LINK]
    assert [carriers[name]["enabled"] for name in ("web-cache1", "web-cache2")] == [True, False]


def test_stop_gives_the_node_the_grace_that_was_asked_for(world: FakeWorld) -> None:
    assert plan(world, "stop", "web1")["grace"] == 10.0
    assert plan(world, "stop", "web1", grace="3s")["grace"] == 3.0
    assert plan(world, "kill", "web1")["grace"] == 0.0


@pytest.mark.parametrize("name", NODE_FAULTS)
def test_without_a_ping_nothing_is_felt_and_nothing_proven(world: FakeWorld, name: str) -> None:
    world.ping("web1", None)
    undo = plan(world, name, "web1")
    find(name).spec.inject(undo, world)
    seen = find(name).spec.active(undo, world)
    assert (seen.listed, seen.felt, seen.in_force) == (True, None, False)


@pytest.mark.parametrize(("name", "how"), [("stop", NodeState.KILLED), ("kill", NodeState.STOPPED)])
def test_a_node_that_is_down_is_held_down_however_it_ended(
    world: FakeWorld, name: str, how: NodeState
) -> None:
    """One that does not end on SIGTERM is killed after its grace; another ended just before."""
    undo = plan(world, name, "web1")
    world.node("web1").reach(how)
    seen = find(name).spec.active(undo, world)
    assert (seen.in_force, seen.facts["state"]) == (True, how)
    find(name).spec.revert(undo, world)
    assert not find(name).spec.active(undo, world).listed


@pytest.mark.parametrize("state", [NodeState.STOPPED, NodeState.KILLED])
def test_a_node_that_is_down_is_not_frozen(world: FakeWorld, state: NodeState) -> None:
    undo = plan(world, "pause", "web1")
    world.node("web1").reach(state)
    assert not find("pause").spec.active(undo, world).listed


@pytest.mark.parametrize("name", EVENTS)
def test_a_node_that_boots_for_long_is_put_back_once_it_runs(world: FakeWorld, name: str) -> None:
    undo = plan(world, name, "web1")
    find(name).spec.inject(undo, world)
    world.ping("web1", False)
    begun = time.monotonic()
    find(name).spec.revert(undo, world)
    assert time.monotonic() - begun < 5.0
    assert world.node("web1").facts().state is NodeState.RUNNING


@pytest.mark.parametrize("name", EVENTS)
def test_a_node_that_does_not_run_after_an_event_is_said(world: FakeWorld, name: str) -> None:
    undo = plan(world, name, "web1")
    find(name).spec.inject(undo, world)
    world.fail_next("reach", TargetError("node 'web1' is stopped instead of running"))
    with pytest.raises(TargetError, match="stopped instead of running"):
        find(name).spec.revert(undo, world)


def test_a_crash_without_a_policy_stays_down_until_the_revert(world: FakeWorld) -> None:
    world.without_policy("web1")
    undo = plan(world, "crash", "web1")
    find("crash").spec.inject(undo, world)
    assert world.node("web1").facts().state is NodeState.KILLED
    assert find("crash").spec.active(undo, world).in_force
    find("crash").spec.revert(undo, world)
    assert world.node("web1").facts().state is NodeState.RUNNING
    assert find("crash").spec.active(undo, world).listed


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_is_proven_by_another_start_even_while_that_is_silent(
    world: FakeWorld, name: str
) -> None:
    undo = plan(world, name, "web1")
    find(name).spec.inject(undo, world)
    for answer in (True, False):
        world.ping("web1", answer)
        seen = find(name).spec.active(undo, world)
        assert (seen.felt, seen.facts["incarnation"], seen.in_force) == (True, "2", True)


def test_a_node_that_somebody_stopped_did_not_crash(world: FakeWorld) -> None:
    undo = plan(world, "crash", "web1")
    world.node("web1").reach(NodeState.STOPPED)
    assert not find("crash").spec.active(undo, world).in_force


def test_connections_that_outlive_a_reset_disprove_it(world: FakeWorld) -> None:
    world.traffic(LINK, 2)
    undo = plan(world, "reset", LINK)
    seen = find("reset").spec.active(undo, world)
    assert (seen.listed, seen.carried) == (True, False)


def test_a_cut_is_proven_by_who_was_connected_and_is_no_more(world: FakeWorld) -> None:
    unseen = plan(world, "cut", LINK)
    world.traffic(LINK, 1)
    undo = plan(world, "cut", LINK)
    assert find("cut").spec.active(undo, world).carried is False
    find("cut").spec.inject(undo, world)
    assert find("cut").spec.active(undo, world).in_force
    # Whoever comes for the first time is kept out unseen.
    assert find("cut").spec.active(unseen, world).carried is None


def test_an_unknown_fault_is_answered_with_the_nearest() -> None:
    with pytest.raises(InvalidInput, match="did you mean 'latency'"):
        find("latencey")


@given(st.permutations(["bandwidth", "cut", "latency", "reset"]), st.integers(1, 4))
def test_whatever_lies_on_a_link_newest_first_puts_all_back(order: list[str], many: int) -> None:
    world = a_world()
    world.traffic(LINK, 2)
    before, undos = world.fingerprint([LINK]), []
    for name in order[:many]:
        undos.append((name, plan(world, name, LINK)))
        find(name).spec.inject(undos[-1][1], world)
    for name, undo in reversed(undos):
        find(name).spec.revert(undo, world)
    assert world.fingerprint([LINK]) == before
