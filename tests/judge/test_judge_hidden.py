"""What the load may have hidden: requests sent when a trouble was over, arrivals never sent."""

from __future__ import annotations

import pytest
from judge_build import FAILED, GOOD, Row, build, experiment, judged, timeline, verdict

from chaoskit.judge.samples import Samples
from chaoskit.model.timeline import LoadFacts, Stall
from chaoskit.model.verdict import Gate, Status, Verdict

HELD, VIOLATED, INCONCLUSIVE = Status

# Of a few seconds only, so that no percentile of the whole load is late.
STALLED = LoadFacts(
    lateness_p99=0.4, lateness_p95=0.001, stalls=(Stall(begin=50.0, end=52.6, late=3.1),)
)
CALM = STALLED.model_copy(update={"stalls": ()})
OLDER = LoadFacts(lateness_p99=0.9, lateness_p95=0.001)
COUNTS = "checkout success >= 99%"


def caught_up(begin: float, end: float) -> list[Row]:
    """GOOD, but what was due between those moments was all sent just after, and answered."""
    return [(t, s, o, end + 0.06 - t if begin <= t < end else lat) for t, s, o, lat in GOOD]


def gates(found: Verdict, phase: str = "fault") -> list[Gate]:
    return [g for g in found.gates if g.phase == phase and not g.implied]


@pytest.mark.parametrize("text", [
    COUNTS, "checkout failed <= 1%", "checkout outage <= 1s", "checkout degraded <= 1%",
    "checkout degraded == 0%",
    "checkout shed <= 1%", "all success >= 99%", "checkout rate >= 39/s",
    "checkout failed vs baseline <= +2pt", "checkout p99 < 5s",
])  # fmt: skip
def test_what_held_only_as_requests_came_late_is_open(text: str) -> None:
    rows = caught_up(50, 53)
    found = verdict(rows, timeline(load=STALLED), steady_state=[COUNTS], expect=[text])
    (gate,) = gates(found)
    assert (found.status, gate.status) == (INCONCLUSIVE, INCONCLUSIVE)
    assert gate.reason == (
        "the load generator stalled for up to 3.1 s, so that 103 requests may have been sent after "
        "a trouble was over: that could decide it"
    )
    assert gate.reason in found.reasons[0]
    calm = verdict(rows, timeline(load=CALM), steady_state=[COUNTS], expect=[text])
    assert calm.status is HELD


def test_of_an_older_generator_only_the_p99_is_known() -> None:
    rows = caught_up(50, 53)
    assert verdict(rows, timeline(load=OLDER), steady_state=[COUNTS]).status is INCONCLUSIVE
    short = OLDER.model_copy(update={"lateness_p99": 0.5})
    assert verdict(rows, timeline(load=short), steady_state=[COUNTS]).status is HELD


@pytest.mark.parametrize("rows", [
    GOOD, caught_up(50, 50.7), caught_up(40, 43), caught_up(50, 50.49),
], ids=["fast", "too few", "not then", "too short"])  # fmt: skip
def test_a_stall_that_could_decide_nothing_leaves_a_run_held(rows: list[Row]) -> None:
    found = verdict(rows, timeline(load=STALLED), steady_state=[COUNTS])
    assert found.status is HELD
    assert any(gate.implied for gate in found.gates)


def test_a_recovery_may_have_come_later_than_the_answers_to_what_was_sent_late() -> None:
    load = STALLED.model_copy(update={"stalls": (Stall(begin=94.0, end=105.0, late=12.0),)})
    rows = caught_up(94, 106)
    found = verdict(rows, timeline(load=load), steady_state=[COUNTS])
    (gate,) = gates(found, "recovery")
    assert gate.status is INCONCLUSIVE
    assert "the load generator stalled for up to 12 s" in gate.reason
    calm = verdict(rows, timeline(load=CALM), steady_state=[COUNTS])
    assert calm.status is HELD


LOST = LoadFacts(lost={"buy": 40})


def unsent(count: int) -> Samples:
    """GOOD, and so many arrivals of the task `buy` that were never sent, one each second."""
    lost = [(31.0 + n, "buy", FAILED, 0.0) for n in range(count)]
    samples = build(GOOD + lost)
    array = samples.array.copy()
    array["code"][samples.outcome == FAILED] = FAILED << 14
    return Samples(array, samples.names)


def found_of(samples: Samples, *expect: str, load: LoadFacts = LOST) -> Verdict:
    claims = experiment(steady_state=[COUNTS], expect=list(expect))
    return judged(samples, timeline(load=load), claims)


def test_arrivals_that_no_expectation_counts_leave_open_what_they_could_break() -> None:
    found = found_of(unsent(30), COUNTS, "checkout p95 < 300ms")
    assert found.status is INCONCLUSIVE
    assert found.reasons == (
        "fault: checkout success >= 99% is inconclusive: 30 arrivals of 'buy' were never sent or "
        "broke off, and no expectation counts that (add `buy success …` or `all success …`): that "
        "could decide it",
    )
    assert found_of(unsent(20), COUNTS).status is HELD
    assert found_of(unsent(30), COUNTS, load=LoadFacts()).status is HELD, "an older generator"
    refused = build([*GOOD, (40.0, "buy", FAILED, 0.0)])
    assert found_of(refused, "checkout failed <= 0%").status is HELD, "with a status it was sent"


@pytest.mark.parametrize(("text", "status"), [
    ("all success >= 95%", HELD), ("buy failed <= 100%", HELD),
    ("all degraded <= 1%", INCONCLUSIVE), ("buy shed <= 1%", INCONCLUSIVE),
])  # fmt: skip
def test_arrivals_are_counted_by_what_a_failed_one_can_break(text: str, status: Status) -> None:
    assert found_of(unsent(30), COUNTS, text).status is status
