"""Configuration and state of a container as plain JSON, comparable before and after a run.

Start time, pid, restart count, health and current role change by nature: they must never stand
in here.
"""

from __future__ import annotations

from collections.abc import Mapping

from chaoskit.ports import DOWN, Json, NodeState
from chaoskit.world.docker.nodes import state_of

LIMITS = (
    "Memory", "MemorySwap", "NanoCpus", "CpuQuota", "CpuPeriod", "CpuShares", "CpusetCpus",
    "PidsLimit",
)  # fmt: skip


def node_fingerprint(seen: Json | None, shown: Mapping[int, Json] | None = None) -> Json:
    """State, restart policy, networks and limits; only the state where it does not exist.

    `shown` is what the kernel shows of each process; the container's own is taken from it.
    """
    if seen is None:
        return {"state": str(NodeState.ABSENT)}
    state, host = state_of(seen), seen["HostConfig"]
    networks = seen["NetworkSettings"]["Networks"] or {}
    labels = seen["Config"]["Labels"] or {}
    rules = (shown or {}).get(seen["State"]["Pid"])
    kept = {
        "state": "stopped" if state in DOWN else str(state),
        "restart": host["RestartPolicy"],
        "networks": {name: _network(network, seen["Id"]) for name, network in networks.items()},
        # An engine says 0, null or nothing at all for «no limit», and may change its mind.
        "limits": {name: host.get(name) or 0 for name in LIMITS},
        "labels": {key: labels[key] for key in sorted(labels) if key.startswith("chaoskit.")},
    }
    return kept | ({"kernel": rules} if rules else {})


def _network(network: Json, container: str) -> Json:
    aliases = [alias for alias in network.get("Aliases") or [] if not container.startswith(alias)]
    fixed = (network.get("IPAMConfig") or {}).get("IPv4Address")
    return {"aliases": sorted(aliases), "address": fixed}
