"""A disk that fills up under the journal: nothing is injected without a durable undo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chaoskit.errors import JournalError
from chaoskit.run.history import outstanding
from chaoskit.run.journal import FENCE, NAME, Journal
from chaoskit.world.fake import FakeClock
from tests.crash.cases import POINTS, Case
from tests.crash.sweep import closed

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("scenario", ["kill", "latency"])
def test_full_at_any_record_nothing_stays_and_nothing_is_injected_unsaid(scenario: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash.full", scenario],
        cwd=ROOT, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert found["wrong"] == []
    assert found["full_for_runner"] >= 40
    assert found["full_for_watchdog"] == 2


def test_a_fence_that_cannot_be_set_is_a_journal_error(tmp_path: Path) -> None:
    journal = Journal(tmp_path, FakeClock(), "watchdog")
    (tmp_path / FENCE).symlink_to(tmp_path / "nowhere" / "fence")
    with pytest.raises(JournalError, match="the fence cannot be set"):
        journal.fence("the runner died")


def test_a_watchdog_that_cannot_set_the_fence_puts_back_all_the_same(tmp_path: Path) -> None:
    case = Case(tmp_path, "kill")
    case.prepare()
    before = case.world().fingerprint(POINTS)
    case.hold_open()
    assert case.world().fingerprint(POINTS) != before
    (case.run / FENCE).symlink_to(tmp_path / "nowhere" / "fence")
    with pytest.warns(RuntimeWarning, match="the fence cannot be set"):
        assert case.play_watchdog(closed())
    assert case.world().fingerprint(POINTS) == before
    assert outstanding(case.records()) == []


@pytest.mark.parametrize("scenario", ["kill", "cut", "restart"])
def test_no_room_for_the_undo_no_injection(tmp_path: Path, scenario: str) -> None:
    """The kernel's own full device stands where the journal should."""
    case = Case(tmp_path, scenario)
    case.prepare()
    before = case.world().state()
    (case.run / NAME).symlink_to("/dev/full")
    with pytest.raises(JournalError, match=r"cannot be written: .*No space left"):
        case.hold_open(head_too=False)
    assert case.world().state() == before


def test_no_room_for_the_head_no_run(tmp_path: Path) -> None:
    case = Case(tmp_path, "kill")
    case.prepare()
    before = case.world().state()
    (case.run / NAME).symlink_to("/dev/full")
    with pytest.raises(JournalError, match=r"cannot be written: .*No space left"):
        case.hold_open()
    assert case.world().state() == before


def test_a_record_is_on_disk_with_the_name_of_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = os.fsync

    def noted(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").resolve().name)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    journal = Journal(tmp_path, FakeClock())
    journal.append("run", run="r")
    assert synced == [NAME, tmp_path.name]
    journal.append("phase", phase="fault", event="begun")
    assert synced == [NAME, tmp_path.name, NAME]
