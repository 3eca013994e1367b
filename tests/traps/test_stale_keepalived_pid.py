"""Trap: after kill and start, keepalived finds its own old pid file and ends with exit code 0."""

from __future__ import annotations

import pytest

from chaoskit.faults import find
from chaoskit.world.docker import DockerWorld
from tests.stage import eventually

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]
GATEWAY = "gateway2"


def test_a_killed_and_restored_gateway_runs_keepalived_again(shop: DockerWorld) -> None:
    node, kill = shop.node(GATEWAY), find("kill").spec
    eventually(lambda: _keepalived(shop), 30, f"keepalived on {GATEWAY}")
    undo = kill().plan(node, shop, "trap")
    try:
        kill.inject(undo, shop)
    finally:
        kill.revert(undo, shop)
    eventually(lambda: _keepalived(shop), 30, f"keepalived on {GATEWAY} again")
    eventually(lambda: node.facts().health == "healthy", 60, f"health of {GATEWAY}")
    assert _keepalived(shop)
    assert node.facts().restarts == 0


def _keepalived(shop: DockerWorld) -> bool:
    code, _ = shop.node(GATEWAY).execute(("pgrep", "-x", "keepalived"))
    return code == 0
