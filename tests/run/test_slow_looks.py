"""Looks at the wrong moment: none of them may be taken for a loss that was not, or miss one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaoskit.model.verdict import Status
from chaoskit.ports import NodeState
from chaoskit.run.calls import ThreadCalls
from chaoskit.run.injections import FIRST_PROOF
from chaoskit.world.fake import HANG, FakeClock
from tests.run.scene import Scene, experiment, kill, latency

LINK = "web -> cache"


@pytest.fixture
def threaded(tmp_path: Path) -> Iterator[Scene]:
    """Calls in threads of their own, so that a look may still be under way when others go on."""
    clock = FakeClock(breath=0.002)
    made = Scene(tmp_path, clock=clock, calls=ThreadCalls(clock))
    yield made
    made.world.release()
    for thread in threading.enumerate():
        if thread.name.startswith("evidence of"):
            thread.join(10)


def test_a_look_that_comes_back_after_the_undo_is_no_loss(threaded: Scene) -> None:
    """The fault of the link ends by its own time while a look at it hangs."""
    scene = threaded
    scene.plan_for = experiment(faults=[latency(LINK) | {"lasts": "14s"}])
    scene.clock.at(30.0, lambda: scene.world.fail_next("observe", HANG))
    scene.clock.at(42.0, scene.world.release)
    timeline = scene.run()
    (injection,) = timeline.injections
    assert injection.revert_begun is not None
    assert injection.revert_begun < scene.clock.start + 42.0
    assert injection.lost is None
    assert injection.proven
    assert timeline.stop_kind is None
    assert scene.verdict().status == Status.HELD


def test_what_was_never_listed_is_lost_once_it_should_have_shown(tmp_path: Path) -> None:
    """Somebody starts the node the very moment it is killed: no look ever saw it down."""
    scene = Scene(tmp_path)

    def start_again(step: str) -> None:
        if step == "after kill cache1":
            scene.world.on_call = lambda step: None
            scene.world.node("cache1").reach(NodeState.RUNNING)

    scene.world.on_call = start_again
    timeline = scene.run()
    (injection,) = timeline.injections
    assert injection.lost is not None
    assert injection.acknowledged is not None
    assert injection.last_listed is None
    assert injection.in_force is None
    assert FIRST_PROOF <= injection.lost - injection.acknowledged < FIRST_PROOF + 1.5
    assert injection.lost_because == "cache1 was started anew by somebody else"
    assert timeline.stop_kind == "lost"
    verdict = scene.verdict()
    assert verdict.status == Status.INCONCLUSIVE
    assert "no look showed it in force" in verdict.reasons[0]
    assert not [gate for gate in verdict.gates if gate.phase == "fault"]


def test_after_a_loss_nothing_more_is_injected(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.plan_for = experiment(
        faults=[kill("cache1"), kill("web1") | {"after": "25s"}],
        expect=["browse success >= 0%"],
    )
    scene.clock.at(35.0, lambda: scene.world.node("cache1").reach(NodeState.RUNNING))
    timeline = scene.run()
    assert [i.point for i in timeline.injections] == ["cache1"]
    assert timeline.stop_kind == "lost"
