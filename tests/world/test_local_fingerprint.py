"""The fingerprint under a real supervisord: what a fault could leave is a difference, by name."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import requests

from chaoskit.ports import NodeState
from chaoskit.run.fingerprint import differences
from chaoskit.world import kernel
from chaoskit.world.local import LocalWorld
from tests.local_stage import LocalStage
from tests.stage import DIRECT, eventually, lacking

pytestmark = pytest.mark.local
LINK, PROXY = "app -> cache", "app-cache1"
POINTS = ["node1", LINK]


def ask(made: LocalStage, method: str, path: str, **content: Any) -> None:
    answer = requests.request(
        method, f"{made.api}/proxies/{PROXY}{path}", json=content, timeout=5, proxies=DIRECT
    )
    answer.raise_for_status()


def reach(state: NodeState) -> Callable[[LocalStage, LocalWorld], None]:
    return lambda made, world: world.node("node1").reach(state, grace=0)


def priority(made: LocalStage, value: int) -> None:
    os.setpriority(os.PRIO_PROCESS, made.outer("node1"), value)


Deed = Callable[[LocalStage, LocalWorld], object]
LEFT: dict[str, tuple[Deed, Deed, str]] = {
    "frozen": (
        reach(NodeState.FROZEN),
        reach(NodeState.RUNNING),
        "node1 state: was running, is frozen",
    ),
    "toxic left": (
        lambda made, world: ask(made, "POST", "/toxics", name="left", type="latency"),
        lambda made, world: ask(made, "DELETE", "/toxics/left"),
        f"{LINK} {PROXY} toxics: was none, is ",
    ),
    "proxy disabled": (
        lambda made, world: ask(made, "POST", "", enabled=False),
        lambda made, world: ask(made, "POST", "", enabled=True),
        f"{LINK} {PROXY} enabled: was True, is False",
    ),
}


@pytest.fixture
def world(made: LocalStage) -> Any:
    made.redis("node1")
    made.link(LINK, PROXY, 24001)
    made.start()
    with made.world() as found:
        eventually(lambda: found.node("node1").facts().state is NodeState.RUNNING)
        yield found


@pytest.mark.parametrize(("hurt", "heal", "told"), LEFT.values(), ids=LEFT.keys())
def test_what_a_fault_could_leave_is_one_difference_and_gone_once_undone(
    made: LocalStage, world: LocalWorld, hurt: Deed, heal: Deed, told: str
) -> None:
    before = world.fingerprint(POINTS)
    hurt(made, world)
    (found,) = differences(before, world.fingerprint(POINTS))
    assert told in found
    heal(made, world)
    assert differences(before, world.fingerprint(POINTS)) == []


def test_a_node_that_is_down_is_named(world: LocalWorld) -> None:
    before = world.fingerprint(["node1"])
    world.node("node1").reach(NodeState.KILLED)
    found = differences(before, world.fingerprint(["node1"]))
    assert "node1 state: was running, is stopped" in found
    assert not [line for line in found if "kernel" in line]


def test_a_limit_that_is_left_is_named(made: LocalStage, world: LocalWorld) -> None:
    """Nobody may raise a priority again but root: it is lowered, which anybody may."""
    before = world.fingerprint(["node1"])
    was = os.getpriority(os.PRIO_PROCESS, made.outer("node1"))
    priority(made, was + 1)
    assert differences(before, world.fingerprint(["node1"])) == [
        f"node1 limits nice: was {was}, is {was + 1}"
    ]


def test_another_address_is_a_difference(made: LocalStage, world: LocalWorld) -> None:
    before = world.fingerprint(["node1"])
    moved = dict(made.description(), addresses={"node1": "127.0.0.9"})
    other = LocalWorld(moved, world.group, world.server)
    assert differences(before, other.fingerprint(["node1"])) == [
        f"node1 address: was {made.address}, is 127.0.0.9"
    ]


def test_what_changes_by_nature_does_not_count(world: LocalWorld) -> None:
    before, first = world.fingerprint(["node1"]), world.node("node1").facts()
    world.node("node1").restart()
    assert world.node("node1").facts().incarnation != first.incarnation
    assert differences(before, world.fingerprint(["node1"])) == []


def test_a_rule_on_the_nodes_address_is_named(made: LocalStage, world: LocalWorld) -> None:
    if os.geteuid() or kernel.readable():
        lacking("reading and setting rules needs root, nsenter, iptables and tc")
    # To an address that only this stage has: nobody else on this machine is hurt by it.
    rule = ("OUTPUT", "-d", f"{made.address}/32", "-p", "tcp", "--dport", "9", "-j", "DROP")
    before = world.fingerprint(["node1"])
    subprocess.run(["iptables", "-w", "-A", *rule], check=True)
    try:
        found = differences(before, world.fingerprint(["node1"]))
    finally:
        subprocess.run(["iptables", "-w", "-D", *rule], check=True)
    (told,) = [line for line in found if made.address in line]
    assert told.startswith("this machine kernel filter rules: was ")
    after = differences(before, world.fingerprint(["node1"]))
    assert not [line for line in after if made.address in line]
