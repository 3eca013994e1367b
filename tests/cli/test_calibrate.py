"""`chaoskit calibrate`: what it measures from, what it keeps, and who is warned by it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chaoskit.cli import opening
from chaoskit.cli import run as running
from chaoskit.cli.opening import Choice, Opened
from chaoskit.cli.screen import Ended
from chaoskit.document import load_system
from chaoskit.judge.samples import DTYPE, Samples
from chaoskit.model.system import RuntimeSpec, System
from chaoskit.model.timeline import LoadFacts, Span
from chaoskit.model.verdict import Status
from chaoskit.run.target import Target
from chaoskit.world.fake import FakeWorld
from tests.cli.test_plan_and_inject import Call, call
from tests.cli.test_runs import INJECTING
from tests.report import builder

__all__ = ["call"]

SYSTEM = """\
system: stall
entry: {url: "http://127.0.0.1:1"}
tiers:
  web: {layer: application, nodes: [web1, web2]}
runtimes:
  local: {}
"""
EXPERIMENT = """\
experiment: web-loss
hypothesis: Browsing goes on
load: {locustfile: load.py, rate: 50/s}
steady_state: [success >= 99%]
expect: [p95 vs baseline <= x1.1, p99.9 < 1s]
phases: {baseline: 60s, fault: 50s, recovery: {within: 20s}}
abort_when: [success < 50% for 10s]
faults:
  - kill: {node: web, count: 1}
