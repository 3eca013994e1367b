"""docs/verdict.md quotes what was measured: each block is made from the JSON beside the script."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "verdict.md").read_text()


@pytest.fixture(scope="module")
def quote() -> ModuleType:
    spec = importlib.util.spec_from_file_location("quote", ROOT / "benchmarks" / "quote.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_block_is_what_the_figures_say(quote: ModuleType) -> None:
    assert sorted(quote.BLOCKS) == sorted(re.findall(r"<!-- /(\w+) -->", PAGE))
    assert quote.quoted(PAGE) == PAGE, "run: python benchmarks/quote.py"


def test_where_nothing_happened_at_most_one_pair_in_a_hundred_is_called_violated() -> None:
    found = json.loads((ROOT / "benchmarks" / "verdict.json").read_text())
    parts = [one["false_alarms"] for ours in found["figures"].values() for one in ours.values()]
    assert parts
    assert all(one["pairs"] >= 2000 for one in parts)
    assert [one for one in parts if one["violated"] > 0.01 * one["pairs"]] == []


def test_without_figures_a_block_says_how_to_get_them(
    quote: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quote, "HERE", tmp_path)
    assert quote.block("load") == "Not measured yet: `python benchmarks/load.py`."


def test_the_stall_is_shown_with_the_worst_round(
    quote: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quote, "HERE", tmp_path)
    rounds = [
        {"truth": 1230.0, "ours": 1236.1, "locust": 130.0, "off": 0.5},
        {"truth": 1000.0, "ours": 980.0, "locust": 90.0, "off": -2.0},
    ]
    found = {"rate": 60.0, "seconds": 20.0, "p99_ms": rounds}
    (tmp_path / "stall.json").write_text(json.dumps(found))
    said, _, *rows = quote.block("stall").splitlines()
    assert said == "2 rounds of 20 s at 60 requests a second; ours is off by 2 % at most."
    assert rows[2:] == [
        "| 1230 ms | 1236.1 ms | +0.5 % | 130 ms |",
        "| 1000 ms | 980 ms | -2 % | 90 ms |",
    ]
