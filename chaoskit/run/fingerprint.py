"""Compares two fingerprints of the same points, and records the facts that are not compared.

What the kernel shows (`kernel`) is compared where it could be read both times: a node that is
down has no namespace to read. It must never take what was not read for a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial
from typing import Any

from chaoskit.errors import ChaoskitError
from chaoskit.ports import Json
from chaoskit.run.target import Target

KERNEL = "kernel"


def facts(target: Target, points: Iterable[str]) -> Json:
    """What changes by nature and is therefore not compared: starts, restarts, addresses, roles.

    By point, and for each tier among them who has which role. What cannot be asked is said so.
    """
    nodes = [point for point in points if "->" not in point]
    tiers = dict.fromkeys(t for node in nodes if (t := target.system.tier_of(node)) is not None)
    roles = {t: target.system.tiers[t].roles for t in tiers if target.system.tiers[t].roles}
    return {
        "nodes": {node: _asked(partial(_node_facts, target, node)) for node in nodes},
        "roles": {t: {r: _asked(partial(target.holders, t, r)) for r in roles[t]} for t in roles},
    }


def _node_facts(target: Target, node: str) -> Json:
    return asdict(target.world.node(node).facts())


def _asked(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except ChaoskitError as error:
        return {"unknown": str(error)}


def differences(before: Any, after: Any, path: str = "") -> list[str]:
    """Every leaf that differs, as `web1 state: was running, is killed`."""
    if isinstance(before, dict) and isinstance(after, dict):
        found = [
            differences(before.get(k), after.get(k), f"{path} {k}".strip())
            for k in _keys(before, after, path)
            if before.get(k) != after.get(k)
        ]
        return [line for lines in found for line in lines]
    return [] if before == after else [f"{path}: was {_word(before)}, is {_word(after)}"]


def _keys(before: dict[str, Any], after: dict[str, Any], path: str) -> list[str]:
    both, either = before.keys() & after.keys(), before.keys() | after.keys()
    return sorted(both if path.endswith(f" {KERNEL}") else either - ({KERNEL} - both))


def _word(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(map(str, value)) or "none"
    return "absent" if value is None else str(value)
