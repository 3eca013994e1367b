"""How long the parts of a run take, in seconds, as experiment and system say it beforehand."""

from __future__ import annotations

from collections.abc import Sequence

from chaoskit.model.experiment import Experiment
from chaoskit.model.probes import ProbeSpec
from chaoskit.model.system import System

WARMUP = 3.0
REVERT_ALLOWANCE = 15.0
# The load flushes its samples five times a second, on a busy machine later.
FILED = 1.0
# Beside the request timeout, until a load that was asked to end has ended.
LAST = 4.0


def probes_of(experiment: Experiment, system: System) -> dict[str, ProbeSpec]:
    """The probes that an expectation names: they are asked beside the load."""
    e = experiment
    named = {claim.series for claim in (*e.steady_state, *e.expect, *e.abort_when)}
    return {name: spec for name, spec in system.probes.items() if name in named}


def patience(experiment: Experiment, system: System) -> float:
    """After so long nothing that began is without an answer any more."""
    probes = (float(spec.timeout) for spec in probes_of(experiment, system).values())
    return max([float(experiment.load.timeout), *probes])


def steady_window(experiment: Experiment, system: System) -> float:
    """How long `steady_state` must be met to be reached."""
    probes = probes_of(experiment, system)
    return experiment.steady_window({name: float(spec.every) for name, spec in probes.items()})


def steady_known(experiment: Experiment, system: System) -> float:
    """From the begin of a steady window until every answer to what began in it is on file."""
    return steady_window(experiment, system) + patience(experiment, system) + FILED


def settling(experiment: Experiment, system: System) -> float:
    """How long reading back may wait for the copies; 0 where nothing is read."""
    asked = experiment.data_safety
    return 0.0 if asked is None else float(system.ledgers[asked.ledger].settle)


def worst_case(experiment: Experiment, system: System, patiences: Sequence[float]) -> float:
    """The whole run, where everything takes as long as it may; `patiences` are of its steps."""
    phases = experiment.phases
    recovery = phases.recovery.within + steady_known(experiment, system) + phases.recovery.hold
    answers = 2 * patience(experiment, system) + FILED + LAST  # of the baseline, and at the end
    deeds = max(patiences, default=0.0)
    undos = REVERT_ALLOWANCE * max(1, len(patiences))
    reading = settling(experiment, system)
    return WARMUP + phases.baseline + phases.fault + deeds + recovery + answers + reading + undos
