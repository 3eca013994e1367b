"""Before and after: every difference is named and not restored; what changes by nature is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chaoskit.errors import NotRestored
from chaoskit.model.samples import Outcome
from chaoskit.ports import Answer
from chaoskit.run.fingerprint import differences
from tests.run.scene import Scene, experiment, kill, latency

LINK = "web -> cache"
LATE = 55.0  # in the recovery phase: all is put back, and the run goes on for some seconds


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(tmp_path)
    made.plan_for = experiment(
        faults=[kill("cache1"), latency(LINK)],
        phases={"baseline": "20s", "fault": "30s", "recovery": {"within": "20s", "hold": "10s"}},
    )
    return made


def fingerprints(scene: Scene) -> dict[str, dict[str, Any]]:
    lines = (scene.folder / "journal.jsonl").read_text().splitlines()
    found = [r for line in lines if (r := json.loads(line))["kind"] == "fingerprint"]
    return {r["when"]: r for r in found}


def alter(scene: Scene, kind: str, name: str, **fields: Any) -> None:
    """Somebody changes a node or a carrier after everything was put back."""
    with scene.world.step(f"alter {name}") as state:
        state[kind][name].update(fields)


LEFT: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "state": (
        "nodes", "cache1", {"state": "frozen"}, "nodes cache1 state: was running, is frozen",
    ),
    "restart policy": (
        "nodes", "cache1", {"armed": False}, "nodes cache1 armed: was True, is False",
    ),
    "proxy disabled": (
        "carriers", "web-cache1", {"enabled": False},
        f"links {LINK} web-cache1 enabled: was True, is False",
    ),
    "toxic left": (
        "carriers", "web-cache2", {"conditions": {"x": {"kind": "latency"}}},
        f"links {LINK} web-cache2 conditions x: was absent, is {{'kind': 'latency'}}",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "name", "fields", "told"), LEFT.values(), ids=LEFT.keys())
def test_a_difference_is_named_and_makes_the_run_not_restored(
    scene: Scene, kind: str, name: str, fields: dict[str, Any], told: str
) -> None:
    scene.load._answer = lambda t, series: (0.02, Outcome.OK, 200)
    scene.master = lambda: Answer(True, ("cache1",))
    scene.clock.at(LATE, lambda: alter(scene, kind, name, **fields))
    timeline = scene.run()
    assert isinstance(scene.error, NotRestored)
    assert timeline.differences == (told,)
    assert told in str(scene.error)
    verdict = scene.verdict()
    assert verdict.exit_code == 4
    assert any(told in reason for reason in verdict.reasons)


def test_what_changes_by_nature_is_kept_and_not_compared(scene: Scene) -> None:
    scene.clock.at(
        LATE, lambda: alter(scene, "nodes", "cache1", incarnation=9, restarts=4, identity="id-77")
    )
    timeline = scene.run()
    assert scene.error is None
    assert timeline.restored
    kept = fingerprints(scene)
    assert kept["before"]["state"] == kept["after"]["state"]
    before, after = (kept[when]["facts"]["nodes"]["cache1"] for when in ("before", "after"))
    assert (before["incarnation"], after["incarnation"]) == ("1", "9")
    assert (before["restarts"], after["restarts"]) == (0, 4)
    assert before["identity"] != after["identity"] == "id-77"
    assert kept["before"]["facts"]["roles"] == {"cache": {"master": ["cache1"]}}


def test_a_role_that_moved_is_kept_and_not_compared(scene: Scene) -> None:
    scene.master = lambda: Answer(
        True, ("cache2" if scene.clock.now() > scene.clock.start + 30 else "cache1",)
    )
    timeline = scene.run()
    assert timeline.restored
    roles = {
        when: r["facts"]["roles"]["cache"]["master"] for when, r in fingerprints(scene).items()
    }
    assert roles == {"before": ["cache1"], "after": ["cache2"]}


def test_facts_that_cannot_be_asked_are_unknown_and_stop_nothing(scene: Scene) -> None:
    original = scene.world.begin

    def begin(call: str, *words: str) -> None:
        if call == "facts" and scene.world.calls[-1:] == ["fingerprint"]:
            raise NotRestored("the engine is silent")
        original(call, *words)

    scene.world.begin = begin  # type: ignore[method-assign]
    scene.run()
    assert fingerprints(scene)["after"]["facts"]["nodes"]["cache1"] == {
        "unknown": "the engine is silent"
    }


KERNEL = {"filter rules": [], "clock offsets": {"monotonic": "0 0"}}


@pytest.mark.parametrize(
    ("after", "told"),
    [
        ({"kernel": KERNEL}, []),
        ({}, []),
        ({"kernel": {"clock offsets": {"monotonic": "0 0"}}}, []),
        (
            {"kernel": KERNEL | {"filter rules": ["-A INPUT -j DROP", "-A OUTPUT -j DROP"]}},
            ["web1 kernel filter rules: was none, is -A INPUT -j DROP; -A OUTPUT -j DROP"],
        ),
        (
            {"kernel": KERNEL | {"clock offsets": {"monotonic": "60 0"}}},
            ["web1 kernel clock offsets monotonic: was 0 0, is 60 0"],
        ),
    ],
    ids=["same", "nothing read", "part read", "rule left", "clock set off"],
)
def test_what_the_kernel_shows_is_compared_where_it_was_read_twice(
    after: dict[str, Any], told: list[str]
) -> None:
    before = {"web1": {"state": "running", "kernel": KERNEL}}
    assert differences(before, {"web1": {"state": "running", **after}}) == told


def test_other_keys_are_missed_when_they_are_gone() -> None:
    assert differences({"web1": {"limits": {"Memory": 1}}}, {"web1": {}}) == [
        "web1 limits: was {'Memory': 1}, is absent"
    ]
