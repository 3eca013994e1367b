"""A loss on real runtimes, from the deed of a stranger to the last record of the run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from chaoskit.model.experiment import FaultUse, Selection
from chaoskit.model.system import System
from chaoskit.model.timeline import Timeline
from chaoskit.ports import NodeState, World
from chaoskit.run.around import Surroundings
from chaoskit.run.calls import StopFlag, ThreadCalls
from chaoskit.run.clock import SystemClock
from chaoskit.run.conduct import head
from chaoskit.run.history import read_timeline, timeline
from chaoskit.run.hold import Holding, NoLoad, experiment_by_hand
from chaoskit.run.journal import Journal
from chaoskit.run.live import Moment
from chaoskit.run.plan import make_plan
from chaoskit.run.target import Target
from chaoskit.units import Duration
from tests.local_stage import local_stage
from tests.run.scene import Watch
from tests.stage import Stage, eventually

SYSTEM = System.model_validate(
    {
        "system": "small",
        "entry": {"url": "http://127.0.0.1:1"},
        "tiers": {"node1": {"layer": "cache", "nodes": ["node1"]}},
    }
)
LASTS = 30.0


def hold(world: World, fault: str, folder: Path, stranger: Callable[[], object]) -> Timeline:
    """Hold `fault` at node1; once a look has seen it in force, `stranger` acts."""
    use = FaultUse(name=fault, selection=Selection(node="node1"))
    target, clock = Target(SYSTEM, world), SystemClock()
    plan = make_plan(experiment_by_hand((use,), Duration(LASTS)), target, run="run-1", seed=1)
    journal = Journal(folder, clock)
    head(plan, world.describe(), journal)
    done: list[object] = []

    def show(moment: Moment) -> None:
        seen = timeline(journal.records()).injections
        if not done and any(i.in_force is not None for i in seen):
            done.append(stranger() or True)

    around = Surroundings(
        load=NoLoad(), journal=journal, clock=clock, calls=ThreadCalls(clock), stop=StopFlag(),
        watchdog=Watch(), folder=folder, show=show,
    )  # fmt: skip
    assert Holding(plan, target, around).run() is None
    return read_timeline(folder)


def check(found: Timeline, world: World, why: str | None) -> None:
    (injection,) = found.injections
    assert injection.lost_because == why
    assert found.stop_kind == "lost"
    assert found.restored
    assert found.differences == ()
    span, force = found.span("fault"), injection.in_force
    assert span is not None
    assert span.end is not None
    assert span.end - span.begin < LASTS
    assert force is not None
    assert force[1] is not None
    assert injection.lost is not None
    assert force[0] <= force[1] < injection.lost
    assert world.node("node1").facts().state is NodeState.RUNNING


@pytest.mark.local
def test_a_program_that_somebody_starts_ends_the_fault(tmp_path: Path) -> None:
    with local_stage() as made:
        made.redis("node1")
        made.start()
        with made.world(node1="redis:6379") as world:
            assert eventually(world.node("node1").answers) is True
            found = hold(
                world, "kill", tmp_path, lambda: made.supervisor.start(made.system, "node1")
            )
            check(found, world, "node1 was started anew by somebody else")


@pytest.mark.docker
def test_a_container_that_somebody_recreates_ends_the_fault(
    bare_stage: Stage, tmp_path: Path
) -> None:
    bare_stage.node("node1")

    def recreate() -> None:
        bare_stage.nodes["node1"].remove(force=True)
        bare_stage.node("node1")

    with bare_stage.world(node1="redis:6379") as world:
        assert eventually(world.node("node1").answers) is True
        found = hold(world, "kill", tmp_path, recreate)
        # A look may fall between the removal and the new container: both are a loss.
        between = (found.injections[0].lost_because or "").startswith("node1 is gone: ")
        anew = "node1 was recreated: it is another one than was planned"
        check(found, world, found.injections[0].lost_because if between else anew)
