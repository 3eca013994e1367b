"""Trap: a returning old Redis master says `role:master` for ten seconds beside the new one."""

from __future__ import annotations

import pytest

from chaoskit.faults import find
from chaoskit.model.system import ProbeSpec, System
from chaoskit.ports import Answer, Probe
from chaoskit.probe import probe_for
from chaoskit.world.docker import DockerWorld
from tests.stage import eventually

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(180)]
SYSTEM = System.model_validate(
    {
        "system": "shop",
        "entry": {"url": "http://127.0.0.1:18080"},
        "tiers": {
            "cache": {"layer": "cache", "nodes": ["cache1", "cache2"]},
            "sentinel": {"layer": "cache", "nodes": ["sentinel1", "sentinel2", "sentinel3"]},
        },
    }
)
WHO = ProbeSpec.model_validate(
    {"redis": {"tier": "cache", "sentinels": "sentinel", "master": "shop"}}
)


@pytest.fixture
def master(shop: DockerWorld) -> Probe:
    """Who is master; the group is at full strength before and after."""
    probe = probe_for("master", WHO, shop, SYSTEM, SYSTEM.entry.url)
    eventually(lambda: probe.ask().ok, within=60, what="full strength of the cache")
    return probe


@pytest.mark.parametrize("fault", ["kill", "pause"])
def test_never_are_two_believed_and_full_strength_waits_until_the_old_one_follows(
    shop: DockerWorld, master: Probe, fault: str
) -> None:
    (old,) = master.ask().nodes
    spec = find(fault).spec
    undo = spec().plan(shop.node(old), shop, "trap")
    seen: list[Answer] = []
    try:
        spec.inject(undo, shop)
        eventually(lambda: _ask(master, seen).nodes not in ((), (old,)), 30, "another master")
    finally:
        spec.revert(undo, shop)
    whole = eventually(lambda: (now := _ask(master, seen)).ok and now, 60, "full strength")
    assert whole.nodes != (old,)
    assert all(len(answer.nodes) <= 1 for answer in seen)
    assert _role(shop, old).startswith("slave")


def _ask(probe: Probe, seen: list[Answer]) -> Answer:
    seen.append(probe.ask())
    return seen[-1]


def _role(shop: DockerWorld, name: str) -> str:
    return shop.node(name).execute(("redis-cli", "role"))[1]
