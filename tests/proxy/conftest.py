"""The conformance suite's servers: each of its tests runs against ours and the original."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.proxy.peers import Swallower, Upstream, echo, upstream
from tests.proxy.servers import Server, embedded, toxiproxy

SERVERS = {"embedded": embedded, "toxiproxy": toxiproxy}


@pytest.fixture(scope="session", params=list(SERVERS))
def running(request: pytest.FixtureRequest) -> Iterator[Server]:
    with SERVERS[request.param]() as server:
        yield server


@pytest.fixture
def server(running: Server) -> Iterator[Server]:
    """Either one, without proxies."""
    yield running
    running.clear()


@pytest.fixture(scope="session")
def running_ours() -> Iterator[Server]:
    with embedded() as server:
        yield server


@pytest.fixture
def ours(running_ours: Server) -> Iterator[Server]:
    yield running_ours
    running_ours.clear()


@pytest.fixture
def echoing() -> Iterator[Upstream]:
    with upstream(echo) as found:
        yield found


@pytest.fixture
def swallowing() -> Iterator[Swallower]:
    with closing(Swallower()) as found:
        yield found
