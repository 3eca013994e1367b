"""The seams to everything foreign: worlds, their nodes and links, load, probes and the clock.

Each port speaks of states to be reached, not of deeds, so that asking twice equals asking once.
Only the three events (restart, crash, reset) are deeds by nature. No implementation stands here.

Every call may take up to its own timeout and raises `TargetError` (or a child of it) when the
foreign system fails; nothing is swallowed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from chaoskit.model.timeline import LoadFacts

Json = dict[str, Any]


class NodeState(StrEnum):
    """`killed` is stopped by SIGKILL; `absent` means that no such node exists any more."""

    RUNNING = "running"
    STOPPED = "stopped"
    KILLED = "killed"
    FROZEN = "frozen"
    ABSENT = "absent"


# How a node went down is a fact of it: one that is asked to end may have to be killed.
DOWN = (NodeState.STOPPED, NodeState.KILLED)


@dataclass(frozen=True)
class NodeFacts:
    """One look at a node.

    `identity` changes when the node is recreated, `incarnation` at every start; both, like the
    restart count and the address, are facts and not part of the fingerprint. `ports` maps a port
    that the system names to the one the node really listens on, where they differ. A `transient`
    node is removed by its runtime once it is down: nothing could put it back.
    """

    state: NodeState
    identity: str = ""
    incarnation: str = ""
    restarts: int = 0
    exit_code: int | None = None
    address: str | None = None
    health: str | None = None
    ports: Mapping[int, int] = field(default_factory=dict)
    transient: bool = False

    def port(self, declared: int) -> int:
        """Where the node really listens for what the system calls port `declared`."""
        return self.ports.get(declared, declared)


@runtime_checkable
class Node(Protocol):
    """One member of a tier, on whatever runtime."""

    name: str
    tier: str

    def facts(self) -> NodeFacts:
        """Ask the runtime now."""

    def reach(self, state: NodeState, grace: float = 10.0) -> None:
        """Make `state` true: `stopped` politely within `grace` seconds, `killed` kept down."""

    def restart(self, grace: float = 0.0) -> None:
        """Stop within `grace` seconds and start again, as one deed."""

    def crash(self) -> None:
        """SIGKILL with the restart policy left armed; returns once the old processes are gone."""

    def answers(self, timeout: float = 1.0) -> bool | None:
        """Whether it answers its ping within `timeout` seconds; None where no ping is declared."""

    def execute(self, command: tuple[str, ...], timeout: float = 5.0) -> tuple[int, str]:
        """Run `command` inside the node: exit code and output."""


@dataclass(frozen=True)
class LinkFacts:
    """One look at a link under an injection.

    `listed`: every carrier lists the condition as it was asked for. `connections`: live
    connections of others on the carriers; None where they cannot be counted. `sessions`: the peers
    (address:port) of those connections, where they can be told apart. For the event `reset` there
    is nothing to hold: `listed` means that no carrier is still under it. `carriers` names all,
    faulty or not, `missing` those of them that do not list it.
    """

    listed: bool
    connections: int | None = None
    carriers: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@runtime_checkable
class Link(Protocol):
    """What lies between two tiers. How it carries a condition is its own business."""

    name: str
    source: str
    target: str

    def survey(self) -> Json:
        """What the carriers look like now: kept in the undo as what to go back to. Reads only."""

    def impose(self, injection: str, condition: Json, expires: float | None = None) -> None:
        """Make the carriers suffer `condition` under the name `injection`; twice equals once.

        `condition` has `kind` and its figures in base units:
        latency (`delay`, `jitter` seconds), bandwidth (`rate` bytes/s), cut, reset (`burst` s).
        A carrier that can let it expire does so `expires` seconds from now, should nobody lift it.
        """

    def lift(self, injection: str, condition: Json, was: Json) -> None:
        """Take exactly this injection away and go back to `was`; absent is fine."""

    def observe(self, injection: str, condition: Json) -> LinkFacts:
        """Ask the carriers now."""


class World(Protocol):
    """One running system on one runtime; sees only what carries the system's label."""

    runtime: str
    system: str

    def describe(self) -> Json:
        """All that is needed to open this world again, in another process, on another day."""

    def nodes(self) -> Mapping[str, Node]:
        """Every node that exists and is ours."""

    def node(self, name: str) -> Node:
        """The node `name`; raises NotOurs when it carries no label of ours or does not exist."""

    def link(self, name: str) -> Link:
        """The link `a -> b` or `a -> b/b2`; raises NotOurs when it is not declared."""

    def carries_proxies(self, node: str) -> bool:
        """Whether the links' proxies run in our node `node`: who hits it hits a link's undo."""

    def fingerprint(self, points: Iterable[str]) -> Json:
        """Configuration and state of nodes and links, comparable before and after.

        What the kernel shows stands under the key `kernel`; of that, what cannot be read now
        is left out, and is then not compared.
        """

    def by_hand(self, undo: Json) -> tuple[str, ...]:
        """Shell commands that put this back when chaoskit cannot; asks nobody, never raises."""

    def close(self) -> None:
        """Let go of connections; the world itself is left as it is."""


