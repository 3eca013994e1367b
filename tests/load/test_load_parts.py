"""The pure parts: schedule, choice, classification, lateness."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from chaoskit.load.gauge import MOST_NOTES, Lateness, Notes
from chaoskit.load.outcome import classify
from chaoskit.load.schedule import choices, due_times
from chaoskit.model.samples import Outcome
from chaoskit.model.system import OutcomeRule, Outcomes

RATES = st.floats(0.01, 5000)


@given(RATES, st.integers())
def test_constant_arrivals_never_drift(rate: float, seed: int) -> None:
    due = list(itertools.islice(due_times(100.0, rate, "constant", seed), 500))
    assert due[0] == 100.0
    assert due[499] == 100.0 + 499 / rate


@given(RATES, st.integers())
def test_poisson_arrivals_only_move_forward_and_repeat_by_seed(rate: float, seed: int) -> None:
    once = list(itertools.islice(due_times(5.0, rate, "poisson", seed), 200))
    assert once == list(itertools.islice(due_times(5.0, rate, "poisson", seed), 200))
    assert once[0] == 5.0
    assert once == sorted(once)


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


def test_no_arrivals_are_not_late() -> None:
    assert Lateness().quantile(0.99) == 0.0


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


def test_an_empty_rule_matches_nothing() -> None:
    rules = Outcomes(degraded=(OutcomeRule(),), shed=(OutcomeRule(),))
    assert classify(rules, 200, {}, False) is Outcome.OK


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
