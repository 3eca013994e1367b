"""The watchdog is there before the first injection, or nothing is injected."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from chaoskit.cli import conducting
from chaoskit.cli.conducting import Wishes, run_opened
from chaoskit.cli.opening import Choice, Opened
from chaoskit.errors import ChaoskitError
from chaoskit.model.system import RuntimeSpec
from chaoskit.run.calls import StopFlag
from chaoskit.run.history import outstanding
from chaoskit.run.hold import Holding, NoLoad
from chaoskit.run.journal import NAME, read_records
from chaoskit.run.state import StateRoot
from chaoskit.run.target import Target
from chaoskit.world.fake import FakeWorld
from tests.crash.cases import POINTS
from tests.run.scene import SYSTEM, experiment, kill


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeWorld:
    monkeypatch.setenv("CHAOSKIT_STATE", str(tmp_path / "state"))
    return FakeWorld.of(SYSTEM, path=tmp_path / "world.json")


def hold(world: FakeWorld, reports: Path) -> list[dict[str, Any]]:
    """Hold a fault for a moment; the journal's records."""
    bare = {name: t.model_copy(update={"ready": None}) for name, t in SYSTEM.tiers.items()}
    target = Target(SYSTEM.model_copy(update={"tiers": bare}), world)
    phases = {"baseline": "0s", "fault": "300ms", "recovery": {"within": "0s"}}
    run_opened(
        experiment(faults=[kill("web1")], phases=phases),
        Opened(target, ("http://127.0.0.1:1",), RuntimeSpec(), Choice("docker", "never asked")),
        Wishes(reports),
        StopFlag(),
        lambda moment: None,
        load_for=lambda plan, at: cast(Any, NoLoad()),
        engine=Holding,
    )
    return read_records(next(reports.glob("*/*")) / NAME)


@pytest.mark.parametrize(
    "program",
    [
        "raise SystemExit('no room')",
        "print('steady')",
        "import os, signal; os.kill(os.getpid(), 9)",
    ],
    ids=["ends", "says something else", "is killed"],
)
def test_without_a_watchdog_that_is_ready_nothing_is_injected(
    world: FakeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setattr(conducting, "WATCHDOG", (sys.executable, "-c", program))
    before = world.fingerprint(POINTS)
    with pytest.raises(ChaoskitError, match="the watchdog did not start"):
        hold(world, tmp_path / "reports")
    (journal,) = (tmp_path / "reports").glob("*/*/" + NAME)
    assert [r["kind"] for r in read_records(journal)] == ["run"]
    assert [call for call in world.calls if call.startswith(("reach", "impose"))] == []
    assert world.fingerprint(POINTS) == before


def test_the_watchdog_is_ready_before_the_first_injection_and_quiet_to_the_end(
    world: FakeWorld, tmp_path: Path
) -> None:
    before = world.fingerprint(POINTS)
    records = hold(world, tmp_path / "reports")
    kinds = [r.get("what", r["kind"]) for r in records]
    assert kinds.index("watchdog") < kinds.index("injecting")
    pid = next(r["pid"] for r in records if r.get("what") == "watchdog")
    assert pid != os.getpid()
    assert {r["writer"] for r in records} == {"runner"}
    assert outstanding(records) == []
    assert world.fingerprint(POINTS) == before
    assert StateRoot().open_runs() == []