"""


@pytest.fixture
def stall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "system.yaml").write_text(SYSTEM)
    (tmp_path / "experiment.yaml").write_text(EXPERIMENT)
    (tmp_path / "load.py").touch()
    FakeWorld.of(load_system(tmp_path / "system.yaml"), path=tmp_path / "world.json")

    def opened(system: System, folder: Path, wanted: str = "auto") -> Opened:
        target = Target(system, FakeWorld.on_disk(tmp_path / "world.json"), {})
        choice = Choice("local", "a fake")
        return Opened(target, ("http://127.0.0.1:1",), RuntimeSpec(), choice, folder)

    monkeypatch.setattr(opening, "open_system", opened)
    monkeypatch.setenv("CHAOSKIT_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stored(folder: Path, *, seconds: float = 300, **changes: Any) -> Path:
    """A healthy run of so many seconds, half of them baseline."""
    random = np.random.default_rng(1)
    array = np.zeros(int(seconds * 50), DTYPE)
    array["start"] = 1000 + np.arange(len(array)) / 50
    array["latency"] = random.lognormal(np.log(0.02), 0.5, len(array))
    array["code"] = 200
    taken = Samples(array, ("browse",))
    middle, end = 1000 + seconds / 2, 1000 + seconds
    spans = (
        Span(phase="baseline", begin=1000, end=middle), Span(phase="fault", begin=middle, end=end)
    )  # fmt: skip
    usual = {"spans": spans, "injections": (), "system": "stall", "runtime": "local"}
    told = builder.verdict(taken, **usual | changes)
    builder.write(folder, told.model_copy(update={"injections": ()}), taken)
    ends = (
        {"t": span.end, "kind": "phase", "phase": span.phase, "event": "ended"} for span in spans
    )
    with (folder / "journal.jsonl").open("a") as journal:
        journal.writelines(f"{json.dumps(record)}\n" for record in ends)
        if told.injections:
            journal.write(json.dumps({"t": 1001, **INJECTING}) + "\n")
        facts = {"lateness_p95": 0.004, "lateness_p99": 0.02}
        journal.write(json.dumps({"t": end, "kind": "load", "facts": facts}) + "\n")
    return folder


def test_a_stored_run_is_measured_kept_and_shown(call: Call, stall: Path) -> None:
    code, said = call("calibrate", "--from", str(stored(stall / "run")))
    assert code == 0, said
    assert "5m of healthy load on stall on local" in said
    assert "late by p95 4ms, p99 20ms" in said
    (line,) = (text for text in said.splitlines() if text.startswith("browse"))
    assert line.split()[1:3] == ["50.0/s", "failed"]
    assert "kept in state/calibrations/stall-local.json" in said
    assert json.loads((stall / "state/calibrations/stall-local.json").read_text())["seconds"] == 300


def test_plan_warns_of_what_this_machine_cannot_tell(call: Call, stall: Path) -> None:
    _, before = call("plan", "experiment.yaml")
    assert "  warning   whether this machine can settle its comparisons is not known" in before
    call("calibrate", "--from", str(stored(stall / "run")))
    code, after = call("plan", "experiment.yaml")
    assert code == 0
    assert "warning   fault: all p95 vs baseline <= x1.1: no margin below x1." in after
    assert "fault: all p99.9 < 1s: needs 3000 requests, about 2500 come in 50 s" in after
    _, wide = call("plan", "--set", "expect.0=p95 vs baseline <= x2", "--set", "phases.fault=60s",
                   "experiment.yaml")  # fmt: skip
    assert "warning" not in wide


def test_plan_warns_of_a_claim_that_a_phase_is_too_short_for(call: Call, stall: Path) -> None:
    short = ("plan", "--set", "expect=[outage <= 30s]", "experiment.yaml")
    assert "warning" not in call(*short)[1]
    code, said = call(*short, "--quick")
    assert code == 0
    assert (
        "  warning   fault: all outage <= 30s: an outage beyond 30 s is longer than the 25 s that "
        "are judged" in said
    )


def test_run_warns_before_it_begins(call: Call, stall: Path) -> None:
    call("calibrate", "--from", str(stored(stall / "run")))
    (stall / "load.py").write_text("raise SystemExit")
    call("halt", "--why", "nothing may run here")
    code, said = call("run", "--quick", "experiment.yaml")
    assert code == 3
    flat = " ".join(said.split())
    assert flat.index("warning: fault: all p95 vs baseline <= x1.1") < flat.index("halted by")
    assert "about 1250 come in 25 s" in flat


def test_a_calibration_that_cannot_be_read_is_told_and_stops_nothing(
    call: Call, stall: Path
) -> None:
    path = stall / "state/calibrations/stall-local.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    code, said = call("plan", "experiment.yaml")
    assert code == 0
    assert f"{path} cannot be read as a calibration" in said


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"injections": (builder.injection(),)}, "had faults"),
        ({"seconds": 50}, "needs 1m at least"),
        ({"status": Status.VIOLATED, "reasons": ("too many failed",)}, "not healthy (too many"),
    ],
)
def test_a_run_that_is_no_measure_is_refused(
    call: Call, stall: Path, changes: dict[str, Any], why: str
) -> None:
    code, said = call("calibrate", "--from", str(stored(stall / "run", **changes)))
    assert code == 2
    assert why in said
    assert not (stall / "state/calibrations").exists()


BROKEN = builder.gate("baseline", "success >= 99%", "50 %", Status.VIOLATED)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"stop_kind": "unfit", "stopped": "baseline unfit: success"}, "ended early (baseline"),
        ({"stop_kind": "halted", "stopped": "by hand"}, "ended early (by hand)"),
        ({"gates": (BROKEN,)}, "baseline: success >= 99% is violated: 50 % against >= 99%"),
        ({"gates": (BROKEN.model_copy(update={"phase": "hold"}),)}, "hold: success >= 99% is"),
        ({"load": LoadFacts(doubts=("killed at its end",))}, "in doubt (killed at its end)"),
        ({"load": LoadFacts(saturated=True, causes=("no core left",))}, "saturated (no core left)"),
    ],
)
def test_an_unhealthy_system_or_a_doubtful_load_keeps_the_calibration_of_before(
    call: Call, stall: Path, changes: dict[str, Any], why: str
) -> None:
    call("calibrate", "--from", str(stored(stall / "good", run="good")))
    kept = (stall / "state/calibrations/stall-local.json").read_text()
    bad = stored(stall / "bad", run="bad", status=Status.INCONCLUSIVE, **changes)
    code, said = call("calibrate", "--from", str(bad))
    assert code == 3
    (line,) = said.splitlines()
    assert line.startswith("nothing was calibrated: bad does not tell how a healthy load wavers: ")
    assert why in line
    assert "; calibrate " in line
    assert (stall / "state/calibrations/stall-local.json").read_text() == kept


def test_a_run_that_is_inconclusive_for_its_lateness_alone_is_measured(
    call: Call, stall: Path
) -> None:
    late = {"status": Status.INCONCLUSIVE, "load": LoadFacts(lateness_p95=0.8, lateness_p99=2.0)}
    code, said = call("calibrate", "--from", str(stored(stall / "run", **late)))
    assert code == 0, said


def test_an_experiment_is_run_without_its_faults_and_then_measured(
    call: Call, stall: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def run_one(bound, wishes, stop, position, screen) -> Ended:
        asked.append(bound.experiment)
        return Ended("calibration", "held", 0, False, stored(stall / "reports/calibration/r"))

    monkeypatch.setattr(running, "run_one", run_one)
    # Neither need fit into the minute.
    late = ("--set", "faults.0.after=45s", "--set", "load.surge={to: 200/s, after: 40s, for: 5s}")
    code, said = call("calibrate", "--for", "1m", *late, "experiment.yaml")
    assert code == 0, said
    (experiment,) = asked
    assert (experiment.faults, experiment.expect, experiment.abort_when) == ((), (), ())
    assert (experiment.phases.baseline, experiment.phases.fault) == (30, 30)
    assert float(experiment.load.rate) == 50
    assert experiment.load.surge is None
    assert "kept in" in said


def test_a_run_with_a_surge_is_no_measure(call: Call, stall: Path) -> None:
    plan = stored(stall / "run") / "plan.json"
    known = json.loads(plan.read_text())
    known["experiment"]["load"] = {"rate": "50/s", "surge": {"to": "200/s"}}
    plan.write_text(json.dumps(known))
    code, said = call("calibrate", "--from", str(stall / "run"))
    assert code == 2
    assert "had a surge of traffic" in said
    assert not (stall / "state/calibrations").exists()


@pytest.mark.parametrize("ended", [1, 130])
def test_a_run_that_did_not_end_well_is_not_measured(
    call: Call, stall: Path, monkeypatch: pytest.MonkeyPatch, ended: int
) -> None:
    def run_one(bound, wishes, stop, position, screen) -> Ended:
        return Ended("calibration", "as it was", ended, True, stall / "nowhere")

    monkeypatch.setattr(running, "run_one", run_one)
    code, said = call("calibrate", "experiment.yaml")
    assert code == ended
    assert "nothing was calibrated" in said
    assert "kept in" not in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name an experiment file, or a stored run with --from"),
        (("experiment.yaml", "--from", "r"), "name an experiment file, or a stored run"),
        (("experiment.yaml", "--for", "30s"), "a calibration needs a minute at least"),
        (("experiment.yaml", "--for", "30"), "expected a duration such as"),
        (("--from", "no-such-run"), "no run no-such-run under"),
    ],
)
@pytest.mark.usefixtures("stall")
def test_misuse_is_one_clear_message(call: Call, words: tuple[str, ...], said: str) -> None:
    code, told = call("calibrate", *words)
    assert code == 2
    assert said in told
