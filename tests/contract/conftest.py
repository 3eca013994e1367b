"""One suite, several worlds: the fake one always, the real ones where they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.bench import Bench
from tests.contract.worlds_fake import fake_world

DOCKER = pytest.param("docker", marks=[pytest.mark.docker, pytest.mark.timeout(300)])
LOCAL = pytest.param("local", marks=[pytest.mark.local, pytest.mark.timeout(300)])


@pytest.fixture(scope="session")
def docker_bench() -> Iterator[Bench]:
    from tests.contract.worlds_docker import docker_world

    yield from docker_world()


@pytest.fixture(scope="session")
def local_bench() -> Iterator[Bench]:
    from tests.contract.worlds_local import local_world

    yield from local_world()


@pytest.fixture(params=["fake", DOCKER, LOCAL])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    if request.param == "fake":
        return fake_world(tmp_path / "world.json")
    found: Bench = request.getfixturevalue(f"{request.param}_bench")
    return found


@pytest.fixture
def fake_bench(tmp_path: Path) -> Bench:
    return fake_world(tmp_path / "world.json")
