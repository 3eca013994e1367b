"""What Locust's clients are answered becomes an outcome: in one child process, for both clients."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import MakeCourse, Samples, Target

from chaoskit.model.samples import Outcome
from chaoskit.model.system import BodyRule, OutcomeRule

CLIENTS = ("FastHttpUser", "HttpUser")


def all_answers(client: str) -> str:
    paths = ("/ok", "/degraded", "/otherwise", "/shed", "/throttled", "/error", "/missing", "/sour")
    return f"""
    import time
    from locust import {client}, task

    class Shopper({client}):
        @task
        def visit(self):
            for path in {(*paths, "/close", "/hang", "/drip")!r}:
                self.client.get(path)
            with self.client.get("/error", name="forgiven", catch_response=True) as answer:
                answer.success()
            with self.client.get("/ok", name="disliked", catch_response=True) as answer:
                answer.failure("not what I wanted")
            with self.client.get("/shed", name="shed by hand", catch_response=True) as answer:
                if answer.status_code != 200:
                    answer.failure("not 200")
            self.client.get("http://127.0.0.1:1/", name="refused")
            self.client.get("/ok?id=5", name="/ok [id]")
            self.client.get("/bye")
            time.sleep(0.1)
            self.client.get("/ok", name="on a connection that was closed while idle")
    """


def test_every_answer_gets_its_outcome(course: MakeCourse, target: Target) -> None:
    runs = [course(all_answers(client), rate=2, timeout="500ms") for client in CLIENTS]
    for run in runs:
        run.start()
    for run in runs:
        run.until(0.9)
    ended = [run.end(6.0) for run in runs]
    for samples in ended:
        assert_outcomes(samples)
    planned = sum(samples.facts.planned for samples in ended)
    assert target.hits["/close"] == planned >= 4, (
        "a request is never sent a second time behind our back"
    )


def assert_outcomes(samples: Samples) -> None:
    expected = {
        "/ok": (Outcome.OK, 200),
        "/degraded": (Outcome.DEGRADED, 200),
        "/otherwise": (Outcome.OK, 200),
        "/shed": (Outcome.SHED, 429),
        "/throttled": (Outcome.FAILED, 429),
        "/error": (Outcome.FAILED, 500),
        "/missing": (Outcome.FAILED, 404),
        "/sour": (Outcome.FAILED, 500),
        "/close": (Outcome.FAILED, 0),
        "/hang": (Outcome.FAILED, 0),
        "/drip": (Outcome.FAILED, None),
        "forgiven": (Outcome.OK, 500),
        "disliked": (Outcome.FAILED, 200),
        "shed by hand": (Outcome.SHED, 429),
        "refused": (Outcome.FAILED, 0),
        "/ok [id]": (Outcome.OK, 200),
        "/bye": (Outcome.OK, 200),
        "on a connection that was closed while idle": (Outcome.OK, 200),
    }
    assert set(samples.names) == set(expected)
    for name, (outcome, status) in expected.items():
        assert samples.outcomes(name) == {outcome}, name
        assert status is None or samples.statuses(name) == {status}, name
        assert len(samples.of(name)) == samples.facts.planned, name
    for name in ("/hang", "/drip"):
        assert np.all(samples.of(name)["latency"] < 0.8), "the timeout bounds the whole request"


def cached(client: str) -> str:
    return f"""
    from locust import {client}, task

    class Shopper({client}):
        @task
        def browse(self):
            self.client.get("/cached", name="browse")
            self.client.get("/cached", name="other")
            self.client.get("/ok", name="browse plainly")
            with self.client.get("/cached", name="streamed", stream=True, catch_response=True) as r:
                assert b"".join(r.iter_content(9, False)) == b'{{"stock": {{"source": "cache"}}}}'
    """


@pytest.mark.parametrize("client", CLIENTS)
def test_the_body_of_one_request_says_that_it_is_degraded(course: MakeCourse, client: str) -> None:
    body = BodyRule(path="stock.source", value="cache")
    named = [OutcomeRule(request=name, body=body) for name in ("browse", "streamed")]
    samples = course(cached(client), rate=10, degraded=(*named,)).for_seconds(0.5)
    assert samples.outcomes("browse") == {Outcome.DEGRADED}
    assert samples.outcomes("other") == {Outcome.OK}
    assert samples.outcomes("browse plainly") == {Outcome.OK}
    assert samples.outcomes("streamed") == {Outcome.OK}, "the task reads it, and nobody else can"
    assert not samples.facts.warnings or samples.facts.saturated


def moved(client: str) -> str:
    return f"""
    from locust import {client}, task

    class Shopper({client}):
        @task
        def browse(self):
            self.client.get("/moved", name="followed")
    """


@pytest.mark.parametrize("client", CLIENTS)
def test_a_redirect_is_one_request_with_all_of_its_time(
    course: MakeCourse, target: Target, client: str
) -> None:
    samples = course(moved(client), rate=6).for_seconds(0.7)
    planned = samples.facts.planned
    assert samples.names == ("followed",)
    assert len(samples.rows) == planned == target.hits["/moved"] == target.hits["/later"] >= 4
    assert samples.outcomes("followed") == {Outcome.OK}
    assert samples.statuses("followed") == {200}
    assert np.all(samples.of("followed")["latency"] >= 0.3), "two hops of 150 ms each"


def streams(client: str) -> str:
    return f"""
    from locust import {client}, task

    class Shopper({client}):
        @task
        def browse(self):
            for path in ("/slowly", "/endless"):
                with self.client.get(path, stream=True, catch_response=True) as answer:
                    for _ in answer.iter_content(1):
                        pass
            answer = self.client.get("/slowly", name="outside", stream=True)
            for _ in answer.iter_content(1):
                pass
    """


@pytest.mark.parametrize("client", CLIENTS)
def test_a_streamed_answer_lasts_until_it_was_read_in_its_block(
    course: MakeCourse, client: str
) -> None:
    run = course(streams(client), rate=2, timeout="900ms")
    run.start()
    run.until(0.7)
    samples = run.end(6.0)
    assert samples.facts.planned == len(samples.of("/slowly")) == len(samples.of("outside")) >= 2
    assert samples.outcomes("/slowly") == {Outcome.OK}
    assert np.all(samples.of("/slowly")["latency"] >= 0.4), "five bytes, 100 ms apart"
    assert samples.outcomes("/endless") == {Outcome.FAILED}, "1.2 s, of 0.9"
    assert samples.outcomes("outside") == {Outcome.OK}
    assert np.all(samples.of("outside")["latency"] < 0.4), "nobody says when it was read"
