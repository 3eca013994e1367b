"""Trap: unpause of a running container answers 500, kill of a stopped one 409: both mean «done»."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from docker.errors import APIError

from chaoskit.ports import NodeState
from tests.stage import Stage

pytestmark = pytest.mark.docker


def test_every_state_can_be_asked_for_twice(bare_stage: Stage) -> None:
    container = bare_stage.node("node1")
    with pytest.raises(APIError, match="is not paused") as refusal:
        container.unpause()
    assert refusal.value.status_code == 500
    with bare_stage.world() as world:
        node = world.node("node1")
        for state in (
            NodeState.RUNNING, NodeState.FROZEN, NodeState.RUNNING, NodeState.KILLED,
            NodeState.RUNNING, NodeState.STOPPED, NodeState.FROZEN, NodeState.KILLED,
        ):  # fmt: skip
            node.reach(state, grace=2)
            node.reach(state, grace=2)
            assert node.facts().state is state


def test_two_who_ask_for_the_same_at_once_do_not_trip_over_each_other(bare_stage: Stage) -> None:
    """One of them meets the engine's refusal, and settles it by looking again."""
    bare_stage.node("node1")
    with bare_stage.world() as world, ThreadPoolExecutor(4) as pool:
        node = world.node("node1")
        for state in (NodeState.FROZEN, NodeState.RUNNING) * 5 + (NodeState.KILLED,):
            asked = [pool.submit(node.reach, state) for _ in range(4)]
            assert [each.result(30) for each in asked] == [None] * 4
            assert node.facts().state is state
