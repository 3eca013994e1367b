"""Opens a system on a runtime: state file, world, probes. The world is looked at, never changed."""

from __future__ import annotations

import ipaddress
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from chaoskit.errors import InvalidInput, NotOurs, Unreachable
from chaoskit.model.system import RuntimeSpec, System
from chaoskit.ports import Json, World
from chaoskit.run.target import Target

Runtime = Literal["docker", "local"]
RUNTIMES: tuple[Runtime, ...] = ("docker", "local")
STATE = ("project", "proxies", "supervisor", "addresses", "ports")


@dataclass(frozen=True)
class Choice:
    """A runtime, and in a few words why it was taken; no words where it was asked for."""

    runtime: Runtime
    why: str = ""

    def __str__(self) -> str:
        return f"{self.runtime} ({self.why})" if self.why else self.runtime


@dataclass(frozen=True)
class Opened:
    """A system that is reachable: its target and the URLs that load enters by, best first.

    `folder` is that of its system.yaml: what stands there as a relative path counts from it.
    """

    target: Target
    entries: tuple[str, ...]
    spec: RuntimeSpec
    choice: Choice
    folder: Path = Path()

    @property
    def entry(self) -> str:
        return self.entries[0]


def choose_runtime(system: System, folder: Path, wanted: str) -> Choice:
    """`auto` takes the one that can be used; raises InvalidInput when there is none such.

    A container engine that answers comes before `local`, unless the state files say that
    the system is up on `local` alone; whether it is, opening it tells.
    """
    known = [r for r in RUNTIMES if r in system.runtimes]
    if wanted in known:
        return Choice(wanted)
    if wanted != "auto" or not known:
        names = ", ".join(known) or "none"
        raise InvalidInput(f"{system.system} declares no runtime '{wanted}' (it has: {names})")
    if len(known) == 1:
        return Choice(known[0], "the only one the system declares")
    if not _engine_answers():
        return Choice("local", "no container engine answers")
    up = [r for r in known if _is_file(_state_file(system, folder, r))]
    if up == ["local"]:
        return Choice("local", "only its state file there says that it is up")
    return Choice("docker", "a container engine answers")


def _engine_answers() -> bool:
    from chaoskit.world.docker.engine import Engine

    try:
        Engine().close()
    except Unreachable:
        return False
    return True


def _state_file(system: System, folder: Path, runtime: Runtime) -> Path | None:
    state = system.runtimes[runtime].state
    return folder / state if state else None


def _is_file(path: Path | None) -> bool:
    return path is not None and path.is_file()


def read_spec(
    system: System, folder: Path, runtime: Runtime
) -> tuple[RuntimeSpec, tuple[str, ...]]:
    """The runtime's settings and the entries, with what the state file says laid over them.

    A path counts from `folder` and is absolute here: a journal keeps it for `revert`.
    """
    spec, state = system.runtimes[runtime], _state_file(system, folder, runtime)
    declared = (system.entry.url, *system.entry.others)
    if state is None or not state.is_file():
        return _placed(spec, folder), declared
    try:
        written = json.loads(state.read_text())
        laid = {**spec.model_dump(), **{key: written[key] for key in STATE if key in written}}
        entries = written.get("entries") or [written.get("entry", system.entry.url)]
        return _placed(RuntimeSpec.model_validate(laid), folder), tuple(map(str, entries))
    except (ValueError, AttributeError, TypeError) as error:
        said = str(error).splitlines()[0]
        raise InvalidInput(
            f"{state}: cannot be understood ({said}); bring the system up again"
        ) from error


def _placed(spec: RuntimeSpec, folder: Path) -> RuntimeSpec:
    if not spec.supervisor:
        return spec
    return spec.model_copy(update={"supervisor": os.path.abspath(folder / spec.supervisor)})


def open_system(system: System, folder: Path, wanted: str = "auto") -> Opened:
    """Open the world and its probes; raises Unreachable when the system is not up."""
    from chaoskit.probe import probe_for
    from chaoskit.world import open_world

    choice = choose_runtime(system, folder, wanted)
    system = system.on(choice.runtime)
    spec, entries = read_spec(system, folder, choice.runtime)
    if choice.runtime == "local" and spec.supervisor is None:
        raise Unreachable(f"{system.system} is not up on {choice}; {_way_up(spec, 'local')}")
    for entry in entries:
        refuse_foreign(entry, system)
    world = open_world(describe(system, spec, choice.runtime))
    if not world.nodes():
        why = _why_not_ours(world, system.nodes()[0])
        raise Unreachable(
            f"no node of {system.system} is there on {choice}: {why}{_way_up(spec, choice.runtime)}"
        )
    probes = {
        name: probe_for(name, probe, world, system, entries[0])
        for name, probe in system.probes.items()
    }
    return Opened(Target(system, world, probes), entries, spec, choice, folder)


def _why_not_ours(world: World, node: str) -> str:
    """What `node` lacks, as the runtime calls it; empty where it has come by now."""
    try:
        world.node(node)
    except NotOurs as error:
        return f"{error}; "
    return ""


def _way_up(spec: RuntimeSpec, runtime: Runtime) -> str:
    """What to do about a system that is not there: only what the system file really offers."""
    if spec.up:
        return f"try: chaoskit system up --runtime {runtime}"
    lacking = "" if runtime == "docker" or spec.supervisor else " and name its `supervisor`"
    return f"runtimes.{runtime} names no 'up' command: start it by other means{lacking}"


def describe(system: System, spec: RuntimeSpec, runtime: Runtime) -> Json:
    """The description that `open_world` and `doctor` open the system by."""
    if runtime == "local":
        from chaoskit.world.local import local_description

        return local_description(system, spec)
    from chaoskit.world.docker import docker_description

    return docker_description(system, spec)


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
