"""A fault that somebody else ends: it is noticed, said why, put back, and teaches nothing more."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chaoskit.errors import NotRestored, Unreachable
from chaoskit.model.samples import Outcome
from chaoskit.model.timeline import InjectionRecord, Timeline
from chaoskit.model.verdict import Status
from chaoskit.ports import Answer, NodeState
from chaoskit.run.injections import UNSEEN_PATIENCE
from chaoskit.run.loss import GONE_BEFORE
from chaoskit.run.revert import announce
from tests.run.scene import Scene, experiment, kill, latency

LOST_AT = 40.0  # seconds after the scene was made: the fault phase lasts from about 21 to 51
LINK = "web -> cache"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def records(scene: Scene, kind: str) -> list[dict[str, Any]]:
    lines = (scene.folder / "journal.jsonl").read_text().splitlines()
    return [r for line in lines if (r := json.loads(line))["kind"] == kind]


def change(scene: Scene, node: str = "cache1", **fields: Any) -> Callable[[], None]:
    """Somebody else changes a node."""

    def deed() -> None:
        with scene.world.step(f"change {node}") as state:
            state["nodes"][node].update(fields)

    return deed


def forget(scene: Scene, *proxies: str) -> Callable[[], None]:
    """The proxies' server starts anew and knows no conditions."""

    def deed() -> None:
        with scene.world.step("restart the proxies") as state:
            for proxy in proxies:
                state["carriers"][proxy].update(conditions={}, enabled=True)

    return deed


def lost(timeline: Timeline) -> InjectionRecord:
    (injection,) = [i for i in timeline.injections if i.lost is not None]
    return injection


def begin_of(timeline: Timeline) -> float:
    span = timeline.span("fault")
    assert span is not None
    return span.begin


RUNNING = str(NodeState.RUNNING)
LOSSES: dict[str, tuple[dict[str, Any], Callable[[Scene], Callable[[], None]], str]] = {
    "recreated": (
        kill("cache1"),
        lambda scene: change(scene, identity="id-99", incarnation=7, state=RUNNING, armed=True),
        "cache1 was recreated: it is another one than was planned",
    ),
    "started": (
        kill("cache1"),
        lambda scene: lambda: scene.world.node("cache1").reach(NodeState.RUNNING),
        "cache1 was started anew by somebody else",
    ),
    "thawed": (
        kill("cache1") | {"name": "pause"},
        lambda scene: change(scene, state=RUNNING),
        "cache1 is running instead of frozen",
    ),
    "one proxy forgot": (
        latency(LINK),
        lambda scene: forget(scene, "web-cache1"),
        "the proxy web-cache1 does not list it any more; was it restarted?",
    ),
    "all proxies forgot": (
        {"name": "cut", "selection": {"link": LINK}},
        lambda scene: forget(scene, "web-cache1", "web-cache2"),
        "the proxies web-cache1, web-cache2 do not list it any more; were they restarted?",
    ),
}


@pytest.mark.parametrize(("fault", "how", "why"), LOSSES.values(), ids=LOSSES.keys())
def test_a_lost_fault_ends_the_phase_with_its_reason(
    scene: Scene, fault: dict[str, Any], how: Callable[..., Any], why: str
) -> None:
    scene.plan_for = experiment(faults=[fault])
    scene.clock.at(LOST_AT, how(scene))
    timeline = scene.run()
    injection = lost(timeline)
    happened = scene.clock.start + LOST_AT
    assert scene.error is None
    assert injection.lost_because == why
    assert injection.lost is not None
    assert 0 <= injection.lost - happened <= 1.2
    assert timeline.stop_kind == "lost"
    assert why in (timeline.stopped or "")
    assert injection.revert_begun is not None
    assert injection.revert_begun - injection.lost < 0.5
    assert injection.reverted is not None
    assert timeline.restored
    assert timeline.steady_at is not None  # recovery is measured as for a spent budget
    assert timeline.full_strength_at is not None
    assert set(scene.states.values()) == {RUNNING}
    verdict = scene.verdict()
    assert verdict.status == Status.INCONCLUSIVE
    assert verdict.exit_code == 3
    assert why in verdict.reasons[0]


