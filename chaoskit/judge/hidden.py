"""What the load may have hidden from a gate that held: requests sent late, and arrivals never sent.

A sample stands where its request was due: one that was sent after a trouble was over says nothing
of it. And what an arrival did not ask for is in no series but its task's. This module must never
better a gate; it only asks what if all of that had gone wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from chaoskit.judge.looks import supposed
from chaoskit.judge.metrics import IMPLIED
from chaoskit.judge.samples import Array, Samples
from chaoskit.judge.wording import plural, seconds
from chaoskit.model.expectation import Expectation
from chaoskit.model.samples import Outcome
from chaoskit.model.timeline import BURST, LoadFacts, Stall
from chaoskit.model.verdict import Gate, Status

Again = Callable[[Samples], Gate]


def questioned(
    gate: Gate,
    claim: Expectation,
    samples: Samples,
    contract: Sequence[Expectation],
    load: LoadFacts,
    again: Again,
) -> Gate:
    """The gate of a `claim` of the `contract`, inconclusive where it may owe that to the load.

    `samples` are those of its window; `again` judges the claim on other ones.
    """
    if gate.status is not Status.HELD or claim.series in samples.probes:
        return gate
    part, uncounted = samples.of(claim.series), _uncounted(samples, contract, load)
    if claim.series in ("all", *uncounted):
        uncounted = {}
    above = claim.op in (">", ">=")
    outcome = Outcome.FAILED if above else IMPLIED.get(claim.metric, Outcome.FAILED)
    late = _sent_late(part, load)
    return _decided(
        gate, _reasons(late, uncounted, load), again,
        lambda: _worst(part, late, outcome, uncounted, [claim.series]),
    )  # fmt: skip


def questioned_recovery(
    gate: Gate,
    origin: float,
    samples: Samples,
    steady_state: Sequence[Expectation],
    load: LoadFacts,
    again: Again,
) -> Gate:
    """Likewise the gate of a recovery from `origin` on, which waited for the steady state."""
    if gate.status is not Status.HELD:
        return gate
    late = _sent_late(samples, load) & (samples.start >= origin)
    uncounted = _uncounted(samples.between(origin, math.inf), steady_state, load)
    named = dict.fromkeys(e.series for e in steady_state)
    series = [n for n in named if n in samples.names and n not in (*samples.probes, *uncounted)]
    return _decided(
        gate, _reasons(late, uncounted, load), again,
        lambda: _worst(samples, late, Outcome.FAILED, uncounted, series),
    )  # fmt: skip


def _decided(
    gate: Gate, reasons: Sequence[str], again: Again, worst: Callable[[], Samples]
) -> Gate:
    if not reasons or again(worst()).status is Status.HELD:
        return gate
    reason = f"{'; '.join(reasons)}: that could decide it"
    return gate.model_copy(update={"status": Status.INCONCLUSIVE, "reason": reason})


def _worst(
    part: Samples,
    late: Array,
    outcome: Outcome,
    uncounted: Mapping[str, Array],
    series: Iterable[str],
) -> Samples:
    """Those sent `late` with this `outcome`, and one failed in each series for each uncounted."""
    array = part.array.copy()
    array["code"][late] = outcome << 14
    worst = Samples(array, part.names, window=part.window, probes=part.probes)
    if uncounted:
        due = np.concatenate(list(uncounted.values()))
        for name in series:
            worst = supposed(worst, name, due, Outcome.FAILED)
    return worst


def _stalls(load: LoadFacts) -> tuple[Stall, ...]:
    """An older generator did not say when it stood still, and of how long only the p99."""
    if load.stalls is not None or load.lateness_p99 <= BURST:
        return load.stalls or ()
    return (Stall(begin=-math.inf, end=math.inf, late=load.lateness_p99),)


def _sent_late(samples: Samples, load: LoadFacts) -> Array:
    """Which requests may have been sent more than BURST late, and did not fail.

    Latency counts from the intended start: what was answered within BURST of it was sent in time.
    """
    late = np.zeros(len(samples), bool)
    if not (stalls := _stalls(load)):
        return late
    for stall in stalls:
        first = np.searchsorted(samples.start, stall.begin)
        late[first : np.searchsorted(samples.start, stall.end, side="right")] = True
    if samples.probes:
        requests = np.array([name not in samples.probes for name in samples.names], bool)
        late &= requests[samples.array["series"]]
    late &= (samples.latency >= BURST) & (samples.outcome != Outcome.FAILED)
    return late


def _uncounted(
    samples: Samples, contract: Sequence[Expectation], load: LoadFacts
) -> dict[str, Array]:
    """When arrivals failed under the name of their task, by tasks that no claim counts."""
    counted = {e.series for e in contract if e.metric not in IMPLIED}
    found: dict[str, Array] = {}
    if "all" in counted:
        return found
    for task in load.lost:
        part = samples.of(task)
        # One that was never sent has no status, nor has a request of that name without an answer.
        due = part.start[(part.outcome == Outcome.FAILED) & (part.status == 0)]
        if len(due) and task not in counted:
            found[task] = due
    return found


def _reasons(late: Array, uncounted: Mapping[str, Array], load: LoadFacts) -> list[str]:
    reasons = []
    if count := int(late.sum()):
        longest = seconds(max(stall.late for stall in _stalls(load)))
        reasons.append(
            f"the load generator stalled for up to {longest}, so that {plural(count, 'request')} "
            "may have been sent after a trouble was over"
        )
    for task, due in uncounted.items():
        verb = "was" if len(due) == 1 else "were"
        reasons.append(
            f"{plural(len(due), 'arrival')} of '{task}' {verb} never sent or broke off, and no "
            f"expectation counts that (add `{task} success …` or `all success …`)"
        )
    return reasons
