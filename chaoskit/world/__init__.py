"""Worlds: one foreign system each, opened from a description that is plain data.

`revert` and the watchdog need nothing else than that description, on another day and in
another process. This module must never import a runtime before it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import cast

from chaoskit.errors import InvalidInput
from chaoskit.ports import Json, World

RUNTIMES = {
    "docker": "chaoskit.world.docker:open_docker",
    "fake": "chaoskit.world.fake:open_fake",
    "local": "chaoskit.world.local:open_local",
}


def open_world(description: Json) -> World:
    """The world that `World.describe()` described, opened again.

    Raises InvalidInput when its runtime is unknown, and TargetError (or a child of it) when
    the runtime cannot be reached.
    """
    runtime = description.get("runtime")
    if runtime not in RUNTIMES:
        known = ", ".join(sorted(RUNTIMES))
        raise InvalidInput(f"unknown runtime '{runtime}'; this version opens: {known}")
    module, _, name = RUNTIMES[runtime].partition(":")
    opener = cast(Callable[[Json], World], getattr(import_module(module), name))
    return opener(description)
