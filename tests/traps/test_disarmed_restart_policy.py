"""Trap: a kill through the API disarms the restart policy until somebody calls start."""

from __future__ import annotations

import os
import signal
import time

import pytest

from chaoskit.faults import find
from chaoskit.ports import NodeState
from tests.stage import Stage, eventually, lacking

pytestmark = pytest.mark.docker
PING = {"node1": "redis:6379"}


def crash(stage: Stage, name: str) -> None:
    """What a real crash is: SIGKILL from the host, behind the engine's back."""
    if os.geteuid() != 0:
        lacking("a real crash needs root on the engine's host")
    os.kill(stage.pid(name), signal.SIGKILL)


def test_a_killed_node_stays_down_and_its_policy_is_armed_again_by_the_revert(
    bare_stage: Stage,
) -> None:
    bare_stage.node("node1", restart_policy={"Name": "always"})
    with bare_stage.world(**PING) as world:
        node, kill = world.node("node1"), find("kill").spec
        undo = kill().plan(node, world, "trap")
        kill.inject(undo, world)
        until = time.monotonic() + 2  # the policy would act within a second
        while time.monotonic() < until:
            assert node.facts().state is NodeState.KILLED
        kill.revert(undo, world)
        assert node.answers(5.0) is True

        crash(bare_stage, "node1")
        # The engine counts the restart a moment before the container runs again.
        eventually(
            lambda: (now := node.facts()).restarts == 1 and now.state is NodeState.RUNNING,
            what="a restart by the policy",
        )
        assert node.answers(5.0) is True


def test_a_node_that_its_policy_is_restarting_can_be_killed_and_brought_back(
    bare_stage: Stage,
) -> None:
    bare_stage.node("node1", "sh", "-c", "sleep 1; exit 7", restart_policy={"Name": "always"})
    with bare_stage.world() as world:
        node = world.node("node1")
        eventually(lambda: node.facts().restarts >= 2, within=20, what="a crash loop")
        node.reach(NodeState.KILLED)
        down = node.facts()
        assert down.state in (NodeState.KILLED, NodeState.STOPPED)
        time.sleep(1.5)
        assert node.facts() == down
        node.reach(NodeState.RUNNING)
        assert node.facts().incarnation != down.incarnation
