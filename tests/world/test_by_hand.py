"""The commands to mend by hand: typed into a shell, they bring the fingerprint back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chaoskit.errors import Unreachable
from chaoskit.faults import find
from chaoskit.ports import NodeState, World
from chaoskit.world import open_world, reopen_world
from chaoskit.world.by_hand import by_hand
from chaoskit.world.fake import FakeWorld
from tests.local_stage import REDIS_PORT, LocalStage
from tests.stage import Stage, eventually
from tests.world.programs import family, frozen, running, shell

NODE_FAULTS = ("kill", "stop", "pause")
LINK = "app -> cache"
LINK_FAULTS: dict[str, dict[str, Any]] = {
    "latency": {"delay": "80ms"},
    "bandwidth": {"rate": "10KB/s"},
    "cut": {},
}
DOCKER = {
    "runtime": "docker", "system": "shop", "project": None, "proxies": "http://127.0.0.1:8474",
}  # fmt: skip


def type_in(commands: tuple[str, ...]) -> list[str]:
    """What each said, typed one after the other into a plain shell; all must do what they say."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return [
        subprocess.run(
            ["sh", "-c", command], env=os.environ | {"PATH": path},
            capture_output=True, text=True, check=True, timeout=60,
        ).stdout
        for command in commands
    ]  # fmt: skip


def inject(world: World, fault: str, point: str, **arguments: Any) -> dict[str, Any]:
    """Put `fault` in force; its undo."""
    kind = find(fault)
    at = world.link(point) if kind.point == "link" else world.node(point)
    undo = kind.spec(**arguments).plan(at, world, f"run-1/{fault}")
    kind.spec.inject(undo, world)
    return undo


def mends(world: World, fault: str, point: str, **arguments: Any) -> None:
    before = world.fingerprint([point])
    undo = inject(world, fault, point, **arguments)
    assert world.fingerprint([point]) != before
    type_in(world.by_hand(undo))
    eventually(lambda: world.fingerprint([point]) == before, what="the fingerprint")


# --- the local world ------------------------------------------------------------------------


@pytest.mark.local
@pytest.mark.parametrize("fault", NODE_FAULTS)
def test_typed_by_hand_a_local_node_is_as_before(
    made: LocalStage, inside: bool, fault: str
) -> None:
    made.program("node1", shell("setsid sleep 7801 & sleep 7802"), inside=inside)
    with running(made) as world:
        eventually(lambda: made.marked("7801"), what="the child in a session of its own")
        mends(world, fault, "node1")
        assert world.node("node1").facts().state is NodeState.RUNNING


@pytest.mark.local
def test_typed_by_hand_a_crashed_program_without_a_policy_is_as_before(
    made: LocalStage, inside: bool
) -> None:
    made.program("node1", "sleep 7808", inside=inside, autorestart="false")
    with running(made) as world:
        mends(world, "crash", "node1")


@pytest.mark.local
def test_typed_by_hand_a_frozen_neighbour_stays_frozen(made: LocalStage, inside: bool) -> None:
    made.program("node1", shell("setsid sleep 7803 & sleep 7804"), inside=inside)
    made.program("node2", "sleep 7805", inside=inside)
    with running(made) as world:
        eventually(lambda: made.marked("7803"), what="the child in a session of its own")
        undo = inject(world, "pause", "node1")
        inject(world, "pause", "node2")
        whole = family(made, "node1")
        assert frozen(whole)
        type_in(world.by_hand(undo))
        eventually(lambda: world.node("node1").facts().state is NodeState.RUNNING)
        assert not any(frozen([pid]) for pid in whole)
        assert frozen(family(made, "node2"))


@pytest.mark.local
def test_typed_by_hand_nobody_is_signalled_for_a_program_that_is_down(made: LocalStage) -> None:
    made.program("node1", "sleep 7806")
    made.program("node2", "sleep 7807")
    with running(made) as world:
        undo = inject(world, "pause", "node1")
        world.node("node1").reach(NodeState.KILLED)
        inject(world, "pause", "node2")
        type_in(world.by_hand(undo))
        assert frozen(family(made, "node2"))


@pytest.mark.local
@pytest.mark.parametrize("fault", sorted(LINK_FAULTS))
def test_typed_by_hand_a_link_of_the_embedded_proxy_is_as_before(
    made: LocalStage, fault: str
) -> None:
    made.redis("node1")
    made.link(LINK, "app-cache1", 24001)
    made.link(LINK, "app-cache2", 24002)
    with running(made) as world:
        mends(world, fault, LINK, **LINK_FAULTS[fault])


@pytest.mark.local
def test_typed_by_hand_a_door_that_was_shut_before_the_cut_stays_shut(made: LocalStage) -> None:
    made.redis("node1")
    made.link(LINK, "app-cache1", 24001)
    made.link(LINK, "app-cache2", 24002)
    with running(made) as world:
        assert world.server is not None
        world.server.enable("app-cache2", False)
        mends(world, "cut", LINK)
        assert [world.server.proxy(p)["enabled"] for p in ("app-cache1", "app-cache2")] == [
            True,
            False,
        ]


@pytest.mark.local
def test_proxies_that_are_away_do_not_hide_a_node_from_the_revert(made: LocalStage) -> None:
    made.redis("node1")
    made.link(LINK, "app-cache1", 24001)
    with running(made) as world:
        before = world.fingerprint(["node1"])
        undo = inject(world, "kill", "node1")
        made.supervisor.hold_down(f"{made.system}-instrument", "proxy")
        eventually(lambda: not made.outer("proxy", f"{made.system}-instrument"), what="its end")
        with pytest.raises(Unreachable):
            open_world(world.describe())
        again = reopen_world(world.describe())
        find("kill").spec.revert(undo, again)
        assert again.fingerprint(["node1"]) == before
        with pytest.raises(Unreachable):
            again.link(LINK).survey()


