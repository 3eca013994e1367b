"""The fake world as a bench, kept on disk so that it can be opened again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chaoskit.world.fake import FakeWorld
from tests.contract.bench import Bench


def fake_world(path: Path) -> Bench:
    tiers = {"web": ["web1", "web2"], "cache": ["cache1", "cache2"]}
    links = {"web -> cache": ["web-cache1", "web-cache2"], "gateway -> web": ["gateway-web"]}
    world = FakeWorld("bench", tiers, links, path=path)

    @contextmanager
    def traffic() -> Iterator[None]:
        world.traffic("web -> cache", 3)
        try:
            yield
        finally:
            world.traffic("web -> cache", 0)

    return Bench(world, "web1", "web -> cache", traffic)
