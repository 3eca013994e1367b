"""Journeys of several requests with thinking between them, and surges: against a local target."""

from __future__ import annotations

import time

import numpy as np
from conftest import MakeCourse, Target
from test_load_course import SIMPLE

from chaoskit.model.samples import Outcome
from chaoskit.model.surge import Pace, Surge
from chaoskit.units import Duration, Rate

JOURNEY = """
from locust import {client}, task

class Shopper({client}):
    wait_time = lambda self: {think}

    @task
    def buy(self):
        self.client.get("/ok", name="first")
        self.wait()
        self.client.get("/ok", name="second")
"""


def test_who_thinks_takes_no_place_of_those_who_wait(course: MakeCourse) -> None:
    script = JOURNEY.format(client="FastHttpUser", think=0.6)
    samples = course(script, rate=30, in_flight=4).for_seconds(1.5)
    facts = samples.facts
    assert facts.unsent == 0
    assert facts.planned == len(samples.of("first")) >= 40
    first, second = np.sort(samples.of("first")["start"]), np.sort(samples.of("second")["start"])
    assert len(second) >= 20
    assert np.all(second - first[: len(second)] > 0.59)
    assert np.median(samples.of("second")["latency"]) < 0.3, "thinking is not latency"
    assert not any("wait_time" in warning for warning in facts.warnings)


def test_who_thinks_before_the_first_request_is_not_late(course: MakeCourse) -> None:
    script = """
    from locust import HttpUser, task

    class Shopper(HttpUser):
        wait_time = lambda self: 0.5

        @task
        def browse(self):
            self.wait()
            self.client.get("/ok")
    """
    run = course(script, rate=20)
    samples = run.for_seconds(1.2)
    starts = np.sort(samples.rows["start"])
    expected = run.begin + 0.5 + np.arange(len(starts)) / 20
    assert len(starts) >= 10
    np.testing.assert_allclose(starts, expected, atol=0.2)
    assert np.median(samples.rows["latency"]) < 0.3


def test_who_thinks_when_the_load_is_stopped_has_not_failed(course: MakeCourse) -> None:
    run = course(JOURNEY.format(client="HttpUser", think=60), rate=20)
    run.start()
    run.until(0.9)
    asked = time.monotonic()
    samples = run.end(grace=6.0)
    assert time.monotonic() - asked < 4.0, "nobody waits for those who think"
    assert samples.names == ("first",)
    assert samples.outcomes("first") == {Outcome.OK}
    assert len(samples.rows) == samples.facts.planned


def test_a_journey_that_breaks_leaves_a_failed_sample_for_what_it_did_not_send(
    course: MakeCourse,
) -> None:
    script = """
    from locust import FastHttpUser, task
    from locust.exception import RescheduleTask

    class Shopper(FastHttpUser):
        @task
        def breaks(self):
            self.client.get("/ok", name="good")
            raise ValueError("no basket in it")

        @task
        def fails(self):
            self.client.get("/error", name="bad")
            raise ValueError("no basket in it")

        @task
        def leaves(self):
            self.client.get("/ok", name="enough")
            raise RescheduleTask
    """
    samples = course(script, rate=60).for_seconds(0.8)
    assert set(samples.names) == {"good", "bad", "enough", "breaks"}
    assert samples.outcomes("good") == samples.outcomes("enough") == {Outcome.OK}
    assert samples.outcomes("bad") == samples.outcomes("breaks") == {Outcome.FAILED}
    assert len(samples.of("breaks")) == len(samples.of("good"))
    late = np.sort(samples.of("breaks")["start"]) - np.sort(samples.of("good")["start"])
    assert np.all(late >= 0), "it counts from when it would have been sent"


def test_it_tells_what_was_lost_unlike_its_requests_and_when_it_stood_still(
    course: MakeCourse,
) -> None:
    script = """
    import time
    from locust import FastHttpUser, task

    blocked = []

    class Shopper(FastHttpUser):
        @task
        def buy(self):
            if not blocked:
                blocked.append(True)
                until = time.perf_counter() + 0.9
                while time.perf_counter() < until:
                    pass
            self.client.get("/ok", name="browse")
            raise ValueError("no basket in it")

        @task
        def look(self):
            self.client.get("/ok", name="look")
            raise ValueError("nothing to see")
    """
    samples = course(script, rate=60).for_seconds(1.3)
    assert samples.outcomes("look") == {Outcome.OK, Outcome.FAILED}
    assert samples.facts.lost == {"buy": len(samples.of("buy"))}
    assert samples.facts.stalls
    stall = samples.facts.stalls[0]
    rows = samples.rows[samples.rows["code"] >> 14 == Outcome.OK]
    late = rows[(rows["start"] >= stall.begin) & (rows["start"] <= stall.end)]
    assert stall.late > 0.6
    assert len(late) >= 5
    assert np.median(late["latency"]) > 0.5


def test_arrivals_follow_a_surge_exactly(course: MakeCourse, target: Target) -> None:
    surge = Surge(to=Rate(150), over=Duration(0.3), after=Duration(0.2))
    run = course(SIMPLE, rate=20, surge=surge)
    run.start()
    run.load.surge(run.begin + 0.5)
    run.until(1.4)
    run.load.calm(run.begin + 1.6)
    run.until(2.4)
    samples = run.end()
    starts = np.sort(samples.rows["start"]) - run.begin
    pace = Pace(0.0, 20)
    pace.surge(surge, 0.5)
    pace.calm(1.6)
    expected = [pace.due(float(number)) for number in range(len(starts))]
    np.testing.assert_allclose(starts, expected, atol=1e-6)
    assert samples.facts.planned == len(starts) == target.hits["/ok"]
    assert np.count_nonzero((starts > 1.05) & (starts < 1.55)) in (74, 75, 76)
    assert samples.facts.pace == "20/s, to 150/s over 300ms, from 200ms on of the fault phase"
    assert samples.facts.cpu is not None


def test_a_slow_pace_does_not_oversleep_a_surge(course: MakeCourse) -> None:
    run = course(SIMPLE, rate=0.1, surge=Surge(to=Rate(100)))
    run.start()
    run.load.surge(run.begin + 0.3)
    run.until(1.0)
    samples = run.end()
    assert len(samples.rows) >= 60
    assert np.max(samples.rows["start"]) - run.begin > 0.9
