"""A scene whose system is asked by probes beside the load, for the tests of this room."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from chaoskit.model.system import System
from chaoskit.model.verdict import Gate
from chaoskit.ports import Answer
from chaoskit.run.target import Target
from chaoskit.world.fake import FakeProbe
from tests.run.scene import SYSTEM, Scene, experiment

LAG = {"tcp": {"tier": "web", "port": 1}, "every": "250ms", "timeout": "1s"}
STEADY = ["browse success >= 99%", "lag success >= 90%"]


class Asked(Scene):
    """A scene whose system has the probes `lag` and `slow`; `lag` answers what `says` gives."""

    says: Callable[[], Answer] = staticmethod(lambda: Answer(True))

    @property
    def target(self) -> Target:
        probes = {
            **super().target.probes,
            "lag": FakeProbe("lag", lambda: self.says()),
            "slow": FakeProbe("slow"),
        }
        return Target(self.system, self.world, probes)


def system(**probes: object) -> System:
    known = SYSTEM.model_dump(exclude_none=True)
    declared = {**known["probes"], "lag": LAG, "slow": {**LAG, "every": "5s"}, **probes}
    return System.model_validate({**known, "probes": declared})


def asked_scene(folder: Path) -> Asked:
    """With a claim about `lag`."""
    plan_for = experiment(steady_state=STEADY, expect=[])
    return Asked(folder, system=system(), plan_for=plan_for)


def gate_of(scene: Scene, phase: str, expectation: str) -> Gate:
    found = [g for g in scene.verdict().gates if (g.phase, g.expectation) == (phase, expectation)]
    assert len(found) == 1
    return found[0]
