"""Samples and timelines built by hand, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chaoskit.judge.gates import judge_expectation
from chaoskit.judge.samples import Samples
from chaoskit.judge.verdict import judge
from chaoskit.model.evidence import Evidence
from chaoskit.model.expectation import Expectation
from chaoskit.model.experiment import Experiment
from chaoskit.model.samples import Outcome, pack
from chaoskit.model.timeline import InjectionRecord, Span, Timeline
from chaoskit.model.verdict import Gate, Verdict

OK, DEGRADED, SHED, FAILED = Outcome

Row = tuple[float, str, Outcome, float]


def build(rows: Iterable[Row], names: tuple[str, ...] | None = None) -> Samples:
    """Samples from (start, series, outcome, latency), through the bytes a worker writes."""
    listed = list(rows)
    table = names or tuple(dict.fromkeys(row[1] for row in listed))
    raw = b"".join(pack(t, lat, table.index(s), o, 200) for t, s, o, lat in listed)
    return Samples.from_bytes(raw, table)


def steady(
    begin: float,
    end: float,
    *,
    rate: float = 20,
    series: str = "checkout",
    bad: int = 0,
    outcome: Outcome = FAILED,
    latency: float = 0.05,
) -> list[Row]:
    """Evenly spaced requests; the first `bad` of them have `outcome`."""
    count = round((end - begin) * rate)
    return [(begin + i / rate, series, outcome if i < bad else OK, latency) for i in range(count)]


def claim(text: str) -> Expectation:
    return Expectation.parse(text)


PROOF = ((31.0, Evidence(listed=True, carried=True)),)


def injection(**changes: Any) -> InjectionRecord:
    """A kill of cache-1, open from 30 s to 90 s and proven, unless `changes` say otherwise."""
    usual: dict[str, Any] = {
        "id": "i1", "fault": "kill", "point": "cache-1", "tier": "cache", "begun": 29.9,
        "acknowledged": 30.0, "revert_begun": 90.0, "reverted": 91.0, "evidence": PROOF,
    }  # fmt: skip
    return InjectionRecord(**{**usual, **changes})


SPANS = (
    Span(phase="baseline", begin=0, end=30),
    Span(phase="fault", begin=29.8, end=90),
    Span(phase="recovery", begin=90, end=96),
    Span(phase="hold", begin=96, end=106),
)


def timeline(**changes: Any) -> Timeline:
    """A full course: baseline 0..30, fault 30..90, steady at 95, at full strength at 96."""
    usual: dict[str, Any] = {
        "run": "r", "experiment": "cache-loss", "spans": SPANS, "injections": (injection(),),
        "revert_acknowledged": 91.0, "steady_at": 95.0, "full_strength_at": 96.0,
    }  # fmt: skip
    return Timeline(**{**usual, **changes})


def experiment(**changes: Any) -> Experiment:
    usual: dict[str, Any] = {
        "experiment": "cache-loss",
        "hypothesis": "Checkout keeps working",
        "load": {"locustfile": "load.py", "rate": "20/s"},
        "steady_state": ["checkout success >= 99%", "checkout p95 < 300ms"],
        "phases": {
            "baseline": "30s", "fault": "60s", "recovery": {"within": "20s", "hold": "10s"}
        },
        "faults": [{"name": "kill", "selection": {"node": "cache"}}],
    }  # fmt: skip
    return Experiment.model_validate({**usual, **changes})


def gate(
    text: str, rows: list[Row] | Samples, begin: float = 0, end: float = 10, **more: Any
) -> Gate:
    """The gate of one expectation over `rows`, in a fault phase of a load of 20/s."""
    samples = rows if isinstance(rows, Samples) else build(rows, ("a", "b", "c", "checkout"))
    return judge_expectation(claim(text), samples, begin, end, phase="fault", rate=20, **more)


GOOD = steady(0, 110, rate=40)  # all the way through, and nothing fails


def verdict(rows: list[Row] = GOOD, times: Timeline | None = None, **claims: Any) -> Verdict:
    """That of an experiment with `claims` over `rows`; without `times`, of an undisturbed run."""
    return judged(build(rows), times or timeline(), experiment(**claims))


def judged(samples: Samples, times: Timeline, claims: Experiment) -> Verdict:
    return judge(
        claims, times, samples, system="shop", runtime="fake",
        started_at="2024-01-01T00:00:00Z", version="0",
    )  # fmt: skip


def bad(begin: float, end: float, outcome=FAILED) -> list[Row]:
    """GOOD, but with `outcome` between those moments."""
    return [(t, s, outcome if begin <= t < end else o, lat) for t, s, o, lat in GOOD]
