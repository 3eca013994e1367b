"""Which node of Docker carries the proxies: told from what the engine lists, without an engine."""

from __future__ import annotations

from typing import Any

import pytest

from chaoskit.ports import Json
from chaoskit.world.docker import docker_world
from chaoskit.world.docker.engine import Unasked
from chaoskit.world.docker.nodes import NODE, SYSTEM

DESCRIPTION = {
    "runtime": "docker", "system": "shop", "project": None, "proxies": "http://127.0.0.1:8474",
    "links": {}, "pings": {}, "tiers": {},
}  # fmt: skip


class Listing(Unasked):
    """An engine that lists what it is given."""

    def __init__(self, *entries: Json) -> None:
        super().__init__()
        self.entries = list(entries)

    def containers(self, labels: list[str], all_states: bool = True) -> list[Json]:
        return self.entries


@pytest.mark.parametrize(
    ("more", "carries"),
    [
        ({}, False),
        ({"chaoskit.proxy": "shop"}, True),
        ({"Ports": [{"PrivatePort": 8474, "PublicPort": 8474}]}, True),
        ({"Ports": [{"PrivatePort": 8474, "PublicPort": 18474}]}, False),
    ],
)
def test_the_container_that_carries_the_proxies_is_known(
    more: dict[str, Any], carries: bool
) -> None:
    ports = more.pop("Ports", [])
    entry = {"Id": "1", "Labels": {SYSTEM: "shop", NODE: "node1"} | more, "Ports": ports}
    world = docker_world(DESCRIPTION, Listing(entry))
    assert world.carries_proxies("node1") is carries
    assert not world.carries_proxies("node2")
