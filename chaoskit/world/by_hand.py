"""The shell commands that put one injection back when chaoskit itself cannot.

Made from the journal's description of the world and the undo alone: it must never open a
connection, and never name a command for an undo that it does not understand.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import cast

from chaoskit.errors import ChaoskitError
from chaoskit.ports import Json

# Runtimes are imported only when asked for, as in `open_world`.
ROOMS = {
    "docker": "chaoskit.world.docker.mending:docker_by_hand",
    "fake": "chaoskit.world.fake_by_hand:fake_by_hand",
    "local": "chaoskit.world.local.mending:local_by_hand",
}


def by_hand(description: Json, undo: Json) -> tuple[str, ...]:
    """Commands for a POSIX shell, to be typed in this order; each may be typed twice.

    `description` is what `World.describe` gave. Empty where the runtime or the undo is none
    that this version knows; nothing is raised: the caller is busy with something worse.
    """
    try:
        module, _, name = ROOMS[description["runtime"]].partition(":")
        room = cast(Callable[[Json, Json], tuple[str, ...]], getattr(import_module(module), name))
        return room(description, undo)
    except (ChaoskitError, LookupError, TypeError, ValueError, AttributeError):
        return ()
