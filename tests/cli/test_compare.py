"""`chaoskit baseline` and `chaoskit compare`: what is called a regression, and what is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator

from chaoskit.cli import baseline, compare
from chaoskit.errors import DocumentError, InvalidInput
from chaoskit.judge.samples import DTYPE, Samples
from chaoskit.model.samples import Outcome
from chaoskit.model.verdict import RecoveryFigures, Status
from chaoskit.run.processes import started
from chaoskit.schema import baseline_schema
from tests.report import builder

PUBLISHED = Path(__file__).parents[2] / "docs/schemas/baseline.schema.json"
LENGTH, RATE = 106.4, 60


def load(seed: int, *, slower: float = 1.0, failing: float = 0.0) -> Samples:
    """Quiet open-loop load; the slowest tenth `slower` times as long, more of all failed."""
    random = np.random.default_rng(seed)
    array = np.zeros(int(LENGTH * RATE), DTYPE)
    array["start"] = builder.T0 + np.arange(len(array)) / RATE
    array["series"] = random.choice(3, len(array), p=(0.4, 0.3, 0.3))
    latency = random.lognormal(np.log(0.05), 0.35, len(array))
    latency[latency > np.quantile(latency, 0.9)] *= slower
    failed = random.random(len(array)) < 0.001 + failing
    array["latency"] = np.where(failed, 3.0, latency)
    array["code"] = np.where(failed, Outcome.FAILED << 14, 200)
    return Samples(array, builder.NAMES)


def store(
    reports: Path, seed: int, slower: float = 1.0, failing: float = 0.0, **changes: Any
) -> Path:
    taken = load(seed, slower=slower, failing=failing)
    run = f"20250301T1015{seed:02d}Z-aaaa"
    told = builder.verdict(taken, run=run, **changes)
    folder = reports / told.experiment / run
    folder.mkdir(parents=True)
    return builder.write(folder, told, taken)


def side(reports: Path, seeds: range, **changes: Any) -> Path:
    for seed in seeds:
        store(reports, seed, **changes)
    return reports


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs in which nothing is wrong."""
    return side(tmp_path_factory.mktemp("healthy"), range(3))


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs whose slowest tenth takes twice as long."""
    return side(tmp_path_factory.mktemp("slow"), range(10, 13), slower=2.0)


def call(base: Path | str, new: Path | str, *words: str) -> Result:
    return CliRunner().invoke(compare.command, [str(base), str(new), *words], standalone_mode=False)


def rows(base: Path, new: Path, path: Path, told: str = "regressed") -> set[tuple[str, str, str]]:
    """Phase, series and metric of all changes of one kind; the exit code must agree."""
    result = call(base, new, "--json", str(path))
    assert result.exception is None, result.output
    found = json.loads(path.read_text())["changes"]
    assert result.return_value == any(c["told"] == "regressed" for c in found)
    return {(c["phase"], c["series"], c["metric"]) for c in found if c["told"] == told}


# -- figures ------------------------------------------------------------------------------------


def test_runs_in_which_nothing_changed_show_no_regression(healthy: Path, tmp_path: Path) -> None:
    for seed in range(10, 16):
        new = store(tmp_path / str(seed), seed)
        assert rows(healthy, new, tmp_path / "c.json") == set()


def test_a_slower_tail_is_found_where_it_is(healthy: Path, slow: Path, tmp_path: Path) -> None:
    found = rows(healthy, slow, tmp_path / "c.json")
    assert ("all", "every endpoint", "p95") in found
    assert {metric for _, _, metric in found} == {"p95", "p99"}
    assert ("all", "every endpoint", "p95") in rows(slow, healthy, tmp_path / "c.json", "improved")


def test_more_errors_are_found(healthy: Path, tmp_path: Path) -> None:
    new = side(tmp_path / "new", range(10, 13), failing=0.03)
    found = rows(healthy, new, tmp_path / "c.json")
    assert ("all", "every endpoint", "failed") in found
    said = call(healthy, new).stdout
    assert "✗" in said
    assert "regression" in said


def test_a_small_harm_cannot_be_told_and_what_is_missing_is_said(
    healthy: Path, tmp_path: Path
) -> None:
    new = store(tmp_path, 10, slower=1.2)
    path = tmp_path / "c.json"
    assert ("all", "every endpoint", "p95") in rows(healthy, new, path, "cannot be told")
    change = next(
        c for c in json.loads(path.read_text())["changes"]
        if (c["series"], c["metric"]) == ("every endpoint", "p95")
    )  # fmt: skip
    assert change["low"] < 1.05 < change["high"]
    assert change["missing"] > 60
    assert change["runs"] >= 1
    assert "more of this load on each side" in change["reason"]


def test_one_run_on_each_side_is_said_loudly(healthy: Path, tmp_path: Path) -> None:
    old, new = store(tmp_path / "old", 20), store(tmp_path / "new", 21)
    result = call(old, new)
    assert result.return_value == 0
    assert "CANNOT BE TOLD" in result.stdout
    assert "assumed, not measured" in " ".join(result.stdout.split())
    assert call(old, new, "--strict").return_value == 3


def test_a_wider_margin_forgives_more(healthy: Path, slow: Path, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    call(healthy, slow, "--margin-latency", "x3", "--json", str(path))
    told = {c["metric"]: c["told"] for c in json.loads(path.read_text())["changes"]
            if c["series"] == "every endpoint"}  # fmt: skip
    assert told["p95"] == "no worse"


def test_endpoints_and_phases_that_are_gone_cannot_be_told(healthy: Path, tmp_path: Path) -> None:
    new = store(tmp_path, 10, spans=builder.SPANS[:2])
    assert ("hold", "browse", "p50, p95, p99") in rows(
        healthy, new, tmp_path / "c.json", "cannot be told"
    )


# -- verdicts, gates, recovery ------------------------------------------------------------------


def judged(text: str, status: Status) -> tuple[Any, ...]:
    return tuple(
        gate.model_copy(update={"status": status}) if gate.expectation == text else gate
        for gate in builder.gates()
    )


def test_a_gate_that_held_and_is_violated_is_a_regression(healthy: Path, tmp_path: Path) -> None:
    text = "checkout success >= 99%"
    broken = {"status": Status.VIOLATED, "gates": judged(text, Status.VIOLATED)}
    new = store(tmp_path / "new", 10, **broken)
    found = rows(healthy, new, tmp_path / "c.json")
    assert found == {("–", "–", "verdict"), ("fault", "–", text)}
    # The other way round it is an improvement, and in both it is nothing new.
    assert ("fault", "–", text) in rows(new, healthy, tmp_path / "c.json", "improved")
    again = store(tmp_path / "again", 11, **broken)
    assert rows(new, again, tmp_path / "c.json") == set()


def test_a_gate_that_failed_before_needs_more_than_chance(healthy: Path, tmp_path: Path) -> None:
    text = "checkout success >= 99%"
    broken = {"gates": judged(text, Status.VIOLATED)}
    base = side(tmp_path / "base", range(30, 38))
    store(base, 39, **broken)
    few = store(tmp_path / "few", 40, **broken)
    assert ("fault", "–", text) in rows(base, few, tmp_path / "c.json", "cannot be told")
    many = side(tmp_path / "many", range(40, 48), **broken)
    assert ("fault", "–", text) in rows(base, many, tmp_path / "c.json")


def test_an_inconclusive_gate_cannot_be_told(healthy: Path, tmp_path: Path) -> None:
    text = "browse p95 < 900ms"
    new = store(tmp_path, 10, gates=judged(text, Status.INCONCLUSIVE))
    assert ("fault", "–", text) in rows(healthy, new, tmp_path / "c.json", "cannot be told")


def test_an_implied_gate_that_breaks_is_a_regression(healthy: Path, tmp_path: Path) -> None:
    text = "checkout shed <= 0%"
    # Not in the baseline, which would be unfit by it.
    before = tuple(gate for gate in builder.gates() if gate.phase == "baseline")
    after = tuple(g for g in judged(text, Status.VIOLATED) if g.phase != "baseline")
    new = store(tmp_path, 10, gates=(*before, *after))
    assert ("fault", "–", text) in rows(healthy, new, tmp_path / "c.json")


def test_what_was_not_put_back_is_a_regression(healthy: Path, tmp_path: Path) -> None:
    new = store(tmp_path, 10, restored=False)
    assert ("–", "–", "everything was put back") in rows(healthy, new, tmp_path / "c.json")


def test_a_longer_recovery_needs_several_runs(healthy: Path, tmp_path: Path) -> None:
    late = {"recovery": RecoveryFigures(within=20, steady=2.4, full_strength=15.0)}
    one = store(tmp_path / "one", 10, **late)
    row = ("recovery", "–", "time to recover")
    assert row in rows(healthy, one, tmp_path / "c.json", "cannot be told")
    three = side(tmp_path / "three", range(10, 13), **late)
    assert row in rows(healthy, three, tmp_path / "c.json")
    assert row in rows(three, healthy, tmp_path / "c.json", "improved")


def test_only_the_same_experiment_on_the_same_runtime_is_compared(
    healthy: Path, tmp_path: Path
) -> None:
    other = store(tmp_path / "new", 10, slower=3.0, runtime="local")
    error = call(healthy, other).exception
    assert isinstance(error, InvalidInput)
    assert "BASE has cache-loss on docker; NEW has cache-loss on local" in str(error)
    store(tmp_path / "new", 11)
    assert rows(healthy, tmp_path / "new", tmp_path / "c.json") == set()
    assert ("–", "–", "verdict") in rows(
        healthy, tmp_path / "new", tmp_path / "c.json", "cannot be told"
    )


# -- files --------------------------------------------------------------------------------------


def keep(out: Path, *runs: Path) -> Result:
    words = [*map(str, runs), "-o", str(out)]
    return CliRunner().invoke(baseline.command, words, standalone_mode=False)


def test_a_baseline_file_stands_for_its_runs(healthy: Path, slow: Path, tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    result = keep(file, healthy)
    assert "3 runs of cache-loss on docker" in result.stdout
    assert file.stat().st_size < 20_000
    assert rows(file, slow, tmp_path / "a.json") == rows(healthy, slow, tmp_path / "b.json")
    assert (tmp_path / "a.json").read_text() == (tmp_path / "b.json").read_text()


def test_the_file_is_as_its_published_schema_says(healthy: Path, tmp_path: Path) -> None:
    again = "chaoskit schema baseline > docs/schemas/baseline.schema.json"
    assert json.loads(PUBLISHED.read_text()) == baseline_schema(), again
    keep(tmp_path / "b.json", healthy)
    found = json.loads((tmp_path / "b.json").read_text())
    assert [e.message for e in Draft202012Validator(baseline_schema()).iter_errors(found)] == []


def test_baselines_are_joined_and_a_run_counts_once(healthy: Path, tmp_path: Path) -> None:
    more = side(tmp_path / "more", range(50, 52))
    first, both = tmp_path / "first.json", tmp_path / "both.json"
    keep(first, healthy)
    assert "5 runs" in keep(both, first, more, healthy).stdout
    assert len(json.loads(both.read_text())["runs"]) == 5


def test_a_run_that_died_before_its_first_request_still_counts(
    healthy: Path, tmp_path: Path
) -> None:
    new = store(tmp_path, 10, status=Status.VIOLATED, spans=(), figures=())
    (new / "samples.bin").unlink()
    assert ("–", "–", "verdict") in rows(healthy, new, tmp_path / "c.json")


def test_what_is_no_run_is_left_out_and_said(healthy: Path, tmp_path: Path) -> None:
    new = store(tmp_path / "new", 10)
    sample = tmp_path / "new" / "sample"
    sample.mkdir()
    (sample / "verdict.json").write_text((new / "verdict.json").read_text())
    result = call(healthy, tmp_path / "new")
    assert "left out" in result.stderr
    assert "1 run;" in " ".join(result.stdout.split())


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"kind": "run", "pid": 0}, "this run has no verdict yet; `chaoskit judge"),
        ({"kind": "process", "pid": os.getpid(), "started": started(os.getpid())}, "it still runs"),
        ({"kind": "run", "experiment": "by-hand"}, "faults held by hand claim nothing"),
    ],
    ids=["its runner was killed", "under way", "by hand"],
)
def test_a_run_without_a_verdict_is_left_out_and_said(
    record: dict[str, Any], said: str, healthy: Path, tmp_path: Path
) -> None:
    store(tmp_path, 10)
    without = tmp_path / "other" / "20250301T101511Z-aaaa"
    without.mkdir(parents=True)
    (without / "journal.jsonl").write_text(json.dumps({"t": 1.0, **record}) + "\n")
    for result in (call(healthy, tmp_path), keep(tmp_path / "b.json", tmp_path)):
        assert result.exception is None
        (told,) = result.stderr.splitlines()
        assert told.startswith(f"left out {without}: ")
        assert said in told
        assert ("chaoskit judge" in told) == ("no verdict yet" in said)
        assert "1 run" in " ".join(result.stdout.split())


def test_the_summary_for_a_job_is_markdown(healthy: Path, slow: Path, tmp_path: Path) -> None:
    page = tmp_path / "summary.md"
    call(healthy, slow, "--markdown", str(page))
    lines = page.read_text().splitlines()
    assert lines[0].startswith("## ✗ ")
    assert any(line.startswith("| ✗ regressed | all | every endpoint p95 |") for line in lines)
    assert not any("no worse |" in line for line in lines)
    call(healthy, slow, "--markdown", str(page), "--all")
    assert "| ✓ no worse |" in page.read_text()


# -- bad input ----------------------------------------------------------------------------------


def problems(base: Path, new: Path) -> list[str]:
    error = call(base, new).exception
    assert isinstance(error, DocumentError)
    return [str(problem) for problem in error.problems]


def test_all_problems_of_both_files_come_with_their_places(healthy: Path, tmp_path: Path) -> None:
    good = tmp_path / "good.json"
    keep(good, healthy)
    text = good.read_text()
    wrong = tmp_path / "wrong.json"
    wrong.write_text(
        text.replace('"runtime"', '"runtme"', 1).replace('"status": "held"', '"status": "hold"', 1)
    )
    torn = tmp_path / "torn.json"
    torn.write_text(text[: len(text) // 2])
    first, second, third = problems(wrong, torn)
    assert "torn.json:" in first
    assert "cut off" in first
    line = next(i for i, row in enumerate(text.splitlines(), 1) if '"runtime"' in row)
    assert f"wrong.json:{line}:4: unknown key 'runtme' (did you mean 'runtime'?)" in second
    assert "wrong.json:9:14: expected one of held, violated, inconclusive, got 'hold'" in third
    assert "did you mean 'held'?" in third


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("[]", "expected a baseline, got a list"),
        ("{}", "it has no 'format'"),
        ('{"hypothesis": "x"}', "name the run's directory"),
        ('{"format": "chaoskit baseline 9", "runs": []}', "got 'chaoskit baseline 9'"),
        ('{"format": "chaoskit baseline 1", "runs": []}', "at least 1 item"),
        ('{"format": "chaoskit baseline 1", "runs": 3}', "expected a list"),
    ],
)
def test_a_foreign_file_is_told_what_it_is_not(
    text: str, said: str, healthy: Path, tmp_path: Path
) -> None:
    file = tmp_path / "b.json"
    file.write_text(text)
    (told,) = problems(file, healthy)
    assert said in told
    assert "b.json:1:" in told


def test_a_run_that_stands_twice_in_a_file_is_refused(healthy: Path, tmp_path: Path) -> None:
    file = tmp_path / "b.json"
    keep(file, healthy)
    whole = json.loads(file.read_text())
    whole["runs"].append(whole["runs"][0])
    file.write_text(json.dumps(whole, indent=1))
    (told,) = problems(file, healthy)
    assert "stands here twice" in told


@pytest.mark.parametrize("words", [("--margin-latency", "1.1"), ("--margin-share", "0.5%")])
def test_a_margin_needs_its_unit(healthy: Path, words: tuple[str, str]) -> None:
    assert "such as" in str(call(healthy, healthy, *words).exception)


def test_a_folder_without_runs_is_refused(healthy: Path, tmp_path: Path) -> None:
    error = call(healthy, tmp_path).exception
    assert isinstance(error, InvalidInput)
    assert "holds no verdict.json" in str(error)


def test_a_place_where_nothing_can_be_written_is_told(healthy: Path, tmp_path: Path) -> None:
    nowhere = tmp_path / "gone" / "b.json"
    for error in (keep(nowhere, healthy).exception,
                  call(healthy, healthy, "--json", str(nowhere)).exception):  # fmt: skip
        assert "cannot be written" in str(error)


def test_the_command_ends_with_the_code_of_what_it_found(healthy: Path, tmp_path: Path) -> None:
    bad = tmp_path / "b.json"
    bad.write_text("{}")
    new = store(tmp_path / "new", 10, restored=False)
    for base, code in ((bad, 2), (healthy, 1)):
        words = [sys.executable, "-m", "chaoskit", "compare", str(base), str(new)]
        environment = os.environ | {"CHAOSKIT_STATE": str(tmp_path / "state")}
        done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
