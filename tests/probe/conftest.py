"""A system of three tiers whose nodes live on loopback addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from chaoskit.model.system import ProbeSpec, System
from chaoskit.ports import Answer
from chaoskit.probe import probe_for
from chaoskit.world.fake import FakeWorld
from tests.probe.servers import Reply, server

TIERS = {"db": ["db1", "db2"], "cache": ["cache1", "cache2"], "sentinel": ["s1", "s2", "s3"]}
ADDRESS = {
    node: f"127.0.77.{number}"
    for number, node in enumerate((n for nodes in TIERS.values() for n in nodes), 1)
}
Ask = Callable[..., Answer]


@pytest.fixture
def system() -> System:
    tiers = {name: {"layer": "cache", "nodes": nodes} for name, nodes in TIERS.items()}
    return System.model_validate(
        {"system": "shop", "entry": {"url": "http://127.0.0.1:1"}, "tiers": tiers}
    )


@pytest.fixture
def world(system: System) -> FakeWorld:
    found = FakeWorld.of(system)
    for node, address in ADDRESS.items():
        found.place(node, address)
    return found


@pytest.fixture
def ask(world: FakeWorld, system: System) -> Ask:
    """Ask one probe, given as in `system.yaml`."""

    def asked(entry: str = "http://127.0.0.1:1", **spec: Any) -> Answer:
        probe = probe_for("it", ProbeSpec.model_validate(spec), world, system, entry)
        assert probe.name == "it"
        return probe.ask()

    return asked


@pytest.fixture
def serve() -> Iterator[Callable[[str, int, Reply], int]]:
    """Let a node (or an address) answer on a port (0: a free one) until the test ends."""
    with ExitStack() as stack:

        def begin(where: str, port: int, reply: Reply) -> int:
            return stack.enter_context(server(ADDRESS.get(where, where), port, reply))

        yield begin
