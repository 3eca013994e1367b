"""One fault held over a real world in this very process, with something happening meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaoskit.errors import ChaoskitError
from chaoskit.model.experiment import FaultUse, Selection
from chaoskit.model.system import System
from chaoskit.model.timeline import Timeline
from chaoskit.ports import World
from chaoskit.run.around import Surroundings
from chaoskit.run.calls import StopFlag, ThreadCalls
from chaoskit.run.clock import SystemClock
from chaoskit.run.conduct import head
from chaoskit.run.history import outstanding, read_timeline
from chaoskit.run.hold import Holding, NoLoad, experiment_by_hand
from chaoskit.run.journal import Journal
from chaoskit.run.live import Moment
from chaoskit.run.plan import make_plan
from chaoskit.run.revert import revert_outstanding
from chaoskit.run.target import Target
from chaoskit.units import Duration
from tests.run.scene import Watch

HELD = 4.0


@dataclass
class Held:
    """A fault held for four seconds under `folder`; `meanwhile` happens once it is in force."""

    folder: Path
    world: World
    system: System
    meanwhile: Callable[[], object]
    happened: bool = False
    error: BaseException | None = None
    clock: SystemClock = field(default_factory=SystemClock)

    def run(self, fault: str, selection: dict[str, Any], **arguments: Any) -> Timeline:
        use = FaultUse(name=fault, selection=Selection(**selection), arguments=arguments)
        target = Target(self.system, self.world)
        plan = make_plan(experiment_by_hand((use,), Duration(HELD)), target, run="run-1", seed=1)
        journal = Journal(self.folder, self.clock)
        head(plan, self.world.describe(), journal)
        around = Surroundings(
            NoLoad(), journal, self.clock, ThreadCalls(self.clock), StopFlag(), Watch(),
            self.folder, show=self._show,
        )  # fmt: skip
        self.error = Holding(plan, target, around).run()
        assert self.happened, f"the fault was never in force: {self.error}"
        return read_timeline(self.folder)

    def _show(self, moment: Moment) -> None:
        if self.happened:
            return
        (injection, *_) = read_timeline(self.folder).injections or (None,)
        if injection is not None and injection.acknowledged:
            self.happened = True
            self.meanwhile()

    def revert(self) -> None:
        """As `chaoskit revert` does, from the journal alone."""
        journal = Journal(self.folder, self.clock, "revert")
        journal.fence("chaoskit revert was called")
        revert_outstanding(journal, self.world, self.clock)

    def left(self) -> list[str]:
        return [i.point for i in outstanding(Journal(self.folder, self.clock).records())]

    @property
    def exit_code(self) -> int | None:
        return self.error.exit_code if isinstance(self.error, ChaoskitError) else None


def system(name: str, node: str, link: str = "", proxy: str = "") -> System:
    """A system of one node, and of one link where it is named."""
    tiers: dict[str, Any] = {node: {"layer": "cache", "nodes": [node]}}
    if link:
        tiers["app"] = {"layer": "application", "nodes": ["app"]}
    links = {link: {"proxies": [proxy]}} if link else {}
    entry = {"url": "http://127.0.0.1:1"}
    return System.model_validate({"system": name, "entry": entry, "tiers": tiers, "links": links})
