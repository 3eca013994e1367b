"""The plan: what will be done to which points, when, and how it would be undone.

Making a plan only reads. The engine resolves each selection again just before it injects; a
plan is a preview and an upper bound, never a promise about who holds a role later.
"""

from __future__ import annotations

import random
from math import floor
from typing import Any

from chaoskit.errors import PlanError
from chaoskit.faults import FaultSpec, find
from chaoskit.model.experiment import Experiment, FaultUse, Phases, Place, Selection
from chaoskit.model.frozen import Frozen
from chaoskit.model.system import System
from chaoskit.model.timeline import Trouble
from chaoskit.ports import Link, Node, NodeState
from chaoskit.run.target import Target, check_points, one_holder
from chaoskit.units import Duration

WARMUP = 3.0
QUICK_SHARE = 0.5
QUICK_FLOOR = {"baseline": 10.0, "fault": 15.0}
REVERT_ALLOWANCE = 15.0


class Step(Frozen):
    """One fault of the plan. `offset` and `lasts` are seconds from the begin of the fault phase."""

    id: str
    use: FaultUse
    offset: float
    lasts: float
    preview: tuple[str, ...]
    trouble: Trouble
    aspect: str
    shape: str
    irreversible: bool = False
    undos: tuple[dict[str, Any], ...] = ()
    note: str = ""

    @property
    def ends(self) -> float:
        return self.offset + self.lasts


class Plan(Frozen):
    """One run before it starts. Durations in seconds; `document` is the file it was read from."""

    run: str
    document: str = ""
    experiment: Experiment
    system: System
    runtime: str
    seed: int
    quick: bool
    steps: tuple[Step, ...]
    worst_case: float

    @property
    def points(self) -> tuple[str, ...]:
        """Every point the plan may touch: whole tiers where the choice is made later."""
        found: dict[str, None] = {}
        for step in self.steps:
            tier = self.system.tiers.get(step.use.selection.node or "")
            found |= dict.fromkeys(tier.nodes if tier else step.preview)
        return tuple(found)


def shortened(experiment: Experiment) -> Experiment:
    """The experiment with baseline and fault phases halved (never under 10 s and 15 s).

    What is claimed stays as it is: `within`, `hold` and every bound.
    """
    phases = experiment.phases
    baseline = _shorter(phases.baseline, QUICK_FLOOR["baseline"])
    fault = _shorter(phases.fault, QUICK_FLOOR["fault"])
    share = fault / phases.fault
    faults = tuple(_scaled(use, share) for use in experiment.faults)
    quick = Phases(baseline=baseline, fault=fault, recovery=phases.recovery)
    return experiment.model_copy(update={"phases": quick, "faults": faults})


def _shorter(duration: Duration, floor_: float) -> Duration:
    return Duration(max(min(duration, floor_), duration * QUICK_SHARE))


def _scaled(use: FaultUse, share: float) -> FaultUse:
    lasts = None if use.lasts is None else Duration(use.lasts * share)
    return use.model_copy(update={"after": Duration(use.after * share), "lasts": lasts})


def spec_of(use: FaultUse) -> FaultSpec:
    """The fault's own spec with its arguments; the document has checked them already."""
    return find(use.name).spec(**use.arguments)


def make_plan(
    experiment: Experiment, target: Target, *, run: str, seed: int, quick: bool = False
) -> Plan:
    """Read the world and preview every injection; raises PlanError with all reasons at once."""
    effective = shortened(experiment) if quick else experiment
    steps, problems = [], list[str]()
    if effective.data_safety is not None:
        # A promise that nothing checks would turn into a pass.
        problems.append("data_safety is not judged by this version; take it out to run the rest")
    for index, use in enumerate(effective.faults):
        try:
            steps.append(_step(index, use, effective, target, run, seed))
        except PlanError as error:
            problems += [_at(use, reason) for reason in error.problems]
    problems += _overlaps(steps, target.system)
    if problems:
        raise PlanError(problems)
    phases = effective.phases
    worst = WARMUP + phases.baseline + phases.fault + phases.recovery.within
    return Plan(
        run=run,
        experiment=effective,
        system=target.system,
        runtime=target.world.runtime,
        seed=seed,
        quick=quick,
        steps=tuple(steps),
        worst_case=worst + phases.recovery.hold + REVERT_ALLOWANCE * max(1, len(steps)),
    )


