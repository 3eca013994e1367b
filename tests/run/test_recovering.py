"""The recovery phase on the fake world: what is noticed of it, and how soon."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from chaoskit.model.verdict import Status
from chaoskit.ports import Answer
from chaoskit.run.calls import Call, InlineCalls, settle
from chaoskit.run.guards import STRENGTH_EVERY
from chaoskit.world.fake import FakeClock
from tests.run.scene import Scene

TICKS = 0.5  # what a look may add to a moment: the engine looks ten times a second


class SlowReadiness(InlineCalls):
    """Whether the system is at full strength is told `takes` seconds after it was looked at."""

    def __init__(self, clock: FakeClock, takes: float) -> None:
        super().__init__(clock)
        self._fake, self._takes = clock, takes

    def submit(self, what: str, deed: Callable[[], Any], timeout: float) -> Call:
        if what != "readiness":
            return super().submit(what, deed, timeout)
        now, seen, told = self._fake.now(), Future[Any](), Future[Any]()
        settle(seen, deed)
        self._fake.at(now - self._fake.start + self._takes, lambda: settle(told, seen.result))
        return Call(what, told, now + timeout)


@pytest.mark.parametrize("takes", [0.0, 0.5 * STRENGTH_EVERY, 1.5 * STRENGTH_EVERY, 4.0])
def test_full_strength_is_noticed_however_long_one_look_takes(tmp_path: Path, takes: float) -> None:
    scene = Scene(tmp_path)
    scene.calls = SlowReadiness(scene.clock, takes)
    back = scene.clock.start + 62.0

    def master() -> Answer:
        late = scene.clock.start + 40.0 < scene.clock.now() < back
        return Answer(not late, ("cache1",), "cache2 is not linked" if late else "")

    scene.master = master
    timeline = scene.run()
    assert scene.error is None
    recovery = timeline.span("recovery")
    assert recovery is not None
    assert recovery.begin < back - 2 * STRENGTH_EVERY  # so that a look or two says «not yet»
    assert timeline.full_strength_at is not None
    assert back <= timeline.full_strength_at <= back + max(takes, STRENGTH_EVERY) + TICKS
    assert recovery.end is not None
    assert recovery.end <= timeline.full_strength_at + takes + TICKS
    assert scene.verdict().status == Status.HELD
