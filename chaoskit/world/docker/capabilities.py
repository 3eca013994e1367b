"""What this machine can do to a system under Docker: each ability is really tried.

Tried on a throw-away container made from an image that is already here. It must never touch a
container of the system itself.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from chaoskit.errors import TargetError
from chaoskit.faults import NODE_CONTROL, PROXY
from chaoskit.ports import Json, NodeState
from chaoskit.world import kernel
from chaoskit.world.capability import Capability, attempt, needing
from chaoskit.world.docker import DockerWorld, docker_world
from chaoskit.world.docker.engine import Engine
from chaoskit.world.docker.nodes import NODE, SYSTEM, DockerNode, Ownership
from chaoskit.world.docker.place import Place
from chaoskit.world.docker.traffic import local_pid
from chaoskit.world.proxied import ProxiedLink
from chaoskit.world.toxiproxy import ProxyServer

THROWAWAY = "chaoskit.throwaway"


def capabilities(description: Json) -> list[Capability]:
    """Try everything that the world of `description` rests on; never raises for what is missing."""
    try:
        engine = Engine(Place.of(description))
    except TargetError as error:
        return [Capability("container engine", False, str(error), needing(NODE_CONTROL))]
    try:
        world = docker_world(description, engine)
        return [attempt(name, need, partial(trial, world)) for name, need, trial in _TRIALS]
    finally:
        engine.close()


def _engine(world: DockerWorld) -> str:
    version = world.owner.engine.version
    return f"Docker {version.get('Version')}, API {version.get('ApiVersion')}"


def _containers(world: DockerWorld) -> str:
    found = set(world.nodes())
    missing = sorted(set(world.description.get("tiers", {})) - found)
    if missing:
        raise TargetError(
            f"no container with our labels for {', '.join(missing)}; `chaoskit system up`"
        )
    return f"{len(found)} containers carry the labels of system '{world.system}'"


def _lifecycle(world: DockerWorld) -> str:
    """Freeze and thaw, kill and start, by the same code that a run uses."""
    ours = world.owner.engine.containers([f"{SYSTEM}={world.system}"])
    if not ours:
        raise TargetError("no image of the system to try with; `chaoskit system up` first")
    with throwaway(world.owner.engine, ours[0]["ImageID"]) as node:
        for state in (
            NodeState.RUNNING, NodeState.FROZEN, NodeState.RUNNING, NodeState.KILLED,
            NodeState.RUNNING, NodeState.KILLED,
        ):  # fmt: skip
            node.reach(state, grace=0)
    return "paused, unpaused, killed and started a throw-away container"


@contextmanager
def throwaway(engine: Engine, image: str) -> Iterator[DockerNode]:
    """A sleeping container of nobody's system, removed on the way out."""
    system = f"chaoskit-trial-{secrets.token_hex(4)}"
    labels = {SYSTEM: system, NODE: "trial", THROWAWAY: system}
    with engine.asking("make a throw-away container") as api:
        made = api.create_container(
            image,
            entrypoint=["sleep", "120"],
            labels=labels,
            host_config=api.create_host_config(network_mode="none"),
        )["Id"]
    try:
        yield DockerNode("trial", "trial", Ownership(engine, system))
    finally:
        with engine.asking("remove the throw-away container") as api:
            api.remove_container(made, force=True, v=True)


def _proxies(world: DockerWorld) -> str:
    server = _server(world)
    version = server.version()
    for link in _links(world):
        link.survey()
    return f"Toxiproxy {version} at {server.url}, with every declared proxy"


def _server(world: DockerWorld) -> ProxyServer:
    if world.server is None:
        raise TargetError("the runtime names no `proxies` (the URL of Toxiproxy's API)")
    return world.server


def _links(world: DockerWorld) -> list[ProxiedLink]:
    return [world.link(name) for name, proxies in world.description["links"].items() if proxies]


def _kernel(world: DockerWorld) -> str:
    nodes = world.owner.names()
    seen = next((world.owner.look(name) for name in nodes), None)
    if seen is not None and local_pid(seen) is None:
        return "left out of fingerprints: the containers are no processes of this machine"
    return kernel.in_fingerprints()


def _counting(world: DockerWorld) -> str:
    _server(world)
    if world.traffic.sessions((), patient=False) is None:
        raise TargetError(
            "connections on the proxies cannot be counted (neither /proc nor a sidecar shows the "
            "namespace of Toxiproxy's container): link faults will stay unproven"
        )
    return "connections on the proxies can be counted"


def _addresses(world: DockerWorld) -> str:
    asked = {name: node.answers() for name, node in world.nodes().items()}
    silent = sorted(name for name, answer in asked.items() if answer is False)
    if silent:
        raise TargetError(
            f"no answer at the containers' own addresses from {', '.join(silent)}: they are down, "
            "or this machine has no route to the container network"
        )
    if not any(asked.values()):
        raise TargetError("not tried: no tier declares how its nodes answer (`alive`)")
    return f"{sum(answer is True for answer in asked.values())} nodes answer at their own address"


_TRIALS: tuple[tuple[str, str, Callable[[DockerWorld], str]], ...] = (
    ("container engine", NODE_CONTROL, _engine),
    ("labelled containers", NODE_CONTROL, _containers),
    ("pause, kill, start", NODE_CONTROL, _lifecycle),
    ("rules in namespaces", "", _kernel),
    ("container addresses", NODE_CONTROL, _addresses),
    ("proxies", PROXY, _proxies),
    ("counting connections", PROXY, _counting),
)
