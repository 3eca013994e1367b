"""The shop's mechanisms one by one: breaker, attempts, limiter, bulkhead, notice."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "shop"))

from services.attempts import first_success
from services.breaker import Breaker
from services.bulkhead import Bulkhead, SharedHold
from services.failures import BreakerOpen, Full, TimedOut, Unavailable
from services.limiter import Limiter
from services.notice import Notice


class Clock:
    """Time that moves when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def fail(breaker: Breaker) -> None:
    with pytest.raises(Unavailable), breaker.guard():
        raise Unavailable("gone")


def test_a_breaker_opens_lets_one_trial_through_and_closes() -> None:
    clock = Clock()
    breaker = Breaker("x", clock=clock)
    for _ in range(3):
        fail(breaker)
    assert breaker.is_open
    with pytest.raises(BreakerOpen), breaker.guard():
        pass
    clock.now += 1.0
    with breaker.guard(), pytest.raises(BreakerOpen), breaker.guard():
        pass  # the second one, while the trial is under way
    assert not breaker.is_open


def test_a_failed_trial_opens_for_longer_up_to_a_limit() -> None:
    clock = Clock()
    breaker = Breaker("x", longest=3.0, clock=clock)
    for _ in range(3):
        fail(breaker)
    for wait in (1.0, 2.0, 3.0, 3.0):
        clock.now += wait - 0.01
        with pytest.raises(BreakerOpen), breaker.guard():
            pass
        clock.now += 0.01
        fail(breaker)


def test_a_breaker_that_nobody_tried_closes_on_probation() -> None:
    clock = Clock()
    breaker = Breaker("x", clock=clock)
    for _ in range(3):
        fail(breaker)
    clock.now += 3.0
    with breaker.guard(), breaker.guard():
        assert not breaker.is_open
    for _ in range(3):
        fail(breaker)
    clock.now += 3.0
    fail(breaker)
    assert breaker.is_open


def test_a_cancelled_trial_leaves_room_for_another() -> None:
    clock = Clock()
    breaker = Breaker("x", clock=clock)
    for _ in range(3):
        fail(breaker)
    clock.now += 1.0
    with pytest.raises(asyncio.CancelledError), breaker.guard():
        raise asyncio.CancelledError
    with breaker.guard():
        pass
    assert not breaker.is_open


def test_refusals_and_late_failures_do_not_move_a_breaker() -> None:
    breaker = Breaker("x", threshold=1)
    with pytest.raises(ValueError, match="an answer"), breaker.guard():
        raise ValueError("an answer")
    assert not breaker.is_open
    assert not Breaker("y", enabled=False).is_open


class Place:
    """An endpoint that fails a number of times."""

    def __init__(self, failures: int) -> None:
        self.breaker = Breaker("place")
        self.left = failures
        self.calls = 0

    async def ask(self) -> str:
        self.calls += 1
        self.left -= 1
        if self.left >= 0:
            raise Unavailable("gone")
        return "done"


def test_attempts_go_to_the_next_endpoint_and_are_bounded() -> None:
    def run(places: list[Place], attempts: int) -> str:
        return asyncio.run(first_success(places, lambda place: place.ask(), attempts))

    first, second = Place(9), Place(0)
    assert run([first, second], 2) == "done"
    with pytest.raises(Unavailable):
        run([Place(9), Place(0)], 1)
    only = Place(1)
    assert run([only], 2) == "done"
    assert only.calls == 2


def test_open_breakers_are_skipped_without_counting_and_fail_at_once() -> None:
    async def check() -> None:
        dead, alive = Place(9), Place(0)
        for _ in range(3):
            fail(dead.breaker)
        assert await first_success([dead, alive], lambda place: place.ask(), 1) == "done"
        with pytest.raises(BreakerOpen):
            await first_success([dead], lambda place: place.ask(), 3)
        assert dead.calls == 0

    asyncio.run(check())


def test_a_limiter_refills_with_time() -> None:
    clock = Clock()
    limiter = Limiter(2, clock=clock)
    assert [limiter.admits() for _ in range(3)] == [True, True, False]
    clock.now += 0.5
    assert [limiter.admits() for _ in range(2)] == [True, False]
    assert all(Limiter(1, enabled=False, clock=clock).admits() for _ in range(5))


def test_a_bulkhead_gives_places_back() -> None:
    async def check() -> None:
        bulkhead, hold = Bulkhead("x", 1), SharedHold(1)
        for room, refusal in ((bulkhead, Full), (hold, TimedOut)):
            async with room.place(1):
                with pytest.raises(refusal):
                    async with room.place(0.01):
                        pass
            async with room.place(1):
                pass

    asyncio.run(check())


def test_a_flickering_condition_is_two_lines(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    notice = Notice("thing", clock)
    with caplog.at_level(logging.WARNING, "shop"):
        for _ in range(10):
            notice.happened("why")
            notice.passed()
        clock.now += 5
        notice.passed()
        notice.passed()
    assert [record.message for record in caplog.records] == ["thing: begun (why)", "thing: ended"]
