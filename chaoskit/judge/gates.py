"""Gates: each expectation of a phase judged exactly on the samples of its window.

With fewer samples than `claims.needed` a gate is `violated` only if it would stay so were every
sample still missing a good one (the bad ones already exceed what the least number allows), and
otherwise `inconclusive`. No data is never a pass, and nothing here may ever make it one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from chaoskit.judge.claims import Claim, compared, resolve
from chaoskit.judge.findings import Finding, examine
from chaoskit.judge.hidden import questioned
from chaoskit.judge.metrics import IMPLIED, finite, level
from chaoskit.judge.samples import Samples
from chaoskit.judge.wording import bound_text, seconds, shown
from chaoskit.model.expectation import Bound, Expectation
from chaoskit.model.timeline import LoadFacts, PhaseName
from chaoskit.model.verdict import Gate, Status


def judge_expectation(
    expectation: Expectation,
    samples: Samples,
    begin: float,
    end: float,
    *,
    phase: PhaseName,
    baseline: Samples | None = None,
    rate: float,
    among: int = 1,
) -> Gate:
    """Judge one expectation on the intended starts in begin..end (monotonic seconds).

    `baseline` are the samples of the baseline phase, as cut by `Samples.between`; `rate` is the
    planned arrivals per second, used for `missing` where the window has no sample. With `for D`
    every window of D within begin..end must meet the bound, and the figure is the worst one's;
    a window without data leaves the gate inconclusive. The least number of samples counts over
    the whole of begin..end; a window is `violated` by the rule above. A share or percentile
    against the baseline is decided by `comparison`, as one `among` so many.
    """
    part = samples.between(begin, end).of(expectation.series)
    every = samples.probes.get(expectation.series)
    claim = replace(resolve(expectation, baseline, among), every=every)
    return gate_of(claim, examine(claim, part, begin, end, rate), phase)


def implied_expectations(
    contract: Iterable[Expectation], series: Iterable[str]
) -> tuple[Expectation, ...]:
    """`degraded <= 0%` and `shed <= 0%` for each series, unless stated otherwise.

    An expectation with that metric on that series, or on `all`, states otherwise.
    """
    stated = {(e.series, e.metric) for e in contract}
    return tuple(
        Expectation(name, metric, "<=", Bound("ratio", 0.0))
        for name in series
        for metric in IMPLIED
        if (name, metric) not in stated and ("all", metric) not in stated
    )


def implied_gates(
    contract: Iterable[Expectation],
    samples: Samples,
    begin: float,
    end: float,
    *,
    phase: PhaseName,
    rate: float,
) -> tuple[Gate, ...]:
    """The gates of `implied_expectations` for each series with samples in begin..end.

    One bad request violates. With too few samples and none bad the gate is left out: nobody
    claimed it, so a rare series must not make a run inconclusive.
    """
    part = samples.between(begin, end)
    gates = (
        judge_expectation(claim, samples, begin, end, phase=phase, rate=rate)
        for claim in implied_expectations(contract, present(part))
    )
    return tuple(
        gate.model_copy(update={"implied": True})
        for gate in gates
        if gate.status is not Status.INCONCLUSIVE
    )


def judge_phase(
    contract: Sequence[Expectation],
    samples: Samples,
    begin: float,
    end: float,
    *,
    phase: PhaseName,
    baseline: Samples | None = None,
    rate: float,
    load: LoadFacts | None = None,
) -> tuple[Gate, ...]:
    """All gates of a phase: its expectations in their order, then the implied ones.

    In the baseline itself claims against the baseline are left out: they would compare it with
    itself. What the `load` may have hidden leaves a stated one inconclusive (see `hidden`).
    """
    judged = [e for e in contract if not (phase == "baseline" and e.vs_baseline)]
    samples = samples.between(begin, end)
    among = max(1, sum(map(compared, judged)))

    def gate(claim: Expectation, seen: Samples) -> Gate:
        return judge_expectation(
            claim, seen, begin, end, phase=phase, baseline=baseline, rate=rate, among=among
        )

    stated = tuple(gate(e, samples) for e in judged)
    if load is not None:
        stated = tuple(
            questioned(found, e, samples, judged, load, partial(gate, e))
            for e, found in zip(judged, stated, strict=True)
        )
    return stated + implied_gates(contract, samples, begin, end, phase=phase, rate=rate)


def present(samples: Samples) -> tuple[str, ...]:
    """The series of requests that have samples, by name."""
    if not len(samples):
        return ()
    counts = samples.tally().sum(axis=1)
    found = (n for n, c in zip(samples.names, counts, strict=True) if c)
    return tuple(sorted(n for n in found if n not in samples.probes))


def gate_of(claim: Claim, finding: Finding, phase: PhaseName) -> Gate:
    """A finding as the gate that reports show."""
    expectation, value = claim.expectation, finding.value
    plain = finite(value) if level(claim.metric) is not None else value
    return Gate(
        phase=phase,
        expectation=str(expectation),
        series=expectation.series,
        metric=expectation.metric,
        status=finding.status,
        observed=plain,
        low=None if finding.interval is None else finite(finding.interval[0]),
        high=None if finding.interval is None else finite(finding.interval[1]),
        shown=_shown(claim, finding, value if plain is None else plain),
        bound=bound_text(claim),
        samples=finding.count,
        missing=finding.missing,
        reason=_reason(claim, finding),
    )


def _reason(claim: Claim, finding: Finding) -> str:
    if finding.status is Status.HELD:
        return ""
    if finding.status is Status.INCONCLUSIVE:
        return finding.reason + _settle(claim, finding.missing)
    figure = _shown(claim, finding, finding.value)
    where = f" in {finding.reason.rstrip(',')}" if finding.reason else ""
    name = f"{claim.expectation.series} {claim.metric}"
    return f"{name} was {figure}{where} against {bound_text(claim)}"


def _shown(claim: Claim, finding: Finding, value: float | None) -> str:
    figure = shown(claim.metric, value, claim.bound)
    if finding.interval is None:
        return figure
    low, high = (_end(claim, end) for end in finding.interval)
    return f"{figure} ({low} to {high})"


def _end(claim: Claim, value: float) -> str:
    plain = finite(value)
    return "∞" if plain is None else shown(claim.metric, plain, claim.bound)


def _settle(claim: Claim, missing: float | None) -> str:
    if missing is None:
        return ""
    what = "" if claim.every is not None else " of this load"
    return f"; about {seconds(math.ceil(missing))} more{what} would settle it"
