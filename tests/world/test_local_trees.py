"""Whole trees of processes under a real supervisord: found, frozen, killed, and nobody else."""

from __future__ import annotations

import os
import signal

import pytest

from chaoskit.ports import NodeState
from tests.local_stage import LocalStage, arguments, below, local_stage, state
from tests.stage import eventually
from tests.world.programs import family, frozen, living, running, shell, stays

pytestmark = pytest.mark.local


def test_children_in_sessions_of_their_own_die_with_the_node(
    made: LocalStage, inside: bool
) -> None:
    script = shell("setsid sleep 7701 & setsid sleep 7702 & sleep 7703")
    made.program("node1", script, inside=inside)
    with running(made) as world:
        eventually(lambda: len(family(made)) >= 4, what="the children")
        before = family(made)
        assert {"7701", "7702", "7703"} <= {word for pid in before for word in arguments(pid)}
        world.node("node1").reach(NodeState.KILLED)
        assert [pid for pid in before if state(pid) not in "ZX"] == []
        assert world.node("node1").facts().state is NodeState.KILLED


def test_who_is_forked_meanwhile_freezes_too(made: LocalStage, inside: bool) -> None:
    made.program(
        "node1",
        shell("while true", "do (sleep 0.2 & exec sleep 0.1) & sleep 0.005", "done"),
        inside=inside,
    )
    with running(made) as world:
        node = world.node("node1")
        eventually(lambda: len(family(made)) > 10, what="a crowd")
        for _ in range(3):
            node.reach(NodeState.FROZEN)
            crowd = family(made)
            assert len(crowd) > 10
            assert stays(made, lambda c=crowd: frozen(living(c)) and family(made) == c)
            assert node.facts().state is NodeState.FROZEN
            node.reach(NodeState.RUNNING)
            assert not any(state(pid) == "T" for pid in family(made))


def test_a_child_whose_parent_has_gone_is_still_of_the_tree(made: LocalStage) -> None:
    made.program("node1", shell("(sleep 7704 &)", "sleep 7705"))
    with running(made) as world:
        (orphan,) = eventually(lambda: made.marked("7704"), what="the orphan")
        assert orphan not in below(made.outer("node1"))
        world.node("node1").reach(NodeState.FROZEN)
        assert state(orphan) == "T"
        world.node("node1").reach(NodeState.KILLED)
        assert state(orphan) in "ZX"


def test_neighbours_of_every_kind_stay_as_they_are(made: LocalStage, inside: bool) -> None:
    for name, group in (("node1", None), ("node2", None), ("other", "elsewhere")):
        made.program(name, shell("sleep 7706 & sleep 7707"), group=group, inside=inside)
    with local_stage() as second:
        second.program("node1", "sleep 7708", inside=inside)
        with running(made) as world, running(second) as beside:
            theirs = [*family(made, "node2"), made.outer("other", "elsewhere"), *family(second)]
            for deed in (
                lambda node: node.reach(NodeState.FROZEN),
                lambda node: node.reach(NodeState.KILLED),
                lambda node: node.reach(NodeState.RUNNING),
                lambda node: node.crash(),
                lambda node: node.restart(1.0),
            ):
                deed(world.node("node1"))
                assert [state(pid) for pid in theirs] == ["S"] * len(theirs)
            assert set(world.nodes()) == {"node1", "node2"}
            assert set(beside.nodes()) == {"node1"}


def test_a_tree_that_was_frozen_in_part_goes_on_as_a_whole(made: LocalStage) -> None:
    made.program("node1", shell("sleep 7709 & sleep 7710"))
    with running(made) as world:
        eventually(lambda: len(family(made)) == 3, what="the children")
        os.kill(family(made)[1], signal.SIGSTOP)
        eventually(lambda: state(family(made)[1]) == "T", what="the stop")
        assert world.node("node1").facts().state is NodeState.RUNNING
        world.node("node1").reach(NodeState.RUNNING)
        eventually(lambda: state(family(made)[1]) == "S", what="its waking")
