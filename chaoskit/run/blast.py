"""The blast radius: how many nodes of one tier node faults may have open at the same time.

The owner of a system limits each tier (`redundancy` in system.yaml); an experiment may only
narrow that. Pure arithmetic over a plan. It must never count low: where a fault chooses its
nodes only when it is injected, it may fall on others than those previewed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import floor
from pathlib import PurePath
from typing import Protocol

from chaoskit.model.experiment import BlastRadius, Experiment, FaultUse, Place
from chaoskit.model.system import Redundancy, System
from chaoskit.units import Ratio

NOWHERE = Place()


class Biting(Protocol):
    """A step of a plan as far as it matters here; times in seconds of the fault phase."""

    @property
    def use(self) -> FaultUse: ...

    @property
    def preview(self) -> tuple[str, ...]: ...

    @property
    def offset(self) -> float: ...

    @property
    def ends(self) -> float: ...


@dataclass(frozen=True)
class Limit:
    """So many nodes of a tier at once; `source` names the key and the file that say so."""

    nodes: int
    source: str


@dataclass(frozen=True)
class Hit:
    """What faults have open of one tier at the worst moment, and the limit that counts."""

    tier: str
    nodes: int
    members: int
    limit: Limit | None
    place: Place

    @property
    def refused(self) -> bool:
        return self.limit is not None and self.nodes > self.limit.nodes

    def __str__(self) -> str:
        allowed = "no limit declared" if self.limit is None else f"allowed {self.limit.nodes}"
        return f"{self.tier}: {self._figure('')} at the same time, {allowed}"

    def refusal(self) -> str:
        """One sentence: how many of how many, which limit of which file, what to do."""
        assert self.limit is not None
        count = self.limit.nodes or "none"
        return (
            f"{self.tier}: {self._figure(' nodes')} would be hit at the same time, but "
            f"{self.limit.source} allows {count}: hit fewer or one after the other, "
            "or raise that limit"
        )

    def _figure(self, noun: str) -> str:
        whole = ", that is all of them," if self.nodes == self.members else ""
        share = Ratio(round(self.nodes / self.members, 3))
        return f"{self.nodes} of {self.members}{noun} ({share}){whole}"


def group_of(step: Biting, system: System) -> str | None:
    """The tier whose nodes the step hits; None for a fault of a link."""
    name = step.use.selection.node
    return name if name is None or name in system.tiers else system.tier_of(name)


def hits(steps: Iterable[Biting], system: System, experiment: Experiment) -> tuple[Hit, ...]:
    """For each tier hit, what is open at its worst moment, in the order of the steps."""
    groups: dict[str, list[Biting]] = {}
    for step in steps:
        if (tier := group_of(step, system)) is not None:
            groups.setdefault(tier, []).append(step)
    return tuple(_worst(tier, mine, system, experiment) for tier, mine in groups.items())


def hit(
    tier: str, nodes: int, system: System, experiment: Experiment, place: Place = NOWHERE
) -> Hit:
    """`nodes` of `tier` open at once, against the smallest limit that there is."""
    members = len(system.tiers[tier].nodes)
    known = _limits(tier, members, system, experiment)
    limit = min(known, key=lambda one: one.nodes, default=None)
    return Hit(tier, nodes, members, limit, place)


def _worst(tier: str, steps: list[Biting], system: System, experiment: Experiment) -> Hit:
    # A step that begins is the only moment at which more can be open than before.
    counts = [
        (_together([s for s in steps if s.offset <= new.offset < s.ends], system), new.use.place)
        for new in steps
    ]
    nodes, place = max(counts, key=lambda pair: pair[0])
    return hit(tier, min(nodes, len(system.tiers[tier].nodes)), system, experiment, place)


def _together(steps: list[Biting], system: System) -> int:
    """At most so many nodes: those named, each once, and those that are chosen later."""
    named = {s.use.selection.node for s in steps} - set(system.tiers)
    chosen = sum(len(s.preview) for s in steps if s.use.selection.node in system.tiers)
    return len(named) + chosen


def _limits(tier: str, members: int, system: System, experiment: Experiment) -> list[Limit]:
    redundancy = system.tiers[tier].redundancy
    place = next((use.place for use in experiment.faults if use.place != NOWHERE), None)
    file = PurePath(place.file).name if place else "the experiment"
    return [
        *_of(redundancy, members, f"tiers.{tier}.redundancy", "system.yaml"),
        *_of(experiment.blast_radius, members, "blast_radius", file),
    ]


def _of(
    limits: Redundancy | BlastRadius | None, members: int, where: str, file: str
) -> list[Limit]:
    found = []
    if limits is not None and limits.max_nodes is not None:
        found.append(Limit(limits.max_nodes, f"{where}.max_nodes in {file}"))
    if limits is not None and limits.max_share is not None:
        exact = limits.max_share * members
        source = f"{where}.max_share in {file} ({limits.max_share} of {members} is {exact:.6g})"
        found.append(Limit(floor(exact + 1e-9), source))
    return found
