"""What every room's tests share: the real engine, asked for by name or by the mark `docker`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing

import docker
import pytest

from chaoskit.world.docker import DockerWorld, open_docker
from tests.stage import Stage, need_engine, raise_shop, stage

pytest_plugins = ["pytester"]


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """The engine with the shop's images; skipped without one, under CI=true a failure."""
    with closing(need_engine()) as client:
        yield client


@pytest.fixture(autouse=True)
def _engine_where_marked(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("docker"):
        request.getfixturevalue("engine")


@pytest.fixture
def bare_stage() -> Iterator[Stage]:
    """An own system on the real engine, without proxies; gone afterwards."""
    with stage() as made:
        yield made


@pytest.fixture
def proxied_stage() -> Iterator[Stage]:
    """The same with a Toxiproxy of its own."""
    with stage(proxy=True) as made:
        yield made


@pytest.fixture
def shop(engine: docker.DockerClient) -> Iterator[DockerWorld]:
    """The reference system, brought up whole where it is not."""
    project = os.environ.get("SHOP_PROJECT", "shop")
    description = {
        "runtime": "docker",
        "system": os.environ.get("SHOP_SYSTEM", "shop"),
        "project": project,
        "proxies": f"http://127.0.0.1:{os.environ.get('SHOP_PROXY_API', '18474')}",
        "links": {},
        "pings": {},
        "tiers": {},
    }
    raise_shop()
    with closing(open_docker(description)) as world:
        yield world
