"""Harm against the baseline, proven while the fault is open: a bet on every second.

Whoever bets on harm at odds that are fair while the claim is true multiplies his stake a
hundredfold with a chance of at most 1 in 100, however long and often one looks (Ville). A machine
that stumbles makes some slow seconds in a row, and each of them wins; to buckets they are one. So
of a latency the interval by buckets must lie beyond the claim as well; answers do not fail by a
stumble. This module must never say that a claim held: what is not proven yet may still come.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from chaoskit.judge.claims import Claim, compared, resolve, units
from chaoskit.judge.comparison import ALPHA, limit, reference, student, weight
from chaoskit.judge.findings import Finding
from chaoskit.judge.gates import gate_of, judge_expectation
from chaoskit.judge.metrics import latencies, level, measure, quantile
from chaoskit.judge.samples import Array, Samples
from chaoskit.judge.windows import SLACK
from chaoskit.model.expectation import SHARES, Expectation
from chaoskit.model.timeline import PhaseName
from chaoskit.model.verdict import Gate, Status

# 1 / alpha of 1 %.
ODDS = 100.0
_STAKES = 0.9 * 0.5 ** np.arange(10)


def harmed(
    contract: Sequence[Expectation],
    samples: Samples,
    begin: float,
    now: float,
    *,
    baseline: Samples | None,
    grace: float = 0.0,
    phase: PhaseName = "fault",
) -> Gate | None:
    """The comparison that harm is proven for, as a violated gate; None while none is.

    The wealth of all comparisons is averaged, which needs no correction for their number; the gate
    is the one of the greatest of those beyond the odds that buckets confirm. Only whole seconds up
    to `now - grace` are bet on, in which nothing is in flight any more.
    """
    claims = [resolve(e, baseline) for e in contract if compared(e)]
    window = samples.between(begin, max(begin, min(now - grace, _newest(samples))))
    seconds = math.floor(window.window[1] - begin + SLACK) if window.window else 0
    if not claims or seconds < 1:
        return None
    grown = np.array([_grown(claim, window, begin, seconds) for claim in claims])
    together = grown.mean(axis=0)
    if together.max() < ODDS:
        return None
    for known in _looks(int(np.argmax(together >= ODDS)) + 1, seconds):
        rich = grown[:, :known].max(axis=1) >= ODDS
        ordered = np.argsort(-grown[:, known - 1])
        for claim in (claims[number] for number in ordered if rich[number]):
            if _beyond(claim, window, begin, known, len(claims), baseline):
                return _gate(claim, window, begin, known, phase)
    return None


def _looks(first: int, last: int) -> Iterator[int]:
    """Whole seconds from `first` on, a tenth later each: the same ones whenever it is asked."""
    while first <= last:
        yield first
        first = max(first + 1, math.ceil(1.1 * first))


def _beyond(
    claim: Claim, window: Samples, begin: float, seconds: int, among: int, baseline: Samples | None
) -> bool:
    """Whether the interval by buckets of the first `seconds` lies beyond a claimed latency."""
    if claim.metric in SHARES:
        return True
    # The rate says only what is missing where there is no sample, which nobody reads here.
    gate = judge_expectation(
        claim.expectation, window, begin, begin + seconds, phase="fault", baseline=baseline,
        rate=1.0, among=among,
    )  # fmt: skip
    return gate.status is Status.VIOLATED


def settled(gates: Sequence[Gate], proof: Gate | None) -> tuple[Gate, ...]:
    """The gates with the one that harm was proven for violated, as it was while the run went on."""
    if proof is None:
        return tuple(gates)
    found = {"status": Status.VIOLATED, "reason": proof.reason, "missing": None}
    return tuple(
        gate.model_copy(update=found)
        if gate.expectation == proof.expectation and gate.status is not Status.VIOLATED
        else gate
        for gate in gates
    )


def _newest(samples: Samples) -> float:
    return float(samples.start[-1]) if len(samples) else -math.inf


def wealth(bad: Array, allowed: float) -> Array:
    """What a stake of 1 has grown to after each second with these shares of bad requests.

    K_T = mean over j of prod over t <= T of (1 + l_j (x_t - m)), l_j = 0.9 * 2^-j / m, j = 0..9
    (Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting, 2024). It
    asks no more than that the share expected of each second, given those before, is at most m.
    """
    growth = np.log1p(np.outer(_STAKES / allowed, bad - allowed)).cumsum(axis=1)
    return np.asarray(np.exp(np.minimum(growth, 500.0)).mean(axis=0))


def _grown(claim: Claim, window: Samples, begin: float, seconds: int) -> Array:
    """The wealth of one comparison after each second; 1 where there is nothing to bet on."""
    careful = None if claim.lacking else _careful(claim)
    if careful is None:
        return np.ones(seconds)
    budget = careful.budgets(window.of(claim.expectation.series))[0]
    edges = begin + np.arange(seconds + 1)
    planned, _ = np.histogram(budget.start, edges)
    bad, _ = np.histogram(budget.start[budget.bad], edges)
    allowed = limit(careful)
    if not 0 < allowed < 1:
        return np.ones(seconds)
    share = np.where(planned > 0, bad / np.maximum(planned, 1), allowed)
    return wealth(share, allowed)


def _careful(claim: Claim) -> Claim | None:
    """The claim with the baseline at the end of its own 95 % interval that favours the run."""
    before = claim.against
    found = reference(claim)
    if before is None or found is None:
        return None
    reach = student(1 - ALPHA, len(found.each) - 1) * found.error
    below = claim.expectation.op in ("<", "<=")
    if claim.metric in SHARES:
        # Nothing bad among n still allows for 3 / n.
        reach = max(reach, 3 / len(before)) * weight(claim)
        return replace(claim, bound=claim.bound + (reach if below else -reach))
    share = (level(claim.metric) or 0.0) + (reach if below else -reach)
    if not 0 < share < 1:
        return None
    return claim.at((quantile(latencies(before), share) or 0.0) * claim.expectation.bound.value)


def _gate(claim: Claim, window: Samples, begin: float, seconds: int, phase: PhaseName) -> Gate:
    part = window.between(begin, begin + seconds).of(claim.expectation.series)
    value = measure(claim.metric, part, begin, begin + seconds)
    gate = gate_of(claim, Finding(Status.VIOLATED, value, units(claim.metric, part)), phase)
    reason = f"harm is proven after {seconds} s: {gate.reason}, at odds of more than 100 to 1"
    return gate.model_copy(update={"reason": reason})