def test_the_span_in_force_ends_at_the_last_look_that_saw_it(scene: Scene) -> None:
    scene.clock.at(LOST_AT, change(scene, state=RUNNING))
    timeline = scene.run()
    injection = lost(timeline)
    assert injection.in_force is not None
    begin, end = injection.in_force
    happened = scene.clock.start + LOST_AT
    assert end is not None
    assert begin == pytest.approx(injection.acknowledged, abs=0.1)
    assert happened - 1.2 <= end <= happened
    assert end == injection.last_listed
    begun, ended = begin - begin_of(timeline), end - begin_of(timeline)
    told = f"it was seen in force from {begun:.1f} s to {ended:.1f} s of the fault phase"
    assert told in scene.verdict().reasons[0]


def test_a_budget_spent_before_the_loss_is_told_and_decides_nothing(scene: Scene) -> None:
    scene.hurts = True
    scene.plan_for = experiment(on_violation="continue")
    scene.clock.at(LOST_AT, change(scene, state=RUNNING))
    scene.run()
    verdict = scene.verdict()
    assert verdict.status == Status.INCONCLUSIVE
    assert "was lost: " in verdict.reasons[0]
    assert any(
        r.startswith("it would otherwise be violated: fault: browse success >= 99%")
        for r in verdict.reasons
    )


def test_what_happened_after_the_last_look_is_not_judged(scene: Scene) -> None:
    """Requests that fail from the moment of the loss on are no answer to the fault."""
    gone_from = scene.clock.start + LOST_AT

    def answer(t: float, series: str) -> tuple[float, Outcome, int]:
        bad = gone_from <= t < gone_from + 3
        return (0.02, Outcome.FAILED, 503) if bad else (0.02, Outcome.OK, 200)

    scene.load._answer = answer
    scene.clock.at(LOST_AT, change(scene, state=RUNNING))
    scene.run()
    gates = [g for g in scene.verdict().gates if g.phase == "fault"]
    assert gates
    assert all(g.status != Status.VIOLATED for g in gates)


def test_a_node_that_is_gone_is_lost_and_cannot_be_put_back(scene: Scene) -> None:
    scene.clock.at(LOST_AT, lambda: scene.world.remove("cache1"))
    scene.load._answer = lambda t, series: (0.02, Outcome.OK, 200)
    scene.master = lambda: scene_master(scene)
    timeline = scene.run()
    assert (lost(timeline).lost_because or "").startswith("cache1 is gone: ")
    assert not timeline.restored
    assert scene.verdict().exit_code == 4


def scene_master(scene: Scene) -> Answer:
    return Answer("cache1" in scene.world.nodes(), ("cache1",))


def test_a_node_that_is_recreated_slowly_is_put_back_once_it_is_there(scene: Scene) -> None:
    """`compose up` removes first and makes anew later: in between there is nothing to start."""
    kept = dict(scene.world.state()["nodes"]["cache1"])

    def come_back() -> None:
        with scene.world.step("make cache1") as state:
            state["nodes"]["cache1"] = kept | {"identity": "id-99", "incarnation": 9}

    scene.load._answer = lambda t, series: (0.02, Outcome.OK, 200)
    scene.master = lambda: scene_master(scene)
    scene.clock.at(LOST_AT, lambda: scene.world.remove("cache1"))
    scene.clock.at(LOST_AT + 6, come_back)
    timeline = scene.run()
    assert scene.error is None
    assert timeline.stop_kind == "lost"
    assert timeline.restored
    assert timeline.full_strength_at is not None
    assert scene.verdict().exit_code == 3


