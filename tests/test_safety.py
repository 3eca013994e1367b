"""docs/safety.md is backed: every row names a test, and every test that it names exists."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "safety.md").read_text()
DEATHS = {
    "runner": "the runner is killed",
    "stopped": "the runner is stopped past its deadline",
    "watchdog": "the watchdog is killed first",
    "both": "both are killed, then `revert`",
}
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)))


@pytest.mark.parametrize(("file", "name"), NAMED, ids=lambda text: text.rpartition("/")[2])
def test_a_named_test_exists(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text())
    known = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert name in known if name else any(k.startswith("test_") for k in known)


def test_every_row_of_a_table_with_tests_names_one() -> None:
    tables = re.findall(r"^\|[^\n]*\| shown by \|\n\|[-|]+\|\n((?:\|[^\n]*\n)+)", PAGE, re.M)
    rows = [row for table in tables for row in table.splitlines()]
    assert rows
    assert [row for row in rows if "`tests/" not in row.split("|")[-2]] == []


def figures(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((ROOT / "benchmarks" / name).read_text())
    return content


def test_the_watchdogs_figures_are_those_that_were_measured() -> None:
    found = figures("watchdog.json")
    assert (
        f"median {found['median_ms']:g} ms, 99th percentile {found['p99_ms']:g} ms "
        f"({found['runs']} runs)"
    ) in PAGE


def test_the_figures_of_the_random_deaths_are_those_that_were_measured() -> None:
    rows = []
    for runtime, found in figures("crash.json").items():
        for death, one in found["sums"]["by_death"].items():
            known = (one["seconds_median"], one["seconds_p99"])
            times = " | ".join("–" if each is None else f"{each} s" for each in known)
            counts = f"{one['runs']} | {one['in_force']} | {one['left_behind']}"
            rows.append(f"| {runtime} | {DEATHS[death]} | {counts} | {times} |")
    assert [row for row in rows if row not in PAGE] == []
