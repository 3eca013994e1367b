"""Which faults of an experiment could not be proven in force, said before time is spent on them.

A fault of a node is shown by its silence, so somebody has to hear it speak before. It must never
forbid: what is hit, and put back, is the same without a proof.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from chaoskit.faults import find
from chaoskit.model.experiment import Experiment, FaultUse
from chaoskit.model.system import System, Tier
from chaoskit.ports import Node
from chaoskit.run.target import Target

ADVICE = "declare `alive: http:PORT/path` for the tier, or another protocol's ping"
UNPROVEN = "so that it stays unproven and the run ends inconclusive"


def unprovable(experiment: Experiment, target: Target) -> Iterator[str]:
    """A sentence for each fault of a node that nothing could show, with what to do about it.

    Raises TargetError where the runtime cannot be asked.
    """
    uses = [use for use in experiment.faults if use.selection.node is not None]
    nodes = target.world.nodes() if uses else {}
    for use in uses:
        if why := _why(use, target.system, nodes):
            yield f"fault: {use.name} on {use.selection}: {why}"


def _why(use: FaultUse, system: System, nodes: Mapping[str, Node]) -> str:
    selected = use.selection.node or ""
    name = selected if selected in system.tiers else system.tier_of(selected)
    if name is None:
        return ""  # the plan refuses it
    tier = system.tiers[name]
    members = tier.nodes if name == selected else (selected,)
    if mute := [node for node in members if node in nodes and _is_mute(nodes[node])]:
        return _unasked(name, tier, mute[0])
    if find(use.name).spec.freezes and tier.alive is not None and tier.alive.protocol == "tcp":
        return (
            f"the kernel still accepts for a frozen process, and `alive: {tier.alive}` asks for no "
            f"more, {UNPROVEN}: {ADVICE}"
        )
    return ""


def _is_mute(node: Node) -> bool:
    """Nothing can be asked of it; what it answers is of no matter here, and not waited for."""
    return node.answers(timeout=0.0) is None


def _unasked(name: str, tier: Tier, node: str) -> str:
    if tier.alive is None:
        return f"tier {name} does not say how its nodes answer, {UNPROVEN}: {ADVICE}"
    return (
        f"{node} has no address to be asked at, {UNPROVEN}: name it under `addresses` (local), or "
        "give the container a network of its own (docker)"
    )