@dataclass(frozen=True)
class Answer:
    """What a probe found: `nodes` are those that have the role or answered.

    `known` is False where it found nothing: who was to tell of the system was silent himself.
    """

    ok: bool
    nodes: tuple[str, ...] = ()
    detail: str = ""
    known: bool = True


class Probe(Protocol):
    """Something asked besides the load."""

    name: str

    def ask(self) -> Answer:
        """Ask once, within the probe's own timeout; a foreign failure is an answer, not ok."""


@dataclass(frozen=True)
class UnderWay:
    """What of all that was due before monotonic `told` has no sample yet: its intended starts."""

    told: float = -math.inf
    starts: tuple[float, ...] = ()

    @property
    def settled(self) -> float:
        """Whatever began before this has its sample."""
        return min(self.told, *self.starts, math.inf)


class Load(Protocol):
    """A load generator in processes of its own."""

    def prepare(self, folder: Path) -> tuple[int, ...]:
        """Start its processes, writing under `folder`, and wait until they could begin.

        Nothing is sent yet. Returns the process ids; raises LoadError as `start` does.
        """

    def start(self, folder: Path, begin: float) -> None:
        """Make it send; the first arrival is due at monotonic `begin`. Prepares if need be.

        Raises LoadError with the script's own message when it fails.
        """

    def surge(self, at: float) -> None:
        """The fault phase begins at monotonic `at`, a little ahead: a declared surge begins."""

    def calm(self, at: float) -> None:
        """The fault phase ends at `at`: its own rate again. Twice, or without a surge, is fine."""

    def check(self) -> None:
        """Raises LoadError when the generator died or its script failed."""

    def read(self) -> tuple[bytes, tuple[str, ...]]:
        """Sample records flushed since the last call, and all series names so far."""

    def under_way(self) -> UnderWay:
        """What it last said of requests without an answer; all others are in the next `read`."""

    def facts(self) -> LoadFacts:
        """What the generator says of itself so far."""

    def stop(self, grace: float = 5.0) -> None:
        """End it within `grace` seconds; stopping twice is fine, the shorter time counts."""


class Ledger(Protocol):
    """What every copy of the system's writes holds, before the load and after all is over."""

    def mark(self, folder: Path) -> None:
        """Keep where each copy stands now under `folder`; raises TargetError when one is silent."""

    def read_back(self) -> None:
        """Read each copy until it is at rest, and keep what it holds.

        The load must have stopped. A copy that cannot be read is no error: it is kept as unread.
        """


class Clock(Protocol):
    """Time. `now` is the system-wide monotonic clock in seconds."""

    def now(self) -> float: ...

    def wall(self) -> str:
        """UTC, ISO 8601 with milliseconds."""

    def sleep(self, seconds: float) -> None: ...
