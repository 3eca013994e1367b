"""The local world on a real supervisord: trees, policies, commands, neighbours, silence."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from chaoskit.errors import NotOurs, TargetError, Unreachable
from chaoskit.ports import NodeState
from chaoskit.world.local import LocalWorld, open_local
from chaoskit.world.local import nodes as local_nodes
from chaoskit.world.local.capabilities import capabilities
from tests.local_stage import (
    REDIS_PORT,
    LocalStage,
    arguments,
    below,
    local_stage,
    need_own_space,
    state,
)
from tests.stage import chatter, eventually

pytestmark = pytest.mark.local
DOWN = (NodeState.STOPPED, NodeState.KILLED)
CUT = {"kind": "cut"}


@pytest.fixture
def made() -> Iterator[LocalStage]:
    with local_stage() as found:
        yield found


@pytest.fixture(params=["walked", "own-space"])
def inside(request: pytest.FixtureRequest) -> bool:
    """Trees that are walked, and trees in a pid namespace of their own."""
    if request.param == "own-space":
        need_own_space()
    return bool(request.param == "own-space")


def shell(*lines: str) -> str:
    """A shell script as one word of supervisord's `command`, which takes percent signs itself."""
    return f'sh -c "{"; ".join(lines)}"'


@contextmanager
def running(made: LocalStage) -> Iterator[LocalWorld]:
    made.start()
    with made.world() as world:
        for node in world.nodes().values():
            eventually(lambda node=node: node.facts().state is NodeState.RUNNING, what="a node")
        yield world


