"""`chaoskit run` when the journal it wrote cannot be read any more: told, and never judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaoskit.cli import conducting, main, opening
from chaoskit.cli.conducting import Conducted
from chaoskit.cli.opening import Choice, Opened
from chaoskit.errors import NotRestored
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
    for name, text in (("system", SYSTEM), ("experiment", EXPERIMENT)):
        (tmp_path / f"{name}.yaml").write_text(text)
    (tmp_path / "load.py").touch()
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
    with pytest.raises(SystemExit) as ended:
        main(["run", "--ci", str(tmp_path / "experiment.yaml")])
    said = capsys.readouterr()
    assert ended.value.code == code
    assert "the journal is damaged: an injection cannot be read" in said.out + said.err
    assert word in said.out
    assert left is None or str(left) in said.out + said.err
    assert not (run / "verdict.json").exists()
