"""What the engine looks at while it holds the faults: budgets, proven harm, abort rules.

Pure decisions over samples; it must never stop anything itself.
"""

from __future__ import annotations

from typing import Literal

from chaoskit.judge.aborting import abort_due
from chaoskit.judge.gates import judge_phase
from chaoskit.judge.harm import harmed
from chaoskit.judge.live import spent
from chaoskit.judge.samples import Samples
from chaoskit.model.verdict import Gate, Status
from chaoskit.ports import UnderWay
from chaoskit.run.injections import Injections
from chaoskit.run.plan import Plan


def unfit(plan: Plan, samples: Samples, begin: float, end: float) -> str:
    """Why the baseline begin..end does not hold, in a sentence; empty where it does."""
    experiment = plan.experiment
    rate = float(experiment.load.rate)
    gates = judge_phase(
        experiment.steady_state, samples, begin, end, phase="baseline", rate=rate
    )  # fmt: skip
    for gate in gates:
        if gate.status != Status.HELD:
            return f"baseline unfit: {Guards.sentence(gate)}"
    return ""


class Guards:
    """Watches the fault phase that began at `begin` and is to end at `end` (monotonic seconds)."""

    def __init__(
        self, plan: Plan, injections: Injections, baseline: Samples, begin: float, end: float
    ) -> None:
        self._experiment = plan.experiment
        self._patience = plan.patience
        self._injections = injections
        self._begin = None if plan.steps else begin
        self._end = end
        self._baseline = baseline
        self._next_bet = begin
        self._rate = _highest_rate(plan, baseline)

    def look(
        self, samples: Samples, now: float, under_way: UnderWay, until: float | None = None
    ) -> tuple[Literal["violated", "abort"], Gate] | None:
        """The gate that is broken for good, if any; `under_way` has no sample yet.

        What begins after `until` is recovery, and judged as that.
        """
        begin = self._injections.first_acknowledged if self._begin is None else self._begin
        if begin is None:
            return None
        # At once, whatever those in flight come to; and exactly, once none is any more: while
        # requests hang, what they may come to could hide the condition.
        looks = [(now - under_way.told, under_way.starts), (self._patience, None)]
        if until is not None:
            samples, now = samples.between(begin, until), min(now, until + self._patience)
            looks = looks[1:]
        for grace, waiting in looks:
            gate = abort_due(
                self._experiment.abort_when,
                samples,
                begin,
                now,
                baseline=self._baseline,
                grace=grace,
                waiting=waiting,
            )
            if gate is not None:
                return "abort", gate
        gate = spent(
            self._experiment.contract,
            samples,
            begin,
            now,
            self._end,
            self._rate,
            baseline=self._baseline,
            # What is still in flight may yet succeed: gaps are certain only after a timeout.
            grace=self._patience,
        ) or self._harm(samples, begin, now)
        return None if gate is None else ("violated", gate)

    def _harm(self, samples: Samples, begin: float, now: float) -> Gate | None:
        """Once a second: it bets on whole ones."""
        if now < self._next_bet:
            return None
        self._next_bet = now + 1.0
        experiment = self._experiment
        return harmed(
            experiment.contract,
            samples,
            begin,
            now,
            baseline=self._baseline,
            grace=self._patience,
        )

    @staticmethod
    def sentence(gate: Gate) -> str:
        """Why the phase ends here."""
        return f"{gate.expectation}: {gate.reason or f'observed {gate.shown}'}"


def _highest_rate(plan: Plan, baseline: Samples) -> float:
    """Requests per second that the fault phase may see: of arrivals, each may send several."""
    load, lasted = plan.experiment.load, plan.experiment.phases.baseline
    if load.surge is None or not lasted:
        return float(load.rate)
    return load.peak * max(1.0, len(baseline) / (load.rate * lasted))
