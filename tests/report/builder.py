"""Synthesises run directories: the loss of a cache under load, with each possible ending.

No process runs and no clock is read, so the same call gives the same bytes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from chaoskit.judge.intervals import with_intervals
from chaoskit.judge.ledger import safety_gate
from chaoskit.judge.metrics import figures
from chaoskit.judge.samples import DTYPE, Samples
from chaoskit.model.evidence import Evidence
from chaoskit.model.expectation import Expectation
from chaoskit.model.samples import Outcome
from chaoskit.model.timeline import InjectionRecord, LoadFacts, Span
from chaoskit.model.verdict import (
    CopyFigures,
    CoverageCell,
    DataSafety,
    Gate,
    Impact,
    Offender,
    RecoveryFigures,
    Status,
    Verdict,
)

T0 = 5000.25
RATE = 60
NAMES = ("browse", "checkout", "search")
SPANS = (
    Span(phase="baseline", begin=T0, end=T0 + 30),
    Span(phase="fault", begin=T0 + 30, end=T0 + 90.3),
    Span(phase="recovery", begin=T0 + 90.3, end=T0 + 96.4),
    Span(phase="hold", begin=T0 + 96.4, end=T0 + 106.4),
)


def samples(*, broken: bool, until: float = 106.4) -> Samples:
    """Open-loop load for `until` seconds; with `broken` the cache's loss fails requests."""
    random = np.random.default_rng(7)
    at = np.arange(0, until, 1 / RATE)
    array = np.zeros(len(at), DTYPE)
    series = random.choice(3, len(at), p=(0.6, 0.15, 0.25))
    latency = random.lognormal(np.log((0.045, 0.12, 0.07))[series], 0.35)
    fault = (at >= 30.2) & (at < 90.1)
    latency[fault & (series == 0)] *= 3.2
    latency[(at >= 30.2) & (at < 33)] *= 2.5
    outcome = np.zeros(len(at), int)
    outcome[fault & (series == 0)] = Outcome.DEGRADED
    outcome[fault & (series == 2) & (random.random(len(at)) < 0.08)] = Outcome.SHED
    chance = np.where(at < 33, 0.25, 0.22 if broken else 0.0)
    outcome[fault & (series != 2) & (random.random(len(at)) < chance)] = Outcome.FAILED
    latency[outcome == Outcome.FAILED] = 5.0
    status = np.array([200, 200, 429, 503])[outcome]
    array["start"], array["latency"] = T0 + at, latency
    array["series"], array["code"] = series, outcome << 14 | status
    return Samples(array, NAMES)


def injection(**changes: Any) -> InjectionRecord:
    looks = tuple(
        (T0 + 31 + 5 * i, Evidence(listed=True, felt=True, facts={"state": "killed", "code": 137}))
        for i in range(12)
    )
    fields: dict[str, Any] = {
        "id": "i1", "fault": "kill", "point": "cache-1", "tier": "cache",
        "begun": T0 + 30.05, "acknowledged": T0 + 30.2, "revert_begun": T0 + 90.1,
        "reverted": T0 + 90.3, "reverted_by": "runner", "evidence": looks,
    }  # fmt: skip
    return InjectionRecord(**fields | changes)


def slow_link(**changes: Any) -> InjectionRecord:
    looks = tuple(
        (T0 + 41.0 + i, Evidence(listed=True, carried=i != 0, facts={"connections": i % 4 + 2}))
        for i in range(19)
    )
    fields: dict[str, Any] = {
        "id": "i2", "fault": "latency", "point": "catalog -> database",
        "begun": T0 + 40.0, "acknowledged": T0 + 40.02, "revert_begun": T0 + 60.0,
        "reverted": T0 + 60.1, "reverted_by": "runner", "evidence": looks,
    }  # fmt: skip
    return InjectionRecord(**fields | changes)


def gate(phase: Any, text: str, shown: str, status: Status = Status.HELD, **more: Any) -> Gate:
    claim = Expectation.parse(text)
    fields = {"samples": 1800, "bound": f"{claim.op} {claim.bound}", **more}
    return Gate(
        phase=phase, expectation=text, series=claim.series, metric=claim.metric,
        status=status, shown=shown, **fields,
    )  # fmt: skip


ALLOWED = (("fault", "browse", "degraded"), ("fault", "search", "shed"))
STEADY = (("checkout success >= 99.5%", "100 %"), ("browse p95 < 300ms", "82 ms"))


def gates() -> tuple[Gate, ...]:
    implied = [
        gate(phase, f"{name} {metric} <= 0%", "0 %", implied=True)
        for phase in ("baseline", "fault", "hold")
        for name in NAMES
        for metric in ("degraded", "shed")
        if (phase, name, metric) not in ALLOWED
    ]
    return (
        *(gate("baseline", text, shown) for text, shown in STEADY),
        gate("fault", "checkout success >= 99%", "99.31 %", samples=541),
        gate("fault", "browse degraded <= 100%", "98.8 %", samples=2163),
        gate("fault", "search shed <= 15%", "8.02 %", samples=900),
        gate("fault", "browse p95 < 900ms", "312 ms", samples=2163),
        gate("fault", "all p99 < 2s", "661 ms", samples=3604),
        *(gate("hold", text, shown, samples=600) for text, shown in STEADY),
        *implied,
    )


