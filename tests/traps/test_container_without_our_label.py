"""Trap: a file that names a container which is not ours; it must never be touched."""

from __future__ import annotations

import pytest

from chaoskit.errors import NotOurs
from chaoskit.ports import NodeState
from chaoskit.world import open_world
from chaoskit.world.docker.nodes import DockerNode
from tests.stage import Stage

pytestmark = pytest.mark.docker


def test_it_is_no_node_under_any_name_it_has(bare_stage: Stage) -> None:
    stranger = bare_stage.node("stranger", ours=False)
    bare_stage.node("node1")
    with bare_stage.world() as world:
        assert list(world.nodes()) == ["node1"]
        for name in ("stranger", stranger.name, stranger.id, stranger.short_id):
            with pytest.raises(NotOurs, match="carr"):
                world.node(name)
    stranger.reload()
    assert stranger.status == "running"


def test_no_deed_reaches_it_even_by_a_node_made_by_hand(bare_stage: Stage) -> None:
    stranger = bare_stage.node("stranger", ours=False)
    started = stranger.attrs["State"]["StartedAt"]
    with bare_stage.world() as world:
        node = DockerNode("stranger", "stranger", world.owner)
        for state in (NodeState.KILLED, NodeState.STOPPED, NodeState.FROZEN, NodeState.RUNNING):
            with pytest.raises(NotOurs, match=r"does not carry chaoskit\.system="):
                node.reach(state)
        with pytest.raises(NotOurs):
            node.restart()
        with pytest.raises(NotOurs):
            node.execute(("true",))
        assert node.facts().state is NodeState.ABSENT
    stranger.reload()
    assert (stranger.status, stranger.attrs["State"]["StartedAt"]) == ("running", started)


def test_the_label_of_another_system_or_project_is_not_ours(bare_stage: Stage) -> None:
    bare_stage.node("node1")
    for change in ({"system": "another"}, {"project": "another"}):
        world = open_world({**bare_stage.description(), **change})
        assert not world.nodes()
        with pytest.raises(NotOurs):
            world.node("node1")
        world.close()
