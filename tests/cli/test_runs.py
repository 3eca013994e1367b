"""`chaoskit runs`: what is listed, what goes, and what must stay whatever is asked."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chaoskit.cli.runs import command
from chaoskit.run.processes import started
from chaoskit.run.state import StateRoot
from tests.report import builder

HEAD = {"t": 10.0, "at": "x", "kind": "run", "run": "r", "experiment": "cache-loss"}
END = {"t": 70.0, "kind": "end", "restored": True}
INJECTING = {
    "t": 20.0, "kind": "injecting", "id": "i1", "fault": "kill", "point": "cache-1",
    "trouble": "unavailable", "shape": "held", "undo": {}, "deadline": 99.0,
}  # fmt: skip


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CHAOSKIT_STATE", str(tmp_path / "state"))
    return tmp_path / "reports"


def store(reports: Path, run: str, *records: dict, experiment: str = "cache-loss") -> Path:
    folder = reports / experiment / run
    folder.mkdir(parents=True)
    head = HEAD | {"experiment": experiment}
    lines = (json.dumps(r | {"writer": "runner"}) for r in (head, *records))
    (folder / "journal.jsonl").write_text("".join(f"{line}\n" for line in lines))
    (folder / "verdict.json").write_text(json.dumps({"status": "held"}))
    return folder


def call(reports: Path, *words: str) -> Result:
    return CliRunner().invoke(
        command, [words[0], "--reports", str(reports), *words[1:]], standalone_mode=False
    )


def test_the_list_is_newest_first_and_tells_each(reports: Path) -> None:
    store(reports, "20250301T101500Z-aaaa", END)
    store(reports, "20250302T101500Z-bbbb", INJECTING, experiment="a-kill")
    lines = call(reports, "list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == [
        "run", "20250302T101500Z-bbbb", "20250301T101500Z-aaaa",
    ]  # fmt: skip
    assert lines[1].split()[1:3] == ["a-kill", "held"]
    assert "NO" in lines[1].split()
    assert "2025-03-01 10:15:00  60 s    yes" in lines[2]


def test_prune_keeps_the_newest_of_each_experiment(reports: Path) -> None:
    runs = [store(reports, f"2025030{day}T101500Z-aaaa", END) for day in (1, 2, 3)]
    other = store(reports, "20240101T000000Z-cccc", END, experiment="a-kill")
    said = call(reports, "prune", "--keep", "1").stdout
    assert [r.exists() for r in (*runs, other)] == [False, False, True, True]
    assert "2 of 4 runs removed" in said
    assert "and 1 are kept" in said


def test_a_dry_run_removes_nothing(reports: Path) -> None:
    folder = store(reports, "20250301T101500Z-aaaa", END)
    said = call(reports, "prune", "--older-than", "30d", "--dry-run").stdout
    assert folder.exists()
    assert "would go cache-loss 20250301T101500Z-aaaa" in said


def test_what_is_outstanding_runs_or_cannot_be_read_stays(reports: Path) -> None:
    me = {"pid": os.getpid(), "started": started(os.getpid())}
    left = store(reports, "20250301T101500Z-aaaa", INJECTING)
    child = store(reports, "20250302T101500Z-bbbb", {"t": 11, "kind": "process", **me}, END)
    torn = store(reports, "20250303T101500Z-cccc", {"t": 11, "kind": "injecting", "id": "i1"})
    pointed = store(reports, "20250304T101500Z-dddd", END)
    StateRoot().open_run(pointed.name, pointed)
    empty = store(reports, "20250305T101500Z-eeee")
    (empty / "journal.jsonl").write_text("")
    unequal = store(reports, "20250306T101500Z-ffff", END | {"restored": False})
    said = call(reports, "prune", "--keep", "0").stdout
    assert all(f.exists() for f in (left, child, torn, pointed, empty, unequal)), said
    for why in ("outstanding", "still runs", "damaged", "not yet known", "no head"):
        assert why in said
    assert "0 of 6 runs removed" in said


def test_prune_without_a_rule_or_with_a_strange_age_is_refused(reports: Path) -> None:
    assert "say which" in str(call(reports, "prune").exception)
    assert "such as 30d" in str(call(reports, "prune", "--older-than", "old").exception)


def test_show_tells_the_verdict_and_every_file(tmp_path: Path) -> None:
    folder = builder.violated(tmp_path / "run")
    said = CliRunner().invoke(command, ["show", str(folder)], standalone_mode=False).stdout
    assert "VIOLATED" in said
    assert "78.2 %" in said
    assert "proven in force" in said
    for name in ("journal.jsonl", "samples.bin", "verdict.json"):
        assert name in said


def test_show_needs_no_samples(tmp_path: Path) -> None:
    folder = builder.held(tmp_path / "run")
    (folder / "samples.bin").unlink()
    done = CliRunner().invoke(command, ["show", str(folder)], standalone_mode=False)
    assert "HELD" in done.stdout
