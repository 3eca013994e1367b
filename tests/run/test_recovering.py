"""The recovery phase on the fake world: what is noticed of it, and how soon."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from chaoskit.errors import TargetError
from chaoskit.model.experiment import Experiment
from chaoskit.model.samples import Outcome
from chaoskit.model.verdict import Status
from chaoskit.ports import Answer, NodeState
from chaoskit.run.calls import Call, InlineCalls, settle
from chaoskit.run.recovering import STRENGTH_EVERY
from chaoskit.world.fake import FakeClock, FakeLoad
from tests.run.scene import Scene, experiment, kill

TICKS = 0.5  # what a look may add to a moment: the engine looks ten times a second


class SlowReadiness(InlineCalls):
    """Whether the system is at full strength is told `takes` seconds after it was looked at."""

    def __init__(self, clock: FakeClock, takes: float) -> None:
        super().__init__(clock)
        self._fake, self._takes = clock, takes

    def submit(self, what: str, deed: Callable[[], Any], timeout: float) -> Call:
        if what != "readiness":
            return super().submit(what, deed, timeout)
        now, seen, told = self._fake.now(), Future[Any](), Future[Any]()
        settle(seen, deed)
        self._fake.at(now - self._fake.start + self._takes, lambda: settle(told, seen.result))
        return Call(what, told, now + timeout)


@pytest.mark.parametrize("takes", [0.0, 0.5 * STRENGTH_EVERY, 1.5 * STRENGTH_EVERY, 4.0])
def test_full_strength_is_noticed_however_long_one_look_takes(tmp_path: Path, takes: float) -> None:
    scene = Scene(tmp_path)
    scene.calls = SlowReadiness(scene.clock, takes)
    back = scene.clock.start + 62.0

    def master() -> Answer:
        late = scene.clock.start + 40.0 < scene.clock.now() < back
        return Answer(not late, ("cache1",), "cache2 is not linked" if late else "")

    scene.master = master
    timeline = scene.run()
    assert scene.error is None
    recovery = timeline.span("recovery")
    assert recovery is not None
    assert recovery.begin < back - 2 * STRENGTH_EVERY  # so that a look or two says «not yet»
    assert timeline.full_strength_at is not None
    assert back <= timeline.full_strength_at <= back + max(takes, STRENGTH_EVERY) + TICKS
    assert recovery.end is not None
    assert recovery.end <= timeline.full_strength_at + takes + TICKS
    assert scene.verdict().status == Status.HELD


class Restored(Scene):
    """A scene that knows when all was put back; `back` is None before that."""

    back: float | None = None
    was_down = False

    def answer(self, t: float, series: str) -> tuple[float, Outcome, int]:
        down = self.world.node("cache1").facts().state != NodeState.RUNNING
        if self.was_down and not down and self.back is None:
            self.back = t
        self.was_down = self.was_down or down
        return self.since(math.inf if self.back is None else t - self.back)

    def since(self, seconds: float) -> tuple[float, Outcome, int]:
        """The answer to a request so long after all was put back; before that it is infinite."""
        return 0.02, Outcome.OK, 200


def failing(until: float) -> type[Restored]:
    class Failing(Restored):
        def since(self, seconds: float) -> tuple[float, Outcome, int]:
            return 0.02, Outcome.FAILED if seconds < until else Outcome.OK, 200

    return Failing


BRIEF = {"phases": {"baseline": "20s", "fault": "60s", "recovery": {"within": "20s"}}}


def brief(**changes: Any) -> Experiment:
    """A fault of 20 s in a phase of 60 s, of which only those 20 s are judged."""
    fault = kill("cache", role="master") | {"lasts": "20s"}
    return experiment(faults=[fault], **BRIEF, **changes)


def test_recovery_counts_from_the_last_undo_also_where_the_phase_goes_on(tmp_path: Path) -> None:
    scene = Scene(tmp_path, plan_for=brief())
    timeline = scene.run()
    fault, recovery, hold = timeline.spans[2:]
    assert fault.end is not None
    assert fault.end - fault.begin == pytest.approx(60, abs=TICKS)
    assert hold.begin >= recovery.begin >= fault.end
    verdict = scene.verdict()
    assert verdict.status is Status.HELD, verdict.reasons
    assert verdict.recovery is not None
    assert verdict.recovery.steady == 0
    assert verdict.recovery.full_strength == pytest.approx(0, abs=TICKS)


@pytest.mark.parametrize(("takes", "status"), [(10, Status.HELD), (25, Status.VIOLATED)])
def test_it_must_be_in_time_although_the_phase_goes_on(
    tmp_path: Path, takes: float, status: Status
) -> None:
    scene = failing(takes)(tmp_path, plan_for=brief(expect=["browse success >= 1%"]))
    timeline = scene.run()
    assert scene.error is None
    verdict = scene.verdict()
    assert verdict.status is status
    assert verdict.recovery is not None
    assert verdict.recovery.full_strength == pytest.approx(0, abs=TICKS)
    assert (timeline.span("hold") is None) == (status is Status.VIOLATED)
    if status is Status.HELD:
        assert verdict.recovery.steady == pytest.approx(takes, abs=TICKS)


def test_what_fails_after_the_last_undo_is_no_harm_of_the_fault(tmp_path: Path) -> None:
    claims = {"expect": ["browse success >= 99%"], "abort_when": ["browse failed > 50% for 2s"]}
    scene = failing(10)(tmp_path, plan_for=brief(**claims))
    assert scene.run().stop_kind is None
    assert scene.verdict().status is Status.HELD


def test_an_abort_that_is_known_only_after_the_undo_is_one_all_the_same(tmp_path: Path) -> None:
    """What hangs from 0 to 20 s is known to have failed from 10 s to 30 s."""

    class Hanging(Restored):
        def answer(self, t: float, series: str) -> tuple[float, Outcome, int]:
            super().answer(t, series)
            return (
                (10.0, Outcome.FAILED, 0)
                if self.was_down and self.back is None
                else (0.02, Outcome.OK, 200)
            )

    claims = {"expect": ["browse degraded <= 1%"], "abort_when": ["browse failed > 50% for 15s"]}
    load = {"locustfile": "load.py", "rate": "60/s", "timeout": "10s"}
    scene = Hanging(tmp_path, plan_for=brief(load=load, **claims))
    assert scene.run().stop_kind == "abort"
    assert scene.verdict().status is Status.VIOLATED


def test_it_is_over_once_it_is_proven_however_long_a_request_may_take(tmp_path: Path) -> None:
    load = {"locustfile": "load.py", "rate": "60/s", "timeout": "30s"}
    scene = Scene(tmp_path, plan_for=experiment(load=load))
    recovery = scene.run().span("recovery")
    assert recovery is not None
    assert recovery.end is not None
    assert recovery.end - recovery.begin < scene.plan().steady_window + 2 * TICKS
    assert scene.verdict().status is Status.HELD


def test_while_a_surge_is_sent_recovery_does_not_count_yet(tmp_path: Path) -> None:
    surge = {"to": "120/s", "after": "0s", "for": "50s"}
    load = {"locustfile": "load.py", "rate": "60/s", "timeout": "1s", "surge": surge}
    # What fails for 29 s after the undo does so under the surge, which then lasts for 30 s more.
    scene = failing(29)(tmp_path, plan_for=brief(load=load, expect=["browse success >= 1%"]))
    scene.load = FakeLoad(
        scene.clock, 60, {"browse": 1}, scene.answer, surge=scene.plan_for.load.surge
    )
    timeline = scene.run()
    fault = timeline.span("fault")
    assert fault is not None
    assert timeline.steady_at == pytest.approx(fault.begin + 50)
    verdict = scene.verdict()
    assert verdict.status is Status.HELD, verdict.reasons
    assert verdict.recovery is not None
    assert verdict.recovery.steady == 0


@pytest.mark.parametrize(("takes", "look"), [(18.9, 0.0), (19.6, 0.0), (15.0, 5.0)])
def test_what_recovers_in_the_last_moment_is_in_time(
    tmp_path: Path, takes: float, look: float
) -> None:
    scene = failing(19.6)(tmp_path)
    scene.calls = SlowReadiness(scene.clock, look)

    def master() -> Answer:
        return Answer(scene.back is None or scene.clock.now() > scene.back + takes, ("cache1",))

    scene.master = master
    timeline = scene.run()
    assert scene.back is not None
    assert timeline.full_strength_at is not None
    assert timeline.steady_at == pytest.approx(scene.back + 19.7, abs=0.2)
    assert takes - 0.1 < timeline.full_strength_at - scene.back <= 20
    verdict = scene.verdict()
    assert verdict.status is Status.HELD, verdict.reasons


def test_what_recovers_a_moment_later_is_not(tmp_path: Path) -> None:
    scene = failing(20.5)(tmp_path)
    timeline = scene.run()
    assert timeline.steady_at is None
    recovery = timeline.span("recovery")
    assert recovery is not None
    assert recovery.end is not None
    assert recovery.end - recovery.begin < 20 + scene.plan().steady_known + TICKS
    assert scene.verdict().status is Status.VIOLATED
    worst = scene.plan().worst_case
    assert recovery.end - timeline.spans[0].begin < worst - scene.plan_for.phases.recovery.hold


@pytest.mark.parametrize("arrivals", ["constant", "poisson"])
def test_while_requests_hang_nothing_is_steady(tmp_path: Path, arrivals: str) -> None:
    asked = itertools.count()

    class Hanging(Restored):
        def since(self, seconds: float) -> tuple[float, Outcome, int]:
            hangs = seconds < 8 and not next(asked) % (4 if arrivals == "poisson" else 21)
            return (5.0, Outcome.FAILED, 0) if hangs else (0.02, Outcome.OK, 200)

    load = {"locustfile": "load.py", "rate": "60/s", "timeout": "5s", "arrivals": arrivals}
    scene = Hanging(tmp_path, plan_for=experiment(load=load))
    timeline = scene.run()
    assert scene.back is not None
    assert timeline.steady_at == pytest.approx(scene.back + 8, abs=TICKS)
    assert scene.verdict().status is Status.HELD


def test_a_baseline_that_is_too_short_leaves_the_recovery_to_be_reached(tmp_path: Path) -> None:
    claims = ["browse success >= 99%", "browse p99.9 vs baseline <= x2"]
    scene = Scene(tmp_path, plan_for=experiment(steady_state=claims, expect=claims[:1]))
    scene.run()
    found = scene.verdict()
    (recovery,) = (g for g in found.gates if g.metric == "recovery")
    assert recovery.status is Status.HELD
    assert found.status is Status.INCONCLUSIVE


def test_a_look_at_the_end_that_fails_moves_no_recovery(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.clock.at(60, lambda: scene.world.fail_next("answers", TargetError("no answer")))
    timeline = scene.run()
    assert scene.error is None
    (injection,) = timeline.injections
    assert injection.reverted is not None
    assert timeline.revert_acknowledged is not None
    assert injection.reverted > timeline.revert_acknowledged + 5  # it was done once more
    verdict = scene.verdict()
    assert verdict.status is Status.HELD
    assert verdict.recovery is not None
    assert verdict.recovery.full_strength == pytest.approx(0, abs=TICKS)
