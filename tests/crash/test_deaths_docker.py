"""Deaths beside the runner on a real engine: the engine, the proxy, the target itself."""

from __future__ import annotations

import gc
import io
import json
import socket
import tarfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from chaoskit.errors import NotRestored
from chaoskit.world.docker import DockerWorld, open_docker
from tests.crash.holding import Held, system
from tests.crash.private_engine import NAME, OURS, PrivateEngine, private_engine
from tests.stage import API_PORT, DIRECT, PROXY_IMAGE, Stage, eventually

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(300)]

NODE, LINK, PROXY, LISTEN = "cache1", "app -> cache1", "app-cache1", 24001


# --- the engine ---------------------------------------------------------------------------------


# docker-py leaves the socket of a connection that was refused to the garbage collector.
DROPS_SOCKETS = pytest.mark.filterwarnings(
    "ignore:unclosed <socket:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture(scope="module")
def private() -> Iterator[PrivateEngine]:
    with private_engine() as made:
        yield made


@pytest.fixture
def world(private: PrivateEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[DockerWorld]:
    monkeypatch.setenv("DOCKER_HOST", private.host)
    if private.process is None or private.process.poll() is not None:
        private.start()
    with closing(open_docker(private.description())) as opened:
        eventually(lambda: opened.node(NAME).facts().state == "running", what="the node runs")
        yield opened
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()


@DROPS_SOCKETS
@pytest.mark.parametrize("fault", ["kill", "pause"])
def test_an_engine_killed_and_back_in_the_middle_leaves_nothing(
    private: PrivateEngine, world: DockerWorld, tmp_path: Path, fault: str
) -> None:
    before = world.fingerprint([NAME])

    def again() -> None:
        private.kill()
        private.start()

    held = Held(tmp_path, world, system(OURS, NAME), again)
    timeline = held.run(fault, {"node": NAME})
    assert timeline.restored, timeline.differences
    assert held.left() == []
    assert not isinstance(held.error, NotRestored)
    assert world.fingerprint([NAME]) == before


@DROPS_SOCKETS
@pytest.mark.parametrize("fault", ["kill", "pause"])
def test_an_engine_that_stays_away_is_not_restored_until_revert(
    private: PrivateEngine, world: DockerWorld, tmp_path: Path, fault: str
) -> None:
    before = world.fingerprint([NAME])
    held = Held(tmp_path, world, system(OURS, NAME), private.kill)
    timeline = held.run(fault, {"node": NAME})
    assert not timeline.restored
    assert isinstance(held.error, NotRestored)
    assert held.exit_code == 4
    assert "no Docker engine answers" in str(held.error)
    assert held.left() == [NAME]
    private.start()
    held.revert()
    assert held.left() == []
    assert world.fingerprint([NAME]) == before


# --- the proxy ----------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as any_:
        any_.bind(("127.0.0.1", 0))
        port: int = any_.getsockname()[1]
        return port


def proxy_that_knows_its_proxies(stage: Stage) -> None:
    """A Toxiproxy with a configuration file and a port of its own that survives a restart."""
    wish = [{"name": PROXY, "listen": f"[::]:{LISTEN}", "upstream": f"{NODE}:6379"}]
    stage.proxy = stage.client.containers.create(
        PROXY_IMAGE, ["-host=0.0.0.0", "-config=/proxies.json"],
        name=f"{stage.system}-toxiproxy",
        labels={"chaoskit.proxy": stage.system, "chaoskit.test": stage.system},
        network=stage.network.name, ports={f"{API_PORT}/tcp": ("127.0.0.1", free_port())},
    )  # fmt: skip
    content, packed = json.dumps(wish).encode(), io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("proxies.json")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    stage.proxy.put_archive("/", packed.getvalue())
    start(stage)
    stage.links[LINK] = [PROXY]


def start(stage: Stage) -> None:
    stage.proxy.start()
    stage.proxy.reload()

    def answers() -> bool:
        try:
            return requests.get(f"{stage.api}/proxies", timeout=1, proxies=DIRECT).ok
        except requests.ConnectionError:
            return False

    eventually(answers, what="Toxiproxy's API")


@contextmanager
def on_stage(stage: Stage) -> Iterator[DockerWorld]:
    stage.node(NODE)
    proxy_that_knows_its_proxies(stage)
    with stage.world(**{NODE: "redis:6379"}) as opened:
        eventually(lambda: opened.node(NODE).answers(), what="the node")
        yield opened


def link_fault(fault: str) -> dict[str, Any]:
    return {"delay": "80ms"} if fault == "latency" else {}


@pytest.mark.parametrize("fault", ["latency", "cut"])
def test_a_toxiproxy_killed_and_back_in_the_middle_leaves_nothing(
    bare_stage: Stage, tmp_path: Path, fault: str
) -> None:
    with on_stage(bare_stage) as world:
        before = world.fingerprint([NODE, LINK])

        def again() -> None:
            bare_stage.proxy.kill()
            start(bare_stage)

        held = Held(tmp_path, world, system(bare_stage.system, NODE, LINK, PROXY), again)
        timeline = held.run(fault, {"link": LINK}, **link_fault(fault))
        assert timeline.restored, timeline.differences
        assert held.left() == []
        assert world.fingerprint([NODE, LINK]) == before
        (injection,) = timeline.injections
        assert not injection.proven, "the proxy forgot it: it must not count as proven"


@pytest.mark.parametrize("fault", ["latency", "cut"])
def test_a_toxiproxy_that_stays_away_is_not_restored_until_revert(
    bare_stage: Stage, tmp_path: Path, fault: str
) -> None:
    with on_stage(bare_stage) as world:
        before = world.fingerprint([NODE, LINK])
        killed = bare_stage.proxy.kill
        held = Held(tmp_path, world, system(bare_stage.system, NODE, LINK, PROXY), killed)
        timeline = held.run(fault, {"link": LINK}, **link_fault(fault))
        assert not timeline.restored
        assert held.exit_code == 4
        assert held.left() == [LINK]
        start(bare_stage)
        held.revert()
        assert held.left() == []
        assert world.fingerprint([NODE, LINK]) == before


# --- the target ---------------------------------------------------------------------------------


def removing(stage: Stage) -> Callable[[], object]:
    return lambda: stage.nodes[NODE].remove(force=True, v=True)


@pytest.mark.parametrize("fault", ["kill", "pause", "stop"])
def test_a_container_recreated_in_the_middle_ends_as_it_was(
    bare_stage: Stage, tmp_path: Path, fault: str
) -> None:
    bare_stage.node(NODE)
    with bare_stage.world(**{NODE: "redis:6379"}) as world:
        eventually(lambda: world.node(NODE).answers(), what="the node")
        before = world.fingerprint([NODE])

        def recreate() -> None:
            removing(bare_stage)()
            bare_stage.node(NODE)

        held = Held(tmp_path, world, system(bare_stage.system, NODE), recreate)
        timeline = held.run(fault, {"node": NODE})
        assert timeline.restored, timeline.differences
        assert held.left() == []
        assert world.fingerprint([NODE]) == before
        (injection,) = timeline.injections
        assert not injection.proven, "the new container never suffered it"


def test_a_container_that_is_removed_is_named_and_not_restored(
    bare_stage: Stage, tmp_path: Path
) -> None:
    bare_stage.node(NODE)
    with bare_stage.world(**{NODE: "redis:6379"}) as world:
        eventually(lambda: world.node(NODE).answers(), what="the node")
        held = Held(tmp_path, world, system(bare_stage.system, NODE), removing(bare_stage))
        timeline = held.run("pause", {"node": NODE})
        assert not timeline.restored
        assert held.exit_code == 4
        assert NODE in str(held.error)
        bare_stage.node(NODE)
        held.revert()
        assert held.left() == []
