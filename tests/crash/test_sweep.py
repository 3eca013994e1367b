"""The crash sweep on the fake world: every boundary, every fault, the undo killed too.

The cases are forked in clean processes of their own (see `tests.crash.sweep`), for pytest has
threads; two of them share the scenarios, as two cores do. Nothing here measures time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chaoskit.faults import all_faults
from tests.crash.cases import SCENARIOS
from tests.crash.sweep import MOST, MOST_OF_REVERT

ROOT = Path(__file__).parents[2]
# So that about the same work falls to each.
HALVES = (
    ("overlap", "kill", "pause", "stop"),
    ("latency", "cut", "restart", "crash", "bandwidth", "reset", "interrupted"),
)


@pytest.fixture(scope="module")
def sums() -> dict[str, dict[str, Any]]:
    """What the sweep found, by scenario."""
    sweeps = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.crash.sweep", *half],
            cwd=ROOT,
            # One thread: a process is forked safely only while it has no others.
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )
        for half in HALVES
    ]
    lines = [line for sweep in sweeps for line in sweep.communicate()[0].splitlines()]
    found = {each["scenario"]: each for each in map(json.loads, lines)}
    for each in found.values():
        print({key: value for key, value in each.items() if key != "passed"})
    return found


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_killed_anywhere_nothing_is_left_behind(
    sums: dict[str, dict[str, Any]], scenario: str
) -> None:
    found = sums[scenario]
    assert found["left_behind"] == []
    assert found["runner_deaths"] == len(found["passed"])
    assert found["revert_deaths"] == min(found["pairs"], MOST)
    assert found["reverter_deaths"] == min(found["reverter_pairs"], MOST_OF_REVERT) > 0


def test_every_fault_is_swept() -> None:
    assert {kind.name for kind in all_faults()} <= set(SCENARIOS)
    assert sorted(name for half in HALVES for name in half) == sorted(SCENARIOS)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_boundaries_of_a_two_step_fault_are_all_among_those_tried(
    sums: dict[str, dict[str, Any]],
) -> None:
    """A sweep that stopped looking between two steps would still find nothing left behind."""
    passed = sums["kill"]["passed"]
    begin = passed.index("before disarm web1")
    assert passed[begin : begin + 4] == [
        "before disarm web1", "after disarm web1", "before kill web1", "after kill web1",
    ]  # fmt: skip
    for stage in ("injecting", "injected", "evidence", "reverting", "reverted", "end"):
        for moment in ("before", "torn", "after"):
            assert any(each.startswith(f"{moment} record {stage}") for each in passed)
    phases = [each for each in passed if each.startswith("phase ")]
    assert phases == [
        f"phase {name}"
        for name in ("strength", "warmup", "baseline", "fault", "recovery", "hold", "putting back")
    ]
