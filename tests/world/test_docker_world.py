"""The docker world on a real engine: facts, deeds, traffic, what cannot be done and says so."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from chaoskit.errors import NotOurs, TargetError, Unreachable
from chaoskit.faults import find
from chaoskit.ports import NodeState
from chaoskit.world.docker import DockerWorld, open_docker, traffic
from chaoskit.world.docker.capabilities import capabilities
from tests.stage import Stage, chatter, eventually, stage

pytestmark = pytest.mark.docker
LINK, LISTEN, IDLE, IDLE_LISTEN = "app -> cache", 24001, "app -> spare", 24002
CUT = {"kind": "cut"}
PING = {"cache1": "redis:6379"}


@pytest.fixture(scope="module")
def made() -> Iterator[Stage]:
    with stage(proxy=True) as found:
        found.node("cache1")
        found.link(LINK, "app-cache1", LISTEN, "cache1:6379")
        found.link(IDLE, "app-spare1", IDLE_LISTEN, "cache1:6379")
        yield found


@pytest.fixture
def world(made: Stage) -> Iterator[DockerWorld]:
    with made.world(**PING) as found:
        eventually(lambda: found.node("cache1").answers(), what="the node")
        before = found.fingerprint(["cache1", LINK, IDLE])
        yield found
        found.node("cache1").reach(NodeState.RUNNING)
        assert found.fingerprint(["cache1", LINK, IDLE]) == before


def test_a_command_has_its_exit_code_its_output_and_its_limit(world: DockerWorld) -> None:
    node = world.node("cache1")
    assert node.execute(("sh", "-c", "echo out; exit 3")) == (3, "out\n")
    code, said = node.execute(("sh", "-c", "echo wrong >&2; seq 20000"))
    assert (code, said.count("\n")) == (0, 20001)
    began = time.monotonic()
    with pytest.raises(TargetError, match=r"could not run `sleep 30` in 'cache1' within 0\.3s"):
        node.execute(("sleep", "30"), timeout=0.3)
    assert time.monotonic() - began < 5


def test_threads_have_their_own_clients(world: DockerWorld) -> None:
    def look(_: int) -> NodeState:
        return world.node("cache1").facts().state

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(look, n) for n in range(40)]
        slow = pool.submit(world.node("cache1").execute, ("sleep", "1"))
        assert {each.result(20) for each in asked} == {NodeState.RUNNING}
        assert slow.result(20) == (0, "")


def test_a_frozen_node_accepts_and_does_not_answer(world: DockerWorld) -> None:
    node = world.node("cache1")
    address = node.facts().address
    node.reach(NodeState.FROZEN)
    with socket.create_connection((address, 6379), 1):
        assert node.answers(0.3) is False


def test_a_start_that_is_refused_is_told_in_the_engines_words(bare_stage: Stage) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    bare_stage.node("node1", ports={"6379/tcp": ("127.0.0.1", port)})
    with bare_stage.world() as world:
        node = world.node("node1")
        node.reach(NodeState.KILLED)
        with _port_taken(port), pytest.raises(TargetError, match=r"start 'node1'.*(in use|alloc)"):
            node.reach(NodeState.RUNNING)
        node.reach(NodeState.RUNNING)
        assert node.facts().state is NodeState.RUNNING


@contextmanager
def _port_taken(port: int) -> Iterator[None]:
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        eventually(lambda: _bound(thief, port), what="the port to take")
        thief.listen()
        yield


def _bound(thief: socket.socket, port: int) -> bool:
    try:
        thief.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


def test_a_container_that_would_vanish_is_not_taken_down(bare_stage: Stage) -> None:
    container = bare_stage.node("node1", auto_remove=True, restart_policy=None)
    with bare_stage.world() as world:
        assert world.node("node1").facts().transient  # which a plan refuses
        for deed in (
            lambda: world.node("node1").reach(NodeState.KILLED),
            lambda: world.node("node1").restart(),
            lambda: world.node("node1").crash(),
        ):
            with pytest.raises(TargetError, match="--rm"):
                deed()
    container.reload()
    assert container.status == "running"


def test_a_recreated_container_is_the_same_node(bare_stage: Stage) -> None:
    first = bare_stage.node("node1")
    with bare_stage.world() as world:
        node = world.node("node1")
        before = node.facts()
        first.remove(force=True)
        assert node.facts().state is NodeState.ABSENT
        assert world.fingerprint(["node1"]) == {"node1": {"state": "absent"}}
        with pytest.raises(NotOurs, match="'node1'"):
            node.reach(NodeState.RUNNING)
        bare_stage.node("node1")
        assert node.facts().identity != before.identity
        assert node.facts().state is NodeState.RUNNING


def test_two_containers_that_claim_one_name_are_refused(bare_stage: Stage) -> None:
    bare_stage.node("node1")
    bare_stage.node("node2", labels={"chaoskit.node": "node1"})
    with bare_stage.world() as world, pytest.raises(TargetError, match="2 containers claim"):
        world.node("node1").reach(NodeState.KILLED)


@pytest.fixture(params=["proc", "sidecar"])
def counted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways into the proxy's namespace; the second where the first is closed."""
    if request.param == "sidecar":
        monkeypatch.setattr(traffic, "local_pid", lambda container: None)
    return str(request.param)


