"""What every world promises (`chaoskit/ports.py`): states, not deeds; nothing that is not ours."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chaoskit.errors import NotOurs, TargetError
from chaoskit.ports import Link, Node, NodeState
from chaoskit.world import open_world
from tests.contract.bench import Bench
from tests.stage import lacking

LATENCY = {"kind": "latency", "delay": 0.05, "jitter": 0.0}
CUT = {"kind": "cut"}
DOWN = (NodeState.STOPPED, NodeState.KILLED, NodeState.FROZEN)


@pytest.fixture
def node(bench: Bench) -> Iterator[Node]:
    """A running node; it runs and answers again afterwards."""
    found = bench.hurt_node()
    yield found
    found.reach(NodeState.RUNNING)
    assert found.answers(10.0) is True


@pytest.fixture
def link(bench: Bench) -> Iterator[Link]:
    """A link with nothing on it; nothing is on it afterwards."""
    found = bench.hurt_link()
    before = found.survey()
    yield found
    found.lift("first", LATENCY, before)
    found.lift("second", CUT, before)
    assert found.survey() == before


def soon(true: Callable[[], bool], within: float = 10.0) -> bool:
    until = time.monotonic() + within
    while not (found := true()) and time.monotonic() < until:
        time.sleep(0.1)
    return found


def test_nodes_and_links_are_what_the_ports_say(bench: Bench) -> None:
    assert isinstance(bench.hurt_node(), Node)
    assert isinstance(bench.hurt_link(), Link)
    assert bench.hurt_node().name == bench.node
    assert bench.hurt_link().name == bench.link
    assert f"{bench.hurt_link().source} -> {bench.hurt_link().target}" == bench.link


def test_it_knows_its_nodes(bench: Bench) -> None:
    nodes = bench.world.nodes()
    assert nodes[bench.node].tier == bench.hurt_node().tier
    assert all(name == node.name for name, node in nodes.items())


def test_what_is_not_ours_is_refused_by_name(bench: Bench) -> None:
    for ask in (bench.world.node, bench.world.link):
        with pytest.raises(NotOurs, match="no-such"):
            ask("no-such")
    with pytest.raises(NotOurs):
        bench.world.link("nobody -> nowhere")
    with pytest.raises(NotOurs):
        bench.world.fingerprint(["no-such"])


def test_it_opens_again_from_its_description(bench: Bench) -> None:
    description = json.loads(json.dumps(bench.world.describe()))
    assert description["runtime"] == bench.world.runtime
    other = open_world(description)
    try:
        assert other.system == bench.world.system
        assert other.fingerprint([bench.node, bench.link]) == bench.fingerprint()
        assert set(other.nodes()) == set(bench.world.nodes())
    finally:
        other.close()


def test_the_fingerprint_is_plain_json(bench: Bench) -> None:
    seen = bench.fingerprint()
    assert json.loads(json.dumps(seen)) == seen


def test_looking_changes_nothing(bench: Bench) -> None:
    before, node, link = bench.fingerprint(), bench.hurt_node(), bench.hurt_link()
    started = node.facts().incarnation
    assert node.answers(5.0) is True
    link.survey()
    link.observe("nobody", LATENCY)
    assert bench.fingerprint() == before
    assert node.facts().incarnation == started


def test_a_running_node_has_an_address_and_an_identity(node: Node) -> None:
    seen = node.facts()
    assert seen.state is NodeState.RUNNING
    assert seen.address
    assert seen.identity
    assert seen.incarnation


@pytest.mark.parametrize("state", DOWN)
def test_a_state_is_reached_twice_as_once(bench: Bench, node: Node, state: NodeState) -> None:
    before, first = bench.fingerprint(), node.facts()
    node.reach(state)
    assert node.facts().state is state
    assert node.answers(0.5) is False
    assert bench.fingerprint() != before
    node.reach(state)
    assert node.facts().state is state
    node.reach(NodeState.RUNNING)
    node.reach(NodeState.RUNNING)
    assert node.answers(10.0) is True
    assert bench.fingerprint() == before
    last = node.facts()
    assert last.identity == first.identity
    assert (last.incarnation == first.incarnation) is (state is NodeState.FROZEN)


def test_killed_says_so_by_its_exit_code(node: Node) -> None:
    node.reach(NodeState.KILLED)
    assert node.facts().exit_code == 137


@pytest.mark.parametrize("state", [NodeState.STOPPED, NodeState.KILLED])
def test_a_frozen_node_can_be_taken_down(node: Node, state: NodeState) -> None:
    node.reach(NodeState.FROZEN)
    node.reach(state, grace=1.0)
    assert node.facts().state in (NodeState.STOPPED, NodeState.KILLED)
    node.reach(NodeState.RUNNING)
    assert node.facts().state is NodeState.RUNNING


def test_nobody_can_reach_absence(bench: Bench, node: Node) -> None:
    before = bench.fingerprint()
    with pytest.raises(TargetError, match=bench.node):
        node.reach(NodeState.ABSENT)
    assert bench.fingerprint() == before


def test_a_restart_is_a_new_incarnation_of_the_same_node(bench: Bench, node: Node) -> None:
    before, first = bench.fingerprint(), node.facts()
    node.restart()
    assert node.answers(10.0) is True
    assert node.facts().incarnation != first.incarnation
    assert node.facts().identity == first.identity
    assert bench.fingerprint() == before


def test_a_crash_is_a_new_incarnation_that_nobody_asked_for(bench: Bench, node: Node) -> None:
    before, first = bench.fingerprint(), node.facts()
    node.crash()
    died = node.facts()
    assert died.incarnation != first.incarnation or died.exit_code == 137
    assert soon(lambda: bench.fingerprint() == before)  # by its restart policy alone
    assert node.answers(10.0) is True
    last = node.facts()
    assert last.identity == first.identity
    assert last.incarnation != first.incarnation


def test_a_frozen_node_can_crash(bench: Bench, node: Node) -> None:
    before, first = bench.fingerprint(), node.facts()
    node.reach(NodeState.FROZEN)
    node.crash()
    assert soon(lambda: bench.fingerprint() == before)
    assert node.facts().incarnation != first.incarnation


@pytest.mark.parametrize("state", [NodeState.STOPPED, NodeState.KILLED])
def test_what_is_down_cannot_crash(bench: Bench, node: Node, state: NodeState) -> None:
    node.reach(state)
    down = bench.fingerprint()
    with pytest.raises(TargetError, match=f"'{bench.node}'.*nothing runs"):
        node.crash()
    assert bench.fingerprint() == down


def test_commands_run_inside_a_running_node_only(bench: Bench, node: Node) -> None:
    code, _ = node.execute(("true",))
    assert code == 0
    node.reach(NodeState.STOPPED)
    with pytest.raises(TargetError, match=bench.node):
        node.execute(("true",))


def test_a_condition_is_listed_as_asked_for_and_under_its_own_name(
    bench: Bench, link: Link
) -> None:
    was = link.survey()
    with bench.traffic():  # somebody is there: no look has to wait for somebody to come
        assert not link.observe("first", LATENCY).listed
        link.impose("first", LATENCY)
        link.impose("first", LATENCY)
        assert link.observe("first", LATENCY).listed
        assert not link.observe("second", LATENCY).listed
        assert not link.observe("first", LATENCY | {"delay": 0.2}).listed
        link.lift("first", LATENCY, was)
        link.lift("first", LATENCY, was)
        assert not link.observe("first", LATENCY).listed
    assert link.survey() == was


def test_lifting_one_leaves_the_other(link: Link) -> None:
    was = link.survey()
    bandwidth = {"kind": "bandwidth", "rate": 100_000.0}
    link.impose("first", LATENCY)
    link.impose("second", bandwidth)
    link.lift("second", bandwidth, was)
    assert link.observe("first", LATENCY).listed


def test_carriers_are_named_and_can_be_chosen_one_by_one(bench: Bench, link: Link) -> None:
    carriers = link.observe("nobody", LATENCY).carriers
    assert carriers
    one = bench.world.link(f"{bench.link}/{carriers[0]}")
    assert one.observe("nobody", LATENCY).carriers == (carriers[0],)


def test_cut_lets_nothing_cross_until_it_is_lifted(bench: Bench, link: Link) -> None:
    def crossing() -> Any:
        return link.observe("second", CUT).connections

    with bench.traffic():
        was = link.survey()
        if crossing() is None:
            lacking("this machine cannot count the connections on a carrier")
        assert soon(lambda: crossing() > 0)
        link.impose("second", CUT)
        assert link.observe("second", CUT).listed
        assert soon(lambda: crossing() == 0)
        link.lift("second", CUT, was)
        assert not link.observe("second", CUT).listed
        assert soon(lambda: crossing() > 0)


def test_an_unknown_condition_is_refused(bench: Bench, link: Link) -> None:
    before = bench.fingerprint()
    with pytest.raises(TargetError, match="teleport"):
        link.impose("first", {"kind": "teleport"})
    assert bench.fingerprint() == before
