"""The fingerprint on a real engine: each thing a fault could leave is a difference, by name."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import requests

from chaoskit.ports import NodeState
from chaoskit.run.fingerprint import differences
from chaoskit.world import kernel
from tests.stage import DIRECT, Stage, lacking, stage

pytestmark = pytest.mark.docker
LINK, PROXY = "app -> cache", "app-cache1"
DROP = ("OUTPUT", "-d", "192.0.2.1", "-j", "DROP")


@pytest.fixture(scope="module")
def made() -> Any:
    with stage(proxy=True) as found:
        found.node("node1")
        found.link(LINK, PROXY, 24001, "node1:6379")
        yield found


def inside(made: Stage, *words: str) -> None:
    subprocess.run(["nsenter", f"--net=/proc/{made.pid('node1')}/ns/net", *words], check=True)


def ask(made: Stage, method: str, path: str, **content: Any) -> None:
    answer = requests.request(
        method, f"{made.api}/proxies/{PROXY}{path}", json=content, timeout=5, proxies=DIRECT
    )
    answer.raise_for_status()


def need_rules() -> None:
    if why := kernel.readable():
        lacking(why)


def leave(made: Stage) -> None:
    made.network.disconnect(made.nodes["node1"])


def join(made: Stage, alias: str) -> None:
    made.network.reload()
    if made.nodes["node1"].id in made.network.attrs["Containers"]:
        leave(made)
    made.network.connect(made.nodes["node1"], aliases=[alias])


Deed = Callable[[Stage], object]
LEFT: dict[str, tuple[Deed, Deed, str]] = {
    "state": (
        lambda made: made.nodes["node1"].pause(),
        lambda made: made.nodes["node1"].unpause(),
        "node1 state: was running, is frozen",
    ),
    "down": (
        lambda made: made.nodes["node1"].kill(),
        lambda made: made.nodes["node1"].start(),
        "node1 state: was running, is stopped",
    ),
    "restart policy": (
        lambda made: made.nodes["node1"].update(restart_policy={"Name": "no"}),
        lambda made: made.nodes["node1"].update(restart_policy={"Name": "unless-stopped"}),
        "node1 restart Name: was unless-stopped, is no",
    ),
    "limit": (
        lambda made: made.nodes["node1"].update(cpu_shares=77),
        lambda made: made.nodes["node1"].update(cpu_shares=1024),
        "node1 limits CpuShares: was 1024, is 77",
    ),
    "network": (
        leave,
        lambda made: join(made, "node1"),
        "node1 networks ",
    ),
    "aliases": (
        lambda made: join(made, "other"),
        lambda made: join(made, "node1"),
        " aliases: was node1, is ",
    ),
    "toxic left": (
        lambda made: ask(made, "POST", "/toxics", name="left", type="latency"),
        lambda made: ask(made, "DELETE", "/toxics/left"),
        f"{LINK} {PROXY} toxics: was none, is ",
    ),
    "proxy disabled": (
        lambda made: ask(made, "POST", "", enabled=False),
        lambda made: ask(made, "POST", "", enabled=True),
        f"{LINK} {PROXY} enabled: was True, is False",
    ),
    "rule left": (
        lambda made: inside(made, "iptables", "-A", *DROP),
        lambda made: inside(made, "iptables", "-D", *DROP),
        "node1 kernel filter rules: was none, is -A OUTPUT -d 192.0.2.1/32 -j DROP",
    ),
    "mangle rule left": (
        lambda made: inside(made, "iptables", "-t", "mangle", "-A", *DROP),
        lambda made: inside(made, "iptables", "-t", "mangle", "-D", *DROP),
        "node1 kernel mangle rules: was none, is -A OUTPUT -d 192.0.2.1/32 -j DROP",
    ),
    "queue left": (
        lambda made: inside(made, "tc", "qdisc", "add", "dev", "lo", "root", "pfifo"),
        lambda made: inside(made, "tc", "qdisc", "del", "dev", "lo", "root"),
        "node1 kernel qdiscs: was none, is qdisc pfifo dev lo root limit ",
    ),
}


@pytest.mark.parametrize(("hurt", "heal", "told"), LEFT.values(), ids=LEFT.keys())
def test_what_a_fault_could_leave_is_one_difference_and_gone_once_undone(
    made: Stage, hurt: Deed, heal: Deed, told: str
) -> None:
    if "kernel" in told:
        need_rules()
    if "CpuShares" in told:
        heal(made)  # what was never set reads 0, and cannot be unset
    points = ["node1", LINK]
    with made.world() as world:
        before = world.fingerprint(points)
        hurt(made)
        try:
            (found,) = differences(before, world.fingerprint(points))
            assert told in found
        finally:
            heal(made)
        assert differences(before, world.fingerprint(points)) == []


def test_what_changes_by_nature_does_not_count(made: Stage) -> None:
    with made.world() as world:
        before, first = world.fingerprint(["node1"]), world.node("node1").facts()
        world.node("node1").restart()
        now = world.node("node1").facts()
        assert now.incarnation != first.incarnation
        assert differences(before, world.fingerprint(["node1"])) == []


def test_a_node_that_is_down_shows_no_kernel_and_that_is_no_difference(made: Stage) -> None:
    need_rules()
    with made.world() as world:
        before = world.fingerprint(["node1"])
        world.node("node1").reach(NodeState.KILLED)
        try:
            down = world.fingerprint(["node1"])
        finally:
            world.node("node1").reach(NodeState.RUNNING)
        assert "kernel" in before["node1"]
        assert "kernel" not in down["node1"]
        assert differences(before, down) == ["node1 state: was running, is stopped"]
