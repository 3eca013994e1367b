"""What the load says of requests without an answer: nothing that was due is missing from it."""

from __future__ import annotations

import time

import numpy as np
from conftest import Course, MakeCourse, Target
from test_load_course import SIMPLE
from test_load_journeys import JOURNEY

from chaoskit.model.samples import FIELDS
from chaoskit.ports import UnderWay

RATE = 40


def accounted(run: Course, known: set[float]) -> UnderWay:
    """One look; `known` takes in the starts of all samples. All that was due is known or said."""
    said = run.load.under_way()
    records, _ = run.load.read()
    known.update(np.frombuffer(records, dtype=list(FIELDS))["start"].tolist())
    found = sorted(start for start in known | set(said.starts) if start < said.told)
    # Where it is told late it is told of what comes before a due time: to the rounding.
    due = run.begin + np.arange(np.ceil((said.told - run.begin) * RATE - 1e-6)) / RATE
    np.testing.assert_allclose(found, due, atol=1e-6)
    return said


def test_all_that_was_due_has_a_sample_or_is_under_way(course: MakeCourse, target: Target) -> None:
    run, known = course(SIMPLE, rate=RATE, timeout="5s", workers=2), set[float]()
    assert run.load.under_way() == UnderWay()
    run.start()
    run.until(0.8)
    assert accounted(run, known).settled > run.begin + 0.3
    target.thaw.clear()
    run.until(1.6)
    said = accounted(run, known)
    assert said.told > run.begin + 1.1
    assert said.settled < run.begin + 0.9
    assert len(said.starts) > 0.4 * RATE
    target.thaw.set()
    limit = time.monotonic() + 5
    while accounted(run, known).settled < run.begin + 1.6 and time.monotonic() < limit:
        time.sleep(0.05)
    assert accounted(run, known).settled >= run.begin + 1.6
    run.end()
    assert not list(run.folder.glob("*.open"))


def test_who_thinks_between_requests_has_none_under_way(course: MakeCourse) -> None:
    run = course(JOURNEY.format(client="FastHttpUser", think=30), rate=RATE)
    run.start()
    run.until(1.2)
    said = run.load.under_way()
    assert said.settled > run.begin + 0.7
    assert len(said.starts) < 5


def test_who_thinks_before_the_first_request_has_none_under_way(course: MakeCourse) -> None:
    script = JOURNEY.format(client="FastHttpUser", think=30)
    first = script.replace('self.client.get("/ok", name="first")', "pass")
    assert first != script
    run = course(first, rate=RATE)
    run.start()
    run.until(1.2)
    assert run.load.under_way().settled > run.begin + 0.7
