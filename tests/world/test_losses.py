"""Faults that somebody else ends on real runtimes: what the evidence says, and the reason given."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from chaoskit.faults import find
from chaoskit.model.timeline import InjectionRecord
from chaoskit.ports import NodeState, World
from chaoskit.run.loss import why_lost
from tests.local_stage import LocalStage, local_stage
from tests.stage import DIRECT, Stage, eventually, stage

LINK, PROXY = "app -> cache", "app-cache1"


def inject(world: World, fault: str, point: str, **arguments: object) -> InjectionRecord:
    """A held fault, in force."""
    spec = find(fault).spec
    place = world.link(point) if "->" in point else world.node(point)
    undo = spec(**arguments).plan(place, world, "i1-0")
    spec.inject(undo, world)
    made = InjectionRecord(id="i1-0", fault=fault, point=point, undo=undo)
    assert listed(made, world)
    return made


def listed(injection: InjectionRecord, world: World) -> bool:
    return bool(find(injection.fault).spec.active(injection.undo, world).listed)


def revert(injection: InjectionRecord, world: World) -> None:
    find(injection.fault).spec.revert(injection.undo, world)


@pytest.fixture
def docker_stage() -> Iterator[Stage]:
    with stage() as made:
        made.node("node1")
        yield made


@pytest.mark.docker
@pytest.mark.parametrize("fault", ["kill", "stop", "pause"])
def test_a_container_that_was_recreated(docker_stage: Stage, fault: str) -> None:
    with docker_stage.world() as world:
        injection = inject(world, fault, "node1")
        docker_stage.nodes["node1"].remove(force=True)
        assert "node1 is gone: " in why_lost(injection, world)
        docker_stage.node("node1")
        assert not listed(injection, world)
        assert why_lost(injection, world) == (
            "node1 was recreated: it is another one than was planned"
        )
        revert(injection, world)
        assert world.node("node1").facts().state is NodeState.RUNNING


@pytest.mark.docker
def test_a_container_that_somebody_started(docker_stage: Stage) -> None:
    with docker_stage.world() as world:
        injection = inject(world, "kill", "node1")
        docker_stage.nodes["node1"].start()
        assert not listed(injection, world)
        assert why_lost(injection, world) == "node1 was started anew by somebody else"


@pytest.mark.docker
def test_a_container_that_somebody_thawed(docker_stage: Stage) -> None:
    with docker_stage.world() as world:
        injection = inject(world, "pause", "node1")
        docker_stage.nodes["node1"].unpause()
        assert not listed(injection, world)
        assert why_lost(injection, world) == "node1 is running instead of frozen"


@pytest.fixture
def made() -> Iterator[LocalStage]:
    with local_stage() as found:
        found.redis("node1")
        found.link(LINK, PROXY, 24001)
        found.start()
        yield found


@pytest.mark.local
def test_a_program_that_somebody_started(made: LocalStage) -> None:
    with made.world() as world:
        eventually(lambda: world.node("node1").facts().state is NodeState.RUNNING)
        injection = inject(world, "kill", "node1")
        made.supervisor.start(made.system, "node1")
        eventually(lambda: world.node("node1").facts().state is NodeState.RUNNING)
        assert not listed(injection, world)
        assert why_lost(injection, world) == "node1 was started anew by somebody else"


@pytest.mark.local
def test_a_proxies_server_that_was_restarted(made: LocalStage) -> None:
    with made.world() as world:
        injection = inject(world, "latency", LINK, delay="80ms")
        group = f"{made.system}-instrument"
        made.supervisor.hold_down(group, "proxy")
        # supervisord forgets a start that it is given while the program is still stopping
        eventually(lambda: _word(made, group, "proxy") == "STOPPED", what="its end")
        made.supervisor.start(group, "proxy")
        eventually(lambda: _answers(made), what="the proxies' API")
        assert not listed(injection, world)
        assert why_lost(injection, world) == (
            f"the proxy {PROXY} does not list it any more; was it restarted?"
        )
        revert(injection, world)


def _word(made: LocalStage, group: str, name: str) -> str | None:
    seen = made.supervisor.program(group, name)
    return seen and seen["statename"]


def _answers(made: LocalStage) -> bool:
    try:
        return requests.get(f"{made.api}/version", timeout=1, proxies=DIRECT).ok
    except requests.ConnectionError:
        return False
