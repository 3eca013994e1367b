"""Probes beside the load: their schedule, what counts as an answer, and what they decide."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path

import numpy as np
import pytest

from chaoskit.errors import LoadError, PlanError
from chaoskit.model.samples import Outcome
from chaoskit.model.system import System
from chaoskit.model.verdict import Status
from chaoskit.ports import Answer, NodeState
from chaoskit.run.calls import ThreadCalls
from chaoskit.run.feed import stored_samples
from chaoskit.run.probing import places
from chaoskit.run.target import Target
from chaoskit.world.fake import FakeClock, FakeProbe
from tests.run.asked import LAG, STEADY, Asked, asked_scene, gate_of, system
from tests.run.scene import experiment


@pytest.fixture
def scene(tmp_path: Path) -> Asked:
    return asked_scene(tmp_path)


def test_a_probe_is_asked_on_its_schedule_through_all_phases(scene: Asked) -> None:
    timeline = scene.run()
    assert scene.error is None
    samples = stored_samples(scene.folder)
    assert samples.probes == {"lag": 0.25}
    asked = samples.of("lag").start
    assert np.allclose(np.diff(asked), 0.25)
    assert timeline.spans[0].begin - asked[0] < 1
    assert asked[-1] > (timeline.spans[-1].end or 0) - 1
    assert scene.verdict().status == Status.HELD
    assert gate_of(scene, "fault", "lag success >= 90%").samples == 120


def test_probes_take_turns(scene: Asked) -> None:
    scene.plan_for = experiment(steady_state=[*STEADY, "slow outage <= 10s"])
    scene.run()
    samples = stored_samples(scene.folder)
    first = {name: samples.of(name).start[0] - samples.start[0] for name in samples.probes}
    assert first == pytest.approx({"lag": 0.0625, "slow": 3.75}, abs=0.01)
    assert np.allclose(np.diff(samples.of("slow").start), 5)


def test_all_means_requests(scene: Asked) -> None:
    scene.says = lambda: Answer(False, (), "down")
    scene.plan_for = experiment(
        steady_state=["success >= 99%"], abort_when=["lag p95 > 60s for 60s"]
    )
    scene.run()
    samples = stored_samples(scene.folder)
    assert len(samples.of("lag")) > 100
    assert len(samples.of("all")) == len(samples) - len(samples.of("lag"))
    assert scene.verdict().status == Status.HELD
    assert not [g for g in scene.verdict().gates if g.series == "lag"]


def test_a_probe_that_fails_while_the_fault_is_open_ends_it(scene: Asked) -> None:
    def says() -> Answer:
        up = scene.world.node("cache1").facts().state == NodeState.RUNNING
        return Answer(up, (), "" if up else "cache1 is 7s behind")

    scene.says = says
    timeline = scene.run()
    assert timeline.stop_kind == "violated"
    assert "lag success" in (timeline.stopped or "")
    fault = timeline.span("fault")
    assert fault is not None
    # A tenth of 120 answers may be bad: the thirteenth is one too many.
    assert 3 <= (fault.end or 0) - fault.begin < 5
    assert scene.verdict().status == Status.VIOLATED
    lines = (scene.folder / "journal.jsonl").read_text().splitlines()
    told = [record for record in map(json.loads, lines) if record["kind"] == "probe"]
    assert [(r["probe"], r["ok"], r["detail"]) for r in told] == [
        ("lag", False, "cache1 is 7s behind"),
        ("lag", True, ""),
    ]


def test_recovery_waits_for_the_probe(scene: Asked) -> None:
    back = []

    def says() -> Answer:
        if scene.world.node("cache1").facts().state != NodeState.RUNNING:
            back.append(scene.clock.now())
        return Answer(not back or scene.clock.now() > back[-1] + 8)

    scene.says = says
    scene.plan_for = experiment(steady_state=STEADY, expect=["browse success >= 99%"])
    timeline = scene.run()
    assert timeline.steady_at is not None
    assert timeline.revert_acknowledged is not None
    assert 6 < timeline.steady_at - timeline.revert_acknowledged < 10


def test_recovery_waits_for_an_answer_of_a_probe_that_is_seldom_asked(scene: Asked) -> None:
    scene.plan_for = experiment(steady_state=["browse success >= 99%", "slow outage <= 9s"])
    timeline = scene.run()
    assert timeline.steady_at is not None
    assert scene.verdict().status == Status.HELD


def test_an_abort_condition_of_a_probe_that_is_seldom_asked(scene: Asked) -> None:
    down = FakeProbe("slow", lambda: Answer(scene.world.node("cache1").facts().state == "running"))
    scene.plan_for = experiment(abort_when=["slow success < 50% for 10s"])
    parts = {**scene.target.probes, "slow": down}
    Aborting = type(
        "Aborting", (Asked,), {"target": property(lambda s: Target(s.system, s.world, parts))}
    )
    scene.__class__ = Aborting
    timeline = scene.run()
    assert timeline.stop_kind == "abort"


def test_too_few_answers_say_how_many_seconds_are_missing(scene: Asked) -> None:
    scene.plan_for = experiment(steady_state=["browse success >= 99%", "lag success >= 99%"])
    timeline = scene.run()
    assert timeline.stop_kind == "unfit"
    said = r"too few samples: (79|80) of 300; about 5[56] s more would settle it"
    assert re.search(said, timeline.stopped or "")


def test_a_late_answer_is_a_failed_one_at_its_intended_start(scene: Asked) -> None:
    def says() -> Answer:
        scene.clock.sleep(1.5)
        return Answer(True)

    scene.says = says
    scene.plan_for = experiment(
        steady_state=["browse success >= 99%"], abort_when=["lag p95 > 60s for 60s"]
    )
    scene.run()
    samples = stored_samples(scene.folder).of("lag")
    assert set(samples.outcome.tolist()) == {Outcome.FAILED}
    assert np.allclose(np.diff(samples.start), 0.25)


def test_a_probe_that_never_answers_does_not_hold_up_the_run(tmp_path: Path) -> None:
    clock, released = FakeClock(breath=0.0005), threading.Event()
    scene = Asked(
        tmp_path, system=system(), clock=clock,
        plan_for=experiment(
            steady_state=["browse success >= 99%"], abort_when=["lag p95 > 60s for 60s"]
        ),
    )  # fmt: skip
    scene.says = lambda: Answer(released.wait(60))
    scene.calls = ThreadCalls(clock, 16 + places(scene.plan()))
    try:
        timeline = scene.run()
    finally:
        released.set()
    assert scene.error is None
    assert [s.phase for s in timeline.spans][-1] == "hold"
    samples = stored_samples(scene.folder).of("lag")
    assert len(samples) > 100
    assert set(samples.outcome.tolist()) == {Outcome.FAILED}


def test_what_could_not_be_asked_tells_nothing(scene: Asked) -> None:
    """The runner stands still for ten seconds in the middle of the fault phase."""
    scene.clock.at(30, lambda: scene.clock.sleep(10))
    timeline = scene.run()
    assert 30 < timeline.unasked < 40
    assert timeline.stop_kind is None
    gate = gate_of(scene, "fault", "lag success >= 90%")
    assert gate.status == Status.INCONCLUSIVE
    assert "looks gave no data, which could decide it" in gate.reason
    asked = f"{timeline.unasked} questions of probes could not be asked in time"
    assert any(reason.startswith(asked) for reason in scene.verdict().reasons)


def test_an_answer_that_is_late_because_it_was_asked_late_tells_nothing(scene: Asked) -> None:
    """Each one takes nearly all of its second, and the next ones wait for that."""

    def says() -> Answer:
        if scene.world.node("cache1").facts().state != NodeState.RUNNING:
            scene.clock.sleep(0.9)
        return Answer(True)

    scene.says = says
    assert scene.run().stop_kind is None
    assert set(stored_samples(scene.folder).of("lag").outcome.tolist()) == {Outcome.OK}
    assert gate_of(scene, "fault", "lag success >= 90%").status == Status.INCONCLUSIVE


def test_a_bug_in_a_probe_is_no_answer(scene: Asked) -> None:
    def says() -> Answer:
        raise ZeroDivisionError

    scene.says = says
    scene.run()
    assert isinstance(scene.error, ZeroDivisionError)


def test_a_request_that_is_called_like_a_probe_ends_the_run(scene: Asked) -> None:
    scene.load.names = ("browse", "lag")
    scene.run()
    assert isinstance(scene.error, LoadError)
    assert "a request called 'lag'" in str(scene.error)


def test_a_run_that_died_keeps_what_was_answered(scene: Asked) -> None:
    scene.run()
    before = stored_samples(scene.folder)
    (scene.folder / "samples.bin").unlink()
    after = stored_samples(scene.folder)
    assert len(after.of("lag")) == len(before.of("lag"))
    assert after.probes == before.probes


def test_without_a_probe_in_an_expectation_none_is_asked(scene: Asked) -> None:
    scene.plan_for = experiment()
    assert places(scene.plan()) == 0
    scene.run()
    assert not list(scene.folder.glob("probes.*"))


def test_a_probe_that_recovery_could_not_ask_is_refused(scene: Asked) -> None:
    scene.system = system(lag={**LAG, "every": "30s"})
    with pytest.raises(PlanError, match=r"'lag' is asked every 30s, but .* within 20s"):
        scene.plan()


def test_a_probe_of_another_runtime_is_refused(scene: Asked) -> None:
    scene.plan_for = experiment(steady_state=["browse success >= 99%", "cut success >= 90%"])
    runtimes = {"local": {"probes": {"cut": LAG}}}
    scene.system = System.model_validate(
        {**system().model_dump(exclude_none=True), "runtimes": runtimes}
    )
    with pytest.raises(PlanError, match="probe 'cut' is not declared for the runtime fake"):
        scene.plan()
