"""For the tests of this room: a fake world and how it was, and runners; none outlives its test."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chaoskit.ports import Json
from chaoskit.world.fake import FakeClock, FakeWorld
from tests.run.leftovers import POINTS, fake_world
from tests.run.live_run import Run


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def world(tmp_path: Path) -> FakeWorld:
    return fake_world(tmp_path / "world.json")


@pytest.fixture
def before(world: FakeWorld) -> Json:
    return world.fingerprint(POINTS)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def make(fault: str, hold: str = "60s", **environment: str) -> Run:
        runs.append(Run(tmp_path, fault, hold, **environment))
        return runs[-1]

    # What is ignored here is ignored by what is started here, too: pytest may run under `nohup`.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield make
    signal.signal(signal.SIGHUP, before)
    for run in runs:
        if run.process.poll() is None:
            run.process.kill()
        run.process.communicate()
