"""A system of processes held by supervisord: programs as nodes, proxies as links.

Only the programs of the group that bears the system's name are ever touched. Opened from a
description that is plain JSON, so that `revert` and the watchdog can open it on another day.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from chaoskit.errors import InvalidInput
from chaoskit.model.system import Ping, RuntimeSpec, System
from chaoskit.ports import Json, NodeState
from chaoskit.world import kernel
from chaoskit.world.by_hand import by_hand
from chaoskit.world.local.fingerprint import node_fingerprint
from chaoskit.world.local.listening import listens
from chaoskit.world.local.nodes import LocalNode
from chaoskit.world.local.programs import Group
from chaoskit.world.local.supervisor import Supervisor
from chaoskit.world.local.traffic import LocalTraffic
from chaoskit.world.proxied import ProxiedLink, Traffic, Uncounted, declared_link
from chaoskit.world.toxiproxy import ProxyServer

MACHINE = "this machine"


def local_description(system: System, spec: RuntimeSpec) -> Json:
    """What `open_local` needs to open `system` as `spec` says it runs."""
    nodes = {node: (name, tier) for name, tier in system.tiers.items() for node in tier.nodes}
    return {
        "runtime": "local",
        "system": system.system,
        "project": spec.project,
        "supervisor": spec.supervisor,
        "proxies": spec.proxies,
        "links": {name: list(link.proxies) for name, link in system.links.items()},
        "pings": {node: str(tier.alive) for node, (_, tier) in nodes.items() if tier.alive},
        "tiers": {node: name for node, (name, _) in nodes.items()},
        "addresses": dict(spec.addresses),
        # JSON knows no other keys than text.
        "ports": {str(declared): real for declared, real in spec.ports.items()},
    }


def open_local(description: Json) -> LocalWorld:
    """The world that `description` (see `local_description`) describes.

    Raises Unreachable, in one sentence, when supervisord or the proxies' API does not answer,
    InvalidInput when the description names no supervisord.
    """
    world = local_world(description)
    world.group.supervisor.pid()
    if world.server is not None:
        world.server.version()
    return world


def reopen_local(description: Json) -> LocalWorld:
    """The same to put something back: asks nobody anything yet, and counts nobody on a link.

    Who crosses it proves a fault, not its end.
    """
    return replace(local_world(description), traffic=Uncounted())


def local_world(description: Json) -> LocalWorld:
    """The world of `open_local` without asking anybody anything yet."""
    path = description.get("supervisor")
    if not path:
        raise InvalidInput(
            f"system '{description['system']}' names no supervisord to reach its processes by; "
            "`chaoskit system up --runtime local` starts one and writes its state file"
        )
    url = description.get("proxies")
    return LocalWorld(
        json.loads(json.dumps(description)),
        Group(Supervisor(str(path)), description["system"]),
        ProxyServer(url) if url else None,
    )


@dataclass(frozen=True)
class LocalWorld:
    """One system under one supervisord. `server` is None where no proxies are declared."""

    description: Json
    group: Group
    server: ProxyServer | None
    traffic: Traffic = field(default_factory=LocalTraffic)
    runtime: str = "local"

    @property
    def system(self) -> str:
        return self.group.name

    def describe(self) -> Json:
        copy: Json = json.loads(json.dumps(self.description))
        return copy

    def nodes(self) -> Mapping[str, LocalNode]:
        return {name: self._node(name) for name in self.group.names()}

    def node(self, name: str) -> LocalNode:
        """The node `name`; raises NotOurs, saying which group it is missing from."""
        if self.group.supervisor.program(self.group.name, name) is None:
            raise self.group.refusal(name)
        return self._node(name)

    def link(self, name: str) -> ProxiedLink:
        """The link `a -> b` (all its proxies) or `a -> b/b2`; raises NotOurs when undeclared."""
        return declared_link(name, self.description, self.server, self.traffic)

    def carries_proxies(self, node: str) -> bool:
        """By who listens where the proxies' API answers."""
        return self.server is not None and listens(self.group, node, self.server.url)

    def fingerprint(self, points: Iterable[str]) -> Json:
        """Configuration and state of each point; what changes by nature is left out.

        A declared node whose program is gone is `absent`; an unknown name raises NotOurs. What
        all nodes share stands under «this machine».
        """
        found = {point: self._fingerprint(point) for point in points}
        nodes = [seen for point, seen in found.items() if "->" not in point]
        if any(seen["state"] != NodeState.ABSENT for seen in nodes):
            # One namespace for all nodes: what the kernel holds there is read once.
            found[MACHINE] = {"kernel": kernel.of_loopback()}
        return found

    def by_hand(self, undo: Json) -> tuple[str, ...]:
        return by_hand(self.description, undo)

    def close(self) -> None:
        """Nothing is kept open between two calls."""

    def _fingerprint(self, point: str) -> Json:
        if "->" in point:
            return self.link(point).fingerprint()
        known = point in self.description.get("tiers", {})
        return node_fingerprint(self._node(point) if known else self.node(point))

    def _node(self, name: str) -> LocalNode:
        question = self.description.get("pings", {}).get(name)
        ports = self.description.get("ports", {})
        return LocalNode(
            name,
            tier=self.description.get("tiers", {}).get(name) or name,
            group=self.group,
            address=self.description.get("addresses", {}).get(name),
            ports={int(declared): int(real) for declared, real in ports.items()},
            question=Ping.parse(question) if question else None,
        )
