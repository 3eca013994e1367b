"""Who is connected to the proxies, counted in the network namespace of their container.

Read from `/proc/<pid>/net` where the engine runs on this machine and we may; otherwise by a
one-shot sidecar in the container's network namespace. It must never connect to a proxy itself:
that would be counted, and would prove nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from chaoskit.errors import TargetError, Unreachable
from chaoskit.ports import Json
from chaoskit.world.docker.engine import Engine
from chaoskit.world.docker.nodes import PROJECT, SYSTEM
from chaoskit.world.sockets import TABLES, established, split

PROXY, SIDECAR = "chaoskit.proxy", "chaoskit.sidecar"
SAMPLES, PAUSE = 20, 0.025


@dataclass(frozen=True)
class ContainerTraffic:
    """The traffic of the container that publishes the proxies' API (or carries its label)."""

    engine: Engine
    system: str
    project: str | None
    api_port: int

    def sessions(self, doors: Iterable[str], patient: bool = True) -> tuple[str, ...] | None:
        """See `Traffic`: the fullest of up to 20 looks within half a second.

        The container has its network for itself, so that the doors' ports tell them apart.
        """
        wanted = frozenset(split(door)[1] for door in doors)
        container = self.container()
        if container is None:
            return None
        times = SAMPLES if patient else 1
        if not local_pid(container):
            looks = self._by_sidecar(container, times)
            return None if looks is None else max((peers(t, wanted) for t in looks), key=len)
        found: tuple[str, ...] = ()
        for _ in range(times):
            table = _read(container)
            if table is None or (found := peers(table, wanted)):
                return None if table is None else found
            time.sleep(PAUSE if patient else 0)
        return found

    def container(self) -> Json | None:
        """The running proxies' container as the engine describes it; None when none is found."""
        labels = [f"{PROXY}={self.system}"]
        if self.project:
            labels.append(f"{PROJECT}={self.project}")
        labelled = self.engine.containers(labels, all_states=False)
        everyone = labelled or self.engine.containers([], all_states=False)
        publishers = [entry for entry in everyone if _publishes(entry, self.api_port)] or labelled
        return self.engine.inspect(publishers[0]["Id"]) if len(publishers) == 1 else None

    def _by_sidecar(self, container: Json, times: int) -> list[str] | None:
        """The tables as `cat` prints them in the namespace, `times` over; None without an image."""
        ours = self.engine.containers([f"{SYSTEM}={self.system}"])
        if not ours:
            return None
        paths = " ".join(f"/proc/net/{name}" for name in TABLES)
        script = f"for i in $(seq {times}); do cat {paths}; echo =; sleep {PAUSE}; done"
        try:
            printed = run_once(
                self.engine, ours[0]["ImageID"], script, container["Id"], self.system
            )
        except Unreachable:
            raise
        except TargetError:  # an image without a shell, an engine that will not: it is unknown
            return None
        return [look for look in printed.split("=\n") if look.strip()] or None


def carries_proxies(entry: Json, api_port: int | None) -> bool:
    """Whether a container, as the engine lists it, is the proxies' own, of whichever system."""
    labelled = PROXY in (entry.get("Labels") or {})
    return labelled or (api_port is not None and _publishes(entry, api_port))


def _publishes(entry: Json, api_port: int) -> bool:
    return any(port.get("PublicPort") == api_port for port in entry.get("Ports") or [])


def run_once(engine: Engine, image: str, script: str, netns_of: str, system: str) -> str:
    """What `script` prints in a throw-away container in the network of `netns_of`."""
    with engine.asking("run a sidecar") as api:
        made = api.create_container(
            image,
            entrypoint=["sh", "-c", script],
            labels={SIDECAR: system},
            host_config=api.create_host_config(network_mode=f"container:{netns_of}"),
        )["Id"]
        try:
            api.start(made)
            api.wait(made, timeout=int(engine.timeout))
            return bytes(api.logs(made, stderr=False)).decode()
        finally:
            api.remove_container(made, force=True, v=True)


def local_pid(container: Json) -> int | None:
    """Its pid if that is a process of this machine (engine not in a VM, not far away)."""
    pid = container["State"]["Pid"]
    with suppress(OSError):
        if container["Id"] in Path(f"/proc/{pid}/cgroup").read_text() and _read(container):
            return int(pid)
    return None


def _read(container: Json) -> str | None:
    folder = Path(f"/proc/{container['State']['Pid']}/net")
    try:
        return "".join((folder / name).read_text() for name in TABLES)
    except OSError:  # it ended, or this is not ours to read
        return None


def peers(table: str, ports: frozenset[int]) -> tuple[str, ...]:
    """Peers of established connections on local `ports`, from `/proc/net/tcp` and `tcp6`."""
    return tuple(sorted(seen.peer for seen in established(table) if seen.port in ports))
