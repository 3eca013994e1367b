"""A small system of its own on the real engine: a network, a Toxiproxy, the nodes a test needs.

Everything is called `chaoskit-test-…` and carries a label, and all of it is removed on the way
out. It must never touch what it did not make.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import docker
import pytest
import requests
from docker.errors import ImageNotFound, NotFound

from chaoskit.errors import Unreachable
from chaoskit.world.docker import DockerWorld, open_docker
from chaoskit.world.docker.engine import Engine
from chaoskit.world.docker.nodes import NODE, SYSTEM, TIER

SHOP_IMAGE = os.environ.get("SHOP_IMAGE", "chaoskit-shop:latest")
PROXY_IMAGE = "ghcr.io/shopify/toxiproxy:2.12.0"
API_PORT = 8474
SHOP_SYSTEM = Path(__file__).parents[1] / "experiments" / "shop" / "system.yaml"
REDIS = ("redis-server", "--save", "", "--protected-mode", "no")
DIRECT = {"http": "", "https": "", "all": ""}


def lacking(what: str) -> NoReturn:
    """Skip with the reason; under CI what is lacking is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(what, pytrace=False)
    pytest.skip(what)


def need_engine() -> docker.DockerClient:
    """A client of the engine that is there; otherwise the test is skipped (under CI: fails)."""
    try:
        Engine().close()
    except Unreachable as error:
        lacking(str(error))
    client = docker.from_env(timeout=20)
    for image in (SHOP_IMAGE, PROXY_IMAGE):
        try:
            client.images.get(image)
        except ImageNotFound:
            client.close()
            lacking(f"image {image} is not here; `make images` makes it")
    return client


def raise_shop(
    without: str = "", environment: Mapping[str, str] = os.environ, runtime: str = "docker"
) -> None:
    """The reference shop, up and at full strength, with the mechanisms `without` taken out.

    That of another runtime is taken down: two cores cannot carry both and measure one. In a lane
    (see the Makefile) nothing is measured, and the other lane needs it.
    """
    for other in ("docker", "local"):
        if other != runtime and "LANE" not in os.environ:
            lower_shop(other, environment)
    _system("up", runtime, {**environment, "SHOP_WITHOUT": without})


def lower_shop(runtime: str, environment: Mapping[str, str] = os.environ) -> None:
    """Take the reference shop down where it is up."""
    if shop_state(runtime).is_file():
        _system("down", runtime, environment)


def shop_state(runtime: str) -> Path:
    """The state file that the shop's `up` writes."""
    project = os.environ.get("SHOP_PROJECT", "shop")
    return SHOP_SYSTEM.parents[2] / "shop" / ".state" / f"{runtime}-{project}.json"


def _system(action: str, runtime: str, environment: Mapping[str, str]) -> None:
    words = ["system", action, "--runtime", runtime, "--system", str(SHOP_SYSTEM)]
    subprocess.run(
        [sys.executable, "-m", "chaoskit", *words], env=environment, check=True, timeout=300
    )


def eventually(so: Callable[[], Any], within: float = 10.0, what: str = "it") -> Any:
    """What `so` answers as soon as that is true; fails loudly after `within` seconds."""
    until = time.monotonic() + within
    while not (answer := so()):
        assert time.monotonic() < until, f"{what} did not become so within {within:g}s"
        time.sleep(0.05)
    return answer


