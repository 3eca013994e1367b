"""Runs that differ in nothing but the chance of a flapping check give the same verdict."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
KEPT = json.loads((BENCHMARKS / "flapping.json").read_text())


@pytest.fixture(scope="module")
def flapping() -> Iterator[ModuleType]:
    """The script that made the figures."""
    spec = importlib.util.spec_from_file_location("flapping", BENCHMARKS / "flapping.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["flapping"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["flapping"]


def test_the_figures_keep_the_promise() -> None:
    single = [
        found for found in KEPT["cases"].values() if found["wrong_for_seconds_at_a_time"] == 1
    ]
    assert len(single) == 4
    assert all(found["same_of_100_in_the_worst_hundred"] >= 99 for found in single)
    down = [found["verdict"] for found in single if found["system_is_down_during_the_fault"]]
    assert down == ["violated", "violated"]


@pytest.mark.parametrize("index", [0, 3])
def test_a_hundred_runs_agree(flapping: ModuleType, index: int) -> None:
    case = flapping.CASES[index]
    told, single = flapping.verdicts(case, hundred=0)
    assert told[KEPT["cases"][case.name]["verdict"]] >= 99
    assert max(single.values()) < 90
