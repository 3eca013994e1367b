"""A system on a Docker engine: labelled containers as nodes, Toxiproxy's proxies as links.

It must never see a container without the system's label. Opened from a description that is plain
JSON, so that `revert` and the watchdog can open the same world on another day.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace

from chaoskit.model.system import Ping, RuntimeSpec, System
from chaoskit.ports import Json
from chaoskit.world import kernel
from chaoskit.world.by_hand import by_hand
from chaoskit.world.docker.engine import Engine, Unasked
from chaoskit.world.docker.fingerprint import node_fingerprint
from chaoskit.world.docker.nodes import TIER, DockerNode, Ownership
from chaoskit.world.docker.place import Place
from chaoskit.world.docker.traffic import ContainerTraffic, carries_proxies, local_pid
from chaoskit.world.proxied import ProxiedLink, Traffic, Uncounted, declared_link
from chaoskit.world.toxiproxy import ProxyServer

DEFAULT_API_PORT = 8474


def docker_description(system: System, spec: RuntimeSpec) -> Json:
    """What `open_docker` needs to open `system` as `spec` says it runs, on the engine of now."""
    tiers = {node: name for name, tier in system.tiers.items() for node in tier.nodes}
    pings = {
        node: str(tier.alive)
        for tier in system.tiers.values()
        for node in tier.nodes
        if tier.alive is not None
    }
    return {
        "runtime": "docker",
        "system": system.system,
        "project": spec.project,
        "engine": Place.here().described(),
        "proxies": spec.proxies,
        "links": {name: list(link.proxies) for name, link in system.links.items()},
        "pings": pings,
        "tiers": tiers,
    }


def open_docker(description: Json) -> DockerWorld:
    """The world that `description` (see `docker_description`) describes.

    Raises Unreachable, in one sentence, when the engine or the proxies' API does not answer.
    """
    engine = Engine(Place.of(description))
    with ExitStack() as on_failure:
        on_failure.callback(engine.close)
        world = docker_world(description, engine)
        if world.server is not None:
            world.server.version()
        on_failure.pop_all()
    return world


def reopen_docker(description: Json) -> DockerWorld:
    """The same to put something back: an engine that is away hides no link, proxies no node.

    Who crosses a link is not counted: it proves a fault, not its end, and only an engine can tell.
    """
    return replace(docker_world(description, Unasked(Place.of(description))), traffic=Uncounted())


def docker_world(description: Json, engine: Engine) -> DockerWorld:
    """The same on an engine that is already there; asks nobody anything yet."""
    url = description.get("proxies")
    server = ProxyServer(url) if url else None
    owner = Ownership(engine, description["system"], description.get("project"))
    port = server.port if server else DEFAULT_API_PORT
    traffic = ContainerTraffic(engine, owner.system, owner.project, port)
    return DockerWorld(json.loads(json.dumps(description)), owner, server, traffic)


@dataclass(frozen=True)
class DockerWorld:
    """One system on one engine. `server` is None where no proxies are declared."""

    description: Json
    owner: Ownership
    server: ProxyServer | None
    traffic: Traffic
    runtime: str = "docker"

    @property
    def system(self) -> str:
        return self.owner.system

    def describe(self) -> Json:
        copy: Json = json.loads(json.dumps(self.description))
        return copy

    def nodes(self) -> Mapping[str, DockerNode]:
        return {
            name: self._node(name, containers[0].get("Labels") or {})
            for name, containers in sorted(self.owner.names().items())
        }

    def node(self, name: str) -> DockerNode:
        """The node `name`; raises NotOurs, saying which label is missing, when it is none."""
        seen = self.owner.look(name)
        if seen is None:
            raise self.owner.refusal(name)
        return self._node(name, seen["Config"]["Labels"] or {})

    def link(self, name: str) -> ProxiedLink:
        """The link `a -> b` (all its proxies) or `a -> b/b2`; raises NotOurs when undeclared."""
        return declared_link(name, self.description, self.server, self.traffic)

    def carries_proxies(self, node: str) -> bool:
        """By the proxies' label, or by the published port of their API."""
        port = self.server.port if self.server else None
        return any(carries_proxies(c, port) for c in self.owner.names().get(node, ()))

    def fingerprint(self, points: Iterable[str]) -> Json:
        """Configuration and state of each point; what changes by nature is left out.

        A declared node whose container is gone is `absent`; an unknown name raises NotOurs.
        """
        asked = list(points)
        seen = {point: self._look(point) for point in asked if "->" not in point}
        shown = kernel.of_processes(
            pid for one in seen.values() if one is not None and (pid := local_pid(one))
        )
        return {
            point: node_fingerprint(seen[point], shown)
            if point in seen
            else self.link(point).fingerprint()
            for point in asked
        }

    def by_hand(self, undo: Json) -> tuple[str, ...]:
        return by_hand(self.description, undo)

    def close(self) -> None:
        self.owner.engine.close()

    def _look(self, point: str) -> Json | None:
        seen = self.owner.look(point)
        if seen is None and point not in self.description.get("tiers", {}):
            raise self.owner.refusal(point)
        return seen

    def _node(self, name: str, labels: Mapping[str, str]) -> DockerNode:
        tier = self.description.get("tiers", {}).get(name) or labels.get(TIER) or name
        question = self.description.get("pings", {}).get(name)
        return DockerNode(name, tier, self.owner, Ping.parse(question) if question else None)
