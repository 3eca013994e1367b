"""Which points a selection means right now. Every random choice comes from the recorded seed.

Asked twice: when the plan is made, and by the engine just before it injects. It only reads, and
it must never round a share to none or to all without saying so.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from math import floor

from chaoskit.errors import PlanError
from chaoskit.model.experiment import Selection
from chaoskit.model.system import System, Tier
from chaoskit.ports import NodeState
from chaoskit.run.target import Target, one_holder


def chooser(seed: int, index: int) -> random.Random:
    """The seeded choice of one step: the same seed chooses the same nodes."""
    return random.Random(f"{seed}:{index}")


def is_chosen(selection: Selection, system: System) -> bool:
    """Whether the seed decides: some nodes of a tier, neither named nor found by their role."""
    return selection.node in system.tiers and selection.role is None


def resolve(
    selection: Selection,
    target: Target,
    choose: random.Random,
    *,
    first: Collection[str] = (),
    last: Collection[str] = (),
) -> tuple[tuple[str, ...], str]:
    """The points a selection means right now, and a note when it was rounded or takes all.

    Of a tier, nodes in `first` (what was previewed) are taken before others, those in `last`
    (what other faults hold meanwhile) after them; within each the seed decides. Raises PlanError
    when it is empty or impossible, TargetError when a role has not exactly one holder.
    """
    if selection.link is not None:
        return (selection.link,), ""
    name = selection.node or ""
    tier = target.system.tiers.get(name)
    if tier is None:
        return (name,), ""
    if selection.role is not None:
        return (one_holder(target, name, selection.role),), ""
    free = sorted(n for n in tier.nodes if n not in target.system.protected)
    choose.shuffle(free)
    free.sort(key=lambda node: (node not in first, node in last))
    running = [n for n in free if target.world.node(n).facts().state == NodeState.RUNNING]
    count = _count(selection, tier)
    if count > len(running):
        raise PlanError(f"{name}: {count} node(s) wanted, {len(running)} running and not protected")
    return tuple(sorted(running[:count])), _note(selection, tier, count, len(free))


def _count(selection: Selection, tier: Tier) -> int:
    if selection.share is None:
        return selection.count or 1
    return max(1, floor(selection.share * len(tier.nodes) + 1e-9))


def _note(selection: Selection, tier: Tier, count: int, free: int) -> str:
    members = len(tier.nodes)
    all_ = ", that is all of them" if count == members else ""
    if count == free < members:
        all_ = ", that is all that are not protected"
    if selection.share is None:
        return f"{count} of {members} taken{all_}" if all_ else ""
    exact = selection.share * members
    up = ", as a share never rounds to none" if exact < 1 else ""
    nodes = "node" if members == 1 else "nodes"
    return f"{selection.share} of {members} {nodes} is {exact:.6g}: {count} taken{up}{all_}"