def test_a_loss_after_the_last_look_is_found_by_the_undo(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The undo looks before it acts: what is gone then was lost, though no sample saw it."""

    def announced(*arguments: Any) -> None:
        if not records(scene, "reverting"):
            change(scene, state=RUNNING, armed=True)()
        announce(*arguments)

    monkeypatch.setattr("chaoskit.run.injections.announce", announced)
    timeline = scene.run()
    injection = lost(timeline)
    assert injection.lost_because == GONE_BEFORE
    assert timeline.stop_kind is None  # its time was over anyhow
    assert scene.verdict().status == Status.INCONCLUSIVE
    assert GONE_BEFORE in scene.verdict().reasons[0]


@pytest.mark.parametrize("shape", ["restart", "crash"])
def test_an_event_has_nothing_to_lose(scene: Scene, shape: str) -> None:
    scene.plan_for = experiment(faults=[kill("cache1") | {"name": shape}])
    scene.clock.at(LOST_AT, change(scene, identity="id-99", incarnation=50))
    timeline = scene.run()
    assert records(scene, "lost") == []
    assert timeline.stop_kind is None
    assert scene.verdict().status == Status.HELD


def unanswered(scene: Scene, begin: float, end: float) -> None:
    """Every look at a node fails in this span, as while a container engine restarts."""
    original = scene.world.begin

    def begin_call(call: str, *words: str) -> None:
        inside = begin <= scene.clock.now() - scene.clock.start < end
        if call == "answers" and inside:
            raise Unreachable("the engine does not answer")
        original(call, *words)

    scene.world.begin = begin_call  # type: ignore[method-assign]


def test_a_look_without_an_answer_is_unknown_and_no_loss(scene: Scene) -> None:
    unanswered(scene, 30.0, 35.0)
    timeline = scene.run()
    (injection,) = timeline.injections
    assert injection.lost is None
    assert injection.unanswered == len(records(scene, "unseen")) == 5
    assert records(scene, "unseen")[0]["reason"] == "the engine does not answer"
    assert injection.proven
    assert timeline.stop_kind is None
    assert scene.verdict().status == Status.HELD


def test_looks_that_stay_unanswered_end_the_run_as_a_failure(scene: Scene) -> None:
    unanswered(scene, 30.0, 80.0)
    timeline = scene.run()
    fault = timeline.span("fault")
    assert fault is not None
    (injection,) = timeline.injections
    assert injection.lost is None
    assert timeline.stop_kind == "failed"
    assert timeline.stopped == "the engine does not answer"
    asked = [r["t"] for r in records(scene, "unseen")]
    assert UNSEEN_PATIENCE < asked[-1] - asked[0] < UNSEEN_PATIENCE + 1.2
    assert isinstance(scene.error, NotRestored)  # it cannot be asked whether all is back
    assert scene.verdict().exit_code == 4


def test_what_was_lost_while_nobody_answered_is_lost_when_they_do(scene: Scene) -> None:
    unanswered(scene, 30.0, 35.0)
    scene.clock.at(32.0, change(scene, state=RUNNING, incarnation=4))
    timeline = scene.run()
    injection = lost(timeline)
    assert injection.lost_because == "cache1 was started anew by somebody else"
    assert injection.last_listed is not None
    assert injection.last_listed < scene.clock.start + 30.0


def test_of_two_faults_the_lost_one_ends_the_window_of_both(scene: Scene) -> None:
    scene.plan_for = experiment(
        faults=[kill("web1") | {"lasts": "25s"}, latency(LINK) | {"after": "5s"}]
    )
    scene.clock.at(LOST_AT, forget(scene, "web-cache2"))
    timeline = scene.run()
    injection = lost(timeline)
    assert injection.fault == "latency"
    assert all(i.reverted is not None for i in timeline.injections)
    fault = next(g for g in scene.verdict().gates if g.phase == "fault")
    assert injection.last_listed is not None
    first = min(i.acknowledged or 0.0 for i in timeline.injections)
    length = injection.last_listed - first
    assert fault.samples == pytest.approx(60 * length, abs=2)
