"""The registry of faults: each is data plus four small functions (DESIGN section 6, law).

A fault must be undone by another process on another day from its undo alone, so nothing may
live in a closure or on a stack. This module must never know a concrete fault.
"""

from __future__ import annotations

import difflib
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar

from chaoskit.errors import InvalidInput
from chaoskit.model.evidence import Evidence
from chaoskit.model.frozen import Frozen
from chaoskit.model.timeline import Trouble
from chaoskit.ports import Json, Link, Node, World

Undo = Json
Shape = Literal["held", "event"]
Aspect = Literal["process", "network", "cpu", "memory", "disk", "clock"]
# What a fault may need; each runtime tries for itself whether it is there.
NODE_CONTROL, PROXY = "node control", "proxy"


class FaultSpec(Frozen):
    """The arguments of one fault, and how it is planned, injected, measured and reverted."""

    kind: ClassVar[FaultKind]
    freezes: ClassVar[bool] = False  # the node's processes live on, and only stand still

    def patience(self) -> float:
        """Seconds that its deed may take at one point beside its usual time."""
        return 0.0

    @abstractmethod
    def plan(self, point: Any, world: World, injection_id: str) -> Undo:
        """Read only; returns JSON that suffices to inject and to put everything back."""

    @staticmethod
    @abstractmethod
    def inject(undo: Undo, world: World) -> None:
        """Do it, from the undo alone."""

    @staticmethod
    @abstractmethod
    def active(undo: Undo, world: World) -> Evidence:
        """Measure whether it is in force."""

    @staticmethod
    @abstractmethod
    def revert(undo: Undo, world: World) -> None:
        """Put it back; idempotent; absent is fine."""


@dataclass(frozen=True)
class FaultKind:
    """One entry of the catalogue."""

    name: str
    at: type[Node] | type[Link]
    trouble: Trouble
    shape: Shape
    aspect: Aspect
    needs: str
    spec: type[FaultSpec]
    irreversible: bool = False

    @property
    def point(self) -> Literal["node", "link"]:
        return "node" if self.at is Node else "link"

    @property
    def summary(self) -> str:
        return (self.spec.__doc__ or "").strip().splitlines()[0]


_REGISTRY: dict[str, FaultKind] = {}
S = TypeVar("S", bound=type[FaultSpec])


def fault(
    name: str,
    *,
    at: type[Node] | type[Link],
    trouble: Trouble,
    shape: Shape = "held",
    aspect: Aspect | None = None,
    needs: str | None = None,
    irreversible: bool = False,
) -> Callable[[S], S]:
    """Register a fault; raises TypeError at import when the name is taken or it has no summary."""

    def register(spec: S) -> S:
        if name in _REGISTRY:
            raise TypeError(f"fault '{name}': {spec!r} and {_REGISTRY[name].spec!r} share the name")
        if not spec.__doc__:
            raise TypeError(f"fault '{name}' has no docstring; `chaoskit faults` shows it")
        node = at is Node
        spec.kind = FaultKind(
            name, at, trouble, shape,
            aspect or ("process" if node else "network"),
            needs or (NODE_CONTROL if node else PROXY),
            spec, irreversible,
        )  # fmt: skip
        _REGISTRY[name] = spec.kind
        return spec

    return register


def all_faults() -> tuple[FaultKind, ...]:
    """The catalogue in alphabetical order."""
    return tuple(_REGISTRY[name] for name in sorted(_REGISTRY))


def find(name: str) -> FaultKind:
    """The fault `name`; raises InvalidInput with the nearest names when there is none."""
    if name in _REGISTRY:
        return _REGISTRY[name]
    near = difflib.get_close_matches(name, _REGISTRY, 1)
    hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(sorted(_REGISTRY))}"
    raise InvalidInput(f"unknown fault '{name}', {hint}")
