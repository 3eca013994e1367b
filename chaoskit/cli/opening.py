"""Opens a system on a runtime: state file, world, probes. The world is looked at, never changed."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from chaoskit.errors import InvalidInput, Unreachable
from chaoskit.model.system import RuntimeSpec, System
from chaoskit.ports import World
from chaoskit.run.target import Target

Runtime = Literal["docker", "local"]


@dataclass(frozen=True)
class Opened:
    """A system that is reachable: its target and the URL that load enters by."""

    target: Target
    entry: str
    spec: RuntimeSpec


def choose_runtime(system: System, wanted: str) -> Runtime:
    """`auto` takes the only runtime there is; raises InvalidInput when there is none such."""
    known = [r for r in ("docker", "local") if r in system.runtimes]
    if wanted == "auto" and known:
        return known[0]
    if wanted not in known:
        names = ", ".join(known) or "none"
        raise InvalidInput(f"{system.system} declares no runtime '{wanted}' (it has: {names})")
    return wanted


def read_spec(system: System, folder: Path, runtime: Runtime) -> tuple[RuntimeSpec, str]:
    """The runtime's settings and the entry URL, with what the state file says laid over them."""
    spec = system.runtimes[runtime]
    state = folder / spec.state if spec.state else None
    if state is None or not state.is_file():
        return spec, system.entry.url
    try:
        written = json.loads(state.read_text())
    except ValueError as error:
        raise InvalidInput(f"{state}: not JSON: {error}; bring the system up again") from error
    update = {key: written[key] for key in ("project", "proxies") if key in written}
    return spec.model_copy(update=update), written.get("entry", system.entry.url)


def open_system(system: System, folder: Path, wanted: str = "auto") -> Opened:
    """Open the world and its probes; raises Unreachable when the system is not up."""
    from chaoskit.probe import probe_for

    runtime = choose_runtime(system, wanted)
    spec, entry = read_spec(system, folder, runtime)
    refuse_foreign(entry, system)
    world = _open_world(system, spec, runtime)
    if not world.nodes():
        raise Unreachable(f"no node of {system.system} runs on {runtime}; try: chaoskit system up")
    probes = {
        name: probe_for(name, probe, world, system, entry) for name, probe in system.probes.items()
    }
    return Opened(Target(system, world, probes), entry, spec)


def _open_world(system: System, spec: RuntimeSpec, runtime: Runtime) -> World:
    from chaoskit.world import open_world

    if runtime == "local":
        raise InvalidInput("the local runtime is not there yet; use --runtime docker")
    from chaoskit.world.docker import docker_description

    return open_world(docker_description(system, spec))


def refuse_foreign(entry: str, system: System) -> None:
    """Load goes to loopback, or to a host that the system names under allow_hosts."""
    host = urlsplit(entry).hostname or ""
    if host == "localhost" or host in system.allow_hosts:
        return
    try:
        if ipaddress.ip_address(host).is_loopback:
            return
    except ValueError:
        pass
    raise InvalidInput(
        f"load would go to {host or entry}, which is not this machine; "
        f"if that is meant, name it under allow_hosts in system.yaml"
    )
