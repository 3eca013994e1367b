"""What a plan refuses of that which is asked beside the load: probes and ledgers.

A promise that nothing checks would turn into a pass. It must never ask anything itself.
"""

from __future__ import annotations

from chaoskit.model.experiment import Experiment
from chaoskit.run.target import Target


def unanswerable(experiment: Experiment, target: Target) -> list[str]:
    """Every reason why a probe or ledger that the experiment names could not answer."""
    return [
        *_ledger_elsewhere(experiment, target),
        *_probes_elsewhere(experiment, target),
        *_asked_too_seldom(experiment, target),
    ]


def _ledger_elsewhere(experiment: Experiment, target: Target) -> list[str]:
    asked, system = experiment.data_safety, target.system
    if asked is None or asked.ledger in system.ledgers:
        return []
    return [f"{system.system} declares no ledger '{asked.ledger}'"]


def _probes_elsewhere(experiment: Experiment, target: Target) -> list[str]:
    """Expectations that name a probe which only another runtime declares."""
    system, runtime = target.system, target.world.runtime
    known = {name for spec in system.runtimes.values() for name in spec.probes}
    claims = (*experiment.steady_state, *experiment.expect, *experiment.abort_when)
    named = dict.fromkeys(e.series for e in claims if e.series in known - set(system.probes))
    return [f"probe '{name}' is not declared for the runtime {runtime}" for name in named]


def _asked_too_seldom(experiment: Experiment, target: Target) -> list[str]:
    """Probes of the steady state that recovery could not even ask once."""
    within, probes = experiment.phases.recovery.within, target.system.probes
    named = dict.fromkeys(e.series for e in experiment.steady_state if e.series in probes)
    return [
        f"probe '{name}' is asked every {probes[name].every}, but recovery must be over within "
        f"{within}: ask it more often"
        for name in named
        if probes[name].every > within
    ]
