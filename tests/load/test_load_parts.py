"""The pure parts: schedule, choice, classification, lateness."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaoskit.load.gauge import MOST_NOTES, MOST_STALLS, Gauge, Lateness, Notes, Stalls
from chaoskit.load.order import Order
from chaoskit.load.outcome import classify
from chaoskit.load.schedule import choices
from chaoskit.model.samples import Outcome
from chaoskit.model.system import BodyRule, OutcomeRule, Outcomes


@given(st.lists(st.floats(0.1, 50), min_size=1, max_size=6), st.integers())
def test_choices_repeat_by_seed(weights: list[float], seed: int) -> None:
    options = range(len(weights))
    once = list(itertools.islice(choices(options, weights, seed), 50))
    assert once == list(itertools.islice(choices(options, weights, seed), 50))
    assert set(once) <= set(options)


@given(st.lists(st.floats(0, 50), min_size=1, max_size=300))
def test_lateness_is_at_most_a_bucket_above_the_truth(late: list[float]) -> None:
    lateness = Lateness()
    for seconds in late:
        lateness.add(seconds)
    truth = sorted(late)[max(-(-99 * len(late) // 100) - 1, 0)]
    assert truth - 1e-5 <= lateness.quantile(0.99) <= max(truth * 1.13, 1e-5)


@given(st.lists(st.tuples(st.floats(0, 300), st.floats(0, 5)), max_size=200))
def test_every_late_start_lies_in_a_stall_that_is_at_least_as_long(
    sent: list[tuple[float, float]],
) -> None:
    stalls = Stalls()
    for start, late in sent:
        stalls.add(start, late)
    told = stalls.told()
    assert len(told) <= MOST_STALLS
    for start, late in sent:
        among = [s for s in told if s.begin <= start <= s.end and s.late >= late]
        assert bool(among) or late <= 0.5
    assert bool(told) == any(late > 0.5 for _, late in sent)


def test_no_arrivals_are_not_late() -> None:
    assert Lateness().quantile(0.99) == 0.0


def gauge(**changes: Any) -> Gauge:
    asked: dict[str, Any] = {
        "folder": "", "locustfile": "", "host": "", "rate": 40.0, "timeout": 1.0,
        "arrivals": "constant", "in_flight": 50, "enough": 40, "outcomes": Outcomes(), "seed": 3,
        "parent": 1, "parent_is_main_thread": True, "ready": 1,
    }  # fmt: skip
    return Gauge(Order(**{**asked, **changes}))


def test_each_cause_of_a_saturated_generator_has_its_own_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calm, busy, late = gauge(), gauge(), gauge()
    for one, share in ((calm, 0.5), (busy, 0.99), (late, 0.3)):
        looks = itertools.count()
        monkeypatch.setattr(os, "times", lambda s=share, n=looks: clock(next(n), s))
        one.begin()
        for _ in range(4):
            one.look()
    late.lateness.add(0.5)
    assert calm.facts().causes == ()
    assert calm.facts().cpu == pytest.approx(0.5)
    assert "used a whole core for 4 s" in busy.facts().causes[0]
    assert "`workers`" in busy.facts().causes[0]
    assert "although it used 30% of a core at most" in late.facts().causes[0]
    assert busy.facts().saturated
    assert late.facts().saturated


def clock(second: int, share: float) -> os.times_result:
    return os.times_result((second * share, 0.0, 0.0, 0.0, float(second)))


def test_arrivals_that_found_no_place_say_whether_there_were_enough() -> None:
    for enough, said in ((400, "raise in_flight to 400"), (40, "each for longer than its timeout")):
        one = gauge(enough=enough)
        one.unsent = 3
        assert said in one.facts().warnings[0]
        assert not one.facts().saturated


def test_a_note_that_turns_out_wrong_is_dropped() -> None:
    notes = Notes()
    notes.add("a", "first")
    notes.add("b", "second")
    notes.drop("a")
    notes.drop("never said")
    assert list(notes.sentences()) == ["second"]


def test_notes_are_counted_and_bounded() -> None:
    notes = Notes()
    for number in range(100):
        notes.add(f"kind {number}", f"sentence {number}")
        notes.add("kind 0", "another wording")
    said = list(notes.sentences())
    assert said[0] == "sentence 0 (101 times)"
    assert said[1] == "sentence 1"
    assert len(said) == MOST_NOTES + 1


@given(st.integers(0, 599), st.booleans())
def test_without_a_matching_rule_an_answer_is_ok_or_failed(status: int, failed: bool) -> None:
    expected = Outcome.FAILED if failed else Outcome.OK
    assert classify(Outcomes(), status, {}, failed) is expected
    assert classify(Outcomes(), status, None, failed) is expected


@dataclass(frozen=True)
class Answer:
    content: bytes | None


def degraded(rule: OutcomeRule, content: bytes | None, *, name: str = "browse") -> bool:
    found = classify(Outcomes(degraded=(rule,)), 200, {}, False, name, Answer(content))
    assert found in (Outcome.OK, Outcome.DEGRADED)
    return found is Outcome.DEGRADED


@pytest.mark.parametrize(
    ("value", "content", "matches"),
    [
        ("cache", b'{"stock": {"source": "cache"}}', True),
        ("cache", b'{"stock": {"source": "base"}}', False),
        ("cache", b'{"stock": "cache"}', False),
        ("cache", b"cache", False),
        ("cache", b"\xff", False),
        ("cache", b"", False),
        ("cache", None, False),
        (True, b'{"stock": {"source": true}}', True),
        (True, b'{"stock": {"source": 1}}', False),
        (1, b'{"stock": {"source": true}}', False),
        (1, b'{"stock": {"source": 1.0}}', True),
        (1, b'{"stock": {"source": "1"}}', False),
        (False, b'{"stock": {}}', False),
        (None, b'{"stock": {"source": []}}', True),
        (None, b'{"stock": {"source": null}}', False),
        (None, b'{"stock": {}}', False),
    ],
)
def test_a_rule_may_look_into_the_body(value: Any, content: bytes | None, matches: bool) -> None:
    rule = OutcomeRule(body=BodyRule(path="stock.source", value=value))
    assert degraded(OutcomeRule.model_validate_json(rule.model_dump_json()), content) is matches


def test_a_rule_may_be_for_one_request_only() -> None:
    rule = OutcomeRule(request="browse", body=BodyRule(path="late"))
    assert degraded(rule, b'{"late": true}')
    assert not degraded(rule, b'{"late": true}', name="checkout")
    refused = Outcomes(shed=(OutcomeRule(request="checkout", status=(200,)),))
    assert classify(refused, 200, {}, False, "checkout") is Outcome.SHED
    assert classify(refused, 200, {}, False, "browse") is Outcome.OK


def test_all_that_a_rule_gives_must_match() -> None:
    rule = OutcomeRule(status=(200,), header="X-Late", body=BodyRule(path="late"))
    assert not degraded(rule, b'{"late": true}')
    rules, answer = Outcomes(degraded=(rule,)), Answer(b'{"late": true}')
    assert classify(rules, 200, {"X-Late": "1"}, False, "", answer) is Outcome.DEGRADED
    assert classify(rules, 201, {"X-Late": "1"}, False, "", answer) is Outcome.OK


def test_a_bad_status_is_degraded_only_where_a_rule_lists_it() -> None:
    listed = Outcomes(degraded=(OutcomeRule(status=(404,), header="X-Degraded"),))
    alone = Outcomes(degraded=(OutcomeRule(header="X-Degraded"),))
    assert classify(listed, 404, {"X-Degraded": "1"}, True) is Outcome.DEGRADED
    assert classify(alone, 404, {"X-Degraded": "1"}, True) is Outcome.FAILED
    assert classify(listed, 404, {}, True) is Outcome.FAILED


def test_a_header_given_twice_matches_by_any_of_its_values() -> None:
    rules = Outcomes(degraded=(OutcomeRule(header="X-Degraded", value="stale"),))
    headers = {"X-Degraded": ["cache", " stale "]}
    assert classify(rules, 200, headers, False) is Outcome.DEGRADED
    assert classify(rules, 200, {"X-Degraded": "cache"}, False) is Outcome.OK


def test_a_good_status_that_the_task_failed_is_never_shed() -> None:
    rules = Outcomes(shed=(OutcomeRule(header="X-Shed"),))
    assert classify(rules, 200, {"X-Shed": "1"}, False) is Outcome.SHED
    assert classify(rules, 200, {"X-Shed": "1"}, True) is Outcome.FAILED
