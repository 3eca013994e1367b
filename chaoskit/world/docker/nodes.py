"""Containers as nodes: found by label, looked at again right before every deed.

A container without our label is never a node, whatever a file says. Nothing here may act on a
name: a name is resolved to an id, the id's own labels are read, and only then something is done.
"""

from __future__ import annotations

import math
import time
from contextlib import suppress
from dataclasses import dataclass, field

from chaoskit.errors import NotOurs, TargetError
from chaoskit.model.system import Ping
from chaoskit.ports import DOWN, Json, NodeFacts, NodeState
from chaoskit.world.docker.engine import Engine, Vanished
from chaoskit.world.docker.sigkill import sigkill
from chaoskit.world.ping import ping

SYSTEM, NODE, TIER = "chaoskit.system", "chaoskit.node", "chaoskit.tier"
PROJECT, SERVICE = "com.docker.compose.project", "com.docker.compose.service"
ONE_OFF = "com.docker.compose.oneoff"

SIGKILLED = 137
SETTLE = 15.0  # the longest wait of a restart policy that is worth sitting out
LOOK_EVERY = 0.02
# The engine refuses a deed that is already done, or that it cannot do just now (it restarts the
# container): both are settled by looking again.
ALREADY = (
    "is not paused", "already paused", "is not running", "paused container", "is restarting",
)  # fmt: skip


@dataclass(frozen=True)
class Ownership:
    """Which containers are ours: those of `system` and, where given, of the compose `project`."""

    engine: Engine
    system: str
    project: str | None = None
    known: dict[str, str] = field(default_factory=dict)

    @property
    def labels(self) -> dict[str, str]:
        return {SYSTEM: self.system} | ({PROJECT: self.project} if self.project else {})

    def names(self) -> dict[str, list[Json]]:
        """Every container of ours by node name, as the engine lists them."""
        found: dict[str, list[Json]] = {}
        for container in self.engine.containers([f"{k}={v}" for k, v in self.labels.items()]):
            name = node_name(container.get("Labels") or {})
            if name:
                found.setdefault(name, []).append(container)
        return found

    def look(self, name: str) -> Json | None:
        """What the engine says of node `name` now; None when there is no such container.

        The container it was before is asked first: listing all is what costs an engine most.
        """
        if name in self.known:
            with suppress(Vanished):
                seen = self.engine.inspect(self.known[name])
                if self._ours(seen):
                    return seen
        return self.look_anew(name)

    def look_anew(self, name: str) -> Json | None:
        """The same from a fresh list: what stands before every deed.

        Raises NotOurs when the container lost our label since it was listed, TargetError when
        two containers claim the name.
        """
        self.known.pop(name, None)
        claimants = self.names().get(name, [])
        if len(claimants) > 1:
            raise TargetError(
                f"{len(claimants)} containers claim to be node '{name}'; "
                f"give each its own label {NODE}"
            )
        try:
            seen = self.engine.inspect(claimants[0]["Id"]) if claimants else None
        except Vanished:
            return None
        if seen is not None and not self._ours(seen):
            raise NotOurs(f"container '{name}' does not carry {self._wanted}: it is not touched")
        if seen is not None:
            self.known[name] = seen["Id"]
        return seen

    def refusal(self, name: str) -> NotOurs:
        """Why `name` is no node, said so that the reader knows which label is missing."""
        strangers = [
            container
            for container in self.engine.containers([])
            if name in (node_name(container.get("Labels") or {}), *_plain_names(container))
        ]
        if strangers:
            return NotOurs(
                f"a container called '{name}' exists, but does not carry {self._wanted}: "
                "it is never touched; label it, or name another node"
            )
        return NotOurs(f"there is no container for node '{name}' that carries {self._wanted}")

    @property
    def _wanted(self) -> str:
        return " and ".join(f"{key}={value}" for key, value in self.labels.items())

    def _ours(self, seen: Json) -> bool:
        labels = seen["Config"]["Labels"] or {}
        return all(labels.get(key) == value for key, value in self.labels.items())


def node_name(labels: dict[str, str]) -> str | None:
    """The name a container goes by; None for a one-off container or one without any name."""
    if labels.get(ONE_OFF) == "True":
        return None
    return labels.get(NODE) or labels.get(SERVICE)


def _plain_names(container: Json) -> list[str]:
    return [known.lstrip("/") for known in container.get("Names") or []]


def state_of(seen: Json) -> NodeState:
    """A container that its policy is about to restart serves nobody: it counts as stopped."""
    state = seen["State"]
    if state["Paused"]:
        return NodeState.FROZEN
    if state["Running"] and not state["Restarting"]:
        return NodeState.RUNNING
    if not state["Restarting"] and state["ExitCode"] == SIGKILLED:
        return NodeState.KILLED
    return NodeState.STOPPED


def address_of(seen: Json) -> str | None:
    """Its first address on any network; None while it is down."""
    networks = seen["NetworkSettings"]["Networks"] or {}
    found = (network.get("IPAddress") for network in networks.values())
    return next((address for address in found if address), None)