IMPACT = Impact(
    felt=True, resolution=0.25, to_impact=0.0, to_detect=0.75, to_recover=2.75,
    after_removal=-57.35, depth=0.31, area=0.62, cost=1240.0,
)  # fmt: skip
# Of faults that hurt until they were put back.
LASTING = {"to_recover": 60.0, "after_removal": -0.1, "area": 9.6, "cost": 19200.0}


def verdict(taken: Samples, **changes: Any) -> Verdict:
    tables = [
        row
        for span in SPANS
        if span.end is not None and span.phase != "recovery"
        for row in with_intervals(
            figures(taken, span.begin, span.end, span.phase), taken, span.begin, span.end
        )
    ]
    fields: dict[str, Any] = {
        "experiment": "cache-loss",
        "hypothesis": "Checkout keeps working, slower, while the cache is gone",
        "run": "20250301T101500-3f2a", "system": "shop", "runtime": "docker",
        "status": Status.HELD,
        "reasons": ("All 9 expectations held, and the system came back by itself in 5.8 s.",),
        "gates": gates(), "figures": tuple(tables),
        "injections": (injection(), slow_link()), "spans": SPANS,
        "recovery": RecoveryFigures(within=20, steady=2.4, full_strength=5.8),
        "impact": IMPACT,
        "coverage": (
            CoverageCell(point="cache", trouble="unavailable", status=Status.HELD),
            CoverageCell(point="catalog -> database", trouble="unavailable", status=Status.HELD),
        ),
        "load": LoadFacts(planned=len(taken), sent=len(taken), lateness_p99=0.0031),
        "seed": 42, "started_at": "2025-03-01T10:15:00.120000+00:00", "chaoskit": "0.1.0",
    }  # fmt: skip
    return Verdict(**fields | changes)


PLAN = {
    "document": "experiments/shop/cache.yaml",
    "experiment": {"faults": [{"name": "kill"}]},
    "system": {
        "tiers": {"gateway": {}, "web": {}, "catalog": {}, "database": {}, "cache": {}},
        "links": {"client -> gateway": {}, "gateway -> web": {}, "catalog -> database": {}},
    },
}


