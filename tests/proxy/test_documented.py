"""The figures that the documentation quotes are those that were measured last."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "proxy.md").read_text().partition("## Speed")[2]
ROUTES = ("bare", "toxiproxy", "embedded")
ROWS = (
    "round_trip_1_p50_us", "round_trip_1_p99_us", "round_trip_1024_p50_us",
    "round_trip_1024_p99_us", "bulk_1_mb_s", "bulk_10_mb_s", "set_up_p50_us",
    "set_ups_a_second", "memory_idle_mb", "memory_1000_connections_mb",
    "latency_50_error_mean_ms", "latency_50_error_p99_ms", "processor_16_links_60_s_percent",
)  # fmt: skip


def test_the_table_of_the_page_is_the_benchmarks() -> None:
    figures = json.loads((ROOT / "benchmarks" / "proxy.json").read_text())["figures"]
    rows = [line.split("|")[2:-1] for line in PAGE.splitlines() if line.startswith("|")][2:]
    assert len(rows) == len(ROWS)
    for name, cells in zip(ROWS, rows, strict=True):
        for route, cell in zip(ROUTES, cells, strict=True):
            assert quoted(cell) == as_quoted(figures[route].get(name)), f"{name} {route}"


def quoted(cell: str) -> float | None:
    found = re.match(r"[\d ]+(\.\d+)?", cell.strip())
    return float(found[0].replace(" ", "")) if found else None


def as_quoted(value: float | None) -> float | None:
    return None if value is None else round(value, 1) if value < 10 else float(f"{value:.0f}")
