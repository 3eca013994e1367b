"""A course of load against a local target: counts, intended starts, choice of tasks, naming."""

from __future__ import annotations

import socket
import time

import numpy as np
from conftest import Course, MakeCourse, Target

from chaoskit.model.samples import Outcome

SIMPLE = """
from locust import FastHttpUser, task

class Shopper(FastHttpUser):
    @task
    def browse(self):
        self.client.get("/ok")
"""


def test_one_sample_for_each_planned_arrival_at_its_intended_start(course: MakeCourse) -> None:
    run = course(SIMPLE, rate=100)
    samples = run.for_seconds(1.5)
    facts = samples.facts
    assert facts.planned == len(samples.rows) == facts.sent
    assert 145 <= facts.planned <= 160
    starts = np.sort(samples.rows["start"])
    np.testing.assert_allclose(starts, run.begin + np.arange(len(starts)) / 100, atol=1e-6)
    assert samples.outcomes("/ok") == {Outcome.OK}
    assert facts.unsent == 0
    assert not facts.warnings or facts.saturated, "only a busy machine is worth a warning"


def test_a_frozen_target_shows_in_the_latency_of_all_that_were_due(
    course: MakeCourse, target: Target
) -> None:
    run = course(SIMPLE, rate=60)
    run.start()
    run.until(0.5)
    target.thaw.clear()
    run.until(1.5)
    target.thaw.set()
    run.until(2.0)
    samples = run.end()
    latency, offset = samples.rows["latency"], samples.rows["start"] - run.begin
    due = latency[(offset > 0.52) & (offset < 1.48)]
    assert 50 <= len(due) <= 62
    assert 48 <= np.count_nonzero(latency > 0.1) <= 66
    # Each waits for what was left of the freeze when it was due.
    waited = 1.5 - offset[(offset > 0.55) & (offset < 1.4)]
    np.testing.assert_allclose(latency[(offset > 0.55) & (offset < 1.4)], waited, atol=0.25)


def test_a_full_pool_leaves_arrivals_unsent_and_failed(course: MakeCourse, target: Target) -> None:
    run = course(SIMPLE, rate=50, in_flight=5)
    target.thaw.clear()
    run.start()
    run.until(1.0)
    target.thaw.set()
    samples = run.end()
    facts = samples.facts
    assert facts.planned == facts.sent + facts.unsent == len(samples.rows)
    assert 35 <= facts.unsent <= 50
    assert samples.outcomes("browse") == {Outcome.FAILED}
    assert samples.statuses("browse") == {0}
    assert len(samples.of("browse")) == facts.unsent
    assert any("raise in_flight to 100" in warning for warning in facts.warnings)


def test_later_requests_of_a_task_count_from_their_real_start(course: MakeCourse) -> None:
    script = """
    import time
    from locust import HttpUser, task

    class Shopper(HttpUser):
        @task
        def checkout(self):
            self.client.get("/ok", name="first")
            time.sleep(0.3)
            with self.client.get("/ok", name="second", catch_response=True) as answer:
                time.sleep(0.3)
                answer.success()
    """
    run = course(script, rate=10)
    samples = run.for_seconds(0.95)
    first, second = samples.of("first"), samples.of("second")
    assert len(first) == len(second) == samples.facts.planned >= 9
    assert np.all(np.sort(second["start"]) - np.sort(first["start"]) > 0.28)
    assert np.median(second["latency"]) < 0.1, "what the task does with the answer is not latency"


def test_a_task_that_raises_has_failed_and_is_told_once(course: MakeCourse) -> None:
    script = """
    from locust import FastHttpUser, task

    class Shopper(FastHttpUser):
        @task
        def before(self):
            {}["basket"]

        @task
        def between(self):
            with self.client.get("/ok", name="basket", catch_response=True) as answer:
                raise ValueError("no basket")

        @task
        def nothing(self):
            pass
    """
    run = course(script, rate=60)
    samples = run.for_seconds(0.8)
    assert samples.outcomes("before") == {Outcome.FAILED}
    assert samples.outcomes("basket") == {Outcome.FAILED}
    said = " | ".join(samples.facts.warnings)
    assert "task before raised KeyError: 'basket' at " in said
    assert "load.py:7" in said
    assert "task between raised ValueError: no basket" in said
    assert "task nothing made no request" in said
    assert len(samples.facts.warnings) == 3


