"""Down and up again on a real supervisord, whatever its own policy for the program is."""

from __future__ import annotations

import os
import signal
import time

import pytest

from chaoskit.errors import TargetError
from chaoskit.faults.restart import Restart
from chaoskit.ports import NodeState
from chaoskit.world.local import nodes as local_nodes
from chaoskit.world.local.programs import ENDED
from tests.local_stage import LocalStage, state
from tests.stage import eventually
from tests.world.programs import DOWN, family, running, shell, statename, stays

pytestmark = pytest.mark.local


@pytest.mark.parametrize(("stopsignal", "startsecs"), [("TERM", "1"), ("QUIT", "0"), ("KILL", "0")])
def test_killed_is_kept_down_whatever_the_policy(
    made: LocalStage, inside: bool, stopsignal: str, startsecs: str
) -> None:
    policy = {"autorestart": "true", "stopsignal": stopsignal, "startsecs": startsecs}
    made.program("node1", shell("trap '' TERM QUIT", "sleep 7711 & wait"), inside=inside, **policy)
    with running(made) as world:
        node = world.node("node1")
        node.reach(NodeState.KILLED)
        assert stays(made, lambda: node.facts().state is NodeState.KILLED)
        assert not made.marked("7711")
        node.reach(NodeState.RUNNING)
        first = node.facts().incarnation
        node.crash()
        eventually(lambda: node.facts().state is NodeState.RUNNING, what="the policy's restart")
        assert node.facts().incarnation != first


@pytest.mark.parametrize("stopsignal", ["TERM", "KILL"])
@pytest.mark.parametrize("first", [NodeState.RUNNING, NodeState.FROZEN])
def test_stopped_lets_it_say_goodbye(
    made: LocalStage, inside: bool, stopsignal: str, first: NodeState
) -> None:
    bye = made.folder / "bye"
    script = shell(f"trap 'echo bye >> {bye}; exit 0' TERM", "sleep 7712 & wait")
    made.program("node1", script, inside=inside, stopsignal=stopsignal)
    with running(made) as world:
        node = world.node("node1")
        eventually(lambda: made.marked("7712"), what="the program")
        node.reach(first)
        node.reach(NodeState.STOPPED, grace=1.0)
        assert stays(made, lambda: node.facts().state is NodeState.STOPPED)
        assert bye.read_text().startswith("bye\n")
        assert made.marked("7712") == []
        assert node.facts().address is None


def test_who_does_not_listen_is_killed_after_its_grace(made: LocalStage, inside: bool) -> None:
    made.program("node1", shell("trap '' TERM", "sleep 7713 & wait"), inside=inside)
    with running(made) as world:
        node, began = world.node("node1"), time.monotonic()
        node.reach(NodeState.STOPPED, grace=0.5)
        assert 0.5 <= time.monotonic() - began < 5
        assert node.facts().state in DOWN
        assert made.marked("7713") == []


def test_one_that_comes_back_after_its_goodbye_is_kept_down_all_the_same(made: LocalStage) -> None:
    script = shell("trap 'exit 0' TERM", "sleep 7714 & wait")
    made.program("node1", script, stopsignal="KILL", autorestart="true")
    with running(made) as world:
        node = world.node("node1")
        node.reach(NodeState.STOPPED, grace=2.0)
        assert stays(made, lambda: node.facts().state in DOWN and not made.marked("7714"))


@pytest.mark.parametrize("word", ["BACKOFF", "FATAL", "EXITED"])
def test_a_program_that_cannot_start_is_down_and_comes_up_once_it_can(
    made: LocalStage, word: str
) -> None:
    ready = made.folder / "ready"
    policy = {"startsecs": "1", "startretries": "0" if word == "FATAL" else "50"}
    if word == "EXITED":
        policy = {"startsecs": "0", "autorestart": "false"}
    made.program("node1", shell(f"test -e {ready} && exec sleep 7715"), **policy)
    made.start()
    with made.world() as world:
        node = world.node("node1")
        eventually(lambda: statename(made) == word, what=word)
        assert node.facts().state is NodeState.STOPPED
        assert node.answers() is None
        node.reach(NodeState.KILLED)
        assert stays(made, lambda: not made.marked("7715") and statename(made) in ENDED)
        ready.touch()
        node.reach(NodeState.RUNNING)
        assert made.marked("7715")
        assert node.facts().state is NodeState.RUNNING


def test_why_it_does_not_start_is_told_with_its_log(
    made: LocalStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_nodes, "SETTLE", 1.2)
    made.program("node1", shell("exit 3"), startsecs="1", autostart="false")
    made.program("node2", f"{made.folder}/nothing", autostart="false")
    made.start()
    with made.world() as world:
        with pytest.raises(TargetError, match=r"'node1' is stopped instead.*node1\.log"):
            world.node("node1").reach(NodeState.RUNNING, grace=0)
        with pytest.raises(TargetError, match=r"would not start 'node2'.*nothing"):
            world.node("node2").reach(NodeState.RUNNING, grace=0)


def test_a_kill_that_was_broken_off_can_be_taken_back(made: LocalStage, inside: bool) -> None:
    """Frozen and held down, but not yet dead: what a death of the runner leaves behind."""
    made.program("node1", shell("sleep 7716 & wait"), inside=inside, stopsignal="TERM")
    with running(made) as world:
        node = world.node("node1")
        node.reach(NodeState.FROZEN)
        made.supervisor.hold_down(made.system, "node1")
        node.reach(NodeState.RUNNING)
        assert stays(made, lambda: node.facts().state is NodeState.RUNNING)


def test_a_restart_that_was_cut_short_in_its_freeze_is_mended_by_its_revert(
    made: LocalStage, inside: bool
) -> None:
    made.program("node1", "sleep 7741", inside=inside)
    with running(made) as world:
        undo = Restart().plan(world.node("node1"), world, "chaoskit-test-0-0")
        os.kill(family(made)[-1], signal.SIGSTOP)  # as far as the runner had come
        Restart.revert(undo, world)
        assert not any(state(pid) == "T" for pid in family(made))
        assert world.node("node1").facts().state is NodeState.RUNNING
