"""Worlds: one foreign system each, opened from a description that is plain data.

`revert` and the watchdog need nothing else than that description, on another day and in
another process. This module must never import a runtime before it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import cast

from chaoskit.errors import InvalidInput
from chaoskit.ports import Json, World

RUNTIMES = {
    "docker": "chaoskit.world.docker:open_docker",
    "fake": "chaoskit.world.fake:open_fake",
    "local": "chaoskit.world.local:open_local",
}
REOPENED = {
    "docker": "chaoskit.world.docker:reopen_docker",
    "fake": "chaoskit.world.fake:open_fake",
    "local": "chaoskit.world.local:reopen_local",
}


def open_world(description: Json) -> World:
    """The world that `World.describe()` described, opened again.

    Raises InvalidInput when its runtime is unknown, and TargetError (or a child of it) when
    the runtime cannot be reached.
    """
    return _open(description, RUNTIMES)


def reopen_world(description: Json) -> World:
    """The same to put something back: one part that does not answer hides no other.

    What cannot be reached fails when it is asked for, injection by injection. Raises as
    `open_world` does.
    """
    return _open(description, REOPENED)


def _open(description: Json, ways: Mapping[str, str]) -> World:
    runtime = str(description.get("runtime"))
    if runtime not in ways:
        known = ", ".join(sorted(ways))
        raise InvalidInput(f"unknown runtime '{runtime}'; this version opens: {known}")
    module, _, name = ways[runtime].partition(":")
    opener = cast(Callable[[Json], World], getattr(import_module(module), name))
    return opener(description)
