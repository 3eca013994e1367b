"""Probes as series: `all` does not hold them, and their pace is their own."""

from __future__ import annotations

import pytest
from judge_build import FAILED, OK, Row, build, claim, experiment, steady, timeline

from chaoskit.errors import LoadError
from chaoskit.judge.aborting import abort_due
from chaoskit.judge.gates import judge_expectation, judge_phase
from chaoskit.judge.impact import measured_impact
from chaoskit.judge.live import is_steady, spent
from chaoskit.judge.metrics import figures
from chaoskit.judge.samples import Samples
from chaoskit.judge.verdict import judge
from chaoskit.model.timeline import LoadFacts
from chaoskit.model.verdict import Gate, Status


def asked(begin: float, end: float, *, every: float = 1.0, down: tuple[float, float] = (0, 0)):
    """A probe `lag` asked in the middle of each `every`; failed where it begins in `down`."""
    moments = [begin + every * (k + 0.5) for k in range(int((end - begin) / every))]
    rows: list[Row] = [(t, "lag", FAILED if down[0] <= t < down[1] else OK, 0.01) for t in moments]
    part = build(rows, ("lag",))
    return Samples(part.array, part.names, probes={"lag": every})


def with_load(probe: Samples, begin: float = 0, end: float = 106, **more: object) -> Samples:
    return build(steady(begin, end, **more)).merge(probe)  # type: ignore[arg-type]


def gate(text: str, samples: Samples, begin: float = 0, end: float = 60) -> Gate:
    return judge_expectation(claim(text), samples, begin, end, phase="fault", rate=20)


def test_all_means_requests() -> None:
    samples = with_load(asked(0, 60, down=(0, 60)))
    assert gate("success >= 99%", samples).status is Status.HELD
    assert gate("success >= 99%", samples).samples == 1200
    assert gate("lag success >= 99%", samples).status is Status.VIOLATED
    rows = {row.series: row for row in figures(samples, 0, 60, "fault")}
    assert rows["all"].failed == 0
    assert (rows["lag"].planned, rows["lag"].failed) == (60, 60)


def test_nothing_is_implied_of_a_probe() -> None:
    samples = with_load(asked(0, 60))
    gates = judge_phase([claim("success >= 99%")], samples, 0, 60, phase="fault", rate=20)
    assert {g.series for g in gates} == {"all", "checkout"}


def test_too_few_answers_say_how_many_seconds_are_missing() -> None:
    found = gate("lag success >= 99%", with_load(asked(0, 60)))
    assert found.status is Status.INCONCLUSIVE
    assert found.reason == "too few samples: 60 of 300; about 240 s more would settle it"


def test_a_probe_without_an_answer_is_inconclusive() -> None:
    samples = with_load(asked(70, 106, every=2))
    found = gate("lag p95 < 50ms", samples)
    assert found.status is Status.INCONCLUSIVE
    assert found.reason == ("no data: probe 'lag' gave none; about 120 s more would settle it")


def without(samples: Samples, begin: float, end: float) -> Samples:
    """The looks of begin..end told nothing."""
    gone = (samples.start >= begin) & (samples.start < end)
    gone &= samples.array["series"] == samples.names.index("lag")
    return Samples(samples.array[~gone], samples.names, probes=samples.probes)


@pytest.mark.parametrize(
    ("text", "down", "silent", "status"),
    [
        ("lag success >= 90%", (0, 0), (20, 26), Status.HELD),
        ("lag success >= 90%", (0, 0), (20, 27), Status.INCONCLUSIVE),
        ("lag success >= 90%", (0, 7), (20, 22), Status.VIOLATED),
        ("lag success >= 90%", (0, 7), (0, 7), Status.INCONCLUSIVE),
        ("lag failed <= 0%", (0, 0), (0, 1), Status.INCONCLUSIVE),
        ("lag success <= 0%", (0, 60), (59, 60), Status.INCONCLUSIVE),
        ("lag outage <= 5s", (0, 0), (20, 30), Status.INCONCLUSIVE),
        ("lag outage <= 5s", (20, 26), (40, 50), Status.VIOLATED),
        ("lag p50 < 50ms", (0, 0), (20, 30), Status.HELD),
        ("lag rate >= 0.9/s", (0, 0), (20, 30), Status.INCONCLUSIVE),
        ("lag success >= 50% for 10s", (0, 0), (20, 26), Status.INCONCLUSIVE),
    ],
)
def test_looks_without_data_decide_nothing(text, down, silent, status) -> None:
    found = gate(text, without(with_load(asked(0, 60, down=down)), *silent))
    assert found.status is status
    if status is Status.INCONCLUSIVE:
        assert f"{silent[1] - silent[0]} of 60 looks gave no data, which could" in found.reason


