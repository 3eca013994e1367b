"""What came from the environment leaves no run: not on a terminal, not in what is kept of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from chaoskit.cli import conducting, main, opening
from chaoskit.cli.opening import Choice, Opened
from chaoskit.document import load_system
from chaoskit.model.system import RuntimeSpec, System
from chaoskit.ports import Answer
from chaoskit.run.clock import SystemClock
from chaoskit.run.history import read_timeline
from chaoskit.run.target import Target
from chaoskit.world.fake import FakeLoad, FakeProbe, FakeWorld

SYSTEM = """\
system: stall
entry: {url: "http://ana:${env:STALL_PASSWORD}@127.0.0.1:1"}
tiers:
  web: {layer: application, nodes: ["${env:STALL_NODE}", web-2]}
probes:
  paying: {command: {run: [ask, --token, "${env:STALL_TOKEN}"], inside: "${env:STALL_NODE}"}}
halt_when:
  - {file: "${env:STALL_INCIDENT}", why: "${env:STALL_TOKEN} is open"}
"""
EXPERIMENT = """\
experiment: web-loss
hypothesis: Browsing goes on, says ${env:STALL_TOKEN}
load: {locustfile: load.py, rate: "${env:STALL_RATE}"}
steady_state: [all success >= 0%, paying success >= 0%]
phases: {baseline: 30s, fault: 60s, recovery: {within: 20s}}
faults: [kill: {node: "${env:STALL_NODE}"}]
"""
SECRETS = {
    "STALL_PASSWORD": "hunter2",
    "STALL_TOKEN": "xoxb-17",
    "STALL_INCIDENT": "room-4711",
}
# From the environment, too, and needed to judge the run.
PLAIN = {"STALL_NODE": "web-1", "STALL_RATE": "60/s"}
Call = Callable[..., tuple[int, str]]


@pytest.fixture
def stall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system runs, as a fake; the incident is opened once its load has begun."""
    for name, value in (SECRETS | PLAIN).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CHAOSKIT_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    (tmp_path / "system.yaml").write_text(SYSTEM)
    (tmp_path / "experiment.yaml").write_text(EXPERIMENT)
    (tmp_path / "load.py").touch()
    FakeWorld.of(load_system(tmp_path / "system.yaml"), path=tmp_path / "world.json")
    token, incident = SECRETS["STALL_TOKEN"], tmp_path / SECRETS["STALL_INCIDENT"]

    def opened(system: System, folder: Path, wanted: str = "auto") -> Opened:
        world = FakeWorld.on_disk(tmp_path / "world.json")
        refused = FakeProbe("paying", lambda: Answer(False, (), f"{token} was refused"))
        target = Target(system, world, {"paying": refused})
        return Opened(target, (system.entry.url,), RuntimeSpec(), Choice("local"), folder)

    class Tripping(FakeLoad):
        trip = float("inf")

        def start(self, folder: Path, begin: float) -> None:
            super().start(folder, begin)
            (folder / "load.log").write_text(f"a script prints {token}\n")
            # Late enough for the probe to have been asked.
            self.trip = begin + 2.0

        def check(self) -> None:
            if SystemClock().now() > self.trip:
                incident.touch()

    monkeypatch.setattr(opening, "open_system", opened)
    monkeypatch.setattr(conducting, "locust", lambda *_: Tripping(SystemClock(), 60))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs one command: its exit code, and all that it said."""

    def made(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        said = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, said.out + said.err

    return made


def revealed(text: str) -> list[str]:
    return [secret for secret in SECRETS.values() if secret in text]


def test_a_run_that_is_halted_tells_no_secret_and_keeps_none(call: Call, stall: Path) -> None:
    code, said = call("run", "--ci", "experiment.yaml")
    assert code == 3, said
    assert "halted by halt_when, item 1 (file *** exists) (*** is open): it is so" in said
    assert revealed(said) == []
    (folder,) = stall.glob("reports/web-loss/*")
    assert "halted" in str(read_timeline(folder).stopped)
    kept = [path for path in (*folder.rglob("*"), stall / "summary.md") if path.is_file()]
    names = {path.name for path in kept}
    assert {"plan.json", "journal.jsonl", "verdict.json", "report.html", "load.log"} <= names
    found = {p.name: revealed(p.read_text(errors="replace")) for p in kept}
    assert {name: secrets for name, secrets in found.items() if secrets} == {}
    assert "*** was refused" in (folder / "journal.jsonl").read_text()
    # What the run is judged by is kept.
    plan = (folder / "plan.json").read_text()
    assert all(f'"{value}"' in plan for value in PLAIN.values())
    before = (folder / "verdict.json").read_text()
    code, said = call("judge", str(folder))
    assert code == 3, said
    assert (folder / "verdict.json").read_text() == before


def test_a_run_that_may_not_start_tells_no_secret(call: Call, stall: Path) -> None:
    (stall / SECRETS["STALL_INCIDENT"]).touch()
    by_hand = ("inject", "kill", "--node", "web-1", "--for", "1s")
    for words in (("run", "experiment.yaml"), by_hand):
        code, said = call(*words)
        assert code == 3, said
        assert "file *** exists" in said
        assert revealed(said) == []


def test_what_is_too_short_for_a_secret_garbles_nothing(
    call: Call, stall: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STALL_TOKEN", "4")
    (stall / SECRETS["STALL_INCIDENT"]).touch()
    _, said = call("run", "experiment.yaml")
    assert "(4 is open)" in said
