"""The local world on a real supervisord: commands, addresses, strangers, silence, abilities."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chaoskit.cli.watchdog import opened
from chaoskit.errors import NotOurs, TargetError, Unreachable
from chaoskit.faults import find
from chaoskit.ports import NodeState
from chaoskit.world.local import LocalWorld, open_local, reopen_local
from chaoskit.world.local.capabilities import capabilities
from tests.local_stage import (
    API_PORT,
    REDIS_PORT,
    LocalStage,
    local_stage,
    need_own_space,
    redis_server,
)
from tests.stage import chatter, eventually
from tests.world.programs import family, living, running, shell

pytestmark = pytest.mark.local
CUT = {"kind": "cut"}


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


@contextmanager
def ended(address: str) -> Iterator[None]:
    """In the end the Redis there ends: what escaped its program is nobody's to end but ours."""
    try:
        yield
    finally:
        with socket.create_connection((address, REDIS_PORT), 5) as line:
            line.sendall(b"SHUTDOWN NOSAVE\r\n")
            assert line.recv(64) == b"", "it has not ended"


def test_a_child_that_escaped_and_serves_on_disproves_that_its_node_is_gone(
    made: LocalStage,
) -> None:
    serve = f"setsid {redis_server()} --bind {made.address} --port {REDIS_PORT} --save ''"
    # The second parent ends at once: nothing tells any more whose child it was.
    made.program("node1", shell(f"({serve} --protected-mode no &)", "sleep 7729"))
    made.start()
    with made.world(node1=f"redis:{REDIS_PORT}") as world:
        node = world.node("node1")
        eventually(node.answers, what="the child that escaped")
        with ended(made.address):
            kill = find("kill").spec
            undo = kill().plan(node, world, "kill-1")
            kill.inject(undo, world)
            seen = kill.active(undo, world)
            kill.revert(undo, world)
    assert (seen.listed, seen.felt, seen.in_force) == (True, False, False)


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
                assert (seen.listed, seen.connections) == (False, 2)
                assert len(set(seen.sessions)) == 2
                assert world.link("app -> spare").observe("nobody", CUT).connections == 0
                assert beside.link("app -> cache").observe("nobody", CUT).connections == 0
            eventually(lambda: world.link("app -> cache").observe("nobody", CUT).connections == 0)


def test_opened_for_the_watchdog_it_counts_nobody_and_looks_all_the_same(
    made: LocalStage,
) -> None:
    """Half a second a look, where nobody is connected, would go by before each undo."""
    made.redis("node1")
    made.link("app -> cache", "app-cache1", 24001)
    with running(made) as world:
        link = opened(world.describe()).link("app -> cache")
        was = link.survey()
        for change, listed in ((link.impose, True), (lambda *a: link.lift(*a, was), False)):
            change("trap", CUT)
            seen = link.observe("trap", CUT)
            assert (seen.listed, seen.connections) == (listed, None)
        assert world.link("app -> cache").survey() == was


def test_the_program_that_carries_the_proxies_is_known(made: LocalStage, inside: bool) -> None:
    made.redis("node1")
    words = f"-m chaoskit proxy --host {made.address} --port {API_PORT}"
    made.program("node2", f"{sys.executable} {words}", inside=inside)
    made.start()
    world = reopen_local(made.description() | {"proxies": made.api})
    eventually(lambda: world.carries_proxies("node2"), what="the proxies' program")
    assert not world.carries_proxies("node1")


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
