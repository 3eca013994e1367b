"""Faults that nothing could show: `plan` and `run` say so before, and what to do about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaoskit.world.fake import FakeWorld
from tests.cli.test_plan_and_inject import SYSTEM, Call, call, stall

__all__ = ["call", "stall"]

NO_ALIVE = (
    "fault: kill on web (count 1): tier web does not say how its nodes answer, so that it stays "
    "unproven and the run ends inconclusive: declare `alive: http:PORT/path`"
)


def warned(said: str) -> list[str]:
    flat = " ".join(said.split())
    return [part.split(": ")[0] for part in flat.split(" fault: ")[1:]]


def test_plan_warns_of_a_node_that_nobody_can_ask(call: Call, stall: Path) -> None:
    assert warned(call("plan", "experiment.yaml")[1]) == []
    world = FakeWorld.on_disk(stall / "world.json")
    for node in ("web1", "cache1"):
        world.ping(node, None)
    code, said = call("plan", "experiment.yaml")
    assert code == 0
    assert f"  warning   {NO_ALIVE}" in said
    assert warned(said) == [
        "kill on web (count 1)",
        "pause on web (share 30%)",
        "kill on cache (role master)",
    ]


def test_plan_tells_a_ping_without_an_address_from_no_ping(call: Call, stall: Path) -> None:
    declared = SYSTEM.replace("layer: cache,", 'layer: cache, alive: "redis:6379",')
    (stall / "system.yaml").write_text(declared)
    FakeWorld.on_disk(stall / "world.json").ping("cache1", None)
    _, said = call("plan", "experiment.yaml")
    assert "kill on cache (role master): cache1 has no address to be asked at" in said
    assert "name it under `addresses`" in said


@pytest.mark.parametrize(("ping", "faults"), [("tcp:80", ["pause on cache1"]), ("http:80/", [])])
def test_a_pause_is_not_proven_by_a_ping_that_only_connects(
    call: Call, stall: Path, ping: str, faults: list[str]
) -> None:
    declared = SYSTEM.replace("layer: cache,", f'layer: cache, alive: "{ping}",')
    (stall / "system.yaml").write_text(declared)
    paused = "faults=[{pause: {node: cache1, for: 5s}}, {kill: {node: cache1, after: 10s}}]"
    code, said = call("plan", "--set", paused, "experiment.yaml")
    assert code == 0, said
    assert warned(said) == faults
    assert ("a frozen process" in said) is bool(faults)


def test_run_warns_before_it_begins(
    call: Call, stall: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)  # there each line bears a stamp, wherever it breaks
    FakeWorld.on_disk(stall / "world.json").ping("web1", None)
    call("halt", "--why", "nothing may run here")
    code, said = call("run", "experiment.yaml")
    assert code == 3
    flat = " ".join(said.split())
    assert flat.index(f"warning: {NO_ALIVE}") < flat.index("halted by")