def _at(use: FaultUse, reason: str) -> str:
    """The reason with its place in the document; a fault injected by hand has none."""
    return reason if use.place == Place() else f"{use.place}: {reason}"


def _step(
    index: int, use: FaultUse, experiment: Experiment, target: Target, run: str, seed: int
) -> Step:
    kind = find(use.name)
    if kind.irreversible and not experiment.allow_irreversible:
        raise PlanError(f"{use.name} cannot be undone; allow it with allow_irreversible: true")
    points, note = resolve(use.selection, target, chooser(seed, index))
    check_points(target, points)
    _refuse_protected(points, target.system)
    lasts = experiment.phases.fault - use.after if use.lasts is None else use.lasts
    if use.after + lasts > experiment.phases.fault + 1e-9:
        raise PlanError(f"{use.name} would last beyond the fault phase")
    step_id = f"chaoskit-{run[-4:]}-{index}"
    spec = spec_of(use)
    undos = tuple(spec.plan(point_of(p, target), target.world, f"{step_id}-0") for p in points)
    return Step(
        id=step_id,
        use=use,
        offset=float(use.after),
        lasts=float(lasts),
        preview=points,
        trouble=kind.trouble,
        aspect=kind.aspect,
        shape=kind.shape,
        irreversible=kind.irreversible,
        undos=undos,
        note=note,
    )


def point_of(name: str, target: Target) -> Node | Link:
    return target.world.link(name) if "->" in name else target.world.node(name)


def chooser(seed: int, index: int) -> random.Random:
    """The seeded choice of one step: the same seed chooses the same nodes."""
    return random.Random(f"{seed}:{index}")


def resolve(
    selection: Selection, target: Target, choose: random.Random
) -> tuple[tuple[str, ...], str]:
    """The points a selection means right now, and a note when a share was rounded.

    Raises PlanError when it is empty or impossible, TargetError when a role has not exactly one
    holder.
    """
    if selection.link is not None:
        return (selection.link,), ""
    name = selection.node or ""
    tier = target.system.tiers.get(name)
    if tier is None:
        return (name,), ""
    if selection.role is not None:
        return (one_holder(target, name, selection.role),), ""
    free = [n for n in tier.nodes if n not in target.system.protected]
    running = [n for n in free if target.world.node(n).facts().state == NodeState.RUNNING]
    count, note = _count(selection, len(tier.nodes))
    if count > len(running):
        raise PlanError(f"{name}: {count} node(s) wanted, {len(running)} running and not protected")
    return tuple(sorted(choose.sample(sorted(running), count))), note


def _count(selection: Selection, members: int) -> tuple[int, str]:
    if selection.share is None:
        return selection.count or 1, ""
    exact = selection.share * members
    count = max(1, floor(exact + 1e-9))
    return count, f"{selection.share} of {members} nodes is {exact:g}: {count} taken"


def _refuse_protected(points: tuple[str, ...], system: System) -> None:
    for point in points:
        if point in system.protected or system.tier_of(point) in system.protected:
            raise PlanError(f"{point} is protected in {system.system}; it is never touched")


def _overlaps(steps: list[Step], system: System) -> list[str]:
    found = []
    for i, one in enumerate(steps):
        for other in steps[i + 1 :]:
            together = one.offset < other.ends and other.offset < one.ends
            if together and one.aspect == other.aspect and _same_point(one, other, system):
                found.append(
                    _at(
                        other.use,
                        f"{other.use.name} overlaps with {one.use.name} on "
                        f"{one.use.selection}; give them different times or points",
                    )
                )
    return found


def _same_point(one: Step, other: Step, system: System) -> bool:
    if set(_carriers(one, system)) & set(_carriers(other, system)):
        return True
    # A choice made only at injection may fall on any member of its tier.
    tiers = {s.use.selection.node for s in (one, other)}
    return one.use.selection == other.use.selection and len(tiers & set(system.tiers)) == 1


def _carriers(step: Step, system: System) -> tuple[str, ...]:
    link = step.use.selection.link
    return step.preview if link is None else system.proxies_of(link) or (link,)
