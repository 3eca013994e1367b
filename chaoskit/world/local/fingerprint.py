"""Configuration and state of a local node as plain JSON, comparable before and after a run.

Start time, pid and current role change by nature: they must never stand in here.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from chaoskit.ports import DOWN, Json, NodeState
from chaoskit.world import kernel
from chaoskit.world.local.nodes import LocalNode
from chaoskit.world.local.processes import Process

# How supervisord keeps the program; where it logs to is no part of what a fault could change.
SETTINGS = (
    "autostart", "command", "directory", "exitcodes", "killasgroup", "startretries", "startsecs",
    "stopsignal", "stopwaitsecs", "uid",
)  # fmt: skip


def node_fingerprint(node: LocalNode) -> Json:
    """State, address, settings and limits; only the state where the program does not exist."""
    seen = node.group.look(node.name)
    if seen is None:
        return {"state": str(NodeState.ABSENT)}
    settings = node.group.supervisor.settings(node.group.name, node.name) or {}
    clock = kernel.clock_of(seen.root.pid) if seen.root else {}
    kept: Json = {
        "state": "stopped" if seen.state in DOWN else str(seen.state),
        "address": node.address,
        "ports": {str(declared): real for declared, real in sorted(node.ports.items())},
        "settings": {key: settings[key] for key in SETTINGS if key in settings},
        "limits": _limits(seen.root) if seen.root else {},
    }
    return kept | ({"kernel": clock} if clock else {})


def _limits(process: Process) -> Json:
    """The kernel's limits of the supervised process, its priority and its processors."""
    with suppress(OSError):
        lines = Path(f"/proc/{process.pid}/limits").read_text().splitlines()[1:]
        found: Json = {line[:26].strip(): line[26:68].split() for line in lines}
        found["nice"] = os.getpriority(os.PRIO_PROCESS, process.pid)
        found["processors"] = sorted(os.sched_getaffinity(process.pid))
        return found
    return {}