# --- the Docker world -----------------------------------------------------------------------


@pytest.mark.docker
@pytest.mark.parametrize("fault", NODE_FAULTS)
def test_typed_by_hand_a_container_is_as_before(bare_stage: Stage, fault: str) -> None:
    bare_stage.node("node1")
    stranger = bare_stage.node("other", ours=False)
    stranger.pause()
    with bare_stage.world() as world:
        mends(world, fault, "node1")
    stranger.reload()
    assert stranger.status == "paused"


@pytest.mark.docker
def test_typed_by_hand_a_crashed_container_without_a_policy_is_as_before(
    bare_stage: Stage,
) -> None:
    bare_stage.node("node1", restart_policy={"Name": "no"})
    with bare_stage.world() as world:
        mends(world, "crash", "node1")


@pytest.mark.docker
def test_typed_by_hand_a_node_named_by_its_compose_service_is_found(bare_stage: Stage) -> None:
    labels = {
        "chaoskit.node": "",
        "com.docker.compose.project": "mine",
        "com.docker.compose.service": "node1",
        "com.docker.compose.oneoff": "False",
    }
    bare_stage.node("node1", labels=labels)
    with bare_stage.world() as world:
        mends(world, "kill", "node1")


@pytest.mark.docker
@pytest.mark.parametrize("fault", sorted(LINK_FAULTS))
def test_typed_by_hand_a_link_of_toxiproxy_is_as_before(proxied_stage: Stage, fault: str) -> None:
    proxied_stage.node("cache1")
    proxied_stage.link(LINK, "app-cache1", 24001, f"cache1:{REDIS_PORT}")
    with proxied_stage.world() as world:
        mends(world, fault, LINK, **LINK_FAULTS[fault])


# --- the fake world, and what cannot be known -------------------------------------------------


@pytest.mark.parametrize("fault", [*NODE_FAULTS, *sorted(LINK_FAULTS)])
def test_typed_by_hand_a_fake_world_on_disk_is_as_before(tmp_path: Path, fault: str) -> None:
    world = FakeWorld("shop", {"web": ["web1"]}, {LINK: ["p1", "p2"]}, path=tmp_path / "world.json")
    point = "web1" if fault in NODE_FAULTS else LINK
    mends(world, fault, point, **LINK_FAULTS.get(fault, {}))


def test_a_container_is_found_by_our_labels_and_by_its_project() -> None:
    described = DOCKER | {"project": "mine"}
    (command,) = by_hand(described, {"node": "web1", "event": "crash"})
    assert command.startswith(
        "docker start $(docker ps -a --filter label=chaoskit.system=shop "
        "--filter label=com.docker.compose.project=mine "
    )


def test_the_engine_is_named_in_every_command_of_a_node() -> None:
    engine = {"host": "ssh://ops@db host", "certs": None, "verify": False}
    (command,) = by_hand(DOCKER | {"engine": engine}, {"node": "web1", "wanted": "frozen"})
    assert command.startswith("docker -H 'ssh://ops@db host' unpause $(docker -H 'ssh://ops@db ")
    tls = {"host": "tcp://10.0.0.5:2376", "certs": "/home/ana/keys", "verify": True}
    (command,) = by_hand(DOCKER | {"engine": tls}, {"node": "web1", "wanted": "killed"})
    assert command.startswith(
        "docker -H tcp://10.0.0.5:2376 --tlsverify --tlscacert /home/ana/keys/ca.pem "
        "--tlscert /home/ana/keys/cert.pem --tlskey /home/ana/keys/key.pem start $("
    )
    here = {"host": "unix:///var/run/docker.sock", "certs": None, "verify": False}
    (command,) = by_hand(DOCKER | {"engine": here}, {"node": "web1"})
    # The usual one, too: the shell's DOCKER_HOST or context may be another.
    assert command.startswith("docker -H unix:///var/run/docker.sock start $(docker -H unix:")


def test_only_our_own_toxics_are_named_on_every_carrier() -> None:
    undo = {
        "link": LINK,
        "injection": "run-1/0",
        "condition": {"kind": "reset", "burst": 1.0},
        "was": {"p 1": {"enabled": True}, "p2": {"enabled": True}},
    }
    assert by_hand(DOCKER, undo) == tuple(
        f"curl -sS --noproxy '*' -X DELETE http://127.0.0.1:8474/proxies/{proxy}/toxics/run-1-0"
        for proxy in ("p%201", "p2")
    )


def test_names_that_a_shell_would_read_are_quoted() -> None:
    (command,) = by_hand(DOCKER, {"node": "a'; touch x; '", "wanted": "killed"})
    assert "node='a'\"'\"'; touch x; '\"'\"''" in command


@pytest.mark.parametrize(
    ("description", "undo"),
    [
        ({}, {"node": "web1"}),
        ({"runtime": "from-the-future", "system": "shop"}, {"node": "web1"}),
        (DOCKER, {}),
        (DOCKER | {"engine": "damaged"}, {"node": "web1"}),
        (DOCKER | {"engine": {"from": "the future"}}, {"node": "web1"}),
        (DOCKER, {"link": LINK, "injection": "i", "condition": {"kind": "teleport"}, "was": {}}),
        (DOCKER, {"link": LINK}),
        ({"runtime": "local", "system": "shop"}, {"node": "web1"}),
        ({"runtime": "fake", "system": "shop", "path": None}, {"node": "web1", "was": "running"}),
    ],
)
def test_what_is_not_understood_gets_no_command(
    description: dict[str, Any], undo: dict[str, Any]
) -> None:
    assert by_hand(description, undo) == ()
