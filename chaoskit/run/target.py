"""What a run is given: the system's model, its open world and its probes.

It answers two questions: which nodes have a role now, and what is missing to full strength.
It must never change anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from chaoskit.errors import NotOurs, PlanError, TargetError
from chaoskit.model.system import System
from chaoskit.ports import Node, NodeState, Probe, World


@dataclass(frozen=True)
class Target:
    """A system on a runtime, with its probes by name."""

    system: System
    world: World
    probes: Mapping[str, Probe] = field(default_factory=dict)

    def holders(self, tier: str, role: str) -> tuple[str, ...]:
        """The nodes of `tier` that have `role` now, as its probe answers."""
        probe = self.probes[self.system.tiers[tier].roles[role]]
        members = self.system.tiers[tier].nodes
        return tuple(node for node in probe.ask().nodes if node in members)

    def missing(self) -> tuple[str, ...]:
        """What keeps the system from full strength, one sentence each; empty at full strength."""
        with ThreadPoolExecutor(8, thread_name_prefix="strength") as pool:
            nodes = self.world.nodes()
            absent = [self._missing_node(n, nodes) for n in self.system.nodes()]
            pings = pool.map(_silent, [nodes[n] for n in self.system.nodes() if n in nodes])
            ready = pool.map(self._missing_group, self.system.tiers)
            return tuple(s for group in (absent, pings, ready) for s in group if s)

    def _missing_node(self, name: str, nodes: Mapping[str, Node]) -> str:
        if name not in nodes:
            try:
                self.world.node(name)
            except NotOurs as error:  # it says which label, or group, is missing
                return f"{name}: {error}"
        return ""

    def _missing_group(self, tier: str) -> str:
        if not (name := self.system.tiers[tier].ready):
            return ""
        answer = self.probes[name].ask()
        return "" if answer.ok else f"{tier}: {answer.detail or f'probe {name} says no'}"


def in_short(sentences: tuple[str, ...], most: int = 4) -> str:
    """The first few, and how many more there are: one line must stay readable."""
    more = len(sentences) - most
    tail = (f"and {more} more",) if more > 0 else ()
    return "; ".join((*sentences[:most], *tail))


def _silent(node: Node) -> str:
    facts = node.facts()
    if facts.state != NodeState.RUNNING:
        return f"{node.name} is {facts.state}"
    if facts.health not in (None, "healthy"):
        return f"{node.name} is {facts.health}"
    return f"{node.name} does not answer" if node.answers() is False else ""


def one_holder(target: Target, tier: str, role: str) -> str:
    """The only node with `role`; raises TargetError when none or several answer."""
    nodes = target.holders(tier, role)
    if len(nodes) != 1:
        said = f"{', '.join(nodes)} all answer" if nodes else "no node answers"
        raise TargetError(f"{tier}: {said} as {role}; exactly one was expected")
    return nodes[0]


def check_points(target: Target, points: tuple[str, ...]) -> None:
    """Every point exists and is ours; raises NotOurs or PlanError."""
    for point in points:
        if "->" in point:
            target.world.link(point)
        elif target.system.tier_of(point) is None:
            raise PlanError(f"{point} is in no tier of {target.system.system}")
        else:
            target.world.node(point)


def refuse_instruments(target: Target, selected: str) -> None:
    """A fault must not sit on the path of an undo, and a link is put back by its proxies.

    Raises PlanError where `selected`, a node or a tier, may mean the node that they run in: of a
    tier, whoever may be chosen just before the injection counts.
    """
    tier = target.system.tiers.get(selected)
    for node in tier.nodes if tier else (selected,):
        if node not in target.system.protected and target.world.carries_proxies(node):
            raise PlanError(
                f"{node} carries the proxies of the links, so that a fault there would sit on "
                f"the path of their undo: name it under `protected` of {target.system.system}"
            )