def test_live_connections_are_counted_and_named(
    made: Stage, world: DockerWorld, counted: str
) -> None:
    with chatter((made.proxy_address, LISTEN), (made.proxy_address, LISTEN)):
        seen = world.link(LINK).observe("nobody", CUT)
        idle = world.link(IDLE).observe("nobody", CUT)
    assert (seen.listed, seen.connections) == (False, 2)
    assert len(set(seen.sessions)) == 2
    assert (idle.connections, idle.sessions) == (0, ())
    assert eventually(lambda: world.link(LINK).observe("nobody", CUT).connections == 0)
    assert not made.client.containers.list(all=True, filters={"label": "chaoskit.sidecar"})


def test_traffic_of_short_connections_is_seen(made: Stage, world: DockerWorld) -> None:
    with ThreadPoolExecutor(1) as pool:
        shopping = pool.submit(_sixty_a_second, made, time.monotonic() + 3)
        eventually(lambda: shopping.running(), what="the traffic")
        assert world.link(LINK).observe("nobody", CUT).connections
        assert shopping.result(10) > 30


def _sixty_a_second(made: Stage, until: float) -> int:
    count = 0
    while time.monotonic() < until:
        with socket.create_connection((made.proxy_address, LISTEN), 1) as line:
            line.sendall(b"PING\r\n")
            count += line.recv(16) == b"+PONG\r\n"
            time.sleep(0.01)
    return count


def test_who_is_refused_on_one_link_proves_no_cut_of_another(
    made: Stage, world: DockerWorld, counted: str
) -> None:
    cut = find("cut").spec
    undos = [cut().plan(world.link(name), world, "cut-1") for name in (LINK, IDLE)]
    try:
        for undo in undos:
            cut.inject(undo, world)
        for _ in range(5):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((made.proxy_address, LISTEN), 1)
        seen = cut.active(undos[1], world)
    finally:
        for undo in undos:
            cut.revert(undo, world)
    assert (seen.listed, seen.carried, seen.in_force) == (True, None, False)


def test_a_proxy_that_was_restarted_has_no_toxics_and_that_is_said(
    proxied_stage: Stage,
) -> None:
    latency = {"kind": "latency", "delay": 0.05, "jitter": 0.0}
    proxied_stage.node("cache1")
    proxied_stage.link(LINK, "app-cache1", LISTEN, "cache1:6379")
    with proxied_stage.world() as world:
        was = world.link(LINK).survey()
        world.link(LINK).impose("first", latency)
    proxied_stage.restart_proxy()
    with proxied_stage.world() as world:
        link = world.link(LINK)
        assert not link.observe("first", latency).listed
        link.lift("first", latency, was)
        with pytest.raises(TargetError, match="restarted without its configuration"):
            link.lift("second", CUT, was)


def test_capabilities_are_tried(made: Stage, world: DockerWorld) -> None:
    found = {c.name: c for c in capabilities(world.describe())}
    assert {name: c.detail for name, c in found.items() if not c.ok} == {}
    assert "kill" in found["pause, kill, start"].faults
    assert "latency" in found["proxies"].faults
    away = {**world.describe(), "proxies": "http://127.0.0.1:1"}
    missing = {c.name for c in capabilities(away) if not c.ok}
    assert "proxies" in missing
    assert not made.client.containers.list(all=True, filters={"label": "chaoskit.throwaway"})


def test_proxies_that_are_away_are_one_sentence(made: Stage) -> None:
    away = {**made.description(), "proxies": "http://127.0.0.1:1"}
    with pytest.raises(Unreachable, match="chaoskit system up"):
        open_docker(away)
