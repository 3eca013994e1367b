"""What one ability of a machine is, and which faults live on it; each runtime tries its own.

It must never try anything itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chaoskit.errors import ChaoskitError
from chaoskit.faults import all_faults


@dataclass(frozen=True)
class Capability:
    """One ability: whether it is there, in words what was seen, and which faults live on it."""

    name: str
    ok: bool
    detail: str
    faults: tuple[str, ...] = ()


def attempt(name: str, need: str, trial: Callable[[], str]) -> Capability:
    """What came of one trial, which tells what it saw or raises; `need` as the faults name it."""
    try:
        return Capability(name, True, trial(), needing(need))
    except ChaoskitError as error:
        return Capability(name, False, str(error), needing(need))


def needing(need: str) -> tuple[str, ...]:
    """The faults that need this ability."""
    return tuple(kind.name for kind in all_faults() if kind.needs == need)
