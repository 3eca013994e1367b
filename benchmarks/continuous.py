"""One load without a break on the local shop, with nothing beside it but who sends it.

A run of chaoskit judges while it lasts, on the same processors: what is measured of the machine
would in part be the runner. So this sends the load of an experiment alone. It must never run
beside a run of chaoskit, and leaves a run directory behind.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from chaoskit.cli.opening import describe, read_spec, refuse_foreign
from chaoskit.document import Bound, load_experiment
from chaoskit.errors import Unreachable
from chaoskit.judge.samples import Samples
from chaoskit.load import LocustLoad
from chaoskit.model.system import RuntimeSpec
from chaoskit.run import processes
from chaoskit.run.clock import SystemClock
from chaoskit.run.conduct import head, lock_name, new_run
from chaoskit.run.feed import stored_samples
from chaoskit.run.journal import Journal
from chaoskit.run.lengths import WARMUP
from chaoskit.run.plan import Plan
from chaoskit.run.state import StateRoot

LEAD = 0.5  # seconds from the order to the first arrival
HEALTHY = Path("experiments/shop/healthy.yaml")


@dataclass(frozen=True)
class Course:
    """A load that is being sent, warmed up since `begin` (monotonic seconds, as in samples)."""

    begin: float
    plan: Plan
    spec: RuntimeSpec
    journal: Journal
    load: LocustLoad

    @property
    def folder(self) -> Path:
        return self.journal.folder

    @property
    def samples(self) -> Samples:
        """All so far."""
        return stored_samples(self.folder)

    def wait(self, until: float) -> None:
        """Until that monotonic time. Raises LoadError when the load ended by itself."""
        while (left := until - time.monotonic()) > 0:
            self.load.check()
            time.sleep(min(left, 1.0))


@contextmanager
def sent(name: str, experiment: Path, reports: Path) -> Iterator[Course]:
    """The load of `experiment` for as long as it takes, kept in `reports`/`name`/<run>."""
    bound, state, run = load_experiment(experiment), StateRoot(), new_run()
    state.refuse_if_halted()
    spec, entries = brought_up(bound)
    system = bound.system.on("local")
    named = bound.experiment.model_copy(update={"experiment": name})
    plan = Plan(
        run=run, experiment=named, system=system, runtime="local", seed=1, quick=False, steps=(),
        worst_case=0.0,
    )  # fmt: skip
    load = LocustLoad(
        named.load, bound.locustfile, entries[0], system.outcomes, others=entries[1:], seed=1
    )
    world = describe(system, spec, "local")
    with state.lock(lock_name(world), run):
        folder = reports / name / run
        folder.mkdir(parents=True)
        (folder / "plan.json").write_text(plan.model_dump_json(indent=1))
        journal = Journal(folder, SystemClock())
        head(plan, world, journal)
        try:
            yield Course(_begun(load, journal), plan, spec, journal, load)
        finally:
            journal.append("phase", phase="baseline", event="ended")
            load.stop()
            facts = load.facts()
            journal.append("load", facts=facts.model_dump())
            journal.append("end", restored=True)
            for sentence in (*facts.causes, *facts.warnings):
                print(f"the load generator: {sentence}", file=sys.stderr)


def brought_up(bound: Bound) -> tuple[RuntimeSpec, tuple[str, ...]]:
    """How the system is reached, and its entries; brought up first where it says how."""
    place = bound.system_path.parent
    if bound.system.runtimes["local"].up:
        words = ["system", "up", "--runtime", "local", "--system", str(place)]
        subprocess.run([sys.executable, "-m", "chaoskit", *words], check=True)
    spec, entries = read_spec(bound.system, place, "local")
    if spec.proxies is None:
        raise Unreachable(f"{bound.system.system} is not up: it names no proxies")
    for entry in entries:
        refuse_foreign(entry, bound.system)
    return spec, entries


def _begun(load: LocustLoad, journal: Journal) -> float:
    """When it has been sent for as long as a run warms up."""
    place = journal.folder / "load"
    for pid in load.prepare(place):
        journal.append("process", what="load", pid=pid, started=processes.started(pid))
    load.start(place, time.monotonic() + LEAD)
    time.sleep(LEAD + WARMUP)
    return float(journal.append("phase", phase="baseline", event="begun")["t"])
