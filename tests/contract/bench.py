"""What the contract suite needs of a world, real or thought of."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from chaoskit.faults import FaultKind
from chaoskit.ports import Link, Node, World


@dataclass(frozen=True)
class Bench:
    """A running world with one node and one link that may be hurt.

    `node` has a ping declared and answers it within seconds of its start. `traffic()` drives
    real traffic over `link` and to `node` while it is open; connections are kept open and
    opened again when they break, and there is at least one when it has been entered.
    """

    world: World
    node: str
    link: str
    traffic: Callable[[], AbstractContextManager[None]]

    def point_for(self, kind: FaultKind) -> Any:
        """The node or link that a fault of this kind is to hurt."""
        return self.hurt_node() if kind.point == "node" else self.hurt_link()

    def name_for(self, kind: FaultKind) -> str:
        return self.node if kind.point == "node" else self.link

    def hurt_node(self) -> Node:
        return self.world.node(self.node)

    def hurt_link(self) -> Link:
        return self.world.link(self.link)

    def fingerprint(self) -> dict[str, Any]:
        return self.world.fingerprint([self.node, self.link])