@dataclass(frozen=True)
class DockerNode:
    """One container of ours, by node name; a recreated container is the same node."""

    name: str
    tier: str
    owner: Ownership
    question: Ping | None = None

    def facts(self) -> NodeFacts:
        seen = self.owner.look(self.name)
        if seen is None:
            return NodeFacts(NodeState.ABSENT)
        state = seen["State"]
        down = state_of(seen) in DOWN
        return NodeFacts(
            state=state_of(seen),
            identity=seen["Id"],
            incarnation=state["StartedAt"],
            restarts=seen["RestartCount"],
            exit_code=state["ExitCode"] if down else None,
            address=address_of(seen),
            health=(state.get("Health") or {}).get("Status"),
            transient=_removed_when_down(seen),
        )

    def reach(self, state: NodeState, grace: float = 10.0) -> None:
        """Make `state` true. For `stopped` and `killed`, down is down: how, `facts` tells.

        An API kill also disarms the restart policy (it stays down); the start arms it again.
        Raises TargetError with the engine's words, or when it is not so after `grace` + 15 s.
        """
        if state is NodeState.ABSENT:
            raise TargetError(f"node '{self.name}' is not made absent: that could not be undone")
        deadline = time.monotonic() + grace + SETTLE
        while not _is(seen := self._own(), state):
            if time.monotonic() > deadline:
                raise TargetError(
                    f"node '{self.name}' is {state_of(seen)} instead of {state} after "
                    f"{grace + SETTLE:g}s (engine: {_words(seen)}); look at the container's log"
                )
            self._step(seen, state, grace)
            time.sleep(LOOK_EVERY)

    def restart(self, grace: float = 0.0) -> None:
        """Stop within `grace` seconds (rounded up) and start again, by one call."""
        seen = self._own()
        _refuse_if_removed_when_down(self.name, seen)
        with self.owner.engine.asking(f"restart '{self.name}'") as api:
            api.restart(seen["Id"], timeout=math.ceil(grace))
        self.reach(NodeState.RUNNING)

    def crash(self) -> None:
        """SIGKILL its processes behind the engine's back, so that the restart policy acts.

        Returns once the engine knows that they are gone; raises TargetError where nothing runs,
        where neither way to kill is open (see `sigkill`), or when they live on after 15 s.
        """
        seen = self._own()
        _refuse_if_removed_when_down(self.name, seen)
        if state_of(seen) is NodeState.FROZEN:  # nothing dies before it is thawed
            self.reach(NodeState.RUNNING)
            seen = self._own()
        if state_of(seen) is not NodeState.RUNNING:
            raise TargetError(
                f"node '{self.name}' is {state_of(seen)}: nothing runs that could crash"
            )
        sigkill(self.owner.engine, self.name, seen)
        deadline = time.monotonic() + SETTLE
        while _lives_on(seen, self.owner.engine.inspect(seen["Id"])):
            if time.monotonic() > deadline:
                raise TargetError(
                    f"node '{self.name}' lives on {SETTLE:g}s after SIGKILL; look at the engine"
                )
            time.sleep(LOOK_EVERY)

    def answers(self, timeout: float = 1.0) -> bool | None:
        """By its own address, from this machine. A container that is down has none, nor any
        process left to answer: that is so by nature, and nobody is asked.

        None where no ping is declared, or where a running container has no address of its own.
        """
        if self.question is None:
            return None
        seen = self.owner.look(self.name)
        if seen is None or state_of(seen) in DOWN:
            return False
        address = address_of(seen)
        return None if address is None else ping(address, self.question, timeout)

    def execute(self, command: tuple[str, ...], timeout: float = 5.0) -> tuple[int, str]:
        """Run `command` inside; raises TargetError when it takes longer than `timeout` s."""
        return self.owner.engine.execute(self._own()["Id"], self.name, command, timeout)

    def _own(self) -> Json:
        seen = self.owner.look_anew(self.name)
        if seen is None:
            raise self.owner.refusal(self.name)
        return seen

    def _step(self, seen: Json, wanted: NodeState, grace: float) -> None:
        """One deed towards `wanted`; the caller looks again and judges."""
        engine, container, now = self.owner.engine, seen["Id"], state_of(seen)
        if wanted in DOWN:
            _refuse_if_removed_when_down(self.name, seen)
            with engine.asking(f"bring down '{self.name}'", ALREADY) as api:
                if wanted is NodeState.KILLED:
                    api.kill(container, "SIGKILL")
                else:
                    api.stop(container, timeout=math.ceil(grace))
        elif seen["State"]["Restarting"]:
            return  # the policy is at work: a start would be refused, a look later is enough
        elif now is NodeState.FROZEN:
            with engine.asking(f"unpause '{self.name}'", ALREADY) as api:
                api.unpause(container)
        elif now is NodeState.RUNNING:
            with engine.asking(f"pause '{self.name}'", ALREADY) as api:
                api.pause(container)
        else:
            with engine.asking(f"start '{self.name}'", ALREADY) as api:
                api.start(container)


def _is(seen: Json, wanted: NodeState) -> bool:
    if wanted in DOWN:
        return state_of(seen) in DOWN and not seen["State"]["Restarting"]
    return state_of(seen) is wanted


def _lives_on(before: Json, now: Json) -> bool:
    same = now["State"]["StartedAt"] == before["State"]["StartedAt"]
    return same and state_of(now) is NodeState.RUNNING


def _words(seen: Json) -> str:
    state = seen["State"]
    return f"{state['Status']}, exit code {state['ExitCode']} {state.get('Error') or ''}".strip()


def _removed_when_down(seen: Json) -> bool:
    return bool(seen["HostConfig"].get("AutoRemove"))


def _refuse_if_removed_when_down(name: str, seen: Json) -> None:
    if _removed_when_down(seen):
        raise TargetError(
            f"node '{name}' was started with --rm: the engine would remove it as soon as it is "
            "down, and nothing could put it back; start it without --rm"
        )
