"""A container that its engine would remove is refused when the plan is made; no engine needed."""

from __future__ import annotations

import pytest

from chaoskit.errors import PlanError
from chaoskit.model.system import RuntimeSpec
from chaoskit.ports import Json
from chaoskit.run.plan import Plan, make_plan
from chaoskit.run.target import Target
from chaoskit.world.docker import docker_description, docker_world
from chaoskit.world.docker.engine import Unasked
from chaoskit.world.docker.nodes import NODE, SYSTEM
from tests.run.scene import SYSTEM as SHOP
from tests.run.scene import experiment
from tests.world.test_docker_reading import container


class OneContainer(Unasked):
    """An engine that knows the container `web1`, and can be asked about it only."""

    def __init__(self, auto_remove: bool) -> None:
        super().__init__()
        self.seen = container()
        self.seen["Config"]["Labels"] = {SYSTEM: "shop", NODE: "web1"}
        self.seen["HostConfig"]["AutoRemove"] = auto_remove

    def containers(self, labels: list[str], all_states: bool = True) -> list[Json]:
        return [{"Id": self.seen["Id"], "Labels": self.seen["Config"]["Labels"]}]

    def inspect(self, container: str) -> Json:
        return self.seen


def planned(fault: str, auto_remove: bool) -> Plan:
    described = docker_description(SHOP, RuntimeSpec())
    world = docker_world(described, OneContainer(auto_remove))
    use = {"name": fault, "selection": {"node": "web1"}}
    return make_plan(experiment(faults=[use]), Target(SHOP, world), run="run-1", seed=1)


@pytest.mark.parametrize("fault", ["crash", "kill", "restart", "stop"])
def test_what_would_vanish_is_not_planned_to_be_taken_down(fault: str) -> None:
    assert planned(fault, auto_remove=False).steps[0].preview == ("web1",)
    with pytest.raises(PlanError, match=r"web1 would be removed by docker.*without --rm"):
        planned(fault, auto_remove=True)


def test_it_may_be_frozen() -> None:
    assert planned("pause", auto_remove=True).steps[0].preview == ("web1",)
