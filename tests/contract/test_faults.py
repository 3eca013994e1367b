"""The contract of every fault (DESIGN section 6, law), over every world.

A new fault adds one row to ARGUMENTS; everything else is the same for all.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest

from chaoskit.faults import FaultKind, Undo, all_faults, find
from chaoskit.world import open_world
from chaoskit.world.fake import FakeWorld
from tests.contract.bench import Bench

ARGUMENTS: dict[str, dict[str, str]] = {
    "bandwidth": {"rate": "20KB/s"},
    "crash": {},
    "cut": {},
    "kill": {},
    "latency": {"delay": "80ms", "jitter": "10ms"},
    "pause": {},
    "reset": {"burst": "1s"},
    "restart": {},
    "stop": {"grace": "5s"},
}
KINDS = [pytest.param(kind, id=kind.name) for kind in all_faults()]
HELD = [pytest.param(kind, id=kind.name) for kind in all_faults() if kind.shape == "held"]
EVENTS = [pytest.param(kind, id=kind.name) for kind in all_faults() if kind.shape == "event"]
LINKS = [pytest.param(kind, id=kind.name) for kind in all_faults() if kind.point == "link"]
INJECTION = "contract-1"
EVIDENT_WITHIN = 10.0
T = TypeVar("T")


class Crash(Exception):
    """Stands for the death of the process that injects."""


def planned(kind: FaultKind, bench: Bench) -> Undo:
    """An undo as another process would read it from the journal."""
    spec = kind.spec.model_validate(ARGUMENTS[kind.name])
    undo = spec.plan(bench.point_for(kind), bench.world, INJECTION)
    journalled: Undo = json.loads(json.dumps(undo))
    return journalled


@contextmanager
def restored(kind: FaultKind, bench: Bench) -> Iterator[dict[str, Any]]:
    """The body may hurt; afterwards everything is as before, whatever the body found."""
    before = bench.fingerprint()
    undo = planned(kind, bench)
    try:
        yield undo
    finally:
        kind.spec.revert(undo, bench.world)
    assert bench.fingerprint() == before
    assert bench.hurt_node().answers(10.0) is True


def soon(seen: Callable[[], T], wanted: Callable[[T], bool]) -> T:
    """Look until it is as wanted: connections and nodes break and come back in their own time."""
    until = time.monotonic() + EVIDENT_WITHIN
    while not wanted(found := seen()) and time.monotonic() < until:
        time.sleep(0.1)
    return found


def test_every_fault_has_a_row_here() -> None:
    assert set(ARGUMENTS) == {kind.name for kind in all_faults()}


@pytest.mark.parametrize("kind", KINDS)
def test_its_text_tells_what_happens_how_it_is_undone_and_what_shows_it(kind: FaultKind) -> None:
    text = kind.spec.__doc__ or ""
    assert kind.summary.endswith(".")
    for sentence in ("What happens:", "How it is undone:", "What shows"):
        assert sentence in text


@pytest.mark.parametrize("kind", KINDS)
def test_plan_changes_nothing_and_survives_json(kind: FaultKind, bench: Bench) -> None:
    spec = kind.spec.model_validate(ARGUMENTS[kind.name])
    before = bench.fingerprint()
    undo = spec.plan(bench.point_for(kind), bench.world, INJECTION)
    assert bench.fingerprint() == before
    assert json.loads(json.dumps(undo)) == undo


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_not_in_force_before_it_is_injected(kind: FaultKind, bench: Bench) -> None:
    with bench.traffic():
        undo = planned(kind, bench)
        assert not kind.spec.active(undo, bench.world).in_force


@pytest.mark.parametrize("kind", KINDS)
def test_in_force_after_inject_and_gone_after_revert(kind: FaultKind, bench: Bench) -> None:
    with bench.traffic(), restored(kind, bench) as undo:
        kind.spec.inject(undo, bench.world)
        seen = soon(lambda: kind.spec.active(undo, bench.world), lambda e: e.in_force)
        assert seen.listed
        assert seen.in_force
        kind.spec.revert(undo, bench.world)
        if kind.shape == "held":
            assert not kind.spec.active(undo, bench.world).listed


@pytest.mark.parametrize("kind", EVENTS)
def test_an_event_is_over_but_proven_without_a_revert(kind: FaultKind, bench: Bench) -> None:
    with bench.traffic(), restored(kind, bench) as undo:
        before = bench.fingerprint()
        kind.spec.inject(undo, bench.world)
        assert soon(lambda: kind.spec.active(undo, bench.world), lambda e: e.in_force).in_force
        assert soon(bench.fingerprint, lambda seen: seen == before) == before
        kind.spec.revert(undo, bench.world)
        assert kind.spec.active(undo, bench.world).listed


@pytest.mark.parametrize("kind", EVENTS)
def test_an_event_is_told_as_soon_as_it_has_been_injected(kind: FaultKind, bench: Bench) -> None:
    with bench.traffic(), restored(kind, bench) as undo:
        kind.spec.inject(undo, bench.world)
        assert kind.spec.active(undo, bench.world).listed


@pytest.mark.parametrize("kind", KINDS)
def test_revert_twice_equals_once(kind: FaultKind, bench: Bench) -> None:
    with restored(kind, bench) as undo:
        kind.spec.inject(undo, bench.world)
        kind.spec.revert(undo, bench.world)
        once = bench.fingerprint()
        started = bench.hurt_node().facts().incarnation
        kind.spec.revert(undo, bench.world)
        assert bench.fingerprint() == once
        assert bench.hurt_node().facts().incarnation == started


@pytest.mark.parametrize("kind", KINDS)
def test_revert_of_what_was_only_journalled_changes_nothing(kind: FaultKind, bench: Bench) -> None:
    with restored(kind, bench) as undo:
        started = bench.hurt_node().facts().incarnation
        kind.spec.revert(undo, bench.world)
        assert bench.hurt_node().facts().incarnation == started


@pytest.mark.parametrize("kind", HELD)
def test_inject_twice_equals_once(kind: FaultKind, bench: Bench) -> None:
    with restored(kind, bench) as undo:
        kind.spec.inject(undo, bench.world)
        once = bench.fingerprint()
        kind.spec.inject(undo, bench.world)
        assert bench.fingerprint() == once


@pytest.mark.parametrize("kind", KINDS)
def test_a_world_opened_again_can_revert(kind: FaultKind, bench: Bench) -> None:
    before = bench.fingerprint()
    with restored(kind, bench) as undo:
        kind.spec.inject(undo, bench.world)
        other = open_world(json.loads(json.dumps(bench.world.describe())))
        try:
            kind.spec.revert(undo, other)
            assert bench.fingerprint() == before
        finally:
            other.close()


@pytest.mark.parametrize("kind", KINDS)
def test_revert_after_a_crash_at_any_step_of_inject(kind: FaultKind, fake_bench: Bench) -> None:
    world = fake_bench.world
    assert isinstance(world, FakeWorld)
    steps = steps_of(kind, fake_bench)
    assert len(steps) >= 2
    for place in range(len(steps)):
        with fake_bench.traffic(), restored(kind, fake_bench) as undo:
            world.on_call = crash_at(place)
            with pytest.raises(Crash):
                kind.spec.inject(undo, world)
            world.on_call = lambda step: None


@pytest.mark.parametrize("kind", KINDS)
def test_revert_after_a_crash_at_any_step_of_a_revert(kind: FaultKind, fake_bench: Bench) -> None:
    world = fake_bench.world
    assert isinstance(world, FakeWorld)
    for place in range(2):
        with restored(kind, fake_bench) as undo:
            kind.spec.inject(undo, world)
            world.on_call = crash_at(place)
            try:
                kind.spec.revert(undo, world)
            except Crash:
                assert kind.shape == "held"
            world.on_call = lambda step: None


def steps_of(kind: FaultKind, bench: Bench) -> list[str]:
    """Every change that one injection makes, told twice: before and after."""
    steps: list[str] = []
    world = bench.world
    assert isinstance(world, FakeWorld)
    with restored(kind, bench) as undo:
        world.on_call = steps.append
        kind.spec.inject(undo, world)
        world.on_call = lambda step: None
    return steps


def crash_at(place: int) -> Callable[[str], None]:
    told = iter(range(place + 1))

    def tell(step: str) -> None:
        if next(told, place + 1) == place:
            raise Crash(step)

    return tell


@pytest.mark.parametrize("kind", LINKS)
def test_a_fault_nothing_goes_through_is_not_in_force(kind: FaultKind, fake_bench: Bench) -> None:
    with restored(kind, fake_bench) as undo:
        kind.spec.inject(undo, fake_bench.world)
        seen = kind.spec.active(undo, fake_bench.world)
        assert seen.listed
        assert not seen.in_force


@pytest.mark.parametrize("kind", HELD)
def test_it_touches_only_what_it_owns(kind: FaultKind, fake_bench: Bench) -> None:
    world = fake_bench.world
    foreign = {"kind": "latency", "delay": 0.5, "jitter": 0.0}
    world.link("web -> cache").impose("somebody-else", foreign)
    with restored(kind, fake_bench) as undo:
        kind.spec.inject(undo, world)
        kind.spec.revert(undo, world)
        assert world.link("web -> cache").observe("somebody-else", foreign).listed


def test_latency_reads_its_arguments_with_units() -> None:
    spec = find("latency").spec.model_validate({"delay": "80ms"})
    assert spec.model_dump() == {"delay": "80ms", "jitter": "0s"}
