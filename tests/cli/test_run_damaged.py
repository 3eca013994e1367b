"""`chaoskit run` without a verdict: not started, or its journal cannot be read any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaoskit.cli import conducting, main, opening
from chaoskit.cli.conducting import Conducted
from chaoskit.cli.opening import Choice, Opened
from chaoskit.errors import NotRestored, Unreachable
from chaoskit.model.system import RuntimeSpec
from tests.run.leftovers import damage
from tests.run.scene import Scene, experiment, kill

SYSTEM = """\
system: shop
entry: {url: "http://127.0.0.1:1"}
tiers:
  web: {layer: application, nodes: [web1, web2]}
"""
EXPERIMENT = """\
experiment: web-loss
hypothesis: Browsing goes on
load: {locustfile: load.py, rate: 60/s}
steady_state: [browse success >= 0%]
phases: {baseline: 30s, fault: 60s, recovery: {within: 20s}}
faults: [kill: {node: web1}]
"""


def write(folder: Path) -> None:
    for name, text in (("system", SYSTEM), ("experiment", EXPERIMENT)):
        (folder / f"{name}.yaml").write_text(text)
    (folder / "load.py").touch()


def test_a_run_that_does_not_start_stands_in_the_job_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def away(*_: object) -> None:
        raise Unreachable("no engine answers; start it")

    write(tmp_path)
    monkeypatch.setattr(opening, "open_system", away)
    monkeypatch.setenv("CHAOSKIT_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    with pytest.raises(SystemExit) as ended:
        main(["run", "--ci", str(tmp_path / "experiment.yaml")])
    assert ended.value.code == 5
    summary = (tmp_path / "summary.md").read_text()
    assert "not run  web-loss  exit 5\n    no engine answers; start it\n" in summary
    assert not list(tmp_path.rglob("junit.xml"))


@pytest.mark.parametrize(
    ("left", "code", "word"),
    [(NotRestored("kill on web1 was not put back"), 4, "NOT RESTORED"), (None, 5, "not judged")],
    ids=["not restored", "restored"],
)
def test_a_run_whose_journal_was_damaged_has_no_verdict(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    left: NotRestored | None,
    code: int,
    word: str,
) -> None:
    write(tmp_path)
    run = tmp_path / "run-1"
    run.mkdir()
    scene = Scene(run)
    scene.plan_for = experiment(faults=[kill("web1")])
    scene.run()
    (run / "plan.json").write_text(scene.plan().model_dump_json())
    damage(run, "undo")

    opened = Opened(scene.target, ("http://127.0.0.1:1",), RuntimeSpec(), Choice("local"))
    monkeypatch.setattr(opening, "open_system", lambda *_: opened)
    monkeypatch.setattr(conducting, "run_bound", lambda *_: Conducted(run, left))
    monkeypatch.setenv("CHAOSKIT_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    with pytest.raises(SystemExit) as ended:
        main(["run", "--ci", str(tmp_path / "experiment.yaml")])
    said = capsys.readouterr()
    assert ended.value.code == code
    assert "the journal is damaged: an injection cannot be read" in said.out + said.err
    assert word in said.out
    assert left is None or str(left) in said.out + said.err
    assert not (run / "verdict.json").exists()
    summary = (tmp_path / "summary.md").read_text()
    assert f"{word}  web-loss  exit {code}  {run}\n" in summary
    assert "the journal is damaged: an injection cannot be read" in summary
    assert left is None or str(left) in summary
