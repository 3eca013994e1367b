"""SIGKILL for the processes of a container, behind the engine's back.

A kill through the engine's API disarms the restart policy, and a crash must not. It is sent from
this machine where the engine runs here and we may, otherwise from inside the container. It must
never signal a process that is not of the container it was given, and never kill by halves.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from chaoskit.errors import TargetError
from chaoskit.ports import Json
from chaoskit.world.docker.engine import Engine

PATIENCE = 5.0
NO_INIT = 3
# The kernel keeps SIGKILL from inside away from the first process of a container: everything
# else can be killed, and an init follows its child.
SCRIPT = f"""read first < /proc/1/comm
case $first in
  init|docker-init|tini*|dumb-init|catatonit|podman-init) kill -9 -1 ;;
  *) echo "$first"; exit {NO_INIT} ;;
esac"""


def sigkill(engine: Engine, name: str, seen: Json) -> None:
    """Send it to every process of the running container `seen`, which is node `name`.

    Raises TargetError, with nothing killed, where neither way is open.
    """
    if not _from_here(seen):
        _from_inside(engine, name, seen)


def _from_here(seen: Json) -> bool:
    """Kill its first process, and so all; False where that is no process of this machine, or
    not ours to kill."""
    pid = int(seen["State"]["Pid"])
    try:
        if pid <= 1 or seen["Id"] not in Path(f"/proc/{pid}/cgroup").read_text():
            return False
        os.kill(pid, signal.SIGKILL)
    except OSError:  # it has just ended, or it is not ours to kill
        return False
    return True


def _from_inside(engine: Engine, name: str, seen: Json) -> None:
    command = ("sh", "-c", SCRIPT)
    code, said = engine.execute(seen["Id"], name, command, PATIENCE, user="0")
    if code == NO_INIT:
        raise TargetError(
            f"node '{name}' cannot be crashed from inside, its first process "
            f"('{said.strip()}') is no init: give the container `init: true`, or run chaoskit as "
            "root on the engine's machine"
        )
    if code not in (0, 128 + signal.SIGKILL):
        raise TargetError(
            f"node '{name}' cannot be crashed from inside (exit code {code}: {said.strip()}): "
            "it needs a shell, or chaoskit runs as root on the engine's machine"
        )