@dataclass
class Stage:
    """The system `system`; nodes, strangers and proxies are added as a test needs them."""

    client: docker.DockerClient
    network: Any
    system: str
    nodes: dict[str, Any] = field(default_factory=dict)
    links: dict[str, list[str]] = field(default_factory=dict)
    proxy: Any = None

    def node(self, name: str, *command: str, ours: bool = True, **options: Any) -> Any:
        """A running container `name`; with `ours=False` it lacks our label and nothing else."""
        labels = {NODE: name, TIER: name, "chaoskit.test": self.system}
        labels |= options.pop("labels", {})
        options.setdefault("restart_policy", {"Name": "unless-stopped"})
        self.nodes[name] = self.client.containers.run(
            SHOP_IMAGE,
            list(command or REDIS),
            name=f"{self.system}-{name}",
            hostname=name,
            labels=labels | ({SYSTEM: self.system} if ours else {}),
            network=self.network.name,
            detach=True,
            init=True,
            **options,
        )
        self.network.disconnect(self.nodes[name])
        self.network.connect(self.nodes[name], aliases=[name])
        self.nodes[name].reload()
        return self.nodes[name]

    def start_proxy(self) -> None:
        self.proxy = self.client.containers.run(
            PROXY_IMAGE,
            ["-host=0.0.0.0"],
            name=f"{self.system}-toxiproxy",
            labels={"chaoskit.proxy": self.system, "chaoskit.test": self.system},
            network=self.network.name,
            ports={f"{API_PORT}/tcp": ("127.0.0.1", None)},
            detach=True,
        )
        self._await_api()

    def restart_proxy(self) -> None:
        """It forgets its proxies and toxics, and its API gets another port."""
        self.proxy.restart(timeout=0)
        self._await_api()

    def _await_api(self) -> None:
        self.proxy.reload()
        eventually(self._api_answers, what="Toxiproxy's API")

    def link(self, name: str, proxy: str, listen: int, upstream: str) -> None:
        """Declare link `name`, carried by a new proxy."""
        wish = {"name": proxy, "listen": f"[::]:{listen}", "upstream": upstream}
        requests.post(
            f"{self.api}/proxies", json=wish, timeout=5, proxies=DIRECT
        ).raise_for_status()
        self.links.setdefault(name, []).append(proxy)

    @property
    def api(self) -> str:
        port = self.proxy.attrs["NetworkSettings"]["Ports"][f"{API_PORT}/tcp"][0]["HostPort"]
        return f"http://127.0.0.1:{port}"

    @property
    def proxy_address(self) -> str:
        return self.address(self.proxy)

    def address(self, container: Any) -> str:
        container.reload()
        return str(container.attrs["NetworkSettings"]["Networks"][self.network.name]["IPAddress"])

    def pid(self, name: str) -> int:
        self.nodes[name].reload()
        return int(self.nodes[name].attrs["State"]["Pid"])

    def description(self, **pings: str) -> dict[str, Any]:
        return {
            "runtime": "docker",
            "system": self.system,
            "project": None,
            "proxies": self.api if self.proxy else None,
            "links": self.links,
            "pings": pings,
            "tiers": {name: name for name in self.nodes},
        }

    @contextmanager
    def world(self, **pings: str) -> Iterator[DockerWorld]:
        with closing(open_docker(self.description(**pings))) as world:
            yield world

    def _api_answers(self) -> bool:
        try:
            return requests.get(f"{self.api}/version", timeout=1, proxies=DIRECT).ok
        except requests.ConnectionError:
            return False


@contextmanager
def stage(proxy: bool = False) -> Iterator[Stage]:
    """An empty stage (with a Toxiproxy where asked for), cleared away whatever happens."""
    with ExitStack() as clearing:
        client = clearing.enter_context(closing(need_engine()))
        system = f"chaoskit-test-{secrets.token_hex(3)}"
        network = client.networks.create(system, labels={"chaoskit.test": system})
        clearing.callback(_clear, client, system)
        made = Stage(client, network, system)
        if proxy:
            made.start_proxy()
        yield made


def _clear(client: docker.DockerClient, system: str) -> None:
    labelled = {"label": f"chaoskit.test={system}"}
    for container in client.containers.list(all=True, filters=labelled):
        try:
            container.remove(force=True, v=True)
        except NotFound:
            continue
    for network in client.networks.list(filters=labelled):
        network.remove()


@contextmanager
def chatter(*places: tuple[str, int]) -> Iterator[list[float]]:
    """Redis PINGs to each place over connections kept open, opened again when they break.

    Yields the round-trip times in seconds (appended as they come), once each place answered.
    """
    stop = threading.Event()
    heard: list[list[float]] = [[] for _ in places]
    everything: list[float] = []
    threads = [
        threading.Thread(target=_talk, args=(place, stop, own, everything), daemon=True)
        for place, own in zip(places, heard, strict=True)
    ]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: all(heard), what="an answer from every place")
        yield everything
    finally:
        stop.set()
        for thread in threads:
            thread.join(5)


def _talk(
    place: tuple[str, int], stop: threading.Event, own: list[float], everything: list[float]
) -> None:
    while not stop.is_set():
        try:
            with socket.create_connection(place, 0.5) as line:
                line.settimeout(1.0)
                while not stop.wait(0.02):
                    began = time.monotonic()
                    line.sendall(b"PING\r\n")
                    if not line.recv(64):
                        break
                    own.append(time.monotonic() - began)
                    everything.append(own[-1])
        except OSError:  # the fault bites: try again, as a client would
            stop.wait(0.05)