def write(directory: Path, told: Verdict, taken: Samples | None = None) -> Path:
    """A run directory; without `taken` the run died before the load began."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "verdict.json").write_text(told.model_dump_json(), encoding="utf-8")
    if taken is None:
        return directory
    (directory / "samples.bin").write_bytes(taken.to_bytes())
    (directory / "series.json").write_text(json.dumps(taken.names), encoding="utf-8")
    (directory / "plan.json").write_text(json.dumps(PLAN), encoding="utf-8")
    lines = "".join(json.dumps(record) + "\n" for record in _journal(told))
    (directory / "journal.jsonl").write_text(lines, encoding="utf-8")
    return directory


def _journal(told: Verdict) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = [
        {"t": T0 - 1, "kind": "run", "run": told.run, "experiment": told.experiment, "seed": 42}
    ]
    for span in told.spans:
        records.append({"t": span.begin, "kind": "phase", "phase": span.phase, "event": "begun"})
    for i in told.injections:
        records.append(
            {"t": i.begun, "kind": "injecting", "id": i.id, "fault": i.fault, "point": i.point}
        )
    return sorted(records, key=lambda r: r["t"])


def held(directory: Path) -> Path:
    taken = samples(broken=False)
    return write(directory, verdict(taken), taken)


def violated(directory: Path) -> Path:
    taken = samples(broken=True)
    worse = {
        "checkout success >= 99%": ("78.2 %", "118 of 541 requests failed; the budget was 5."),
        "all p99 < 2s": ("∞", "more than 1% of the requests failed."),
    }
    judged = tuple(
        g.model_copy(
            update={
                "status": Status.VIOLATED,
                "shown": worse[g.expectation][0],
                "reason": worse[g.expectation][1],
            }
        )
        if g.expectation in worse
        else g
        for g in gates()
    )
    told = verdict(
        taken, status=Status.VIOLATED, gates=judged, quick=True,
        impact=IMPACT.model_copy(update=LASTING),
        reasons=(
            "checkout success >= 99% was violated in the fault phase: observed 78.2%.",
            "all p99 < 2s was violated in the fault phase: more than 1% of the requests failed.",
        ),
        coverage=(CoverageCell(point="cache", trouble="unavailable", status=Status.VIOLATED),),
    )  # fmt: skip
    return write(directory, told, taken)


def inconclusive(directory: Path) -> Path:
    taken = samples(broken=False)
    blind = tuple(
        (t, Evidence(listed=True, carried=False, facts={"connections": 0}))
        for t, _ in slow_link().evidence
    )
    judged = tuple(
        g.model_copy(
            update={
                "status": Status.INCONCLUSIVE,
                "missing": 14.0,
                "samples": 22,
                "reason": "too few samples: 22 of 60; about 14 s more would settle it",
            }
        )
        if g.expectation == "browse p95 < 300ms" and g.phase == "hold"
        else g
        for g in gates()
    )
    told = verdict(
        taken, status=Status.INCONCLUSIVE, gates=judged,
        reasons=("latency on catalog -> database was never proven in force.",),
        injections=(slow_link(evidence=blind),),
        coverage=(
            CoverageCell(
                point="catalog -> database", trouble="unavailable", status=Status.INCONCLUSIVE
            ),
        ),
        load=LoadFacts(
            planned=6384, sent=6371, unsent=13, lateness_p99=0.2, saturated=True,
            warnings=("class Visitor has wait_time: closed-loop load hides waiting.",),
        ),
    )  # fmt: skip
    return write(directory, told, taken)


def lost(directory: Path) -> Path:
    taken = samples(broken=False)
    gone = slow_link(
        lost=T0 + 52.9, last_listed=T0 + 51.9, unanswered=2, revert_begun=T0 + 53.0,
        lost_because="the proxy catalog-database1 does not list it any more; was it "
        "restarted?", reverted=T0 + 53.1,
        evidence=(*slow_link().evidence[:11], (T0 + 52.9, Evidence(listed=False))),
    )  # fmt: skip
    told = verdict(
        taken, status=Status.INCONCLUSIVE, injections=(injection(), gone), stop_kind="lost",
        stopped=f"latency catalog -> database was lost: {gone.lost_because}",
        reasons=(
            f"the fault latency at catalog -> database (i2) was lost: {gone.lost_because} (it was "
            "seen in force from 12.0 s to 21.9 s of the fault phase, and judged no further)",
        ),
    )  # fmt: skip
    return write(directory, told, taken)


def unsafe(directory: Path) -> Path:
    """Acknowledged writes are gone, and one was applied twice."""
    taken = samples(broken=False)
    gone = [Offender(id=f"order-{n}", offence="lost", at=T0 + 30 + n / 100, acknowledged=T0 + 30.15
            + n / 100, copies=("database1", "database2")) for n in range(8)]  # fmt: skip
    found = DataSafety(
        ledger="orders", status=Status.VIOLATED, attempted=1583, acknowledged=1490, refused=12,
        unclear=81, unclear_found=3,
        copies=(
            CopyFigures(name="database1", found=1463, constant_before=1e8, constant_after=1e8),
            CopyFigures(name="database2", found=1461, why="the constant: order1 answered 503"),
        ),
        offences={"lost": 31, "missing": 0, "doubled": 1, "invented": 1, "stale": 0},
        offenders=(
            *gone,
            Offender(id="order-90", offence="doubled", at=T0 + 61.5, acknowledged=T0 + 61.6,
                     copies=("database1",), times=2),
            Offender(id="a|b `<i>`", offence="invented", copies=("database1",)),
        ),
        reason="31 writes lost (acknowledged but in no copy)",
    )  # fmt: skip
    told = verdict(
        taken, status=Status.VIOLATED, data_safety=found, gates=(*gates(), safety_gate(found)),
        reasons=(
            "recovery: no acknowledged write of orders lost, doubled or invented is violated: "
            "31 writes lost (acknowledged but in no copy)",
        ),
    )  # fmt: skip
    return write(directory, told, taken)


def not_restored(directory: Path) -> Path:
    taken = samples(broken=False, until=91)
    told = verdict(
        taken, status=Status.INCONCLUSIVE, restored=False, recovery=None,
        impact=Impact(felt=False, resolution=0.25),
        reasons=("The run ended before its recovery phase.",),
        stop_kind="failed", stopped="docker: connection refused",
        spans=(*SPANS[:1], Span(phase="fault", begin=T0 + 30)),
        injections=(injection(reverted=None, reverted_by=None, stuck="engine unreachable"),),
        differences=("cache-1: state is killed, was running",),
        gates=gates()[:2],
    )  # fmt: skip
    return write(directory, told, taken)


def stillborn(directory: Path) -> Path:
    """Ended before anything happened: no samples, no spans, no plan, no journal."""
    told = Verdict(
        experiment="cache-loss", hypothesis="", run="r", system="shop", runtime="docker",
        status=Status.INCONCLUSIVE, stop_kind="interrupted",
    )  # fmt: skip
    return write(directory, told)


ALL = {
    "held": held,
    "violated": violated,
    "inconclusive": inconclusive,
    "lost": lost,
    "unsafe": unsafe,
    "not-restored": not_restored,
    "stillborn": stillborn,
}