def stays(so: Callable[[], bool], seconds: float = 1.2) -> bool:
    """Whether it is so at every look; supervisord looks after its programs once a second."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not so():
            return False
        time.sleep(0.02)
    return True


def frozen(pids: list[int]) -> bool:
    return bool(pids) and all(state(pid) == "T" for pid in pids)


# Trees


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


def family(made: LocalStage, name: str = "node1") -> list[int]:
    outer = made.outer(name)
    return [outer, *below(outer)] if outer else []


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
            assert stays(lambda c=crowd: frozen(living(c)) and family(made) == c, 0.4)
            assert node.facts().state is NodeState.FROZEN
            node.reach(NodeState.RUNNING)
            assert not any(state(pid) == "T" for pid in family(made))


def living(pids: list[int]) -> list[int]:
    return [pid for pid in pids if state(pid) not in "ZX"]


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


# Policies


@pytest.mark.parametrize("stopsignal", ["TERM", "QUIT", "KILL"])
def test_killed_is_kept_down_whatever_the_policy(
    made: LocalStage, inside: bool, stopsignal: str
) -> None:
    policy = {"autorestart": "true", "stopsignal": stopsignal, "startsecs": "1"}
    made.program("node1", shell("trap '' TERM QUIT", "sleep 7711 & wait"), inside=inside, **policy)
    with running(made) as world:
        node = world.node("node1")
        node.reach(NodeState.KILLED)
        assert stays(lambda: node.facts().state is NodeState.KILLED)
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
        assert stays(lambda: node.facts().state is NodeState.STOPPED)
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
        assert stays(lambda: node.facts().state in DOWN and not made.marked("7714"))


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
        assert stays(lambda: not made.marked("7715") and statename(made) != "STARTING")
        ready.touch()
        node.reach(NodeState.RUNNING)
        assert made.marked("7715")
        assert node.facts().state is NodeState.RUNNING


def statename(made: LocalStage) -> str:
    said = made.supervisor.program(made.system, "node1")
    return str(said["statename"]) if said else ""


def test_why_it_does_not_start_is_told_with_its_log(
    made: LocalStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_nodes, "SETTLE", 2.0)
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
        assert stays(lambda: node.facts().state is NodeState.RUNNING)


# Commands, addresses, traffic


def test_a_command_runs_as_the_node_would(made: LocalStage, inside: bool) -> None:
    made.program("node1", "sleep 7717", inside=inside, environment='SHOP_COLOUR="blue"')
    with running(made) as world:
        node = world.node("node1")
        code, said = node.execute(("sh", "-c", "echo $SHOP_COLOUR; pwd; echo no >&2; exit 3"))
        assert (code, said.splitlines()) == (3, ["blue", str(made.folder), "no"])
        _, seen = node.execute(("sh", "-c", "cat /proc/1/cmdline | tr '\\000' ' '"))
        assert ("sleep 7717" in seen) is inside
        began = time.monotonic()
        with pytest.raises(TargetError, match=r"could not run `sleep 7718` in 'node1' within 0\.3"):
            node.execute(("sleep", "7718"), timeout=0.3)
        assert time.monotonic() - began < 3
        eventually(lambda: not made.marked("7718"), what="the end of the command")
        missing = node.execute(("sh", "-c", "no-such-command"))
        assert missing[0] == 127


def test_it_answers_by_its_address_and_the_port_that_it_really_has(made: LocalStage) -> None:
    made.redis("node1")
    made.start()
    declared = {**made.description(node1="redis:7777"), "ports": {"7777": REDIS_PORT}}
    world = open_local(declared)
    node = world.node("node1")
    assert eventually(node.answers) is True
    facts = node.facts()
    assert (facts.address, facts.port(7777), facts.port(80)) == (made.address, REDIS_PORT, 80)
    node.reach(NodeState.FROZEN)
    with socket.create_connection((made.address, REDIS_PORT), 1):
        assert node.answers(0.3) is False
    assert node.facts().address == made.address


def test_only_what_comes_to_our_own_proxies_is_counted(made: LocalStage) -> None:
    made.redis("node1")
    made.link("app -> cache", "app-cache1", 24001)
    made.link("app -> spare", "app-spare1", 24002)
    with local_stage() as second:
        second.redis("node1")
        second.link("app -> cache", "app-cache1", 24001)
        with running(made) as world, running(second) as beside:
            ours = (made.address, 24001)
            with chatter(ours, ours):
                seen = world.link("app -> cache").observe("nobody", CUT)
                assert (seen.listed, seen.connections, seen.refused) == (False, 2, None)
                assert len(set(seen.sessions)) == 2
                assert world.link("app -> spare").observe("nobody", CUT).connections == 0
                assert beside.link("app -> cache").observe("nobody", CUT).connections == 0
            eventually(lambda: world.link("app -> cache").observe("nobody", CUT).connections == 0)


# Not ours, not there


def test_programs_of_other_groups_are_refused_by_name(made: LocalStage) -> None:
    made.program("node1", "sleep 7719")
    made.program("other", "sleep 7720", group="elsewhere")
    with running(made) as world:
        with pytest.raises(NotOurs, match=r"'other' belongs to group 'elsewhere'.*never touched"):
            world.node("other")
        with pytest.raises(NotOurs, match="no program 'nobody'"):
            world.node("nobody")
        assert list(world.nodes()) == ["node1"]


def test_a_declared_node_that_is_gone_is_absent(made: LocalStage) -> None:
    made.program("node1", "sleep 7721")
    with running(made):
        described = made.description()
        described["tiers"]["node9"] = "cache"
        world = open_local(described)
        assert world.fingerprint(["node9"]) == {"node9": {"state": "absent"}}
        with pytest.raises(NotOurs, match="'node9'"):
            world.node("node9")


def test_a_frozen_supervisord_is_unreachable_in_time(made: LocalStage) -> None:
    made.program("node1", "sleep 7722")
    with running(made) as world:
        keeper = made.keeper
        hasty = LocalWorld(world.description, type(world.group)(made.supervisor, made.system), None)
        os.kill(keeper, signal.SIGSTOP)
        try:
            began = time.monotonic()
            with pytest.raises(Unreachable, match=r"within 2s.*frozen\?.*chaoskit system up"):
                hasty.nodes()
            assert time.monotonic() - began < 4
        finally:
            os.kill(keeper, signal.SIGCONT)
        assert list(hasty.nodes()) == ["node1"]


def test_a_killed_supervisord_takes_its_nodes_along_and_is_unreachable(made: LocalStage) -> None:
    need_own_space()
    made.program("node1", shell("setsid sleep 7723 & sleep 7724"), inside=True)
    with running(made) as world:
        before = eventually(lambda: len(found := family(made)) > 3 and found, what="the children")
        os.kill(made.keeper, signal.SIGKILL)
        eventually(lambda: not living(before), what="the end of the tree")
        for ask in (world.nodes, lambda: open_local(made.description())):
            with pytest.raises(Unreachable, match=r"no supervisord answers at.*system up") as away:
                ask()
            assert "\n" not in str(away.value)


def test_capabilities_are_tried(made: LocalStage) -> None:
    made.redis("node1")
    made.link("app -> cache", "app-cache1", 24001)
    with running(made):
        described = made.description(node1=f"redis:{REDIS_PORT}")
        found = {c.name: c for c in capabilities(described)}
        assert {name: c.detail for name, c in found.items() if not c.ok} == {}
        assert "kill" in found["freeze, kill, start"].faults
        assert "latency" in found["proxies"].faults
        away = {**described, "supervisor": f"{made.folder}/nothing.sock"}
        missing = {c.name for c in capabilities(away) if not c.ok}
        assert {"supervisord", "programs of the group", "node addresses"} == missing