def test_too_few_answers_name_the_looks_without_data() -> None:
    found = gate("lag success >= 90%", without(with_load(asked(0, 60)), 10, 50))
    assert found.reason.startswith("too few samples: 20 of 30 (40 of 60 looks gave no data)")


def test_its_outage_and_its_latency_are_measured_like_a_requests() -> None:
    samples = with_load(asked(0, 60, down=(20, 24)))
    assert gate("lag outage <= 5s", samples).observed == pytest.approx(5)
    assert gate("lag outage <= 4s", samples).status is Status.VIOLATED
    assert gate("lag p50 < 50ms", samples).status is Status.HELD


def test_a_budget_is_spent_by_the_pace_of_the_probe() -> None:
    """Of 60 answers 6 may be bad; by the load's pace of 20/s it would be 120."""
    contract = [claim("lag success >= 90%")]
    samples = with_load(asked(0, 37, down=(30, 60)), end=37)
    found = spent(contract, samples, 30, 37, 90, 20)
    assert found is not None
    assert found.series == "lag"
    six = with_load(asked(0, 36, down=(30, 60)), end=36)
    assert spent(contract, six, 30, 36, 90, 20) is None


@pytest.mark.parametrize("every", [0.25, 1.0, 5.0])
def test_an_abort_condition_sees_every_answer(every: float) -> None:
    condition = [claim("lag success < 50% for 10s")]
    down = with_load(asked(0, 50, every=every, down=(30, 60)), end=50)
    assert abort_due(condition, down, 30, 50) is not None
    up = with_load(asked(0, 50, every=every, down=(30, 42)), end=50)
    assert abort_due(condition, up, 30, 50) is None


def test_an_outage_that_only_silence_shows_ends_nothing() -> None:
    claims = [claim("lag outage > 10s")]
    quiet = without(with_load(asked(0, 60), end=60), 30, 55)
    assert spent([claim("lag outage <= 10s")], quiet, 30, 60, 90, 20) is None
    assert abort_due(claims, quiet, 30, 60) is None
    down = with_load(asked(0, 60, down=(30, 55)), end=60)
    assert spent([claim("lag outage <= 10s")], down, 30, 60, 90, 20) is not None


def test_steadiness_needs_an_answer_of_the_probe_and_a_request() -> None:
    claims = [claim("success >= 99%"), claim("lag success >= 90%")]
    assert is_steady(claims, with_load(asked(0, 60)), 0, 2)
    assert not is_steady(claims, with_load(asked(0, 60, down=(0, 60))), 0, 2)
    assert not is_steady(claims, with_load(asked(10, 60)), 0, 2)
    assert not is_steady(claims, asked(0, 60), 0, 2)


def test_the_impact_is_that_on_requests() -> None:
    samples = with_load(asked(0, 106, down=(30, 90)))
    found = measured_impact(experiment(), timeline(), samples, None)
    assert found is not None
    assert not found.felt


def test_a_claim_about_a_probe_does_not_bind_the_generator() -> None:
    """A tenth of 50 ms would be 5 ms; the load's own bound of 300 ms allows 30."""
    late = timeline(load=LoadFacts(planned=1, sent=1, lateness_p99=0.02, lateness_p95=0.02))
    claims = ["checkout success >= 98%", "checkout p95 < 300ms", "lag p50 < 50ms"]
    verdict = judge(
        experiment(steady_state=claims), late, with_load(asked(0, 106, every=0.25)),
        system="s", runtime="r", started_at="", version="",
    )  # fmt: skip
    assert verdict.status is Status.HELD, verdict.reasons


def test_a_request_may_not_be_called_like_a_probe() -> None:
    with pytest.raises(LoadError, match="a request called 'lag', and so is a probe"):
        build(steady(0, 10, series="lag")).merge(asked(0, 10))
