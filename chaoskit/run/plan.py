"""The plan: what will be done to which points, when, and how it would be undone.

Making a plan only reads. The engine resolves each selection again just before it injects; a
plan is a preview and an upper bound, never a promise about who holds a role later.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from chaoskit.errors import PlanError
from chaoskit.faults import FaultSpec, find
from chaoskit.model.experiment import Experiment, FaultUse, Phases, Place
from chaoskit.model.frozen import Frozen
from chaoskit.model.probes import ProbeSpec
from chaoskit.model.system import System
from chaoskit.model.timeline import Trouble
from chaoskit.ports import Link, Node
from chaoskit.run import lengths
from chaoskit.run.asked import unanswerable
from chaoskit.run.blast import Hit, hits
from chaoskit.run.choice import chooser, is_chosen, resolve
from chaoskit.run.target import Target, check_points, refuse_instruments
from chaoskit.units import Duration

QUICK_SHARE = 0.5
QUICK_FLOOR = {"baseline": 10.0, "fault": 15.0}


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
    patience: float = 0.0  # seconds that its deeds may take beside their usual time
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

    @property
    def hits(self) -> tuple[Hit, ...]:
        """For each tier, how many of its nodes are open at once at most, and what is allowed."""
        return hits(self.steps, self.system, self.experiment)

    @property
    def probes(self) -> dict[str, ProbeSpec]:
        """Those that an expectation names: they are asked beside the load."""
        return lengths.probes_of(self.experiment, self.system)

    @property
    def patience(self) -> float:
        """Seconds after which nothing that began is without an answer any more."""
        return lengths.patience(self.experiment, self.system)

    @property
    def steady_window(self) -> float:
        """How many seconds must meet the steady state for it to be reached."""
        return lengths.steady_window(self.experiment, self.system)

    @property
    def steady_known(self) -> float:
        """Seconds from when the steady state was reached until that can be known."""
        return lengths.steady_known(self.experiment, self.system)

    @property
    def settling(self) -> float:
        """Seconds that the copies of the ledger have to come to rest; 0 without data safety."""
        return lengths.settling(self.experiment, self.system)

    @property
    def draws(self) -> bool:
        """Whether the seed decides anything."""
        return any(is_chosen(step.use.selection, self.system) for step in self.steps)


def seed_of(wanted: int | None, experiment: Experiment) -> int:
    """The seed that was asked for, else the experiment's own, else one drawn now."""
    known = experiment.seed if wanted is None else wanted
    return int.from_bytes(os.urandom(3)) if known is None else known


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
    surge = experiment.load.surge
    load = experiment.load.model_copy(update={"surge": surge and surge.scaled(share)})
    return experiment.model_copy(update={"phases": quick, "faults": faults, "load": load})


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
    problems = unanswerable(effective, target)
    steps = _steps(effective, target, run, seed, problems)
    problems += _overlaps(steps, target.system)
    found = hits(steps, target.system, effective)
    problems += [placed(one.place, one.refusal()) for one in found if one.refused]
    if problems:
        raise PlanError(problems)
    return Plan(
        run=run,
        experiment=effective,
        system=target.system,
        runtime=target.world.runtime,
        seed=seed,
        quick=quick,
        steps=tuple(steps),
        worst_case=lengths.worst_case(effective, target.system, [s.patience for s in steps]),
    )


def placed(place: Place, reason: str) -> str:
    """The reason with its place in the document; a fault injected by hand has none."""
    return reason if place == Place() else f"{place}: {reason}"


def _steps(
    experiment: Experiment, target: Target, run: str, seed: int, problems: list[str]
) -> list[Step]:
    """The steps that can be made; what is wrong with the others is added to `problems`."""
    made: dict[int, Step] = {}
    wrong: dict[int, list[str]] = {}
    # What is named has no choice; whoever has one keeps clear of it, and of earlier choices.
    chosen = [is_chosen(use.selection, target.system) for use in experiment.faults]
    for index in sorted(range(len(chosen)), key=chosen.__getitem__):
        use = experiment.faults[index]
        try:
            held = _held_meanwhile(use, experiment, made.values())
            made[index] = _step(index, use, experiment, target, run, seed, held)
        except PlanError as error:
            wrong[index] = [placed(use.place, reason) for reason in error.problems]
    problems += [reason for index in sorted(wrong) for reason in wrong[index]]
    return [made[index] for index in sorted(made)]


def _held_meanwhile(use: FaultUse, experiment: Experiment, steps: Iterable[Step]) -> set[str]:
    ends = use.after + _lasts(use, experiment)
    return {
        point
        for step in steps
        if step.offset < ends and use.after < step.ends
        for point in step.preview
    }


def _lasts(use: FaultUse, experiment: Experiment) -> float:
    return float(experiment.phases.fault - use.after if use.lasts is None else use.lasts)


def _step(
    index: int,
    use: FaultUse,
    experiment: Experiment,
    target: Target,
    run: str,
    seed: int,
    held: set[str],
) -> Step:
    kind = find(use.name)
    if kind.irreversible and not experiment.allow_irreversible:
        raise PlanError(f"{use.name} cannot be undone; allow it with allow_irreversible: true")
    lasts = _lasts(use, experiment)
    if use.after + lasts > experiment.phases.fault + 1e-9:
        raise PlanError(f"{use.name} would last beyond the fault phase")
    if sentence := experiment.too_long(use):
        raise PlanError(sentence)
    points, note = resolve(use.selection, target, chooser(seed, index), last=held)
    check_points(target, points)
    _refuse_protected(points, target.system)
    if use.selection.node is not None:
        refuse_instruments(target, use.selection.node)
    if kind.aspect == "process" and not kind.spec.freezes:
        _refuse_transient(points, target)
    step_id = f"chaoskit-{run[-4:]}-{index}"
    spec = spec_of(use)
    undos = tuple(spec.plan(point_of(p, target), target.world, f"{step_id}-0") for p in points)
    return Step(
        id=step_id,
        use=use,
        offset=float(use.after),
        lasts=lasts,
        preview=points,
        trouble=kind.trouble,
        aspect=kind.aspect,
        shape=kind.shape,
        irreversible=kind.irreversible,
        patience=spec.patience() * len(points),
        undos=undos,
        note=note,
    )


def point_of(name: str, target: Target) -> Node | Link:
    return target.world.link(name) if "->" in name else target.world.node(name)


def _refuse_protected(points: tuple[str, ...], system: System) -> None:
    for point in points:
        if point in system.protected or system.tier_of(point) in system.protected:
            raise PlanError(f"{point} is protected in {system.system}; it is never touched")


def _refuse_transient(points: tuple[str, ...], target: Target) -> None:
    """Looked at for the preview; whoever is chosen later is refused by the runtime itself."""
    for point in points:
        if target.world.node(point).facts().transient:
            raise PlanError(
                f"{point} would be removed by {target.world.runtime} as soon as it is down, and "
                "nothing could put it back: start it without --rm"
            )


def _overlaps(steps: list[Step], system: System) -> list[str]:
    found = []
    for i, one in enumerate(steps):
        for other in steps[i + 1 :]:
            together = one.offset < other.ends and other.offset < one.ends
            if together and one.aspect == other.aspect and _same_point(one, other, system):
                found.append(
                    placed(
                        other.use.place,
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
