"""Probes in a report: named as such, and no part of what is said of requests."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from chaoskit.judge.samples import DTYPE, Samples
from chaoskit.model.samples import Outcome
from chaoskit.report import write_report
from chaoskit.report.buckets import fill
from chaoskit.report.source import Run, read_run
from tests.report import builder


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """The cache's loss, with a probe that fails all the time."""
    array = np.zeros(106, DTYPE)
    array["start"], array["latency"] = builder.T0 + np.arange(106) + 0.5, 2
    array["code"] = Outcome.FAILED << 14
    asked = Samples(array, ("standby-lag",), probes={"standby-lag": 1.0})
    taken = builder.samples(broken=False).merge(asked)
    builder.write(tmp_path, builder.verdict(taken), taken)
    (tmp_path / "probes.json").write_text(json.dumps(dict(taken.probes)))
    return read_run(tmp_path)


def test_the_plots_of_requests_do_not_hold_probes(run: Run) -> None:
    without = builder.samples(broken=False)
    buckets = fill(run)
    assert int(buckets.every.planned.sum()) == len(without)
    assert np.isfinite(buckets.latency[0]).all()
    (probe,) = (one for one in buckets.series if one.name == "standby-lag (probe)")
    assert int(probe.counts[Outcome.FAILED].sum()) == 106


def test_the_table_names_it_below_the_sum_of_requests(run: Run) -> None:
    write_report(run.directory)
    page = (run.directory / "report.md").read_text()
    rows = [line.split("|")[1].strip() for line in page.splitlines() if "| baseline |" in line]
    named = [row for row in rows if row in ("browse", "all", "standby-lag (probe)")]
    assert named == ["browse", "all", "standby-lag (probe)"]
    assert "standby-lag (probe)" in (run.directory / "report.html").read_text()