def test_tasks_are_chosen_by_weight_and_by_the_seed_alone(
    course: MakeCourse, target: Target
) -> None:
    script = """
    from locust import FastHttpUser, HttpUser, task

    class Many(FastHttpUser):
        weight = 3
        @task(2)
        def a(self):
            self.client.get("/a")
        @task(1)
        def b(self):
            self.client.get("/b")

    class Few(HttpUser):
        weight = 1
        @task
        def c(self):
            self.client.get("/c")
    """

    def ranked(run: Course) -> list[str]:
        samples = run.end()
        ordered = np.sort(samples.rows, order="start")[:120]
        return [samples.names[int(row)] for row in ordered["series"]]

    runs = [course(script, rate=60, seed=seed) for seed in (1, 1, 2)]
    for run in runs:
        run.start()
    runs[-1].until(2.1)
    once, again, other = map(ranked, runs)
    assert once == again != other
    assert 45 <= once.count("/a") <= 75
    assert 15 <= once.count("/c") <= 45


def test_ignored_parts_of_a_script_are_named(course: MakeCourse) -> None:
    script = SIMPLE + "    host = 'http://elsewhere'\n    wait_time = lambda self: 60\n"
    samples = course(script, rate=50).for_seconds(0.5)
    assert samples.outcomes("/ok") == {Outcome.OK}
    assert len(samples.rows) >= 25
    said = " | ".join(samples.facts.warnings)
    assert "Shopper.wait_time is ignored between tasks" in said
    assert "Shopper.host is ignored" in said


def test_what_is_in_flight_when_the_grace_ends_has_failed(
    course: MakeCourse, target: Target
) -> None:
    run = course(SIMPLE, rate=20, timeout="20s")
    run.start()
    target.thaw.clear()
    run.until(0.5)
    asked = time.monotonic()
    samples = run.end(grace=2.0)
    assert time.monotonic() - asked < 3.0
    assert samples.facts.planned == len(samples.rows)
    late = samples.rows[samples.rows["start"] > run.begin + 0.1]
    assert {int(code) >> 14 for code in late["code"]} == {Outcome.FAILED}
    assert np.all(late["latency"] > 1.5)


def test_no_name_of_a_request_can_break_the_list(course: MakeCourse) -> None:
    script = """
    import itertools
    from locust import FastHttpUser, task

    numbers = itertools.count()

    class Shopper(FastHttpUser):
        @task
        def browse(self):
            for _ in range(300):
                self.environment.events.request.fire(
                    request_type="X", name=f"item\\n{next(numbers)}", response_time=1.0,
                    response_length=0, exception=None, context={},
                )
    """
    samples = course(script, rate=20).for_seconds(0.5)
    assert len(samples.names) == 1001
    assert samples.names[0] == "item 0"
    assert len(samples.rows) == 300 * samples.facts.planned
    assert samples.outcomes("(other names)") == {Outcome.OK}
    assert any("name=" in warning for warning in samples.facts.warnings)


def test_arrivals_can_be_poisson(course: MakeCourse) -> None:
    samples = course(SIMPLE, rate=100, arrivals="poisson").for_seconds(1.0)
    gaps = np.diff(np.sort(samples.rows["start"]))
    assert 60 <= len(samples.rows) <= 150
    assert 0.6 < np.std(gaps) / np.mean(gaps) < 1.4


def test_a_refused_connection_is_a_failed_request_not_a_broken_load(course: MakeCourse) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    run = course(SIMPLE, rate=50, host=f"http://127.0.0.1:{port}/")
    samples = run.for_seconds(0.5)
    run.load.check()
    assert samples.outcomes("/ok") == {Outcome.FAILED}
    assert samples.facts.planned == len(samples.rows) >= 25
