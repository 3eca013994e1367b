"""`chaoskit compare` and `baseline`: a run that proves nothing lends no figure to a comparison."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chaoskit.model.evidence import Evidence
from chaoskit.model.timeline import LoadFacts
from chaoskit.model.verdict import Status
from tests.cli.test_compare import call, healthy, judged, keep, rows, side, slow, store
from tests.report import builder

__all__ = ["healthy", "slow"]

DOUBTED = {"status": Status.INCONCLUSIVE}
UNSEEN = ((builder.T0 + 31, Evidence(listed=True, carried=False, felt=False)),)
LOST = {"lost": builder.T0 + 60, "lost_because": "somebody started it again"}
CLAIM = "checkout success >= 99%"
EVERY = ("–", "–", "every figure")
WORTHLESS = [
    ({"load": LoadFacts(doubts=("a worker was killed at its end",))}, "killed at its end"),
    ({"load": LoadFacts(saturated=True, unsent=9, planned=90)}, "9 of 90 arrivals unsent"),
    # A tenth of 300 ms, the smallest latency that is claimed.
    ({"load": LoadFacts(lateness_p95=0.031, lateness_p99=0.04)}, "p95 31 ms against at most 30 ms"),
    ({"injections": (builder.injection(evidence=UNSEEN),)}, "was not proven in force"),
    ({"injections": (builder.injection(**LOST),)}, "was lost: somebody started it again"),
    ({"stop_kind": "halted", "stopped": "by hand"}, "the run was halted: by hand"),
    ({"stop_kind": "unfit", "stopped": "p95 too high"}, "baseline unfit: p95 too high"),
    ({"gates": judged("browse p95 < 300ms", Status.VIOLATED)}, "baseline unfit: browse p95"),
]  # fmt: skip


def told(base: Path, new: Path, path: Path) -> tuple[dict[str, set[tuple[str, str, str]]], str]:
    """The rows of each kind, and all notes."""
    found: dict[str, set[tuple[str, str, str]]] = {}
    for what in ("regressed", "improved", "no worse", "cannot be told"):
        found[what] = rows(base, new, path, what)
    return found, "\n".join(json.loads(path.read_text())["notes"])


@pytest.mark.parametrize(("changes", "why"), WORTHLESS)
def test_a_base_that_proves_nothing_makes_no_figure_regress(
    slow: Path, tmp_path: Path, changes: dict[str, Any], why: str
) -> None:
    base = side(tmp_path / "base", range(3), **DOUBTED | changes)
    found, notes = told(base, slow, tmp_path / "c.json")
    assert not found["regressed"]
    assert EVERY in found["cannot be told"]
    assert why in notes
    assert "3 runs of BASE left out of the figures" in notes
    assert "NONE IS LEFT" in notes


@pytest.mark.parametrize(("changes", "why"), WORTHLESS)
def test_a_new_run_that_proves_nothing_is_neither_better_nor_no_worse(
    healthy: Path, tmp_path: Path, changes: dict[str, Any], why: str
) -> None:
    new = side(tmp_path / "new", range(10, 13), **DOUBTED | changes)
    found, notes = told(healthy, new, tmp_path / "c.json")
    figures = {metric for what in ("improved", "no worse") for _, _, metric in found[what]}
    assert not figures & {"p50", "p95", "p99", "failed", "time to recover"}
    assert found["cannot be told"] >= {EVERY, ("–", "–", "verdict")}
    assert why in notes
    result = call(healthy, new, "--strict")
    assert result.return_value in (1, 3)
    assert "CANNOT BE TOLD" in result.stdout


def test_the_runs_that_prove_something_are_compared_without_the_others(
    healthy: Path, slow: Path, tmp_path: Path
) -> None:
    path = tmp_path / "c.json"
    call(healthy, slow, "--json", str(path))
    alone = json.loads(path.read_text())["changes"]
    killed = {"load": LoadFacts(doubts=("a worker was killed at its end",))}
    mixed = side(tmp_path / "mixed", range(3))
    store(mixed, 40, slower=9.0, **DOUBTED | killed)
    call(mixed, slow, "--json", str(path))
    found = json.loads(path.read_text())
    assert "1 run of BASE left out of the figures" in found["notes"][0]
    assert "20250301T101540Z-aaaa (a worker was killed at its end)" in found["notes"][0]
    changed = [c for c in found["changes"] if c["series"] != "–"]
    assert changed == [c for c in alone if c["series"] != "–"]
    (verdict,) = (c for c in found["changes"] if c["metric"] == "verdict")
    assert verdict["old"] == "3 held, 1 inconclusive"


def test_too_few_samples_for_a_gate_leave_the_figures_as_good_as_they_are(
    healthy: Path, slow: Path, tmp_path: Path
) -> None:
    few = DOUBTED | {"gates": judged("browse p95 < 300ms", Status.INCONCLUSIVE)}
    new = side(tmp_path / "new", range(10, 13), slower=2.0, **few)
    assert ("all", "every endpoint", "p95") in rows(healthy, new, tmp_path / "c.json")


def test_a_gate_of_a_run_that_proves_nothing_is_not_settled(tmp_path: Path, healthy: Path) -> None:
    """A contract held without its fault, or violated by a generator that was not well."""
    broken = {"status": Status.VIOLATED, "gates": judged(CLAIM, Status.VIOLATED)}
    base = side(tmp_path / "base", range(3), **DOUBTED, injections=())
    idle = side(
        tmp_path / "idle", range(3), **DOUBTED, injections=(builder.injection(evidence=UNSEEN),)
    )
    new = store(tmp_path / "new", 10, **broken)
    gate = ("fault", "–", CLAIM)
    assert gate in rows(idle, new, tmp_path / "c.json", "cannot be told")
    assert rows(idle, new, tmp_path / "c.json") == set()
    assert gate in rows(base, new, tmp_path / "c.json")
    stalled = LoadFacts(lateness_p95=0.004, lateness_p99=0.5)
    for seed, load in ((11, LoadFacts(saturated=True)), (12, stalled)):
        unwell = store(tmp_path / "unwell", seed, **broken | DOUBTED, load=load)
        assert rows(healthy, unwell, tmp_path / "c.json") == set()
        assert gate in rows(healthy, unwell, tmp_path / "c.json", "cannot be told")


def test_a_baseline_that_broke_is_a_regression_though_no_fault_was_injected(
    healthy: Path, tmp_path: Path
) -> None:
    text = "browse p95 < 300ms"
    broken = {"gates": judged(text, Status.VIOLATED)[:2], "spans": builder.SPANS[:1]}
    unfit = DOUBTED | broken | {"injections": (), "stop_kind": "unfit", "stopped": text}
    new = store(tmp_path, 10, **unfit)
    assert rows(healthy, new, tmp_path / "c.json") == {("baseline", "–", text)}


def test_lost_data_is_a_regression_whatever_the_load_was(healthy: Path, tmp_path: Path) -> None:
    writes = "no acknowledged write of orders lost, doubled or invented"
    gate = builder.gate("fault", CLAIM, "").model_copy(
        update={
            "phase": "recovery", "expectation": writes, "metric": "data_safety",
            "status": Status.VIOLATED,
        }
    )  # fmt: skip
    held = gate.model_copy(update={"status": Status.HELD})
    base = store(tmp_path / "base", 10, gates=(*builder.gates(), held))
    new = store(
        tmp_path / "new", 11, gates=(*builder.gates(), gate), status=Status.VIOLATED,
        load=LoadFacts(saturated=True),
    )  # fmt: skip
    assert ("recovery", "–", writes) in rows(base, new, tmp_path / "c.json")


def test_a_baseline_file_keeps_why_a_run_proves_nothing_and_says_so(
    slow: Path, tmp_path: Path
) -> None:
    why = "a worker was killed at its end"
    base = side(tmp_path / "base", range(3), **DOUBTED, load=LoadFacts(doubts=(why,)))
    file = tmp_path / "b.json"
    said = keep(file, base).stdout
    assert f"20250301T101500Z-aaaa: no comparison will use its figures: {why}" in said
    assert [run["worthless"] for run in json.loads(file.read_text())["runs"]] == [[why]] * 3
    assert EVERY in rows(file, slow, tmp_path / "a.json", "cannot be told")
    call(base, slow, "--json", str(tmp_path / "b"))
    assert (tmp_path / "a.json").read_text() == (tmp_path / "b").read_text()


def test_a_file_of_before_lends_no_figure_of_a_saturated_run(slow: Path, tmp_path: Path) -> None:
    file = tmp_path / "b.json"
    keep(file, side(tmp_path / "base", range(3)))
    known = json.loads(file.read_text())
    for run in known["runs"]:
        run["saturated"] = True
        assert "worthless" not in run
    file.write_text(json.dumps(known))
    found, notes = told(file, slow, tmp_path / "c.json")
    assert not found["regressed"]
    assert "(the load generator was saturated)" in notes
