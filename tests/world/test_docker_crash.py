"""A crash of a container: nobody asked the engine, so its restart policy acts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from chaoskit.errors import TargetError
from chaoskit.faults import find
from chaoskit.ports import NodeFacts, NodeState
from chaoskit.world.docker import DockerWorld, sigkill
from chaoskit.world.docker.engine import Engine
from chaoskit.world.docker.nodes import NODE, SYSTEM
from tests.stage import PROXY_IMAGE, SHOP_IMAGE, Stage, eventually

PING = {"node1": "redis:6379"}


@pytest.fixture(params=["from here", "from inside"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to the processes; the second where the first is closed."""
    if request.param == "from inside":
        monkeypatch.setattr(sigkill, "_from_here", lambda seen: False)
    return str(request.param)


def back(world: DockerWorld) -> NodeFacts:
    return cast(
        NodeFacts,
        eventually(
            lambda: (seen := world.node("node1").facts()).state is NodeState.RUNNING and seen,
            what="a restart by the policy",
        ),
    )


@pytest.mark.docker
@pytest.mark.parametrize("policy", ["always", "unless-stopped", "on-failure"])
def test_the_policy_is_left_armed_and_acts_each_time(
    bare_stage: Stage, way: str, policy: str
) -> None:
    bare_stage.node("node1", restart_policy={"Name": policy})
    with bare_stage.world(**PING) as world:
        node, first = world.node("node1"), world.node("node1").facts()
        for restarts in (1, 2):
            node.crash()
            seen = back(world)
            assert (seen.restarts, seen.identity) == (restarts, first.identity)
        assert seen.incarnation != first.incarnation
        assert eventually(lambda: node.answers(5.0), what="the node")


@pytest.mark.docker
def test_without_a_policy_it_stays_down_until_the_revert(bare_stage: Stage, way: str) -> None:
    bare_stage.node("node1", restart_policy={"Name": "no"})
    with bare_stage.world(**PING) as world:
        crash, node = find("crash").spec, world.node("node1")
        before = world.fingerprint(["node1"])
        undo = crash().plan(node, world, "i-1")
        crash.inject(undo, world)
        assert (node.facts().state, node.facts().exit_code) == (NodeState.KILLED, 137)
        assert crash.active(undo, world).in_force
        crash.revert(undo, world)
        assert world.fingerprint(["node1"]) == before
        assert node.answers(5.0) is True


@contextmanager
def strange(stage: Stage, image: str, command: list[str], **options: Any) -> Iterator[DockerWorld]:
    """A world whose `node1` is made by hand, not by the stage; removed with the stage."""
    labels = {SYSTEM: stage.system, NODE: "node1", "chaoskit.test": stage.system}
    stage.client.containers.run(image, command, labels=labels, detach=True, **options)
    with stage.world() as world:
        eventually(lambda: world.node("node1").facts().state is NodeState.RUNNING, what="the node")
        yield world


@pytest.mark.docker
def test_from_inside_what_has_no_init_is_left_whole(
    bare_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sigkill, "_from_here", lambda seen: False)
    command = ["sh", "-c", "sleep 300 & echo $! > /dev/shm/child; wait"]
    with strange(bare_stage, SHOP_IMAGE, command) as world:
        node = world.node("node1")
        before = node.facts()
        eventually(lambda: node.execute(("test", "-s", "/dev/shm/child"))[0] == 0, what="its child")
        with pytest.raises(TargetError, match=r"'node1'.*\('sh'\) is no init.*`init: true`"):
            node.crash()
        assert node.facts() == before
        assert node.execute(("sh", "-c", "kill -0 $(cat /dev/shm/child)"))[0] == 0


@pytest.mark.docker
def test_from_inside_what_has_no_shell_is_refused_in_a_sentence(
    bare_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sigkill, "_from_here", lambda seen: False)
    with strange(bare_stage, PROXY_IMAGE, [], init=True) as world:
        before = world.node("node1").facts()
        with pytest.raises(TargetError, match=r"'node1'.*needs a shell"):
            world.node("node1").crash()
        assert world.node("node1").facts() == before


class Asked(Engine):
    """An engine that only notes into which container it was sent."""

    def __init__(self) -> None:
        self.containers_asked: list[str] = []

    def execute(
        self, container: str, name: str, command: tuple[str, ...], timeout: float, user: str = ""
    ) -> tuple[int, str]:
        self.containers_asked.append(container)
        return 0, ""


def test_a_process_that_is_not_of_the_container_is_never_killed() -> None:
    engine, container = Asked(), "0" * 64
    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        for pid in (bystander.pid, 1, 0):
            sigkill.sigkill(engine, "node1", {"Id": container, "State": {"Pid": pid}})
        assert engine.containers_asked == [container] * 3
        assert bystander.poll() is None
        bystander.communicate(b"\n", timeout=10)
        assert bystander.returncode == 0
    finally:
        bystander.kill()
        bystander.wait()
