"""What all faults of a link share: one condition, imposed under the injection's own name.

The subclass says only which condition. This module must never know how a link carries it.
"""

from __future__ import annotations

from abc import abstractmethod

from chaoskit.errors import PlanError
from chaoskit.faults.registry import FaultSpec, Undo
from chaoskit.model.evidence import Evidence
from chaoskit.ports import Json, Link, LinkFacts, World


class LinkFault(FaultSpec):
    """A condition on every carrier of a link."""

    @abstractmethod
    def condition(self) -> Json:
        """What the link is to suffer, in base units (see `ports.Link.impose`)."""

    def plan(self, point: Link, world: World, injection_id: str) -> Undo:
        before = point.observe(injection_id, self.condition())
        if not before.carriers:
            raise PlanError(f"link '{point.name}' has no proxy to carry a fault: declare one")
        return {
            "link": point.name,
            "injection": injection_id,
            "condition": self.condition(),
            "was": point.survey(),
            "connections": before.connections,
            "sessions": list(before.sessions),
        }

    @staticmethod
    def inject(undo: Undo, world: World) -> None:
        link = world.link(undo["link"])
        link.impose(undo["injection"], undo["condition"], undo.get("expires"))

    @staticmethod
    def active(undo: Undo, world: World) -> Evidence:
        seen = look(undo, world)
        carried = None if seen.connections is None else seen.connections > 0
        return evidence(seen, carried)

    @staticmethod
    def revert(undo: Undo, world: World) -> None:
        world.link(undo["link"]).lift(undo["injection"], undo["condition"], undo["was"])


def look(undo: Undo, world: World) -> LinkFacts:
    """The link of `undo` as it is now."""
    return world.link(undo["link"]).observe(undo["injection"], undo["condition"])


def evidence(seen: LinkFacts, carried: bool | None) -> Evidence:
    """Evidence with the figures that it rests on."""
    return Evidence(
        listed=seen.listed,
        carried=carried,
        facts={"connections": seen.connections, "carriers": list(seen.carriers)},
    )
